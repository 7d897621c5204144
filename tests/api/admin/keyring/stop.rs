//! The emergency stop: no keys in memory, no answer with data, until an operator ends it.

use super::{Fixture, KEYRING, finish, rotate, server, server_at, status};
use coffer_testkit::{Answer, TestServer, is_postgres};
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
