//! Each figure moves when that happens which it is about: requests, jobs, keys, audit, books.

use super::{change, march_time, shipping_server, used, values};
use crate::reserves::fixture::{Fixture, march};
use crate::webhooks::fixture as webhooks;
use coffer::audit::Anchor;
use coffer_keyring::RunKind;
use coffer_testkit::TestServer;

#[test]
fn requests_are_counted_by_what_came_of_them() {
    let server = TestServer::builder().without_background_jobs().start();
    let client = server.app().client();
    let requests = |operation: &str, outcome: &str| {
        let labels = format!("operation=\"{operation}\",outcome=\"{outcome}\"");
        format!("coffer_requests_total{{{labels}}}")
    };
    let set = |outcome| requests("apps.secrets.create", outcome);
    let idempotent = client.idempotent("once");
    assert_eq!(change(&server, &set("success"), || drop(idempotent.set("a", "b").ok())), 1.0);
    assert_eq!(change(&server, &set("replayed"), || drop(idempotent.set("a", "b").ok())), 1.0);
    let refused = || drop(client.post("/v1/apps/secrets", &[("name", "a")]).refused(400));
    assert_eq!(change(&server, &set("refused"), refused), 1.0);
    let took = "coffer_request_duration_seconds_count{operation=\"apps.secrets.create\"}";
    assert_eq!(change(&server, took, || drop(client.set("a", "c").ok())), 1.0);
    let stranger = client.with_key("sk_test_coffer_0123456789abcdefghijklmnopqrstuv");
    let unknown = "coffer_refusals_total{reason=\"key.unknown\"}";
    assert_eq!(change(&server, unknown, || drop(stranger.list().refused(401))), 1.0);
    let nothing = || drop(client.get("/v1/nothing", &[]).refused(404));
    assert_eq!(change(&server, &requests("none", "refused"), nothing), 1.0);
    let scrape = server.scrape();
    assert!(scrape.value("coffer_connections{listener=\"api\"}") >= 1.0);
    let sum = "coffer_request_duration_seconds_sum{operation=\"apps.secrets.create\"}";
    assert!(scrape.value(sum) > 0.0);
    let all =
        "coffer_request_duration_seconds_bucket{operation=\"apps.secrets.create\",le=\"+Inf\"}";
    assert_eq!(scrape.value(all), scrape.value(took));
}

#[test]
fn the_program_and_its_caches_are_measured() {
    let server = TestServer::builder().without_background_jobs().start();
    let client = server.app().client();
    let scrape = server.scrape();
    for series in [
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_max_fds",
        "process_start_time_seconds",
    ] {
        assert!(scrape.value(series) > 0.0, "{series}");
    }
    let (misses, entries) = (
        "coffer_cache_misses_total{cache=\"principals\"}",
        "coffer_cache_entries{cache=\"principals\"}",
    );
    let looked_up = || drop(client.list().ok());
    assert_eq!(change(&server, misses, looked_up), 1.0);
    assert!(server.scrape().value(entries) >= 1.0);
    let misses = "coffer_cache_misses_total{cache=\"tenant_keys\"}";
    assert!(change(&server, misses, || drop(client.set("a", "b").ok())) >= 1.0);
    assert!(server.scrape().value("coffer_cache_entries{cache=\"tenant_keys\"}") >= 1.0);
}

#[test]
fn jobs_are_counted_and_say_when_they_last_succeeded() {
    let server = TestServer::builder().without_background_jobs().start();
    let client = server.app().client();
    let soon = (server.clock.now_unix() + 100).to_string();
    let params = [
        ("name", "short"),
        ("payload", "value"),
        ("scope[type]", "account"),
        ("expires_at", soon.as_str()),
    ];
    client.post("/v1/apps/secrets", &params).ok();
    server.run_jobs();
    let done = "coffer_job_done_total{job_name=\"expire_secrets\"}";
    let expired = change(&server, done, || {
        server.clock.advance(2 * 86_400);
        server.admin().post("/v1/admin/clock/accept", &[]).ok();
        server.run_jobs();
        server.clock.advance(2 * 86_400);
        server.run_jobs();
    });
    assert_eq!(expired, 1.0);
    let scrape = server.scrape();
    let [passes, last, every] = values(
        &scrape,
        [
            "coffer_job_passes_total{job_name=\"expire_secrets\",outcome=\"success\"}",
            "coffer_job_last_success_timestamp_seconds{job_name=\"expire_secrets\"}",
            "coffer_job_interval_seconds{job_name=\"expire_secrets\"}",
        ],
    );
    assert_eq!((passes, last), (3.0, server.clock.now_unix() as f64));
    assert!(every > 0.0);
    assert_eq!(scrape.value("coffer_job_duration_seconds_count{job_name=\"expire_secrets\"}"), 3.0);
}

#[test]
fn a_schedule_that_waits_shows_its_lag() {
    let fixture = Fixture::new();
    let task = "ledger.available";
    let lag = format!("coffer_scheduled_task_lag_seconds{{task=\"{task}\"}}");
    let mark = format!("coffer_scheduled_task_watermark_timestamp_seconds{{task=\"{task}\"}}");
    let scrape = fixture.server.scrape();
    assert_eq!(values(&scrape, [&*lag, &*mark]), [0.0, march(1) as f64]);
    // Nobody works, and time passes.
    fixture.server.clock.set(march_time(4));
    fixture.server.run_job("metrics");
    assert_eq!(fixture.server.scrape().value(&lag), 2.0 * 86_400.0);
    fixture.server.run_jobs();
    fixture.server.run_job("metrics");
    let scrape = fixture.server.scrape();
    assert_eq!(values(&scrape, [&*lag, &*mark]), [0.0, march(4) as f64]);
}

#[test]
fn a_clock_that_is_doubted_and_a_stop_show() {
    let server = TestServer::builder().without_background_jobs().start();
    let series = ["coffer_clock_doubtful", "coffer_clock_waiting", "coffer_keyring_sealed"];
    server.run_jobs();
    assert_eq!(values(&server.scrape(), series), [0.0; 3]);
    server.clock.jump(400 * 86_400);
    server.run_jobs();
    assert_eq!(values(&server.scrape(), series), [1.0, 1.0, 0.0]);
    server.admin().post("/v1/admin/clock/accept", &[]).ok();
    server.admin().post("/v1/admin/keyring/seal", &[]).ok();
    assert_eq!(values(&server.scrape(), series), [0.0, 0.0, 1.0]);
}

#[test]
fn keys_and_their_rotation_are_measured() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = shipping_server(directory.path());
    let series = [
        "coffer_tenant_keys{state=\"active\"}",
        "coffer_master_keys_old",
        "coffer_key_rotation_running",
        "coffer_key_rotation_unreadable_records",
    ];
    fixture.charge("ch_1", 1000, &[]);
    fixture.client.set("a", "b").ok();
    fixture.server.admin().post("/v1/admin/keyring/rotate", &[]).ok();
    fixture.server.run_job("metrics");
    let before = fixture.server.scrape();
    assert_eq!(before.value("coffer_key_rotation_running"), 1.0);
    let created = "coffer_master_key_created_timestamp_seconds";
    for minute in 1..=10 {
        fixture.advance_to(march(3) + minute * 301);
    }
    let scrape = fixture.server.scrape();
    let [active, old, running, unreadable] = values(&scrape, series);
    assert!(active >= 2.0, "the installation's own, and the tenant's: {active}");
    assert_eq!([old, running, unreadable], [0.0; 3]);
    assert!(scrape.value(created) > before.value(created), "there is a new one");
    let started = scrape.value("coffer_key_rotation_started_timestamp_seconds");
    let oldest = scrape.value("coffer_tenant_key_oldest_timestamp_seconds");
    assert!(started > 0.0 && oldest >= started, "{started} {oldest}");
    assert_eq!(scrape.value("coffer_tenant_keys{state=\"replaced\"}"), 0.0);
}

#[test]
fn the_audit_its_anchors_and_its_receivers_are_measured() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = shipping_server(directory.path());
    let server = &fixture.server;
    let anchors = directory.path().join("anchors");
    let anchor: Anchor = format!("file:{}", anchors.display()).parse().unwrap();
    server.server().installation().audit.anchor_at(anchor);
    server.flush_audit();
    server.run_jobs();
    server.run_job("metrics");
    let receiver = format!("file:{}", directory.path().join("audit.jsonl").display());
    let [lag, seconds, failing] = ["lag_entries", "lag_seconds", "failing"]
        .map(|figure| format!("coffer_audit_shipment_{figure}{{receiver=\"{receiver}\"}}"));
    let scrape = server.scrape();
    let series = [&*lag, &*seconds, &*failing, "coffer_audit_failing"];
    assert_eq!(values(&scrape, series), [0.0; 4]);
    let entries = scrape.value("coffer_audit_log_entries");
    assert!(entries > 0.0 && scrape.value("coffer_audit_anchored_entries") > 0.0);
    assert_eq!(scrape.value("coffer_audit_anchors_total{outcome=\"success\"}"), 1.0);
    let anchored = "coffer_audit_last_anchor_timestamp_seconds";
    assert_eq!(scrape.value(anchored), server.clock.now_unix() as f64);
    // The anchor's place goes away.
    std::fs::remove_file(&anchors).unwrap();
    std::fs::create_dir(&anchors).unwrap();
    fixture.client.set("a", "b").ok();
    server.clock.advance(120);
    server.run_job("audit");
    server.run_job("metrics");
    let scrape = server.scrape();
    assert_eq!(scrape.value("coffer_audit_anchors_total{outcome=\"failed\"}"), 1.0);
    assert!(scrape.value("coffer_audit_log_entries") > entries);
    let head = scrape.value("coffer_audit_log_head_timestamp_seconds");
    assert_eq!(head, server.clock.now_unix() as f64);
    let [waiting, waits] = values(&scrape, [&*lag, &*seconds]);
    assert!(waiting >= 1.0 && waits >= 120.0, "{waiting} {waits}");
}

#[test]
fn backups_and_drills_say_when_they_last_succeeded() {
    let server = TestServer::builder().without_background_jobs().start();
    let keys = server.server().installation().stores.keys.clone();
    let series = |figure: &str, kind: RunKind| {
        format!("coffer_backup_last_{figure}{{kind=\"{}\"}}", kind.as_str())
    };
    let record = |kind: RunKind, outcome, day| {
        let run = coffer_keyring::record_run(&keys, kind, march_time(day), outcome);
        server.block_on(run).unwrap();
        server.run_job("metrics");
        let scrape = server.scrape();
        let succeeded = scrape.find(&series("success_timestamp_seconds", kind));
        (succeeded, scrape.value(&series("ok", kind)))
    };
    let failed = || Err("the disk is full".to_owned());
    for (kind, other) in [(RunKind::Backup, RunKind::Drill), (RunKind::Drill, RunKind::Backup)] {
        let before = server.scrape().find(&series("ok", other));
        assert_eq!(record(kind, failed(), 1), (None, 0.0));
        assert_eq!(record(kind, Ok("done".to_owned()), 2), (Some(march(2) as f64), 1.0));
        assert_eq!(record(kind, failed(), 3), (Some(march(2) as f64), 0.0));
        assert_eq!(server.scrape().find(&series("ok", other)), before, "{kind:?} is not {other:?}");
    }
}

#[test]
fn webhooks_that_wait_and_endpoints_that_fail_are_counted() {
    let fixture = webhooks::Fixture::new();
    let figures = ["waiting_attempts", "failing_endpoints", "oldest_due_timestamp_seconds"]
        .map(|figure| format!("coffer_webhook_{figure}{{mode=\"test\"}}"));
    let [waiting, failing, oldest] = figures.each_ref().map(String::as_str);
    let measured = || {
        fixture.server.clock.advance(301);
        fixture.server.run_job("metrics");
        fixture.server.scrape()
    };
    assert_eq!(values(&measured(), [waiting, failing]), [0.0, 0.0]);
    assert_eq!(measured().find(oldest), None, "nothing waits");
    let endpoint = fixture.endpoint("500");
    fixture.happen();
    let happened = fixture.server.clock.now_unix();
    let late = measured();
    assert_eq!(values(&late, [waiting, failing]), [1.0, 0.0]);
    assert!((happened as f64 - late.value(oldest)).abs() <= 1.0, "{}", late.value(oldest));
    fixture.send();
    let next = fixture.attempts(&endpoint)[0]["next_attempt_at"].as_f64().unwrap();
    assert_eq!(values(&measured(), [waiting, failing, oldest]), [1.0, 1.0, next]);
    // What is disabled rests, and neither waits nor fails.
    let path = format!("/v1/webhook_endpoints/{}", endpoint.id);
    fixture.client.post(&path, &[("disabled", "true")]).ok();
    let rests = measured();
    assert_eq!(values(&rests, [waiting, failing]), [0.0, 0.0]);
    assert_eq!(rests.find(oldest), None);
}

#[test]
fn the_books_are_summed_by_currency() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = shipping_server(directory.path());
    used(&fixture, &directory.path().join("anchors"));
    let names = ["reserved", "negative", "negative_accounts", "drift", "breaches", "differences"];
    let series =
        names.map(|figure| format!("coffer_ledger_{figure}{{mode=\"test\",currency=\"usd\"}}"));
    let series = series.each_ref().map(String::as_str);
    // 1000 came in, 100 of it is reserved, and 2000 went out.
    assert_eq!(values(&fixture.server.scrape(), series), [100.0, 1100.0, 1.0, 0.0, 1.0, 0.0]);
    // The processor has another balance, and still has it ten minutes later.
    let reconciled = || {
        let told = [("pending[0][currency]", "usd"), ("pending[0][amount]", "5")];
        fixture.post("/v1/ledger/reconciliations", &told).ok();
        fixture.server.clock.advance(600);
        fixture.server.run_job("metrics");
        values(&fixture.server.scrape(), [series[5]])
    };
    assert_eq!([reconciled(), reconciled()], [[0.0], [1.0]]);
    // Two balances that somebody has changed behind the server's back, by the same up and down.
    let (_, other) = fixture.server.connected(&fixture.app);
    let charge = [("id", "ch_2"), ("amount", "500"), ("currency", "usd")];
    other.post("/v1/ledger/charges", &charge).ok();
    let sql = "UPDATE ledger_balance SET clearing = clearing + 7";
    assert_eq!(fixture.server.execute(sql, &[]).unwrap(), 2);
    let sql = "UPDATE ledger_balance SET clearing = clearing - 14 WHERE payments_available >= 0";
    assert_eq!(fixture.server.execute(sql, &[]).unwrap(), 1);
    fixture.server.clock.advance(301);
    fixture.server.run_job("metrics");
    assert_eq!(values(&fixture.server.scrape(), [series[3]]), [14.0]);
}
