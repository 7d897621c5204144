//! The operations of the admin API, and of ephemeral keys; one file for each kind of object.

mod accounts;
mod api_keys;
mod apps;
mod ephemeral_keys;
mod installs;

use crate::directory::Directory;
use crate::erasure::Eraser;
use coffer_dialect::ApiError;
use coffer_kernel::{Ctx, Routes};
use coffer_storage::Store;
use std::sync::Arc;

/// What the operations share.
#[derive(Clone)]
struct Shared {
    directory: Arc<Directory>,
    eraser: Arc<Eraser>,
    store: Store,
    /// The permissions that restricted keys can hold.
    permissions: Arc<[String]>,
}

impl Shared {
    /// After a change to who is who: what was remembered is looked up anew.
    fn changed(&self) {
        self.directory.turn_page();
    }

    /// After tenants were listed for erasure: their keys are destroyed before the answer.
    async fn shred(&self, _ctx: &Ctx) -> Result<(), ApiError> {
        self.changed();
        let shredded = self.eraser.shred(&self.store).await;
        // The change itself is committed: "nothing was done, try again" would be wrong.
        shredded.map_err(|error| ApiError::unknown_outcome(error.to_string()))
    }
}

/// Adds the operations to the routes. Call it after the families have added theirs: the
/// permissions that their operations ask for are those that keys can hold.
pub fn register(routes: &mut Routes, directory: Arc<Directory>, eraser: Arc<Eraser>, store: Store) {
    let mut permissions = routes.permissions();
    permissions.push(ephemeral_keys::PERMISSION.to_owned());
    permissions.sort();
    let shared = Shared { directory, eraser, store, permissions: permissions.into() };
    ephemeral_keys::register(routes, &shared);
    accounts::register(routes, &shared);
    apps::register(routes, &shared);
    installs::register(routes, &shared);
    api_keys::register(routes, &shared);
}
