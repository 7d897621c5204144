//! The operations of the admin API, and of ephemeral keys; one file for each kind of object.

mod accounts;
pub(crate) mod api_keys;
mod apps;
pub(crate) mod ephemeral_keys;
mod erasures;
mod installs;

use crate::directory::Directory;
use crate::erasure::Eraser;
use crate::installs::Installs;
use crate::reasons;
use crate::row_mac::RowMac;
use crate::store;
use crate::{KEY_LIFETIME_DAYS, LOCK_KEYS};
use coffer_base::{AccountId, Tenant, Timestamp};
use coffer_dialect::ApiError;
use coffer_kernel::{Committed, Ctx, Failure, Quota, Routes, Settings, storage_failure};
use coffer_keyring::Keyring;
use coffer_storage::{StorageError, Store, Tx};
use std::sync::Arc;

/// What the operations share. Every operation that changes who may do what calls
/// [`Shared::invalidate`] once its change is committed.
#[derive(Clone)]
pub(crate) struct Shared {
    /// What a change to keys, apps, installs or accounts must invalidate.
    pub(crate) directory: Arc<Directory>,
    /// What destroys the keys of a tenant that was listed for erasure.
    pub(crate) eraser: Arc<Eraser>,
    /// Where it is counted how often keys were used, and noted whether any may be made.
    pub(crate) keyring: Arc<Keyring>,
    /// What the operator has set for new keys.
    pub(crate) policy: KeyPolicy,
    /// The data store, in which the erasures are listed.
    pub(crate) store: Store,
    /// Whether this is developer mode, in which callers choose what keys are called.
    pub(crate) developer: bool,
    /// What changes installs.
    pub(crate) installs: Installs,
    /// Makes and checks the MACs of rows.
    pub(crate) mac: RowMac,
    /// The permissions that restricted keys can hold.
    pub(crate) permissions: Arc<[String]>,
    /// The quotas that apps can have.
    pub(crate) quotas: Arc<[Quota]>,
}

/// What the operator has set for new keys.
#[derive(Clone, Copy)]
pub(crate) struct KeyPolicy {
    /// How many days a key has whose maker names no expiry; 0 for any number.
    lifetime_days: i64,
    /// Whether this server makes none of apps.
    locked: bool,
}

impl KeyPolicy {
    pub(crate) fn of(settings: &Settings) -> Self {
        let lifetime_days = settings.number(&KEY_LIFETIME_DAYS);
        Self { lifetime_days, locked: settings.is_on(&LOCK_KEYS) }
    }
}

impl Shared {
    /// When a key ends that is made at `now` and whose maker names no expiry; `None` if never.
    fn default_expiry(&self, now: Timestamp) -> Option<Timestamp> {
        const DAY: i64 = 86_400;
        let days = self.policy.lifetime_days;
        (days > 0).then(|| now.plus(days.saturating_mul(DAY)))
    }

    /// Whether keys of apps may be made: by this server's setting, and by the lock that holds on
    /// all servers.
    ///
    /// # Errors
    /// 403 if not, and when the key store cannot be read.
    async fn check_making(&self) -> Result<(), ApiError> {
        if self.policy.locked {
            return Err(ApiError::forbidden(
                "This server makes no keys of apps: its setting lock_keys forbids it.",
            )
            .because(&reasons::MAKING_LOCKED));
        }
        let locked = coffer_keyring::is_making_locked(self.keyring.store()).await;
        if locked.map_err(|error| storage_failure(&error))? {
            return Err(ApiError::forbidden(
                "Making keys of apps is locked. `coffer keys unlock`, on the host, unlocks it.",
            )
            .because(&reasons::MAKING_LOCKED));
        }
        Ok(())
    }

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

    /// Tells that the installs end which an account has, and those of its apps.
    async fn end_installs_of_account(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        account: &AccountId,
    ) -> Result<(), StorageError> {
        let ending = store::installed_of_account(tx, &self.mac, account).await?;
        self.installs.announce_end(tx, &ctx.cause(), &ending).await
    }

    /// Says in the receipts of the request that its keys are destroyed. If that fails, the job
    /// does.
    async fn complete_receipts(&self, ctx: &Ctx, settled: Committed) -> Committed {
        match self.eraser.complete_receipts(&self.store, ctx.request_id()).await {
            Ok(()) => settled,
            Err(error) => {
                tracing::warn!(%error, "a receipt does not say yet that its keys are destroyed");
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
            Ok(true) => self.complete_receipts(ctx, settled).await,
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
    erasures::register(&mut routes, shared);
    apps::register(&mut routes, shared);
    installs::register(&mut routes, shared);
    api_keys::register(&mut routes, shared);
    routes
}
