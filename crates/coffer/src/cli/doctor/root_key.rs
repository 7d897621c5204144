//! Checks of the root key.

use super::Finding;
use super::files::on_one_device;
use crate::config::Config;
use coffer::assemble::{DEVELOPER_ROOT_FILE, RootSource};
use coffer_base::{Clock, SystemClock};
use coffer_crypto::SystemRandom;
use coffer_crypto::root::{self, RootKey};
use coffer_keyring::{Keyring, KeyringOptions};
use coffer_storage::Store;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The root key opens the keys of the store `store_id`, and is kept apart from its data; and the
/// rows that say who is who are those that the server wrote.
pub(super) async fn check(
    config: &Config,
    data_dir: &Path,
    data: &Store,
    keys: &Store,
    store_id: &str,
) -> Vec<Finding> {
    match open(config, data_dir, keys, store_id).await {
        Ok((keyring, path)) => vec![place(path, data_dir), rows(data, &keyring).await],
        Err(why) => vec![Finding::fail("root key", why, "")],
    }
}

/// Rows that were forged or put back. The server ignores them, and somebody has to find out who
/// wrote them.
async fn rows(data: &Store, keyring: &Keyring) -> Finding {
    const CHECK: &str = "identities";
    const SHOWN: usize = 5;
    let found = match coffer_identity::verify_rows(data, keyring, SystemClock.now()).await {
        Ok(found) => found,
        Err(error) => return Finding::fail(CHECK, error.to_string(), ""),
    };
    let (forged, outdated) = (found.forged.len(), found.outdated.len());
    if forged + outdated == 0 {
        let checked = found.checked;
        return Finding::ok(CHECK, format!("{checked} rows are as the server wrote them"));
    }
    let named: Vec<&str> =
        found.forged.iter().chain(&found.outdated).take(SHOWN).map(String::as_str).collect();
    Finding::fail(
        CHECK,
        format!(
            "{forged} rows were written or changed by somebody else, {outdated} are from before \
             their revocation or last change: {}",
            named.join(", ")
        ),
        "the server ignores them, but for older quotas; find out who can write to the database, \
         or whether the data is from a backup, and revoke, delete or update these again",
    )
}

fn place(path: Option<PathBuf>, data_dir: &Path) -> Finding {
    const CHECK: &str = "root key";
    let shown = path.as_ref().map(|path| path.display().to_string());
    let shown = shown.unwrap_or_else(|| "COFFER_ROOT_KEY".to_owned());
    if path.as_ref().is_some_and(|path| is_below(path, data_dir)) {
        return Finding::warn(
            CHECK,
            format!("{shown} opens the store, and lies beside it"),
            "whoever copies the directory reads every secret; good for development only",
        );
    }
    if path.is_some_and(|path| on_one_device(&path, data_dir) == Some(true)) {
        return Finding::warn(
            CHECK,
            format!("{shown} opens the store, and is on the device of the data"),
            "whoever has a copy of that disk reads every secret: keep the root key on another, in \
             the service manager's credentials, or in the environment",
        );
    }
    Finding::ok(CHECK, format!("{shown} opens the store"))
}

fn is_below(path: &Path, directory: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    real(path).zip(real(directory)).is_some_and(|(path, directory)| path.starts_with(directory))
}

/// Opens the keys; also the file that the root key was read from, or an error's text.
async fn open(
    config: &Config,
    data_dir: &Path,
    keys: &Store,
    store_id: &str,
) -> Result<(Keyring, Option<PathBuf>), String> {
    let (key, path) = find(config, data_dir, store_id)?;
    let options = KeyringOptions {
        keys: keys.clone(),
        store_id: store_id.to_owned(),
        random: Arc::new(SystemRandom),
    };
    let keyring = Keyring::open(options, &key).await.map_err(|error| error.to_string())?;
    Ok((keyring, path))
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
