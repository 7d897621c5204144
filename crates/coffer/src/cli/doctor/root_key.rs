//! Checks of the root key.

use super::Finding;
use crate::config::Config;
use coffer::assemble::{DEVELOPER_ROOT_FILE, RootSource};
use coffer_crypto::SystemRandom;
use coffer_crypto::root::{self, RootKey};
use coffer_keyring::{Keyring, KeyringOptions};
use coffer_storage::Store;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The root key opens the keys of the store `store_id`, and is kept apart from its data.
pub(super) async fn check(
    config: &Config,
    data_dir: &Path,
    keys: &Store,
    store_id: &str,
) -> Finding {
    const CHECK: &str = "root key";
    let path = match open(config, data_dir, keys, store_id).await {
        Ok(path) => path,
        Err(why) => return Finding::fail(CHECK, why, ""),
    };
    let shown = path.as_ref().map(|path| path.display().to_string());
    let shown = shown.unwrap_or_else(|| "COFFER_ROOT_KEY".to_owned());
    if path.is_some_and(|path| is_below(&path, data_dir)) {
        return Finding::warn(
            CHECK,
            format!("{shown} opens the store, and lies beside it"),
            "whoever copies the directory reads every secret; good for development only",
        );
    }
    Finding::ok(CHECK, format!("{shown} opens the store"))
}

fn is_below(path: &Path, directory: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    real(path).zip(real(directory)).is_some_and(|(path, directory)| path.starts_with(directory))
}

/// Opens the keys; returns the file that the root key was read from, or an error's text.
async fn open(
    config: &Config,
    data_dir: &Path,
    keys: &Store,
    store_id: &str,
) -> Result<Option<PathBuf>, String> {
    let (key, path) = find(config, data_dir, store_id)?;
    let options = KeyringOptions {
        keys: keys.clone(),
        store_id: store_id.to_owned(),
        random: Arc::new(SystemRandom),
    };
    Keyring::open(options, &key).await.map_err(|error| error.to_string())?;
    Ok(path)
}

fn find(
    config: &Config,
    data_dir: &Path,
    store_id: &str,
) -> Result<(RootKey, Option<PathBuf>), String> {
    let in_data_dir = data_dir.join(DEVELOPER_ROOT_FILE);
    let (key, path) = if in_data_dir.exists() {
        let key = root::file::load(&in_data_dir).map_err(|error| error.to_string())?;
        (key, Some(in_data_dir))
    } else {
        match config.root_source().map_err(|error| error.to_string())? {
            RootSource::Given(key) => (key, None),
            RootSource::Search { explicit, credentials_directory, config_home } => {
                let credentials = credentials_directory.as_deref();
                root::search(explicit.as_deref(), credentials, &config_home, store_id)
                    .map(|(key, path)| (key, Some(path)))
                    .map_err(|error| error.to_string())?
            }
            RootSource::DataDir => return Err(format!("{} is missing", in_data_dir.display())),
        }
    };
    key.belongs_to(store_id).map_err(|error| error.to_string())?;
    Ok((key, path))
}
