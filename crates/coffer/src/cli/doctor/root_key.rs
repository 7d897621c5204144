//! Checks of the root key.

use super::Finding;
use crate::config::Config;
use coffer::assemble::{DEVELOPER_ROOT_FILE, RootSource};
use coffer_crypto::SystemRandom;
use coffer_crypto::root::{self, RootKey};
use coffer_keyring::{Keyring, KeyringOptions};
use coffer_storage::Store;
use std::os::unix::fs::MetadataExt;
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
        Ok((keyring, path)) => {
            let mut findings = vec![place(path.as_deref(), data_dir)];
            if !data.is_shared() {
                findings.push(separation(data_dir, &config.key_dir(), path.as_deref()));
            }
            findings.push(rows(data, &keyring).await);
            findings
        }
        Err(why) => vec![Finding::fail("root key", why, "")],
    }
}

/// Rows that were forged or put back. The server ignores them, and somebody has to find out who
/// wrote them.
async fn rows(data: &Store, keyring: &Keyring) -> Finding {
    const CHECK: &str = "identities";
    const SHOWN: usize = 5;
    let found = match coffer_identity::verify_rows(data, keyring).await {
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

fn place(path: Option<&Path>, data_dir: &Path) -> Finding {
    const CHECK: &str = "root key";
    let shown = path.map(|path| path.display().to_string());
    let shown = shown.unwrap_or_else(|| "COFFER_ROOT_KEY".to_owned());
    if path.is_some_and(|path| is_below(path, data_dir)) {
        return Finding::warn(
            CHECK,
            format!("{shown} opens the store, and lies beside it"),
            "whoever copies the directory reads every secret; good for development only",
        );
    }
    Finding::ok(CHECK, format!("{shown} opens the store"))
}

/// No disk should have all that it takes to read a secret.
fn separation(data_dir: &Path, key_dir: &Path, root: Option<&Path>) -> Finding {
    const CHECK: &str = "separation";
    let device = |path: &Path| std::fs::metadata(path).map(|about| about.dev()).ok();
    let data = device(data_dir);
    let root = root.and_then(device);
    let advice = "a copy of that disk is enough to read every secret; put the keys on another with \
                  --key-dir, and the root key on a third, into the service manager's credentials \
                  or the environment";
    match (data.is_some() && data == device(key_dir), data.is_some() && data == root) {
        (true, true) => Finding::warn(CHECK, "data, keys and root key are on one device", advice),
        (true, false) => Finding::warn(
            CHECK,
            "data and keys are on one device",
            "whoever has a copy of it lacks only the root key; put the keys on another with \
             --key-dir",
        ),
        (false, _) => Finding::ok(CHECK, "the keys are on another device than the data"),
    }
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
) -> Result<(Arc<RootKey>, Option<PathBuf>), String> {
    let in_data_dir = data_dir.join(DEVELOPER_ROOT_FILE);
    let (key, path) = if in_data_dir.exists() {
        let key = root::file::load(&in_data_dir).map_err(|error| error.to_string())?;
        (Arc::new(key), Some(in_data_dir))
    } else {
        match config.root_source().map_err(|error| error.to_string())? {
            RootSource::Given(key) => (key, None),
            RootSource::Search { explicit, credentials_directory, config_home } => {
                let credentials = credentials_directory.as_deref();
                root::search(explicit.as_deref(), credentials, &config_home, store_id)
                    .map(|(key, path)| (Arc::new(key), Some(path)))
                    .map_err(|error| error.to_string())?
            }
            RootSource::DataDir => return Err(format!("{} is missing", in_data_dir.display())),
        }
    };
    key.belongs_to(store_id).map_err(|error| error.to_string())?;
    Ok((key, path))
}
