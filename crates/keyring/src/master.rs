//! The master keys, and the root that they are wrapped by.

use crate::error::KeyringError;
use crate::store;
use coffer_base::Random;
use coffer_crypto::root::RootKey;
use coffer_crypto::{AssociatedData, SealingKey, unwrap, wrap};
use coffer_storage::Store;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Where the root key is read from whenever it is needed: to make a master key, to open one that
/// another server has made, and to end an emergency stop. In between nothing keeps it in memory.
pub trait ReadRoot: Send + Sync {
    /// Reads the root key. The error says in words what is wrong, and what to do.
    fn load(&self) -> Pin<Box<dyn Future<Output = Result<Arc<RootKey>, String>> + Send + '_>>;
}

/// A root key that is in memory anyway, as in tests.
impl ReadRoot for Arc<RootKey> {
    fn load(&self) -> Pin<Box<dyn Future<Output = Result<Arc<RootKey>, String>> + Send + '_>> {
        Box::pin(std::future::ready(Ok(Self::clone(self))))
    }
}

/// The master keys that are not destroyed.
pub struct MasterKeys {
    /// Ascending by version; the last is the active one.
    versions: Vec<(u32, SealingKey)>,
}

impl MasterKeys {
    /// Reads them from the key store, and opens them with the root key.
    pub(crate) async fn read(
        keys: &Store,
        store_id: &str,
        root: &RootKey,
    ) -> Result<Self, KeyringError> {
        let mut versions = Vec::new();
        for (version, wrapped) in store::master_keys(keys).await? {
            let data = associated_data(store_id, version);
            let key =
                unwrap(root.sealing_key(), &data, &wrapped).map_err(KeyringError::WrongRoot)?;
            versions.push((version, key));
        }
        if versions.is_empty() { Err(KeyringError::Empty) } else { Ok(Self { versions }) }
    }

    /// The active one, and its version.
    pub(crate) fn active(&self) -> Result<(u32, &SealingKey), KeyringError> {
        let active = self.versions.last().map(|(version, key)| (*version, key));
        active.ok_or(KeyringError::KeyMissing { version: 0 })
    }

    /// The one of a version.
    pub(crate) fn version(&self, version: u32) -> Result<&SealingKey, KeyringError> {
        let found = self.versions.iter().find(|(known, _)| *known == version);
        found.map(|(_, key)| key).ok_or(KeyringError::MasterMissing { version })
    }
}

/// A new master key of a version, wrapped by the root key.
pub(crate) fn wrapped_master(
    root: &RootKey,
    store_id: &str,
    version: u32,
    random: &dyn Random,
) -> Result<Vec<u8>, KeyringError> {
    let master = SealingKey::generate(random);
    let data = associated_data(store_id, version);
    wrap(root.sealing_key(), ROOT_VERSION, &data, &master, random)
        .map_err(|source| KeyringError::Crypto { what: "a master key", source })
}

/// The root key has one version.
const ROOT_VERSION: u32 = 1;

fn associated_data(store_id: &str, version: u32) -> AssociatedData {
    AssociatedData::new("master-key")
        .text(store_id)
        .int(i64::from(version))
        .int(i64::from(ROOT_VERSION))
}
