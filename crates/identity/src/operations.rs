//! The operations of the admin API, and of ephemeral keys; one file for each kind of object.

mod accounts;
mod api_keys;
mod apps;
pub(crate) mod ephemeral_keys;
mod installs;

use crate::directory::Directory;
use crate::erasure::Eraser;
use crate::row_mac::RowMac;
use coffer_base::Tenant;
use coffer_dialect::ApiError;
use coffer_kernel::{Committed, Ctx, Failure, Quota, Routes};
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

    /// What the caller of a revocation is told that was not stored: what of it is in force.
    fn revocation_failed(&self, id: &str, within: Option<&Tenant>, failure: Failure) -> ApiError {
        let unstored = self.directory.unstored();
        match failure {
            Failure::Refused(refusal) => {
                unstored.refuse(id, within);
                self.invalidate();
                refusal
            }
            Failure::Storage(error) if unstored.fail(id, within) => {
                tracing::error!(key = id, %error, "a revocation is in force, and cannot be stored");
                ApiError::revoked_in_memory(id, error.to_string())
            }
            other @ Failure::Storage(_) => other.into(),
        }
    }

    /// Makes a revocation last, before the response: on this server at once, and in the key store,
    /// so that nobody can take it back in the data. If the key store cannot be written now, the job
    /// goes on: the revocation is in force by then.
    pub(crate) async fn settle(&self) -> Committed {
        self.invalidate();
        match self.eraser.settle(&self.store).await {
            Ok(_) => Committed::Done,
            Err(error) => {
                tracing::warn!(%error, "a revocation is in force, and not in the key store yet");
                Committed::Accepted
            }
        }
    }

    /// Destroys the keys of the tenants that the request listed for erasure, before the response:
    /// who is told that data is erased may rely on it. If the key store cannot be written now, or
    /// its log cannot be emptied, the job goes on; nobody sees the data meanwhile, since its
    /// tenants have a new generation.
    async fn destroy_keys(&self, ctx: &Ctx) -> Committed {
        let settled = self.settle().await;
        match self.eraser.destroy_keys(&self.store, ctx.request_id()).await {
            Ok(true) => settled,
            Ok(false) => Committed::Accepted,
            Err(error) => {
                tracing::warn!(%error, "keys of what was purged are not destroyed yet");
                Committed::Accepted
            }
        }
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
