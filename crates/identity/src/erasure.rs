//! Erasing tenants for good: first their keys, then their rows.

use crate::store::{self, FinishErasure};
use coffer_base::{AccountId, AppId, Mode, Tenant, limit};
use coffer_kernel::Sweep;
use coffer_keyring::{Keyring, KeyringError, retire_seal};
use coffer_storage::{StorageError, Store, Tx, Work};
use std::sync::Arc;
use tracing::info;

/// Erases what is listed for erasure.
pub struct Eraser {
    keyring: Arc<Keyring>,
    /// What the families say about their tables.
    sweeps: Vec<Sweep>,
}

struct Retire {
    tenant: Tenant,
    newest: u32,
}

impl Work for Retire {
    /// Whether the tenant is still listed: if not, it was erased meanwhile and may live again.
    type Out = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StorageError> {
        let Tenant { app, account, .. } = &self.tenant;
        if !store::is_erasing(tx, app.as_str(), account.as_str()).await? {
            return Ok(false);
        }
        retire_seal(tx, &self.tenant, self.newest).await?;
        Ok(true)
    }
}

fn tenants(app: &AppId, account: &AccountId) -> [Tenant; 2] {
    Mode::ALL.map(|mode| Tenant { mode, app: app.clone(), account: account.clone() })
}

impl Eraser {
    /// An eraser that knows the families' tables.
    pub fn new(keyring: Arc<Keyring>, sweeps: Vec<Sweep>) -> Self {
        Self { keyring, sweeps }
    }

    /// Destroys the keys of everything that is listed for erasure: from then on none of it can be
    /// opened, here or in any backup of the data.
    ///
    /// # Errors
    /// [`KeyringError::Storage`].
    pub async fn shred(&self, store: &Store) -> Result<(), KeyringError> {
        let mut after = None;
        loop {
            let listed = store::erasures(store, after.as_ref(), limit::JOB_BATCH).await?;
            for (app, account) in &listed {
                self.shred_one(store, app, account).await?;
            }
            let Some(last) = listed.into_iter().next_back() else { return Ok(()) };
            after = Some(last);
        }
    }

    async fn shred_one(
        &self,
        store: &Store,
        app: &AppId,
        account: &AccountId,
    ) -> Result<(), KeyringError> {
        for tenant in tenants(app, account) {
            let newest = self.keyring.newest_version(&tenant).await?;
            let listed = store.write(Retire { tenant: tenant.clone(), newest }).await?;
            if listed && newest > 0 {
                self.keyring.destroy(&tenant, newest).await?;
            }
        }
        Ok(())
    }

    /// Erases everything that is listed for erasure, keys and rows, and says how many tenants
    /// there were. It may be cut anywhere, and goes on when it is called again.
    ///
    /// # Errors
    /// [`KeyringError::Storage`].
    pub async fn erase(&self, store: &Store) -> Result<u64, KeyringError> {
        let mut erased = 0u64;
        loop {
            let listed = store::erasures(store, None, limit::JOB_BATCH).await?;
            if listed.is_empty() {
                return Ok(erased);
            }
            for (app, account) in listed {
                self.shred_one(store, &app, &account).await?;
                let mut rows = 0u64;
                for tenant in tenants(&app, &account) {
                    rows += coffer_kernel::erase_tenant(store, &tenant, &self.sweeps).await?;
                }
                info!(app = app.as_str(), account = account.as_str(), rows, "tenant erased");
                store.write(FinishErasure { app, account }).await?;
                erased = erased.saturating_add(1);
            }
        }
    }
}
