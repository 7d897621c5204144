//! `/metrics`: who sees it, that it names nobody, and that each figure moves.

mod access;
mod alarms;
mod moving;
mod stores;

use crate::reserves::fixture::{Fixture, march};
use coffer::audit::Anchor;
use coffer_keyring::RunKind;
use coffer_metrics::catalogue;
use coffer_testkit::{Scrape, TestServer, is_postgres};
use std::collections::BTreeSet;

/// What is shown only while webhooks wait.
const WHILE_WEBHOOKS_WAIT: &str = catalogue::WEBHOOK_OLDEST_DUE.name;

/// What a server shows on one engine only.
fn is_of_other_engine(name: &str) -> bool {
    let of_sqlite = name.starts_with("coffer_sqlite_") || name.starts_with("coffer_disk_");
    if is_postgres() { of_sqlite } else { name.starts_with("coffer_postgres_") }
}

/// Uses a server in every way that has a metric.
fn used(fixture: &Fixture, anchors: &std::path::Path) {
    let server = &fixture.server;
    fixture.rolling(10, 30);
    fixture.charge("ch_1", 1000, &[]);
    fixture.advance_to(march(3));
    let payout = [("id", "po_1"), ("amount", "2000"), ("currency", "usd"), ("reported", "true")];
    fixture.post("/v1/ledger/payouts", &payout).ok();
    let anchor = format!("file:{}", anchors.display());
    server.server().installation().audit.anchor_at(anchor.parse::<Anchor>().unwrap());
    let keys = &server.server().installation().stores.keys;
    for kind in [RunKind::Backup, RunKind::Drill] {
        let run = coffer_keyring::record_run(keys, kind, march_time(4), Ok("done".to_owned()));
        server.block_on(run).unwrap();
    }
    server.admin().post("/v1/admin/keyring/rotate", &[]).ok();
    fixture.advance_to(march(4));
    fixture.advance_to(march(4) + 600);
}

fn march_time(day: i64) -> coffer_base::Timestamp {
    coffer_base::Timestamp::from_unix(march(day))
}

/// A server that ships its audit to a file below `directory`.
fn shipping_server(directory: &std::path::Path) -> Fixture {
    let receiver = format!("file:{}", directory.join("audit.jsonl").display());
    Fixture::with(TestServer::builder().ship_audit_to(&receiver))
}

#[test]
fn every_metric_of_the_list_is_shown_and_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = shipping_server(directory.path());
    used(&fixture, &directory.path().join("anchors"));
    let scrape = fixture.server.scrape();
    let expected: BTreeSet<&str> = catalogue::ALL
        .iter()
        .map(|metric| metric.name)
        .filter(|name| !is_of_other_engine(name) && *name != WHILE_WEBHOOKS_WAIT)
        .collect();
    assert_eq!(scrape.names(), expected);
    for metric in catalogue::ALL.iter().filter(|metric| expected.contains(metric.name)) {
        let help = format!("# HELP {} {}\n", metric.name, metric.help);
        assert_eq!(scrape.text().matches(&help).count(), 1, "{}", metric.name);
    }
}

/// Whoever reads the figures learns of no tenant: not from labels, not from anything else.
#[test]
fn no_figure_names_anybody() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = shipping_server(directory.path());
    used(&fixture, &directory.path().join("anchors"));
    let user = [
        ("name", "name_of_secret"),
        ("payload", "value_of_secret"),
        ("scope[type]", "user"),
        ("scope[user]", "user_of_secret"),
    ];
    fixture.post("/v1/apps/secrets", &user).ok();
    fixture.client.with_key("sk_test_nobodys_key").find("name_of_secret").refused(401);
    fixture.client.get("/v1/nothing/name_of_secret", &[]).refused(404);
    fixture.server.run_jobs();
    let scrape = fixture.server.scrape();
    let (app, account) = (&fixture.app.id, &fixture.account);
    for word in ["name_of_secret", "value_of_secret", "user_of_secret", "nobodys_key", app, account]
    {
        assert!(!scrape.text().contains(word), "{word}");
    }
    let prefixes = ["app_", "acct_", "key_", "req_", "sk_", "ak_", "user_", "127.0.0.1"];
    let labels = scrape.text().lines().filter(|line| !line.starts_with('#'));
    for line in labels.filter_map(|line| line.split_once('{')).map(|(_, labels)| labels) {
        let mut values = line.split('"').skip(1).step_by(2);
        let named = values.find(|value| prefixes.iter().any(|prefix| value.starts_with(prefix)));
        assert_eq!(named, None, "{line}");
    }
}

/// The figure of a series, before and after something.
fn change(server: &TestServer, series: &str, act: impl FnOnce()) -> f64 {
    let before = server.scrape().find(series).unwrap_or_default();
    act();
    server.scrape().value(series) - before
}

/// The figures of series, after each other.
fn values<const N: usize>(scrape: &Scrape, series: [&str; N]) -> [f64; N] {
    series.map(|series| scrape.value(series))
}
