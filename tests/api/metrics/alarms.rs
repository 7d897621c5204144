//! Figures behind alerts, at the values that raise them.

use super::{change, march_time, values};
use crate::disk::failing;
use crate::reserves::fixture::{Fixture, march};
use crate::webhooks::fixture as webhooks;
use coffer_keyring::RunKind;
use coffer_storage::{StorageError, Tx, Work};
use coffer_testkit::{Gate, TestServer, is_postgres};
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn a_store_that_cannot_be_written_shows_in_requests_jobs_and_the_audit() {
    let (server, fails) = failing();
    let client = server.app().client();
    // From the second pass on, the clock is believed.
    server.run_jobs();
    server.clock.advance(2 * 86_400);
    server.admin().post("/v1/admin/clock/accept", &[]).ok();
    server.run_jobs();
    let soon = (server.clock.now_unix() + 100).to_string();
    let expires = [
        ("name", "short"),
        ("payload", "value"),
        ("scope[type]", "account"),
        ("expires_at", soon.as_str()),
    ];
    client.post("/v1/apps/secrets", &expires).ok();
    server.clock.advance(2 * 86_400);
    server.flush_audit();
    let [requests, passes, audit] = [
        "coffer_requests_total{operation=\"apps.secrets.create\",outcome=\"failed\"}",
        "coffer_job_passes_total{job_name=\"expire_secrets\",outcome=\"failed\"}",
        "coffer_audit_failing",
    ];
    assert_eq!(values(&server.scrape(), [requests, passes, audit]), [0.0; 3]);
    fails.store(true, Ordering::SeqCst);
    let fail = || {
        client.set("a", "b").refused(503);
        let (job, context) =
            (server.job("expire_secrets"), &server.server().installation().context);
        server.block_on(coffer_kernel::run_pass(&*job, context)).unwrap_err();
    };
    assert_eq!(change(&server, requests, fail), 1.0);
    assert_eq!(server.scrape().value(passes), 1.0);
    // Entries are written beside the requests that they are of.
    while server.scrape().value(audit) < 1.0 {
        drop(client.with_key("sk_test_nobodys").list());
    }
    fails.store(false, Ordering::SeqCst);
    server.flush_audit();
    assert_eq!(server.scrape().value(audit), 0.0);
}

#[test]
fn a_checkpoint_that_a_reader_prevents_is_counted() {
    let server = TestServer::builder().embedded().without_background_jobs().start();
    let client = server.app().client();
    client.set("a", "b").ok();
    let reader = rusqlite::Connection::open(server.data_dir().join("coffer.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM secret").unwrap();
    client.set("a", "c").ok();
    let failed = "coffer_sqlite_checkpoints_total{store=\"data\",outcome=\"failed\"}";
    let store = &server.server().installation().stores.data;
    let checkpoint = || drop(server.block_on(store.checkpoint()).unwrap_err());
    assert!(change(&server, failed, checkpoint) >= 1.0);
}

#[test]
fn records_that_do_not_open_are_counted() {
    let fixture = Fixture::new();
    let unreadable = "coffer_key_rotation_unreadable_records";
    fixture.client.set("one", "value").ok();
    fixture.client.set("two", "value").ok();
    let sql = "UPDATE secret SET sealed = (SELECT sealed FROM secret WHERE name = 'one') \
               WHERE name = 'two'";
    assert_eq!(fixture.server.execute(sql, &[]).unwrap(), 1);
    fixture.server.admin().post("/v1/admin/keyring/rotate", &[]).ok();
    for minute in 1..=10 {
        fixture.advance_to(march(3) + minute * 301);
    }
    assert!(fixture.server.scrape().value(unreadable) >= 1.0);
}

#[test]
fn a_drill_that_failed_shows() {
    let server = TestServer::builder().without_background_jobs().start();
    let keys = server.server().installation().stores.keys.clone();
    let series = "coffer_backup_last_ok{kind=\"drill\"}";
    server.run_job("metrics");
    assert_eq!(server.scrape().find(series), None, "there was none");
    for (outcome, is_good) in [(Ok("done".to_owned()), 1.0), (Err("damaged".to_owned()), 0.0)] {
        let run = coffer_keyring::record_run(&keys, RunKind::Drill, march_time(1), outcome);
        server.block_on(run).unwrap();
        server.run_job("metrics");
        assert_eq!(server.scrape().value(series), is_good);
    }
}

#[test]
fn attempts_at_webhooks_are_counted_by_what_came_of_them() {
    let fixture = webhooks::Fixture::new();
    let series = |outcome: &str| {
        format!("coffer_webhook_attempts_total{{mode=\"test\",outcome=\"{outcome}\"}}")
    };
    let (success, failed) = (series("success"), series("failed"));
    assert_eq!(values(&fixture.server.scrape(), [&*success, &*failed]), [0.0; 2]);
    for path in ["200", "500", "close"] {
        fixture.endpoint(path);
    }
    fixture.happen();
    fixture.send();
    assert_eq!(values(&fixture.server.scrape(), [&*success, &*failed]), [1.0, 2.0]);
}

/// A unit with which another transaction collides, once.
#[derive(Default)]
struct Collides(AtomicBool);

impl Work for Collides {
    type Out = ();

    fn of_many_accounts(&self) -> bool {
        true
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        if !self.0.swap(true, Ordering::SeqCst) {
            tx.query("SELECT collide()", &[]).await?;
        }
        Ok(())
    }
}

#[test]
fn a_collision_and_a_connection_in_use_show_on_postgresql() {
    if !is_postgres() {
        return;
    }
    let gate = Gate::default();
    let server = TestServer::builder().faults(gate.faults()).without_background_jobs().start();
    let client = server.app().client();
    let [busy, retries] = [
        "coffer_postgres_connections{store=\"data\",state=\"busy\"}",
        "coffer_postgres_retries_total{store=\"data\"}",
    ];
    let collides = "CREATE FUNCTION collide() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN \
                    RAISE EXCEPTION USING ERRCODE = 'serialization_failure'; END $$";
    server.tamper(&[], &[collides.to_owned()]);
    let store = &server.server().installation().stores.data;
    let collide = || server.block_on(store.write(Collides::default())).unwrap();
    assert_eq!(change(&server, retries, collide), 1.0);
    gate.close();
    std::thread::scope(|scope| {
        scope.spawn(|| client.set("a", "b").ok());
        gate.wait_until_held();
        let held = server.scrape().value(busy);
        gate.open();
        assert!(held >= 1.0, "{held}");
    });
}
