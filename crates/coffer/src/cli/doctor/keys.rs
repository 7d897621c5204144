//! The stores, the keys and the clock.

use super::Finding;
use crate::cli::table::time;
use crate::config::Config;
use coffer::assemble::{DATA_FILE, DEVELOPER_ROOT_FILE, KEYS_FILE, RootSource};
use coffer::family_set::FamilySet;
use coffer_base::{Clock, SystemClock, Timestamp};
use coffer_crypto::SystemRandom;
use coffer_crypto::root::{self, RootKey};
use coffer_keyring::{KEY_MIGRATIONS, Keyring, KeyringOptions};
use coffer_storage::{MigrationSet, Store};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A clock that shows less than this, 2026-01-01, was never set.
const FIRST_TIME: i64 = 1_767_225_600;

/// Checks what can be seen of both stores.
pub(super) async fn stores(config: &Config, data_dir: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    let data = open(&data_dir.join(DATA_FILE), &FamilySet::default().migrations(), &mut findings);
    let keys = open(&data_dir.join(KEYS_FILE), &[KEY_MIGRATIONS], &mut findings);
    let (Some(data), Some(keys)) = (data, keys) else { return findings };
    findings.push(Finding::ok("schema", "both stores have this version's"));
    match coffer_keyring::store_id(&data).await {
        Ok(Some(id)) => {
            let findings_of_root = root_key(config, data_dir, &keys, &id).await;
            findings.extend(findings_of_root);
        }
        Ok(None) => findings.push(Finding::fail(
            "store",
            "it was begun and not finished",
            "run `coffer init` again, which finishes it",
        )),
        Err(error) => {
            findings.push(Finding::fail("store", error.to_string(), "restore a backup"));
        }
    }
    let newest = coffer_keyring::newest_key(&keys).await.ok().flatten();
    findings.push(clock(SystemClock.now(), newest));
    findings.push(backup(&keys, newest).await);
    findings
}

fn open(path: &Path, sets: &[MigrationSet], findings: &mut Vec<Finding>) -> Option<Store> {
    if !path.exists() {
        findings.push(Finding::fail(
            "store",
            format!("{} is missing", path.display()),
            "put it back from your copy: without the keys the data can be opened by nobody",
        ));
        return None;
    }
    match Store::open_sqlite_read_only(path, sets) {
        Ok(store) => Some(store),
        Err(error) => {
            findings.push(Finding::fail("schema", error.to_string(), ""));
            None
        }
    }
}

/// Checks that the root key opens the keys.
pub(super) async fn root_key(
    config: &Config,
    data_dir: &Path,
    keys: &Store,
    id: &str,
) -> Vec<Finding> {
    const CHECK: &str = "root key";
    let (key, path) = match find(config, data_dir, id) {
        Ok(found) => found,
        Err(why) => return vec![Finding::fail(CHECK, why, "")],
    };
    let options = KeyringOptions {
        keys: keys.clone(),
        store_id: id.to_owned(),
        random: Arc::new(SystemRandom),
    };
    if let Err(error) = Keyring::open(options, &key).await {
        return vec![Finding::fail(CHECK, error.to_string(), "")];
    }
    let place = path.as_ref().map(|path| path.display().to_string());
    let place = place.unwrap_or_else(|| "COFFER_ROOT_KEY".to_owned());
    let beside = path.is_some_and(|path| {
        let real = |path: &Path| std::fs::canonicalize(path).ok();
        real(&path).zip(real(data_dir)).is_some_and(|(path, home)| path.starts_with(home))
    });
    if beside {
        return vec![Finding::warn(
            CHECK,
            format!("{place} opens the store, and lies beside it"),
            "whoever copies the directory reads every secret; good for development only",
        )];
    }
    vec![Finding::ok(CHECK, format!("{place} opens the store"))]
}

fn find(config: &Config, data_dir: &Path, id: &str) -> Result<(RootKey, Option<PathBuf>), String> {
    let beside = data_dir.join(DEVELOPER_ROOT_FILE);
    if beside.exists() {
        let key = root::file::load(&beside).map_err(|error| error.to_string())?;
        return key.belongs_to(id).map_err(|error| error.to_string()).map(|()| (key, Some(beside)));
    }
    match config.root_source().map_err(|error| error.to_string())? {
        RootSource::Given(key) => {
            key.belongs_to(id).map_err(|error| error.to_string()).map(|()| (key, None))
        }
        RootSource::Search { explicit, credentials_directory, config_home } => {
            let credentials = credentials_directory.as_deref();
            root::search(explicit.as_deref(), credentials, &config_home, id)
                .map(|(key, path)| (key, Some(path)))
                .map_err(|error| error.to_string())
        }
        RootSource::Beside => Err(format!("{} is missing", beside.display())),
    }
}

fn clock(now: Timestamp, newest_key: Option<Timestamp>) -> Finding {
    const CHECK: &str = "clock";
    let found = time(now.unix());
    let advice = "set the clock and keep it right with NTP: expiry goes by it";
    if now.unix() < FIRST_TIME {
        return Finding::fail(CHECK, format!("{found} is long ago"), advice);
    }
    match newest_key.filter(|newest| *newest > now) {
        Some(newest) => {
            let newest = time(newest.unix());
            Finding::warn(CHECK, format!("{found}, but a key was made at {newest}"), advice)
        }
        None => Finding::ok(CHECK, found),
    }
}

async fn backup(keys: &Store, newest_key: Option<Timestamp>) -> Finding {
    const CHECK: &str = "key backup";
    let advice = "run `coffer backup keys FILE`, and keep the file away from this machine";
    match (coffer_keyring::last_backup(keys).await, newest_key) {
        (Err(error), _) => Finding::fail(CHECK, error.to_string(), ""),
        (Ok(None), _) => Finding::warn(CHECK, "the keys were never backed up", advice),
        (Ok(Some(last)), Some(newest)) if last < newest => {
            let last = time(last.unix());
            let found = format!("keys were made since the last backup of {last}");
            Finding::warn(CHECK, found, advice)
        }
        (Ok(Some(last)), _) => {
            let last = time(last.unix());
            Finding::ok(CHECK, format!("the backup of {last} has every key"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_wrong_clock_is_seen() {
        let at = Timestamp::from_unix;
        assert_eq!(clock(at(0), None).verdict, Verdict::Fail);
        assert_eq!(clock(at(FIRST_TIME), Some(at(FIRST_TIME + 1))).verdict, Verdict::Warn);
        assert_eq!(clock(at(FIRST_TIME + 1), Some(at(FIRST_TIME + 1))).verdict, Verdict::Ok);
    }
}
