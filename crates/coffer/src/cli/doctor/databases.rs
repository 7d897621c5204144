//! Stores that are databases.

use super::{Finding, keys};
use crate::config::Config;
use coffer::family_set::FamilySet;
use coffer_base::{Clock, SystemClock};
use coffer_keyring::KEY_MIGRATIONS;
use coffer_storage::{About, MigrationSet, PostgresOptions, Store};

/// Seconds by which the clocks of this machine and of the database may differ.
const CLOCK_SECONDS: i64 = 2;

/// Checks what can be seen of both databases.
pub(super) async fn stores(
    config: &Config,
    data: PostgresOptions,
    keys: PostgresOptions,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if data.same_cluster(&keys) {
        findings.push(Finding::warn(
            "key database",
            "data and keys are in one cluster",
            "whoever has a copy of it lacks only the root key; give the keys their own cluster",
        ));
    }
    let data = open(data, &FamilySet::default().migrations(), &mut findings).await;
    let keys = open(keys, &[KEY_MIGRATIONS], &mut findings).await;
    let (Some(data), Some(keys)) = (data, keys) else { return findings };
    for store in [&data, &keys] {
        if let Ok(Some(about)) = store.about().await {
            findings.extend([durability(&about), clock(&about)]);
        }
    }
    match coffer_keyring::store_id(&data).await {
        Ok(Some(id)) => {
            findings.extend(keys::root_key(config, &config.data_dir(), &keys, &id).await);
        }
        Ok(None) => findings.push(Finding::fail(
            "store",
            "the databases are empty, or founding was not finished",
            "run `coffer init`",
        )),
        Err(error) => findings.push(Finding::fail("store", error.to_string(), "")),
    }
    findings
}

async fn open(
    options: PostgresOptions,
    sets: &[MigrationSet],
    findings: &mut Vec<Finding>,
) -> Option<Store> {
    const CHECK: &str = "database";
    let place = options.to_string();
    let open = options.is_in_the_open();
    match Store::open_postgres(options, sets).await {
        Ok(store) => {
            findings.push(if open {
                let found = format!("{place} answers, and what it is sent is not encrypted");
                Finding::warn(CHECK, found, "take sslmode=disable out of the address")
            } else {
                Finding::ok(CHECK, format!("{place} answers, and has this version's schema"))
            });
            Some(store)
        }
        Err(error) => {
            // It names the database.
            findings.push(Finding::fail(CHECK, error.to_string(), ""));
            None
        }
    }
}

/// Whether a commit that was answered is on disk.
fn durability(about: &About) -> Finding {
    const CHECK: &str = "durability";
    let lost = "a crash loses what was acknowledged";
    if !about.flushes {
        return Finding::fail(CHECK, format!("fsync is off: {lost}"), "turn it on");
    }
    if about.synchronous_commit == "off" {
        let advice = "turn it on, at least for coffer's role: ALTER ROLE … SET synchronous_commit";
        return Finding::fail(CHECK, format!("synchronous_commit is off: {lost}"), advice);
    }
    let commit = &about.synchronous_commit;
    Finding::ok(CHECK, format!("fsync is on, synchronous_commit is {commit}"))
}

fn clock(about: &About) -> Finding {
    const CHECK: &str = "clock";
    let apart = SystemClock.now().unix().saturating_sub(about.now.unix()).saturating_abs();
    if apart > CLOCK_SECONDS {
        let found = format!("this machine and the database are {apart} s apart");
        let advice = "keep all clocks right with NTP: expiry goes by the server's";
        return Finding::warn(CHECK, found, advice);
    }
    Finding::ok(CHECK, "this machine and the database agree")
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn what_could_lose_a_commit_is_a_failure() {
        let about = |flushes, commit: &str, apart| About {
            flushes,
            synchronous_commit: commit.to_owned(),
            now: SystemClock.now().plus(apart),
        };
        assert_eq!(durability(&about(true, "on", 0)).verdict, Verdict::Ok);
        assert_eq!(durability(&about(false, "on", 0)).verdict, Verdict::Fail);
        assert_eq!(durability(&about(true, "off", 0)).verdict, Verdict::Fail);
        assert_eq!(clock(&about(true, "on", 0)).verdict, Verdict::Ok);
        assert_eq!(clock(&about(true, "on", 60)).verdict, Verdict::Warn);
    }
}
