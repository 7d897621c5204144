//! Checks of stores in files, of their keys and of the clock.

use super::{Finding, root_key};
use crate::cli::table::time;
use crate::config::Config;
use coffer::assemble::{DATA_FILE, KEYS_FILE};
use coffer::family_set::FamilySet;
use coffer_base::{Clock, SystemClock, Timestamp};
use coffer_keyring::KEY_MIGRATIONS;
use coffer_storage::{MigrationSet, Store};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A clock before this time, 2026-01-01, was never set.
const FIRST_TIME: i64 = 1_767_225_600;

/// Checks the stores in `data_dir` and their keys.
pub(super) async fn check(config: &Config, data_dir: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    let data = open(&data_dir.join(DATA_FILE), &FamilySet::default().migrations(), &mut findings);
    let keys = open(&config.key_dir().join(KEYS_FILE), &[KEY_MIGRATIONS], &mut findings);
    let (Some(data), Some(keys)) = (data, keys) else { return findings };
    findings.push(Finding::ok("schema", "both stores have this version's"));
    findings.push(separation(data_dir, &config.key_dir()));
    if coffer_keyring::key_store_use(&keys).await.is_ok_and(|use_of| use_of.developer) {
        let found = "it was made by developer mode, which lets in whoever asks";
        findings.push(Finding::warn("store", found, "serve it with `coffer dev` only"));
    }
    findings.extend(match coffer_keyring::store_id(&data).await {
        Ok(Some(id)) => root_key::check(config, data_dir, &data, &keys, &id).await,
        Ok(None) => {
            let advice = "run `coffer init` again, which finishes it";
            vec![Finding::fail("store", "it was begun and not finished", advice)]
        }
        Err(error) => vec![Finding::fail("store", error.to_string(), "restore a backup")],
    });
    let newest_key = coffer_keyring::newest_key(&keys).await.ok().flatten();
    findings.push(clock(SystemClock.now(), newest_key));
    findings.push(backup(&keys, newest_key).await);
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

/// One disk should not have both the data and the keys.
fn separation(data_dir: &Path, key_dir: &Path) -> Finding {
    const CHECK: &str = "key directory";
    match on_one_device(data_dir, key_dir) {
        Some(true) => Finding::warn(
            CHECK,
            "data and keys are on one device",
            "whoever has a copy of it lacks only the root key; put keys.db on another disk, and \
             say where with --key-dir",
        ),
        Some(false) => Finding::ok(CHECK, "data and keys are on two devices"),
        None => Finding::warn(CHECK, "it cannot be seen where data and keys are", ""),
    }
}

/// Whether both paths are on one file system; `None` if the system does not say.
pub(super) fn on_one_device(one: &Path, other: &Path) -> Option<bool> {
    let device = |path: &Path| std::fs::metadata(path).map(|about| about.dev()).ok();
    Some(device(one)? == device(other)?)
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
