//! The operations of the admin API, and of ephemeral keys; one file for each kind of object.

mod accounts;
mod api_keys;
mod apps;
pub(crate) mod ephemeral_keys;
mod installs;

use crate::directory::Directory;
use crate::erasure::Eraser;
use crate::row_mac::RowMac;
use coffer_dialect::ApiError;
use coffer_kernel::{Quota, Routes};
use coffer_storage::Store;
use std::sync::Arc;

/// What the operations share. Every operation that changes who may do what calls
/// [`Shared::invalidate`] once its change is committed.
#[derive(Clone)]
pub(crate) struct Shared {
    /// What a change to keys, apps, installs or accounts must invalidate.
    pub(crate) directory: Arc<Directory>,
    /// What destroys the keys of a tenant that was listed for erasure.
    pub(crate) eraser: Arc<Eraser>,
    /// The data store, in which the erasures are listed.
    pub(crate) store: Store,
    /// Whether this is developer mode, in which callers choose what keys are called.
    pub(crate) developer: bool,
    /// Makes and checks the MACs of rows.
    pub(crate) mac: RowMac,
    /// The permissions that restricted keys can hold.
    pub(crate) permissions: Arc<[String]>,
    /// The quotas that apps can have.
    pub(crate) quotas: Arc<[Quota]>,
}

impl Shared {
    /// Makes this server look up every principal again, so that a change to keys, apps, installs or
    /// accounts counts from its response on. Other servers that share the store notice it within a
    /// second.
    pub(crate) fn invalidate(&self) {
        self.directory.bump_generation();
    }

    /// Makes a revocation last, before the response: on this server at once, and in the key store,
    /// so that nobody can take it back in the data.
    ///
    /// # Errors
    /// An unknown outcome if a store fails. The job then goes on.
    pub(crate) async fn settle(&self) -> Result<(), ApiError> {
        self.invalidate();
        let settled = self.eraser.settle(&self.store).await;
        settled.map(drop).map_err(|error| ApiError::unknown_outcome(error.to_string()))
    }

    /// Destroys the keys of the tenants that were listed for erasure, before the response: who is
    /// told that data is erased may rely on it.
    ///
    /// # Errors
    /// An unknown outcome if a store fails. The job then goes on.
    async fn destroy_keys(&self) -> Result<(), ApiError> {
        self.settle().await?;
        let destroyed = self.eraser.destroy_keys(&self.store).await;
        // The change itself is committed: "nothing was done, try again" would be wrong.
        destroyed.map_err(|error| ApiError::unknown_outcome(error.to_string()))
    }
}

/// The operations, in the order in which the API's descriptions list them.
pub(crate) fn routes(shared: &Shared) -> Routes {
    let mut routes = Routes::default();
    ephemeral_keys::register(&mut routes, shared);
    accounts::register(&mut routes, shared);
    apps::register(&mut routes, shared);
    installs::register(&mut routes, shared);
    api_keys::register(&mut routes, shared);
    routes
}
