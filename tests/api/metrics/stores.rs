//! What the engines do, and how much the disk has left.

use super::{change, values};
use coffer_storage::Faults;
use coffer_testkit::{Gate, TestServer, is_postgres};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[test]
fn units_and_commits_are_counted_and_timed() {
    let server = TestServer::builder().without_background_jobs().start();
    let client = server.app().client();
    client.set("a", "b").ok();
    let write = || drop(client.set("a", "c").ok());
    for series in [
        "coffer_store_units_total{store=\"data\"}",
        "coffer_store_commits_total{store=\"data\"}",
        "coffer_store_commit_duration_seconds_count{store=\"data\"}",
    ] {
        assert!(change(&server, series, write) >= 1.0, "{series}");
    }
    assert!(server.scrape().find("coffer_store_waiting{store=\"keys\"}").is_some());
    if is_postgres() {
        let round_trips = "coffer_postgres_round_trips_total{store=\"data\"}";
        assert!(change(&server, round_trips, write) >= 2.0);
        let scrape = server.scrape();
        let [busy, limit] = values(
            &scrape,
            [
                "coffer_postgres_connections{store=\"data\",state=\"busy\"}",
                "coffer_postgres_connections{store=\"data\",state=\"limit\"}",
            ],
        );
        assert!(busy < limit, "{busy} of {limit}");
    }
}

#[test]
fn what_waits_for_the_writer_is_counted() {
    let gate = Gate::default();
    let builder = TestServer::builder().embedded().faults(gate.faults());
    let server = builder.without_background_jobs().start();
    let client = server.app().client();
    let waiting = "coffer_store_waiting{store=\"data\"}";
    assert_eq!(server.scrape().value(waiting), 0.0);
    gate.close();
    std::thread::scope(|scope| {
        let set = |name: &'static str| {
            let client = &client;
            scope.spawn(move || client.set(name, "value").ok());
        };
        set("a");
        // Others that come before it is held would be in its group, and not wait.
        gate.wait_until_held();
        ["b", "c"].into_iter().for_each(set);
        while server.scrape().value(waiting) < 2.0 {
            std::thread::yield_now();
        }
        gate.open();
    });
    assert_eq!(server.scrape().value(waiting), 0.0);
}

#[test]
fn the_write_ahead_log_and_its_checkpoints_are_measured() {
    let server = TestServer::builder().embedded().without_background_jobs().start();
    let client = server.app().client();
    client.set("a", "b").ok();
    let series = "coffer_sqlite_wal_bytes{store=\"data\"}";
    assert!(server.scrape().value(series) > 0.0);
    let checkpoints = "coffer_sqlite_checkpoints_total{store=\"data\",outcome=\"success\"}";
    let store = &server.server().installation().stores.data;
    let checkpoint = || server.block_on(store.checkpoint()).unwrap();
    assert!(change(&server, checkpoints, checkpoint) >= 1.0);
    assert_eq!(server.scrape().value(series), 0.0);
}

#[test]
fn a_disk_that_is_nearly_full_shows() {
    let free = Arc::new(AtomicU64::new(1 << 40));
    let faults = Faults::none().free_space_of(Arc::clone(&free));
    let server = TestServer::builder().embedded().faults(faults).without_background_jobs().start();
    let client = server.app().client();
    client.set("a", "b").ok();
    let [available, floor, ballast, low] =
        ["available_bytes", "floor_bytes", "ballast_bytes", "low"]
            .map(|figure| format!("coffer_disk_{figure}{{store=\"data\"}}"));
    let scrape = server.scrape();
    assert_eq!(values(&scrape, [&*available, &*low]), [(1u64 << 40) as f64, 0.0]);
    assert!(scrape.value(&floor) > 0.0 && scrape.value(&ballast) > 0.0);
    free.store(1, Ordering::SeqCst);
    client.set("b", "c").refused(503);
    assert_eq!(values(&server.scrape(), [&*available, &*low]), [1.0, 1.0]);
}
