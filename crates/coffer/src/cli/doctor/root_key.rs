//! Checks of the root key.

use super::Finding;
use crate::config::Config;
use coffer::assemble::{DEVELOPER_ROOT_FILE, FoundRoot, RootSource, find_root};
use coffer_audit::checkpoint::VerifierKey;
use coffer_audit::{LogError, SIGNING_PURPOSE};
use coffer_crypto::SystemRandom;
use coffer_keyring::{Keyring, KeyringOptions, RootState};
use coffer_storage::Store;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

/// The name of the check.
const CHECK: &str = "root key";

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
        Ok((keyring, root)) => {
            let mut findings = vec![place(&root, data_dir)];
            findings.extend(unfinished(keys).await);
            if !data.is_shared() {
                findings.push(separation(data_dir, &config.key_dir(), root.path.as_deref()));
            }
            findings.push(rows(data, &keyring).await);
            findings.push(audit_log(data, &keyring).await);
            findings
        }
        Err(why) => vec![Finding::fail(CHECK, why, "")],
    }
}

/// Rows that were forged or put back. The server ignores them, and somebody has to find out who
/// wrote them.
async fn rows(data: &Store, keyring: &Keyring) -> Finding {
    const IDENTITIES: &str = "identities";
    const SHOWN: usize = 5;
    let found = match coffer_identity::verify_rows(data, keyring).await {
        Ok(found) => found,
        Err(error) => return Finding::fail(IDENTITIES, error.to_string(), ""),
    };
    let (forged, outdated) = (found.forged.len(), found.outdated.len());
    if forged + outdated == 0 {
        let checked = found.checked;
        return Finding::ok(IDENTITIES, format!("{checked} rows are as the server wrote them"));
    }
    let named: Vec<&str> =
        found.forged.iter().chain(&found.outdated).take(SHOWN).map(String::as_str).collect();
    Finding::fail(
        IDENTITIES,
        format!(
            "{forged} rows were written or changed by somebody else, {outdated} are from before \
             their revocation or last change: {}",
            named.join(", ")
        ),
        "the server ignores them, but for older quotas; find out who can write to the database, \
         or whether the data is from a backup, and revoke, delete or update these again",
    )
}

/// The audit's log continues its signed head.
async fn audit_log(data: &Store, keyring: &Keyring) -> Finding {
    const LOG: &str = "audit log";
    let found = async {
        let key = keyring.signing_key(SIGNING_PURPOSE).await.map_err(LogError::from)?;
        let key = VerifierKey::of(keyring.store_id(), &key)?;
        // What the key store knows is read first, so that the head is not behind it.
        let mark = coffer_keyring::audit_mark(keyring.store()).await?;
        let size = coffer_audit::check_head(data, mark.as_ref(), &key).await?;
        match mark {
            Some(mark) if mark.size > size => Err(LogError::Broken(format!(
                "the key store knows the log with {} entries, and it has {size}: it was set back",
                mark.size
            ))),
            _ => Ok(size),
        }
    };
    match found.await {
        Ok(size) => Finding::ok(LOG, format!("{size} entries, as their head was signed")),
        Err(error) => Finding::fail(
            LOG,
            error.to_string(),
            "find out who can write to the database, and keep it as it is; if you have put back \
             an older one, start the server once with --accept-rollback",
        ),
    }
}

fn place(root: &FoundRoot, data_dir: &Path) -> Finding {
    let shown = &root.place;
    if root.path.as_deref().is_some_and(|path| is_below(path, data_dir)) {
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
    const SEPARATION: &str = "separation";
    let device = |path: &Path| std::fs::metadata(path).map(|about| about.dev()).ok();
    let data = device(data_dir);
    let root = root.and_then(device);
    let advice = "a copy of that disk is enough to read every secret; put the keys on another with \
                  --key-dir, and the root key on a third, into the service manager's credentials \
                  or the environment";
    match (data.is_some() && data == device(key_dir), data.is_some() && data == root) {
        (true, true) => {
            Finding::warn(SEPARATION, "data, keys and root key are on one device", advice)
        }
        (true, false) => Finding::warn(
            SEPARATION,
            "data and keys are on one device",
            "whoever has a copy of it lacks only the root key; put the keys on another with \
             --key-dir",
        ),
        (false, _) => Finding::ok(SEPARATION, "the keys are on another device than the data"),
    }
}

fn is_below(path: &Path, directory: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    real(path).zip(real(directory)).is_some_and(|(path, directory)| path.starts_with(directory))
}

/// Opens the keys; also the root, or an error's text.
async fn open(
    config: &Config,
    data_dir: &Path,
    keys: &Store,
    store_id: &str,
) -> Result<(Keyring, FoundRoot), String> {
    let source = if data_dir.join(DEVELOPER_ROOT_FILE).exists() {
        RootSource::DataDir
    } else {
        config.root_source().map_err(|error| error.to_string())?
    };
    let found = find_root(&source, data_dir, keys, store_id).await;
    let found = found.map_err(|error| error.to_string())?;
    let options = KeyringOptions {
        keys: keys.clone(),
        store_id: store_id.to_owned(),
        random: Arc::new(SystemRandom),
    };
    let keyring = Keyring::open(options, &found.key).await.map_err(|error| error.to_string())?;
    Ok((keyring, found))
}

/// A move to another root that was begun and not finished: two roots open the store.
async fn unfinished(keys: &Store) -> Option<Finding> {
    let roots = coffer_keyring::accepted_roots(keys).await.ok()?;
    let incoming = roots.iter().find(|root| root.state == RootState::Incoming)?;
    Some(Finding::warn(
        CHECK,
        format!("a move to {} is under way: two roots open the store", incoming.place),
        "once every server has the new root, run `coffer keyring root finish` with it, or \
         `coffer keyring root cancel`",
    ))
}
