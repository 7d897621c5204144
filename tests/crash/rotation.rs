//! Killing the server while it rotates keys: the rotation ends after the restart, and nothing is
//! lost.

use crate::kill::wait_until;
use crate::process::{Program, start_with_admin};
use coffer_testkit::Client;
use serde_json::Value;
use tempfile::TempDir;

const KEYRING: &str = "/v1/admin/keyring";

/// Before which commits of the data store the server is killed, counted from the request: that of
/// the request is the first, then come those of making keys, of walking, and of the end.
const KILLED_AT: [usize; 5] = [2, 4, 6, 9, 12];

/// More than one transaction seals anew.
const SECRETS: usize = 120;

fn rotation(admin: &Client) -> Value {
    admin.get(KEYRING, &[]).ok()["rotation"].clone()
}

/// Whether a rotation after that of the number `before` has ended.
fn is_done(admin: &Client, before: &Value) -> bool {
    let shown = rotation(admin);
    shown["number"] != *before && !shown["finished"].is_null()
}

#[test]
fn a_crash_while_keys_rotate_delays_the_end_and_loses_nothing() {
    let home = TempDir::new().unwrap();
    let directory = home.path().join("data");
    let (server, key) = start_with_admin(&directory);
    let admin = server.anonymous().with_key(&key);
    let account = admin.post("/v1/admin/accounts", &[]).text("id");
    let params = [("account", account.as_str()), ("secrets_per_scope", "500")];
    let app = admin.post("/v1/admin/apps", &params).text("id");
    let token = admin.post("/v1/admin/api_keys", &[("app", &app), ("mode", "live")]).text("key");
    let client = server.anonymous().with_key(&token);
    for number in 0..SECRETS {
        client.set(&format!("name {number}"), &format!("value {number}")).ok();
    }
    server.stop();
    let (hold, held) = (directory.join("hold"), directory.join("held"));
    let rotate = format!("{KEYRING}/rotate");
    let mut cut = 0;
    for (version, commit) in (2..).zip(KILLED_AT) {
        let mut server = Program::Test("stop-at-commit").start(&directory).unwrap();
        let admin = server.anonymous().with_key(&key);
        let before = rotation(&admin)["number"].clone();
        std::fs::write(&hold, commit.to_string()).unwrap();
        // What the background commits counts too, so it may be the request's own commit.
        std::thread::scope(|scope| {
            scope.spawn(|| admin.attempt("POST", &rotate, Some("keys=all")));
            let came = || held.exists() || is_done(&admin, &before);
            wait_until(came, "the rotation came to the commit");
            cut += usize::from(held.exists());
            server.kill();
        });
        std::fs::remove_file(&hold).unwrap();
        let _ = std::fs::remove_file(&held);
        let server = Program::Test("none").start(&directory).unwrap();
        let admin = server.anonymous().with_key(&key);
        if rotation(&admin)["number"] == before {
            admin.post(&rotate, &[("keys", "all")]).ok();
        }
        wait_until(|| is_done(&admin, &before), "the rotation ended after the restart");
        let shown = rotation(&admin);
        assert_eq!(
            (&shown["status"], &shown["records_under_old_keys"]),
            (&"done".into(), &0.into())
        );
        let keys = admin.get(KEYRING, &[]).ok();
        assert_eq!((&keys["old_tenant_keys"], &keys["old_master_keys"]), (&0.into(), &0.into()));
        assert_eq!(keys["master_key"], version);
        let client = server.anonymous().with_key(&token);
        for number in 0..SECRETS {
            assert_eq!(
                client.find(&format!("name {number}")).ok()["payload"],
                format!("value {number}")
            );
        }
        server.stop();
    }
    assert!(cut >= 3, "{cut} rotations were cut");
}
