//! A keyring for tests of other crates.

use crate::{KEY_MIGRATIONS, Keyring, KeyringError, KeyringOptions};
use coffer_base::{Random, Timestamp};
use coffer_crypto::root::RootKey;
use coffer_storage::{Options, Store};
use std::path::Path;
use std::sync::Arc;

/// A new keyring over a key store at `path`, with a root key that nobody keeps.
///
/// # Errors
/// [`KeyringError::Storage`] if there is something at `path` already.
pub async fn keyring(
    path: &Path,
    random: Arc<dyn Random>,
    now: Timestamp,
) -> Result<Keyring, KeyringError> {
    let (keys, _) = Store::open_sqlite(path, &[KEY_MIGRATIONS], now, Options::default())?;
    let root = RootKey::generate("store_a", &*random);
    let options = || KeyringOptions {
        keys: keys.clone(),
        store_id: "a".to_owned(),
        random: Arc::clone(&random),
    };
    Keyring::init(&options(), &root, now).await?;
    Keyring::open(options(), &root).await
}
