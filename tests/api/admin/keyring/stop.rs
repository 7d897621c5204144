//! The emergency stop: no keys in memory, no answer with data, until an operator ends it.

use super::{Fixture, KEYRING, finish, rotate, server, server_at, status};
use coffer_storage::Faults;
use coffer_testkit::{Answer, TestServer, is_postgres};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;

fn seal(server: &TestServer) -> Answer {
    server.admin().post(&format!("{KEYRING}/seal"), &[])
}

fn unseal(server: &TestServer) -> Answer {
    server.admin().post(&format!("{KEYRING}/unseal"), &[])
}

fn is_stopped(server: &TestServer, fixture: &Fixture) {
    for client in &fixture.clients {
        let client = server.anonymous().with_key(client.key()).like(client);
        let answers = [
            client.find("name 0"),
            client.list(),
            client.set("name 0", "other"),
            client.idempotent("again").set("kept", "answer"),
            client.remove("name 0"),
            client.get("/v1/balance", &[]),
            client.get("/v1/events", &[]),
            client.get("/v1/reserve/holds", &[]),
        ];
        for answer in answers {
            let error = answer.refused(503);
            assert!(error["message"].as_str().unwrap().contains("coffer unseal"), "{error}");
            assert_eq!(answer.header("stripe-should-retry"), Some("false"));
        }
    }
    let ready = server.anonymous().raw("GET", "/readyz", None);
    assert_eq!(ready.status, 503);
    assert!(ready.body.contains("sealed"), "{}", ready.body);
    assert_eq!(server.anonymous().raw("GET", "/livez", None).status, 200);
    assert!(server.server().installation().context.keyring.is_stopped());
}

#[test]
fn a_sealed_server_answers_no_request_for_data_until_it_is_unsealed() {
    let server = server();
    let fixture = Fixture::new(&server);
    let before = server.dump_data();
    assert_eq!(seal(&server).ok()["sealed"], true);
    is_stopped(&server, &fixture);
    let (after, new) = (server.dump_data(), "admin.keyring.seal");
    let gone = before.iter().filter(|row| !after.contains(row)).count();
    assert_eq!(gone, 0, "nothing was changed but the audit");
    assert_eq!(server.count(&format!("audit_entry WHERE operation = '{new}'")), 1);
    let shown = status(&server);
    assert_eq!(shown["sealed"], true);
    assert!(shown["sealed_since"].as_i64() > Some(0));
    // Operators are known, and can take keys away.
    let keys = server.admin().get("/v1/admin/api_keys", &[("app", &fixture.app.id)]).ok();
    let key = keys["data"][0]["id"].as_str().unwrap();
    server.admin().post(&format!("/v1/admin/api_keys/{key}/revoke"), &[]).ok();
    seal(&server).ok();
    assert_eq!(unseal(&server).ok()["sealed"], false);
    assert_eq!(status(&server)["sealed_since"], serde_json::Value::Null);
    assert_eq!(server.count("audit_entry WHERE operation = 'admin.keyring.unseal'"), 1);
    assert_eq!(server.anonymous().raw("GET", "/readyz", None).status, 200);
    let client = fixture.clients.iter().find(|client| client.find("name 0").status == 200).unwrap();
    assert_eq!(client.find("name 0").ok()["payload"], "value 0");
    client.set("name 0", "after").ok();
}

/// While the audit cannot be written no change can be made but this one: whoever fills a disk keeps
/// nobody from stopping.
#[test]
fn it_takes_effect_though_nobody_can_record_it() {
    let server = TestServer::builder().embedded().without_background_jobs().start();
    let fixture = Fixture::new(&server);
    let file = rusqlite::Connection::open(server.data_dir().join("coffer.db")).unwrap();
    let rename = |from: &str, to: &str| {
        file.execute_batch(&format!("ALTER TABLE {from} RENAME TO {to}")).unwrap();
    };
    rename("audit_entry", "elsewhere");
    let answer = seal(&server);
    let error = answer.refused(503);
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("is sealed") && message.contains("audit could not be"), "{message}");
    assert!(server.server().installation().context.keyring.is_stopped());
    for client in &fixture.clients {
        let error = client.find("name 0").refused(503);
        assert!(error["message"].as_str().unwrap().contains("coffer unseal"), "{error}");
    }
    // It is marked for other servers and for the next start.
    assert!(status(&server)["sealed_since"].as_i64() > Some(0));
    rename("elsewhere", "audit_entry");
    server.flush_audit();
    let request = answer.header("request-id").unwrap();
    let later = format!(
        "audit_entry WHERE operation = 'admin.keyring.seal' AND request = '{request}' \
         AND outcome = 'failed' AND reason = 'server.seal_unrecorded' AND actor_kind = 'admin'"
    );
    assert_eq!(server.count(&later), 1, "the audit says so as soon as it can");
    seal(&server).ok();
    assert_eq!(server.changes("admin.keyring.seal"), 1);
    is_stopped(&server, &fixture);
    unseal(&server).ok();
    fixture.is_whole(&server);
}

#[test]
fn it_is_in_force_here_while_the_key_store_cannot_be_written() {
    let fails = Arc::new(AtomicBool::new(false));
    let faults = Faults::none().with_keys(Faults::none().fail_commit(Arc::clone(&fails)));
    let server = TestServer::builder().embedded().faults(faults).without_background_jobs().start();
    let fixture = Fixture::new(&server);
    let keyring = &server.server().installation().context.keyring;
    fails.store(true, Ordering::SeqCst);
    let error = seal(&server).refused(503);
    assert!(error["message"].as_str().unwrap().contains("other servers do not know"), "{error}");
    // The job that looks at the mark, of which there is none, does not end it.
    assert!(server.block_on(keyring.watch_stop()).is_err());
    is_stopped(&server, &fixture);
    assert_eq!(status(&server)["sealed_since"], serde_json::Value::Null);
    fails.store(false, Ordering::SeqCst);
    server.run_job("watch_stop");
    is_stopped(&server, &fixture);
    assert!(status(&server)["sealed_since"].as_i64() > Some(0), "others know by now");
    unseal(&server).ok();
    server.run_job("watch_stop");
    fixture.is_whole(&server);
}

/// Though no refusal can be recorded then, each of them says what to do.
#[test]
fn a_full_disk_does_not_hide_it() {
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let faults = Faults::none().free_space_of(Arc::clone(&free));
    let server = TestServer::builder().embedded().faults(faults).without_background_jobs().start();
    let fixture = Fixture::new(&server);
    free.store(0, Ordering::SeqCst);
    assert_eq!(seal(&server).ok()["sealed"], true);
    is_stopped(&server, &fixture);
    free.store(u64::MAX, Ordering::SeqCst);
    unseal(&server).ok();
    fixture.is_whole(&server);
}

#[test]
fn a_restart_does_not_end_it() {
    let home = TempDir::new().unwrap();
    let data = home.path().join("data");
    let server = server_at(&data);
    let fixture = Fixture::new(&server);
    seal(&server).ok();
    server.stop();
    let server = server_at(&data);
    is_stopped(&server, &fixture);
    unseal(&server).ok();
    fixture.is_whole(&server);
}

#[test]
fn without_the_root_key_nobody_unseals() {
    if is_postgres() {
        return;
    }
    let server = server();
    let fixture = Fixture::new(&server);
    seal(&server).ok();
    let (root, away) = (server.data_dir().join("root.key"), server.data_dir().join("root.away"));
    std::fs::rename(&root, &away).unwrap();
    let refused = unseal(&server).refused(400);
    assert!(refused["message"].as_str().unwrap().contains("root.key"), "{refused}");
    is_stopped(&server, &fixture);
    std::fs::rename(&away, &root).unwrap();
    unseal(&server).ok();
    fixture.is_whole(&server);
}

#[test]
fn a_rotation_waits_while_the_server_is_sealed() {
    let server = server();
    let fixture = Fixture::new(&server);
    rotate(&server, &[]);
    seal(&server).ok();
    server.run_jobs();
    assert_eq!(status(&server)["rotation"]["finished"], serde_json::Value::Null);
    unseal(&server).ok();
    finish(&server);
    fixture.is_whole(&server);
}

#[test]
fn all_servers_of_a_store_stop_and_go_on() {
    if !is_postgres() {
        println!("skipped: the stores of this run are files");
        return;
    }
    let home = TempDir::new().unwrap();
    let data = home.path().join("data");
    let (one, other) = (server_at(&data), server_at(&data));
    let fixture = Fixture::new(&one);
    fixture.is_whole(&other);
    seal(&one).ok();
    is_stopped(&one, &fixture);
    // A job looks several times a second, by itself.
    const { assert!(coffer_kernel::limits::STOP_WATCH_MILLISECONDS <= 500) };
    other.run_jobs();
    is_stopped(&other, &fixture);
    // Whichever is asked.
    unseal(&other).ok();
    fixture.is_whole(&other);
    one.run_jobs();
    one.clock.pass(Duration::from_secs(1));
    fixture.is_whole(&one);
}
