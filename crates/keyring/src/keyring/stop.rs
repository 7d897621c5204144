//! The emergency stop: an operator takes all tenants' keys out of the memory of all servers.
//!
//! The mark of it is in the key store, so that a restart does not end it, and servers that share
//! the key store see it. The installation's own keys stay: with them no value of any app opens, and
//! without them nobody would be known who may end the stop.

use super::Keyring;
use crate::error::KeyringError;
use crate::master::MasterKeys;
use crate::store::{self, MarkStopped};
use crate::tenant::TenantKeys;
use coffer_base::{Tenant, Timestamp};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

impl Keyring {
    /// Whether this server has no keys, since an operator has sealed it.
    pub fn is_stopped(&self) -> bool {
        self.masters.read().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Takes all tenants' keys and the master keys out of memory, here at once, and on servers
    /// that share the key store once they [look](Self::watch_stop). Requests that have begun end
    /// with the keys that they have.
    ///
    /// # Errors
    /// [`KeyringError::Storage`] if the mark could not be stored: then it is only this server,
    /// which [goes on trying](Self::watch_stop) until its next start.
    pub async fn stop(&self, now: Timestamp) -> Result<(), KeyringError> {
        self.stops.fetch_add(1, Ordering::SeqCst);
        self.drop_keys().await?;
        self.unmarked.store(true, Ordering::SeqCst);
        self.mark_stopped(now).await
    }

    /// Whether it is sealed, and the key store does not say so yet.
    pub fn is_stop_unmarked(&self) -> bool {
        self.unmarked.load(Ordering::SeqCst)
    }

    async fn mark_stopped(&self, now: Timestamp) -> Result<(), KeyringError> {
        self.keys.write(MarkStopped(Some(now))).await?;
        self.unmarked.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// The same here alone.
    pub(super) async fn drop_keys(&self) -> Result<(), KeyringError> {
        if self.is_stopped() {
            return Ok(());
        }
        let system = Tenant::system();
        let known = self.cache.get(&system).map(|(_, keys)| keys);
        self.evict(&system);
        let own = match self.existing(&system).await {
            // A key store that does not answer keeps no tenant's key in memory.
            Err(_) if known.is_some() => known,
            read => read?,
        };
        *self.own.write().unwrap_or_else(PoisonError::into_inner) = own;
        *self.masters.write().unwrap_or_else(PoisonError::into_inner) = None;
        // Whoever reads keys at this moment does not leave them in the cache.
        self.destructions.fetch_add(1, Ordering::SeqCst);
        self.cache.clear();
        Ok(())
    }

    /// Reads the root key and opens the master keys with it, to end a stop. The installation's own
    /// keys are those that are in force now.
    ///
    /// # Errors
    /// [`KeyringError::Root`] if the root key cannot be read, [`KeyringError::WrongRoot`] if it
    /// opens nothing.
    pub async fn open_masters(&self) -> Result<MasterKeys, KeyringError> {
        let masters = self.read_masters().await?;
        if self.is_stopped() {
            let system = Tenant::system();
            let stored = store::tenant_keys(&self.keys, &system).await?;
            let own = self.unwrap_tenant(&masters, &system, &stored)?;
            *self.own.write().unwrap_or_else(PoisonError::into_inner) = own.map(Arc::new);
        }
        Ok(masters)
    }

    /// Ends the stop, here at once, and on servers that share the key store once they
    /// [look](Self::watch_stop).
    ///
    /// # Errors
    /// [`KeyringError::Storage`] if the mark of it stays in the key store: all stays as it was.
    pub async fn resume(&self, masters: Arc<MasterKeys>) -> Result<(), KeyringError> {
        let stops = self.stops.load(Ordering::SeqCst);
        self.keys.write(MarkStopped(None)).await?;
        self.unmarked.store(false, Ordering::SeqCst);
        self.take_masters(masters, stops);
        Ok(())
    }

    /// Goes on with the keys that were read, unless it was stopped again since then.
    fn take_masters(&self, read: Arc<MasterKeys>, stops: u64) -> bool {
        let mut masters = self.masters.write().unwrap_or_else(PoisonError::into_inner);
        if self.stops.load(Ordering::SeqCst) != stops {
            return false;
        }
        *masters = Some(read);
        *self.own.write().unwrap_or_else(PoisonError::into_inner) = None;
        true
    }

    /// Does what an operator has said to another server: stops, or goes on. Returns whether this
    /// changed anything here.
    ///
    /// # Errors
    /// [`KeyringError::Storage`] if the key store cannot be read; what [`Keyring::open_masters`]
    /// says if it cannot go on.
    pub async fn watch_stop(&self) -> Result<bool, KeyringError> {
        let stops = self.stops.load(Ordering::SeqCst);
        if self.is_stop_unmarked() {
            return self.mark_stopped(self.now()).await.map(|()| false);
        }
        let is_wanted = store::stopped(&self.keys).await?.is_some();
        match (is_wanted, self.is_stopped()) {
            (true, false) => self.drop_keys().await.map(|()| true),
            (false, true) => Ok(self.take_masters(Arc::new(self.read_masters().await?), stops)),
            _ => Ok(false),
        }
    }

    /// The installation's own keys during a stop.
    ///
    /// # Errors
    /// [`KeyringError::Stopped`] for every other tenant.
    pub(super) fn own_keys(&self, tenant: &Tenant) -> Result<Arc<TenantKeys>, KeyringError> {
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner).clone();
        own.filter(|own| own.tenant == *tenant).ok_or(KeyringError::Stopped)
    }
}
