//! Checks of stores in files, of their keys and of the clock.

use super::{Finding, root_key};
use crate::config::Config;
use coffer::assemble::{DATA_FILE, KEYS_FILE};
use coffer::calendar::time;
use coffer::family_set::FamilySet;
use coffer::store_place;
use coffer_base::{Clock, SystemClock, Timestamp, shell};
use coffer_keyring::{KEY_MIGRATIONS, KeyringError, Unopenable};
use coffer_storage::{MigrationSet, StorageError, Store};
use std::path::Path;

/// A clock before this time, 2026-01-01, was never set.
const FIRST_TIME: i64 = 1_767_225_600;

/// Checks the stores in `data_dir` and their keys.
pub(super) async fn check(config: &Config, data_dir: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    let places = [data_dir.join(DATA_FILE), config.key_dir().join(KEYS_FILE)];
    let whole = places.map(|path| integrity(&path, &mut findings));
    if whole.contains(&false) {
        return findings;
    }
    findings.push(Finding::ok("integrity", "both stores are whole"));
    let data = open(&data_dir.join(DATA_FILE), &FamilySet::default().migrations(), &mut findings);
    let keys = open(&config.key_dir().join(KEYS_FILE), &[KEY_MIGRATIONS], &mut findings);
    let (Some(data), Some(keys)) = (data, keys) else { return findings };
    findings.push(Finding::ok("schema", "both stores have this version's"));
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
    let now = SystemClock.now();
    findings.push(clock(now, newest_key));
    findings.extend(super::clock::check(&data, now).await);
    findings.push(every_key(&data, &keys).await);
    findings.push(backup(&keys).await);
    findings.extend(super::runs::check(&keys, true).await);
    findings.extend(super::runs::head(config, &data, &keys).await);
    findings
}

/// Whether the file at `path` is there and whole.
fn integrity(path: &Path, findings: &mut Vec<Finding>) -> bool {
    match store_place::has_content(path) {
        Ok(true) => {}
        Ok(false) => {
            findings.push(Finding::fail(
                "store",
                format!("{} is missing or empty", path.display()),
                "put it back from your copy, or mount its volume: without the keys the data can \
                 be opened by nobody",
            ));
            return false;
        }
        Err(error) => {
            let advice = "let the user that runs coffer read it";
            let found = format!("{} cannot be read: {error}", path.display());
            findings.push(Finding::fail("store", found, advice));
            return false;
        }
    }
    let Err(error) = coffer_storage::check_file(path) else { return true };
    let advice = match &error {
        // It says itself what to do.
        StorageError::File(_) => String::new(),
        StorageError::Corrupt(_) => {
            let word = shell::word(&path.display().to_string()).into_owned();
            format!(
                "stop the server, keep these files aside, remove {word}-wal and {word}-shm, and \
                 put your newest backup in the place of {word}"
            )
        }
        _ => "try again; if it stays, look at the disk".to_owned(),
    };
    findings.push(Finding::fail("integrity", error.to_string(), advice));
    false
}

/// The key store has the key of every tenant that has data.
pub(super) async fn every_key(data: &Store, keys: &Store) -> Finding {
    const CHECK: &str = "tenants' keys";
    match coffer_keyring::tenants_without_key(data, keys).await {
        Ok(Unopenable { missing: 0, destroyed: 0 }) => {
            Finding::ok(CHECK, "every tenant with data has its key")
        }
        Ok(Unopenable { missing: 0, destroyed }) => Finding::warn(
            CHECK,
            format!("{destroyed} tenants' data is sealed under keys that were destroyed"),
            "the data is older than the keys, and these tenants were erased since: nobody can \
             open what is left of them; delete them again",
        ),
        Ok(Unopenable { missing, .. }) => Finding::fail(
            CHECK,
            format!(
                "{missing} tenants' data is sealed under keys that the key store does not have"
            ),
            "the key store is older than the data: put the newest copy of the keys in its place, \
             before anything new is written",
        ),
        Err(error) => Finding::fail(CHECK, error.to_string(), ""),
    }
}

fn open(path: &Path, sets: &[MigrationSet], findings: &mut Vec<Finding>) -> Option<Store> {
    match Store::open_sqlite_read_only(path, sets) {
        Ok(store) => Some(store),
        Err(error) => {
            findings.push(Finding::fail("schema", error.to_string(), ""));
            None
        }
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

async fn backup(keys: &Store) -> Finding {
    const CHECK: &str = "key backup";
    let advice = "run `coffer backup create --keys-to PLACE`, and keep it away from this machine";
    let found = async {
        let count = coffer_keyring::key_count(keys).await?;
        Ok::<_, KeyringError>((coffer_keyring::last_backup(keys).await?, count))
    };
    match found.await {
        Err(error) => Finding::fail(CHECK, error.to_string(), ""),
        Ok((None, _)) => Finding::warn(CHECK, "the keys were never backed up", advice),
        Ok((Some(last), count)) => {
            let at = time(last.at.unix());
            match count.saturating_sub(last.keys) {
                ..=0 => Finding::ok(CHECK, format!("the backup of {at} has every key")),
                lacking => {
                    let found = format!("the backup of {at} lacks {lacking} keys made since");
                    Finding::fail(CHECK, found, advice)
                }
            }
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
