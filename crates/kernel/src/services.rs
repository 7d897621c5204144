//! What operations run on: stores, keys, time, randomness.

use crate::call::{Audited, Call};
use crate::clock_guard::ClockGuard;
use crate::context::Ctx;
use crate::error::keyring_failure;
use crate::event::EventListeners;
use crate::figures::Collector;
use crate::idempotency::InFlight;
use crate::principal::{Authenticate, Principal};
use crate::reauthorize::Reauthorization;
use crate::recorder::Recorder;
use crate::registry::Registry;
use crate::usage::Usages;
use coffer_base::{Clock, Random, Tenant};
use coffer_dialect::{ApiError, Expand};
use coffer_keyring::{Keyring, TenantKeys};
use coffer_storage::Store;
use std::sync::Arc;

/// What every request runs on.
pub(crate) struct Services {
    pub(crate) store: Store,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) guard: Arc<ClockGuard>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) authenticate: Arc<dyn Authenticate>,
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) listeners: EventListeners,
    pub(crate) in_flight: InFlight,
    pub(crate) usages: Arc<Usages>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) metrics: Collector,
}

impl Services {
    /// The tenant's keys, if it ever wrote anything.
    ///
    /// # Errors
    /// When the key store fails, or the keys are gone although rows are sealed under them.
    pub(crate) async fn existing_keys(
        &self,
        tenant: &Tenant,
    ) -> Result<Option<Arc<TenantKeys>>, ApiError> {
        let failed = |error| keyring_failure(&error);
        let keys = self.keyring.existing(tenant).await.map_err(failed)?;
        if keys.is_none() {
            self.keyring.check_not_lost(&self.store, tenant).await.map_err(failed)?;
        }
        Ok(keys)
    }

    /// The tenant's keys, made now if it never wrote anything.
    pub(crate) async fn keys(&self, tenant: &Tenant) -> Result<Arc<TenantKeys>, ApiError> {
        if let Some(keys) = self.existing_keys(tenant).await? {
            return Ok(keys);
        }
        let now = self.clock.now();
        self.keyring.tenant(tenant, now).await.map_err(|error| keyring_failure(&error))
    }

    /// What asks, inside a transaction, whether the caller is still to be let in.
    pub(crate) fn reauthorization(&self, principal: &Arc<Principal>) -> Reauthorization {
        Reauthorization {
            authenticate: Arc::clone(&self.authenticate),
            principal: Arc::clone(principal),
            clock: Arc::clone(&self.clock),
        }
    }

    /// The context of an operation that was authorized. Its time is that of this call: the body has
    /// arrived, and whoever had to wait for another request has waited. `audited` is what the audit
    /// says of the call so far.
    pub(crate) fn context(
        &self,
        call: &Call,
        expand: Expand,
        keys: Option<Arc<TenantKeys>>,
        audited: Audited,
    ) -> Ctx {
        Ctx {
            request_id: Arc::clone(&call.request_id),
            idempotency_key: call.idempotency_key.clone(),
            conditions: call.conditions.clone(),
            now: self.clock.now_of(&call.principal.platform),
            clock_doubtful: self.guard.is_doubtful(),
            principal: Arc::clone(&call.principal),
            named_account: call.named_account.clone(),
            peer: call.peer,
            version: call.version.clone(),
            expand,
            keys,
            listeners: Arc::clone(&self.listeners),
            random: Arc::clone(&self.random),
            registry: Arc::clone(&self.registry),
            usages: Arc::clone(&self.usages),
            audited: audited.into(),
            names_in_clear: self.recorder.names_in_clear(),
        }
    }
}
