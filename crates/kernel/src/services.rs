//! What operations run on: stores, keys, time, randomness.

use crate::call::Call;
use crate::context::Ctx;
use crate::error::keyring_failure;
use crate::event::EventListeners;
use crate::idempotency::InFlight;
use crate::principal::Authenticate;
use coffer_base::{Clock, Random, Tenant, Timestamp};
use coffer_dialect::{ApiError, Expand};
use coffer_keyring::{Keyring, TenantKeys};
use coffer_storage::Store;
use std::sync::Arc;

/// What every request runs on.
pub(crate) struct Services {
    pub(crate) store: Store,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) authenticate: Arc<dyn Authenticate>,
    pub(crate) listeners: EventListeners,
    pub(crate) in_flight: InFlight,
}

impl Services {
    /// The tenant's keys, if it ever wrote anything.
    ///
    /// # Errors
    /// When the key store fails, or the keys are gone although rows are sealed under them.
    pub(crate) async fn existing_keys(
        &self,
        tenant: &Tenant,
        now: Timestamp,
    ) -> Result<Option<Arc<TenantKeys>>, ApiError> {
        let failed = |error| keyring_failure(&error);
        let keys = self.keyring.existing(tenant, now).await.map_err(failed)?;
        if keys.is_none() {
            self.keyring.check_not_lost(&self.store, tenant).await.map_err(failed)?;
        }
        Ok(keys)
    }

    /// The tenant's keys, made now if it never wrote anything.
    pub(crate) async fn keys(
        &self,
        tenant: &Tenant,
        now: Timestamp,
    ) -> Result<Arc<TenantKeys>, ApiError> {
        if let Some(keys) = self.existing_keys(tenant, now).await? {
            return Ok(keys);
        }
        self.keyring.tenant(tenant, now).await.map_err(|error| keyring_failure(&error))
    }

    /// The context of an operation that was authorized.
    pub(crate) fn context(
        &self,
        call: &Call,
        expand: Expand,
        keys: Option<Arc<TenantKeys>>,
    ) -> Ctx {
        Ctx {
            request_id: Arc::clone(&call.request_id),
            idempotency_key: call.idempotency_key.clone(),
            now: call.now,
            principal: Arc::clone(&call.principal),
            version: call.version.clone(),
            expand,
            keys,
            listeners: Arc::clone(&self.listeners),
            random: Arc::clone(&self.random),
        }
    }
}
