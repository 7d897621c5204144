//! The master keys, and the root that they are wrapped by.

use crate::error::KeyringError;
use crate::root::{Masters, wrap_master};
use coffer_base::Random;
use coffer_crypto::SealingKey;
use coffer_crypto::root::RootKey;
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
        let versions = Masters::open(keys, store_id, root).await?.into_keys();
        Ok(Self { versions })
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
    wrap_master(root, store_id, version, &SealingKey::generate(random), random)
}
