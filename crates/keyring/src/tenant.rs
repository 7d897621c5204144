//! One tenant's keys, and the check that what was sealed may still be written.

use crate::error::KeyringError;
use crate::store;
use coffer_base::{Random, Redacted, Tenant};
use coffer_crypto::{AssociatedData, Digest, Digester, SealingKey, envelope};
use coffer_storage::{Query, Row, StorageError, Tx};
use std::fmt;
use std::sync::Arc;

/// A tenant's keys, unwrapped. Held in memory only, overwritten when dropped.
pub struct TenantKeys {
    pub(crate) store_id: Arc<str>,
    pub(crate) tenant: Tenant,
    /// Ascending by version; the last is the active one.
    pub(crate) sealing: Vec<(u32, SealingKey)>,
    pub(crate) lookup: Digester,
    pub(crate) random: Arc<dyn Random>,
}

impl TenantKeys {
    /// The version of the key that [`TenantKeys::seal`] uses.
    pub fn version(&self) -> u32 {
        self.sealing.last().map_or(0, |(version, _)| *version)
    }

    /// The beginning of every associated data of this tenant: what kind of value it is, and
    /// whose. The caller adds all else that says where the value belongs.
    pub fn associated_data(&self, label: &'static str) -> AssociatedData {
        AssociatedData::new(label)
            .text(&self.store_id)
            .int(self.tenant.mode.code())
            .text(self.tenant.app.as_str())
            .text(self.tenant.account.as_str())
    }

    /// Seals `plaintext` under the active key; it opens only with the same associated data.
    ///
    /// # Errors
    /// [`KeyringError::Crypto`] if it is longer than an envelope may hold.
    pub fn seal(
        &self,
        associated_data: &AssociatedData,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, KeyringError> {
        let (version, key) = self.sealing.last().ok_or(KeyringError::KeyMissing { version: 0 })?;
        envelope::seal(key, *version, associated_data, plaintext, &*self.random)
            .map_err(|source| KeyringError::Crypto { what: "a new envelope", source })
    }

    /// Opens what [`TenantKeys::seal`] made.
    ///
    /// # Errors
    /// [`KeyringError::Crypto`] if the envelope or anything it is bound to was changed;
    /// [`KeyringError::KeyMissing`] if its key is gone.
    pub fn open(
        &self,
        associated_data: &AssociatedData,
        blob: &[u8],
    ) -> Result<Redacted<Vec<u8>>, KeyringError> {
        let crypto = |source| KeyringError::Crypto { what: "a sealed value", source };
        let version = envelope::key_version(blob).map_err(crypto)?;
        let (_, key) = self
            .sealing
            .iter()
            .find(|(held, _)| *held == version)
            .ok_or(KeyringError::KeyMissing { version })?;
        envelope::open(key, associated_data, blob).map_err(crypto)
    }

    /// A keyed digest of `fields`, to look rows up by or to recognise a value again: without the
    /// tenant's key it says nothing. Each use has its own `label`.
    pub fn digest(&self, label: &'static str, fields: &[&[u8]]) -> Digest {
        self.lookup.digest(label, fields)
    }
}

impl fmt::Debug for TenantKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantKeys")
            .field("tenant", &self.tenant)
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}

/// Whether what was sealed under a version may be written now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SealCheck {
    /// It may.
    Active,
    /// The key was rotated or destroyed meanwhile: prepare again.
    Stale,
}

/// What to ask inside the transaction that writes, for [`check_seal`].
pub fn seal_query(tenant: &Tenant) -> Query {
    store::seal_query(tenant)
}

/// Whether `version` may still seal the tenant's rows, by what came of [`seal_query`]. The first
/// write under a newer key makes that one the active key.
///
/// # Errors
/// [`StorageError`] if the rows say nothing.
pub fn check_seal(
    tx: &mut Tx<'_>,
    rows: &[Row],
    tenant: &Tenant,
    version: u32,
) -> Result<SealCheck, StorageError> {
    match store::seal_version(rows)? {
        Some(active) if active == version => Ok(SealCheck::Active),
        Some(active) if active > version => Ok(SealCheck::Stale),
        _ => {
            store::put_seal_version(tx, tenant, version);
            Ok(SealCheck::Active)
        }
    }
}

/// Bars every key of the tenant up to version `newest` from sealing new rows: the first step of
/// erasing a tenant. Doing it twice is doing it once. A tenant that has no key, since it never
/// wrote or its keys were lost (`newest` is 0), begins anew.
///
/// # Errors
/// [`StorageError`] of the engine.
pub async fn retire_seal(
    tx: &mut Tx<'_>,
    tenant: &Tenant,
    newest: u32,
) -> Result<(), StorageError> {
    if newest == 0 {
        return store::forget_seal_version(tx, tenant).await;
    }
    store::put_seal_version(tx, tenant, newest.saturating_add(1));
    Ok(())
}
