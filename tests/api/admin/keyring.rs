//! Keys that encrypt: rotations that end, and the emergency stop.

mod cuts;
mod servers;
mod stop;

use coffer_kernel::{ROTATION_AGE_DAYS, ROTATION_KEEPS, ROTATION_RATE, ROTATION_USES};
use coffer_storage::Value as Stored;
use coffer_testkit::{App, Client, TestServer};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

const KEYRING: &str = "/v1/admin/keyring";

/// As fast as it can be: what a test waits for is the end.
const FASTEST: &str = "1000000";

fn server() -> TestServer {
    TestServer::builder().set(&ROTATION_RATE, FASTEST).without_background_jobs().start()
}

fn server_at(data: &Path) -> TestServer {
    let builder = TestServer::builder().data_dir(data).set(&ROTATION_RATE, FASTEST);
    builder.without_background_jobs().start()
}

fn status(server: &TestServer) -> Value {
    server.admin().get(KEYRING, &[]).ok()
}

fn rotate(server: &TestServer, params: &[(&str, &str)]) -> Value {
    server.admin().post(&format!("{KEYRING}/rotate"), params).ok()
}

/// Lets the jobs work until the rotation has ended; what is shown of it then.
fn finish(server: &TestServer) -> Value {
    for _ in 0..10 {
        server.run_jobs();
        let rotation = status(server)["rotation"].clone();
        if !rotation["finished"].is_null() {
            return rotation;
        }
    }
    panic!("the rotation did not end: {}", status(server));
}

/// Two callers of an app, in both modes and on two accounts, each with secrets and a stored
/// response; and how to see that all of it is there.
struct Fixture {
    app: App,
    clients: Vec<Client>,
}

/// Secrets of each caller.
const SECRETS: usize = 3;

impl Fixture {
    fn new(server: &TestServer) -> Self {
        let app = server.app();
        let (_, connected) = server.connected(&app);
        let clients = vec![app.client(), app.live(), connected];
        for client in &clients {
            for number in 0..SECRETS {
                client.set(&format!("name {number}"), &format!("value {number}")).ok();
            }
            client.idempotent("again").set("kept", "answer").ok();
        }
        Self { app, clients }
    }

    /// The first secret of each caller.
    fn opens(&self) {
        for client in &self.clients {
            assert_eq!(client.find("name 0").ok()["payload"], "value 0");
        }
    }

    fn is_whole(&self, server: &TestServer) {
        for client in &self.clients {
            let client = server.anonymous().with_key(client.key()).like(client);
            for number in 0..SECRETS {
                let found = client.find(&format!("name {number}")).ok();
                assert_eq!(found["payload"], format!("value {number}"));
            }
            let again = client.idempotent("again").set("kept", "answer");
            again.ok();
            assert_eq!(again.header("idempotent-replayed"), Some("true"));
        }
    }
}

/// The versions of the keys that a column of a table says have sealed it, of rows of an app.
fn versions(server: &TestServer, table: &str, column: &str, app: &str) -> Vec<u8> {
    let sql = format!("SELECT {column} FROM {table} WHERE app = ?");
    let rows = server.query(&sql, &[Stored::from(app)]);
    let mut versions: Vec<u8> = rows.iter().map(|row| row.blob(0).unwrap()[4]).collect();
    versions.sort_unstable();
    versions.dedup();
    versions
}

fn live_keys(server: &TestServer, condition: &str) -> i64 {
    server.count_of_keys(&format!(
        "tenant_key WHERE purpose = 'sealing' AND wrapped IS NOT NULL AND {condition}"
    ))
}

#[test]
fn a_rotation_of_all_keys_ends_with_no_use_of_an_old_one() {
    let server = server();
    let fixture = Fixture::new(&server);
    let begun = rotate(&server, &[("keys", "all")]);
    assert_eq!((&begun["status"], &begun["finished"]), (&"making keys".into(), &Value::Null));
    let app = fixture.app.id.as_str();
    assert_eq!(versions(&server, "secret", "sealed", app), [1]);
    let done = finish(&server);
    assert_eq!((&done["keys"], &done["status"]), (&"all".into(), &"done".into()), "{done}");
    assert_eq!((&done["records_under_old_keys"], &done["unreadable"]), (&0.into(), &0.into()));
    assert!(done["resealed"].as_i64() >= Some(15), "{done}");
    assert_eq!(done["percent"], 100);
    let keys = status(&server);
    assert_eq!(keys["master_key"], 2);
    assert_eq!((&keys["old_master_keys"], &keys["old_tenant_keys"]), (&0.into(), &0.into()));
    assert_eq!(keys["keys_under_old_master_keys"], 0);
    assert_eq!(versions(&server, "secret", "sealed", app), [2]);
    assert_eq!(versions(&server, "idempotency_record", "response", app), [2]);
    assert_eq!(live_keys(&server, "version = 1"), 0, "the old keys are destroyed");
    assert_eq!(server.count_of_keys("master_key WHERE wrapped IS NOT NULL"), 1);
    assert_eq!(
        server.count_of_keys("tenant_key WHERE master_version = 1 AND wrapped IS NOT NULL"),
        0
    );
    fixture.is_whole(&server);
    let written = fixture.app.client().set("new", "one");
    written.ok();
    assert_eq!(versions(&server, "secret", "sealed", app), [2]);
    assert_eq!(server.count("audit_entry WHERE operation = 'admin.keyring.rotate'"), 1);
    // And once more, from there.
    rotate(&server, &[]);
    assert_eq!(finish(&server)["number"], 2);
    assert_eq!(versions(&server, "secret", "sealed", app), [3]);
    fixture.is_whole(&server);
}

#[test]
fn a_server_starts_with_what_a_rotation_left() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let server = server_at(&data);
    let fixture = Fixture::new(&server);
    rotate(&server, &[]);
    finish(&server);
    server.stop();
    let server = server_at(&data);
    fixture.is_whole(&server);
    assert_eq!(status(&server)["rotation"]["status"], "done");
}

#[test]
fn the_master_key_alone_leaves_all_records_as_they_are() {
    let server = server();
    let fixture = Fixture::new(&server);
    let before = server.query("SELECT sealed FROM secret ORDER BY sealed", &[]);
    rotate(&server, &[("keys", "master")]);
    let done = finish(&server);
    assert_eq!((&done["resealed"], &done["records_under_old_keys"]), (&0.into(), &Value::Null));
    let keys = status(&server);
    assert_eq!((&keys["master_key"], &keys["old_master_keys"]), (&2.into(), &0.into()));
    assert_eq!(server.query("SELECT sealed FROM secret ORDER BY sealed", &[]).len(), before.len());
    assert_eq!(versions(&server, "secret", "sealed", &fixture.app.id), [1]);
    fixture.is_whole(&server);
    // A tenant that is new has its keys under the new one.
    Fixture::new(&server).is_whole(&server);
    assert_eq!(server.count_of_keys("tenant_key WHERE master_version = 1"), 0);
}

#[test]
fn a_rotation_can_be_of_one_app_or_one_account() {
    let server = server();
    let (one, other) = (Fixture::new(&server), Fixture::new(&server));
    rotate(&server, &[("keys", "tenant"), ("app", &one.app.id), ("account", &one.app.account)]);
    finish(&server);
    let of_account = |version: i64| {
        let account = &one.app.account;
        live_keys(&server, &format!("account = '{account}' AND version = {version}"))
    };
    assert_eq!((of_account(1), of_account(2)), (0, 2), "both modes");
    assert_eq!(versions(&server, "secret", "sealed", &one.app.id), [1, 2]);
    assert_eq!(versions(&server, "secret", "sealed", &other.app.id), [1]);
    rotate(&server, &[("app", &other.app.id)]);
    finish(&server);
    assert_eq!(versions(&server, "secret", "sealed", &other.app.id), [2]);
    assert_eq!(status(&server)["master_key"], 1);
    one.is_whole(&server);
    other.is_whole(&server);
}

#[test]
fn old_keys_are_kept_on_request_until_they_are_destroyed() {
    let server = server();
    let fixture = Fixture::new(&server);
    rotate(&server, &[("keep", "true")]);
    let done = finish(&server);
    assert_eq!((&done["old_keys"], &done["records_under_old_keys"]), (&"kept".into(), &0.into()));
    let keys = status(&server);
    assert_eq!(keys["old_master_keys"], 1);
    assert!(keys["old_tenant_keys"].as_i64() >= Some(3), "{keys}");
    // A record from before, such as from a backup, still opens, and is sealed anew first.
    server.admin().post(&format!("{KEYRING}/destroy"), &[]).ok();
    assert_eq!(finish(&server)["old_keys"], "destroyed");
    let keys = status(&server);
    assert_eq!((&keys["old_master_keys"], &keys["old_tenant_keys"]), (&0.into(), &0.into()));
    assert_eq!(versions(&server, "secret", "sealed", &fixture.app.id), [2]);
    fixture.is_whole(&server);
}

#[test]
fn there_is_one_rotation_at_a_time_and_what_is_asked_is_checked() {
    let server = server();
    let admin = server.admin();
    let path = format!("{KEYRING}/rotate");
    for (params, param) in [
        (vec![("keys", "some")], "keys"),
        (vec![("keys", "all"), ("app", "app_1")], "keys"),
        (vec![("account", "someone")], "account"),
        (vec![("keep", "perhaps")], "keep"),
        (vec![("other", "1")], "other"),
    ] {
        assert_eq!(admin.post(&path, &params).refused(400)["param"], param, "{params:?}");
    }
    let first = rotate(&server, &[("keys", "master")]);
    assert_eq!(rotate(&server, &[("keys", "master")])["number"], first["number"]);
    let refused = admin.post(&path, &[("keys", "all")]).refused(400);
    assert!(refused["message"].as_str().unwrap().contains("under way"), "{refused}");
    finish(&server);
    rotate(&server, &[("keys", "all")]);
    finish(&server);
}

#[test]
fn a_record_that_does_not_open_keeps_the_old_keys() {
    let server = server();
    let fixture = Fixture::new(&server);
    let changed = "UPDATE secret SET sealed = (SELECT sealed FROM secret WHERE name = 'name 0' \
                   ORDER BY sealed LIMIT 1) WHERE name = 'name 1'";
    assert!(server.execute(changed, &[]).unwrap() >= 2);
    rotate(&server, &[]);
    let done = finish(&server);
    assert!(done["unreadable"].as_i64() >= Some(1), "{done}");
    assert_ne!(done["status"], "done");
    assert!(status(&server)["old_tenant_keys"].as_i64() >= Some(3), "they may open it yet");
    fixture.opens();
}

#[test]
fn what_is_purged_during_a_rotation_has_no_keys_after_it() {
    let server = server();
    let app = server.app();
    let (account, client) = server.connected(&app);
    client.set("name", "value").ok();
    rotate(&server, &[]);
    let installs = server.admin().get("/v1/admin/installs", &[("account", &account)]).ok();
    let install = installs["data"][0]["id"].as_str().unwrap();
    let path = format!("/v1/admin/installs/{install}");
    let status = server.admin().delete(&path, &[("purge", "true")]).status;
    assert!([200, 202].contains(&status));
    finish(&server);
    assert_eq!(live_keys(&server, &format!("account = '{account}'")), 0);
    assert_eq!(server.count(&format!("secret WHERE account = '{account}'")), 0);
}

#[test]
fn keys_are_rotated_by_themselves_when_they_are_old() {
    let builder = TestServer::builder().set(&ROTATION_RATE, FASTEST).set(&ROTATION_AGE_DAYS, "30");
    let server = builder.set(&ROTATION_KEEPS, "false").without_background_jobs().start();
    let fixture = Fixture::new(&server);
    let pass = |days: u64| {
        // The clock must be believed, and a look is taken once an hour.
        for _ in 0..days {
            server.clock.pass(Duration::from_secs(86_400));
            server.run_jobs();
        }
    };
    pass(29);
    assert_eq!(status(&server)["rotation"], Value::Null);
    pass(3);
    let done = finish(&server);
    assert_eq!((&done["cause"], &done["keys"]), (&"age".into(), &"all".into()), "{done}");
    assert_eq!(versions(&server, "secret", "sealed", &fixture.app.id), [2]);
    assert_eq!(status(&server)["old_tenant_keys"], 0);
    fixture.opens();
    pass(2);
    assert_eq!(status(&server)["rotation"]["number"], 1, "once is enough");
}

#[test]
fn keys_are_rotated_by_themselves_when_they_have_sealed_much() {
    let builder = TestServer::builder().set(&ROTATION_RATE, FASTEST).set(&ROTATION_USES, "20");
    let server = builder.without_background_jobs().start();
    let (busy, quiet) = (server.app(), server.app());
    quiet.client().set("name", "value").ok();
    for number in 0..21 {
        busy.client().set("name", &format!("value {number}")).ok();
    }
    for _ in 0..3 {
        server.clock.pass(Duration::from_secs(3600));
        server.run_jobs();
    }
    let done = finish(&server);
    assert_eq!((&done["cause"], &done["old_keys"]), (&"use".into(), &"kept".into()), "{done}");
    assert_eq!(versions(&server, "secret", "sealed", &busy.id), [2]);
    assert_eq!(versions(&server, "secret", "sealed", &quiet.id), [1]);
    assert_eq!(busy.client().find("name").ok()["payload"], "value 20");
}
