//! Checks of stores in PostgreSQL.

use super::{Finding, files, root_key};
use crate::config::Config;
use coffer::assemble;
use coffer::family_set::FamilySet;
use coffer_base::{Clock, SystemClock};
use coffer_keyring::KEY_MIGRATIONS;
use coffer_storage::{MigrationSet, Node, PostgresOptions, ServerInfo, Store};

/// Seconds by which the clocks of this machine and of the database may differ.
const CLOCK_SECONDS: i64 = 2;

/// Checks the PostgreSQL databases and the root key.
pub(super) async fn check(
    config: &Config,
    data: PostgresOptions,
    keys: PostgresOptions,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = separation(&data, &keys).into_iter().collect();
    let data = open(data, &FamilySet::default().migrations(), &mut findings).await;
    let keys = open(keys, &[KEY_MIGRATIONS], &mut findings).await;
    let (Some(data), Some(keys)) = (data, keys) else { return findings };
    for store in [&data, &keys] {
        if let Ok(Some(about)) = store.server_info().await {
            findings.extend([durability(&about), clock(&about)]);
        }
    }
    findings.extend(servers(config, &data).await);
    findings.extend(super::clock::check(&data, SystemClock.now()).await);
    findings.push(files::every_key(&data, &keys).await);
    findings.extend(super::runs::check(&keys, false).await);
    findings.extend(super::runs::head(config, &data, &keys).await);
    findings.extend(match coffer_keyring::store_id(&data).await {
        Ok(Some(id)) => root_key::check(config, &config.data_dir(), &data, &keys, &id).await,
        Ok(None) => {
            let found = "the databases are empty, or `coffer init` was not finished";
            vec![Finding::fail("store", found, "run `coffer init`")]
        }
        Err(error) => vec![Finding::fail("store", error.to_string(), "")],
    });
    findings
}

/// A copy of one cluster should not have both the data and the keys.
fn separation(data: &PostgresOptions, keys: &PostgresOptions) -> Option<Finding> {
    let advice =
        "whoever has a copy of it lacks only the root key; give the keys their own cluster";
    let found = "data and keys are in one cluster";
    data.same_cluster(keys).then(|| Finding::warn("key database", found, advice))
}

async fn open(
    options: PostgresOptions,
    sets: &[MigrationSet],
    findings: &mut Vec<Finding>,
) -> Option<Store> {
    const CHECK: &str = "database";
    let (name, is_unencrypted) = (options.to_string(), options.is_unencrypted());
    let (finding, store) = match Store::open_postgres(options, sets).await {
        // The error names the database.
        Err(error) => (Finding::fail(CHECK, error.to_string(), ""), None),
        Ok(store) if is_unencrypted => {
            let found = format!("{name} answers, and what it is sent is not encrypted");
            let advice = "take sslmode=disable out of the address";
            (Finding::warn(CHECK, found, advice), Some(store))
        }
        Ok(store) => {
            let found = format!("{name} answers, and has this version's schema");
            (Finding::ok(CHECK, found), Some(store))
        }
    };
    findings.push(finding);
    store
}

/// Whether a commit that was acknowledged survives a crash.
fn durability(about: &ServerInfo) -> Finding {
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

/// The servers over which the data is spread, if it is.
async fn servers(config: &Config, data: &Store) -> Vec<Finding> {
    const CHECK: &str = "placement";
    let nodes = match data.nodes().await {
        Ok(None) => return Vec::new(),
        Ok(Some(nodes)) => nodes,
        Err(error) => return vec![Finding::fail("server", error.to_string(), "")],
    };
    let mut findings: Vec<Finding> = nodes.iter().map(server).collect();
    let Ok(database) = config.database() else { return findings };
    let families = FamilySet::default();
    findings.push(match assemble::distribute(&database, &families, true).await {
        Ok(missing) if missing.is_empty() => Finding::ok(CHECK, "every table is where it belongs"),
        Ok(missing) => {
            let found = format!("{} steps of the distribution are left", missing.len());
            Finding::warn(CHECK, found, "run `coffer migrate distribute` with no server running")
        }
        Err(error) => Finding::fail(CHECK, error.to_string(), ""),
    });
    findings
}

/// Whether one of many servers answers, and keeps what it confirms.
fn server(node: &Node) -> Finding {
    const CHECK: &str = "server";
    let Node { name, problem, flushes, synchronous_commit: commit, can_prepare, prepared } = node;
    let lost = "a crash loses what was acknowledged";
    if let Some(problem) = problem {
        let advice = "the accounts that it has wait until it is back; the others do not";
        return Finding::fail(CHECK, format!("{name}: {problem}"), advice);
    }
    if !flushes || commit == "off" {
        let setting = if *flushes { "synchronous_commit" } else { "fsync" };
        return Finding::fail(CHECK, format!("{name}: {setting} is off: {lost}"), "turn it on");
    }
    if !can_prepare {
        let found = format!("{name}: max_prepared_transactions is 0");
        let advice = "set it to at least max_connections: a change that concerns two servers is \
                      prepared on both before it is committed";
        return Finding::fail(CHECK, found, advice);
    }
    if *prepared > 0 {
        let found = format!("{name}: {prepared} transactions were prepared and never ended");
        let advice = "they hold their locks: SELECT recover_prepared_transactions() on the \
                      coordinator, which does so by itself every citus.recover_2pc_interval";
        return Finding::warn(CHECK, found, advice);
    }
    let found = format!("{name} answers; fsync is on, synchronous_commit is {commit}");
    Finding::ok(CHECK, found)
}

fn clock(about: &ServerInfo) -> Finding {
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
        let about = |flushes, commit: &str, apart| ServerInfo {
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

    #[test]
    fn a_server_of_many_is_found_that_would_lose_or_hold_something() {
        let right = || Node {
            name: "one:5432".to_owned(),
            problem: None,
            flushes: true,
            synchronous_commit: "on".to_owned(),
            can_prepare: true,
            prepared: 0,
        };
        for (node, verdict) in [
            (right(), Verdict::Ok),
            (Node { problem: Some("does not answer".to_owned()), ..right() }, Verdict::Fail),
            (Node { flushes: false, ..right() }, Verdict::Fail),
            (Node { synchronous_commit: "off".to_owned(), ..right() }, Verdict::Fail),
            (Node { can_prepare: false, ..right() }, Verdict::Fail),
            (Node { prepared: 1, ..right() }, Verdict::Warn),
        ] {
            assert_eq!(server(&node).verdict, verdict, "{node:?}");
        }
    }
}
