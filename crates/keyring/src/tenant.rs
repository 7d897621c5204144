//! One tenant's keys, and the check that what was sealed may still be written.

use crate::error::KeyringError;
use crate::store;
use coffer_base::{Random, Redacted, Tenant};
use coffer_crypto::{AssociatedData, Digest, Digester, SealingKey, envelope};
use coffer_storage::{Query, Row, StorageError, Tx};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A tenant's keys, unwrapped. Kept in memory only, and overwritten when dropped.
pub struct TenantKeys {
    pub(crate) store_id: Arc<str>,
    pub(crate) tenant: Tenant,
    /// Ascending by version; the last is the active one.
    pub(crate) sealing: Vec<(u32, SealingKey)>,
    pub(crate) lookup: Arc<Digester>,
    pub(crate) random: Arc<dyn Random>,
    /// How many values the active key has sealed since that was last written down.
    pub(crate) uses: Arc<AtomicU64>,
    /// Whether a value was met that a newer key has sealed.
    pub(crate) outdated: AtomicBool,
}

impl TenantKeys {
    /// The version of the key that [`TenantKeys::seal`] uses.
    pub fn version(&self) -> u32 {
        self.sealing.last().map_or(0, |(version, _)| *version)
    }

    /// How the associated data of each of this tenant's values begins: with the kind of value and
    /// its owner. The caller adds whatever else identifies the value's place.
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
        self.uses.fetch_add(1, Ordering::Relaxed);
        envelope::seal(key, *version, associated_data, plaintext, &*self.random)
            .map_err(|source| KeyringError::Crypto { what: "a new envelope", source })
    }

    /// Opens what [`TenantKeys::seal`] made.
    ///
    /// # Errors
    /// [`KeyringError::Crypto`] if the envelope or anything that it is bound to was changed;
    /// [`KeyringError::KeyMissing`] if the key store does not have its key.
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
            .find(|(known, _)| *known == version)
            .ok_or_else(|| self.missing(version))?;
        envelope::open(key, associated_data, blob).map_err(crypto)
    }

    fn missing(&self, version: u32) -> KeyringError {
        if version > self.version() {
            self.outdated.store(true, Ordering::Relaxed);
        }
        KeyringError::KeyMissing { version }
    }

    /// Whether a value was met that a newer key has sealed than these: they were read before a
    /// rotation, and are to be read again.
    pub fn is_outdated(&self) -> bool {
        self.outdated.load(Ordering::Relaxed)
    }

    /// Whether the active key has sealed a value, by what the value says.
    ///
    /// # Errors
    /// [`KeyringError::Crypto`] if it is no sealed value.
    pub fn is_current(&self, blob: &[u8]) -> Result<bool, KeyringError> {
        let version = envelope::key_version(blob);
        let version =
            version.map_err(|source| KeyringError::Crypto { what: "a sealed value", source })?;
        Ok(version == self.version())
    }

    /// Opens a value, and seals it under the active key.
    ///
    /// # Errors
    /// As [`TenantKeys::open`].
    pub fn reseal(
        &self,
        associated_data: &AssociatedData,
        blob: &[u8],
    ) -> Result<Vec<u8>, KeyringError> {
        self.seal(associated_data, self.open(associated_data, blob)?.expose())
    }

    /// A keyed digest of `fields`, to look rows up by or to compare a value with a stored one:
    /// without the tenant's key nothing can be inferred from it. Each use has its own `label`.
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
    /// The tenant's keys were destroyed meanwhile: seal again under the new ones.
    Stale,
}

/// What the transaction that writes must read for [`check_seal`].
pub fn seal_query(tenant: &Tenant) -> Query {
    store::seal_query(tenant)
}

/// Whether rows that were sealed under `version` may be written, by the rows of [`seal_query`]. The
/// first write under a newer key makes that one the active key.
///
/// # Errors
/// [`StorageError::Corrupt`] if the stored version is out of range.
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
            store::raise_seal_version(tx, tenant, version);
            Ok(SealCheck::Active)
        }
    }
}

/// Bars every key of the tenant up to version `newest` from sealing new rows: the first step of
/// erasing a tenant. Idempotent. For a tenant without keys, since it never wrote or its keys were
/// lost (`newest` is 0), the next key is the first one again.
///
/// # Errors
/// If the statement fails, which fails the transaction.
pub async fn retire_seal(
    tx: &mut Tx<'_>,
    tenant: &Tenant,
    newest: u32,
) -> Result<(), StorageError> {
    if newest == 0 {
        return store::delete_seal_version(tx, tenant).await;
    }
    store::raise_seal_version(tx, tenant, newest.saturating_add(1));
    Ok(())
}
