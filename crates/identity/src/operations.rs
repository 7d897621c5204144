//! The operations of the admin API, and of ephemeral keys; one file for each kind of object.

mod accounts;
mod api_keys;
mod apps;
pub(crate) mod ephemeral_keys;
mod installs;

use crate::directory::Directory;
use crate::erasure::Eraser;
use coffer_dialect::ApiError;
use coffer_kernel::{Quota, Routes};
use coffer_storage::Store;
use std::sync::Arc;

/// What the operations share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) directory: Arc<Directory>,
    pub(crate) eraser: Arc<Eraser>,
    pub(crate) store: Store,
    /// The permissions that restricted keys can hold.
    pub(crate) permissions: Arc<[String]>,
    /// The quotas that apps can have.
    pub(crate) quotas: Arc<[Quota]>,
}

impl Shared {
    /// After a change to who is who: cached principals are looked up again.
    fn invalidate(&self) {
        self.directory.bump_generation();
    }

    /// After tenants were listed for erasure: their keys are destroyed before the response.
    async fn destroy_keys(&self) -> Result<(), ApiError> {
        self.invalidate();
        let destroyed = self.eraser.destroy_keys(&self.store).await;
        // The change itself is committed: "nothing was done, try again" would be wrong.
        destroyed.map_err(|error| ApiError::unknown_outcome(error.to_string()))
    }
}

/// The operations.
pub(crate) fn routes(shared: &Shared) -> Routes {
    let mut routes = Routes::default();
    ephemeral_keys::register(&mut routes, shared);
    accounts::register(&mut routes, shared);
    apps::register(&mut routes, shared);
    installs::register(&mut routes, shared);
    api_keys::register(&mut routes, shared);
    routes
}
