//! Keys: which are keys, and which are the same.

use super::{is_first, is_mismatch, is_replay};
use crate::check::lawful;
use coffer_testkit::{Client, TestServer};

#[test]
fn a_key_has_1_to_255_characters() {
    let server = TestServer::start();
    let client = server.app().client();
    let longest = "k".repeat(255);
    let first = client.idempotent(&longest).set("token", "value");
    assert_eq!(first.header("idempotency-key"), Some(longest.as_str()));
    is_replay(&client.idempotent(&longest).set("token", "value"), &first);
    let other = format!("{}x", &longest[1..]);
    is_first(&client.idempotent(&other).set("token", "value"));
    let answer = client.idempotent(&"k".repeat(256)).set("token", "value");
    let error = lawful(&answer).refused(400);
    assert_eq!(
        error["message"],
        "The Idempotency-Key header is 256 characters long; at most 255 are allowed."
    );
    let error = lawful(&client.idempotent("").set("token", "value")).refused(400);
    assert_eq!(error["message"], "Idempotency Key must be a non-empty string.");
    assert_eq!(error["type"], "invalid_request_error");
}

#[test]
fn reads_and_deletes_ignore_it() {
    let server = TestServer::start();
    let client = server.app().client().idempotent("one");
    client.find("token").refused(404);
    client.list().ok();
    is_first(&client.set("token", "value"));
    client.find("token").ok();
    assert_eq!(client.list().ok()["data"].as_array().unwrap().len(), 1);
    for odd in ["", &"k".repeat(256)] {
        server.app().client().idempotent(odd).list().ok();
    }
    let account = server.account();
    let path = format!("/v1/admin/accounts/{account}");
    let admin = server.admin().idempotent("one");
    admin.delete(&path, &[]).ok();
    let again = admin.delete(&path, &[]);
    again.refused(404);
    assert_eq!(again.header("idempotent-replayed"), None);
}

/// Mode, app, account, and the user of an ephemeral key (decision 14).
#[test]
fn a_key_is_somebodys() {
    let server = TestServer::start();
    let (app, other) = (server.app(), server.app());
    let account = server.account();
    server.install(&app, &account);
    let ephemeral = |user| {
        let params = [("user", user), ("account_access", "write")];
        let made = app.client().post("/v1/ephemeral_keys", &params);
        server.anonymous().with_key(&made.text("secret"))
    };
    let callers: Vec<Client> = vec![
        app.client(),
        app.live(),
        app.client().for_account(&account),
        app.live().for_account(&account),
        other.client(),
        ephemeral("usr_1"),
        ephemeral("usr_2"),
    ];
    let callers: Vec<_> = callers.iter().map(|caller| caller.idempotent("one")).collect();
    let first: Vec<_> = callers.iter().map(|caller| caller.set("token", "value")).collect();
    first.iter().for_each(is_first);
    for (caller, first) in callers.iter().zip(&first) {
        is_replay(&caller.set("token", "value"), first);
    }
    // Another key of the same app says the same as the first.
    let writer = server.restricted(&app, &["secret_write"]).idempotent("one");
    is_replay(&writer.set("token", "value"), &first[0]);
    is_replay(
        &app.client().for_account(&app.account).idempotent("one").set("token", "value"),
        &first[0],
    );
    is_mismatch(&writer.set("token", "another"));
}

/// A replay is for those who may do it now (decision 16).
#[test]
fn a_replay_needs_the_right_to_do_it() {
    let server = TestServer::start();
    let app = server.app();
    let account = server.account();
    let install = server.install(&app, &account);
    let client = app.client().for_account(&account).idempotent("one");
    let first = client.set("token", "value");
    first.ok();
    let reader = server.restricted(&app, &["secret_read"]).for_account(&account);
    reader.idempotent("one").set("token", "value").refused(403);
    server.admin().delete(&format!("/v1/admin/installs/{install}"), &[]).ok();
    client.set("token", "value").refused(403);
    server.install(&app, &account);
    is_replay(&client.set("token", "value"), &first);
}
