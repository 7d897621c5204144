//! `POST /v1/apps/secrets`: create or replace (secret store §3.1, §3.2).

use crate::check::{lawful, snapshot};
use coffer_secrets::SECRETS_PER_SCOPE;
use coffer_testkit::{Client, START, TestServer};

const EXPIRES: &str = "1800000600";

/// Sets `name` of one user.
fn set_of_user(client: &Client, user: &str, name: &str) -> coffer_testkit::Answer {
    let params = [("name", name), ("payload", "p"), ("scope[type]", "user"), ("scope[user]", user)];
    client.post("/v1/apps/secrets", &params)
}

/// Fills the account's scope up to `most`.
fn fill(client: &Client, most: usize) {
    for number in 0..most {
        client.set(&format!("name {number}"), "p").ok();
    }
}

#[test]
fn set_for_an_account() {
    let server = TestServer::start();
    let client = server.app().client();
    let answer = client.set("token", "value");
    snapshot("set_for_an_account", "POST /v1/apps/secrets: a secret of the account", &answer);
}

#[test]
fn set_for_a_user_with_everything() {
    let server = TestServer::start();
    let app = server.app();
    let account = server.account();
    server.install(&app, &account);
    let client = app.live().for_account(&account).idempotent("one key");
    let params = [
        ("name", "token"),
        ("payload", "{\"a\": \"ü\"}"),
        ("scope[type]", "user"),
        ("scope[user]", "usr_1"),
        ("expires_at", EXPIRES),
        ("expand[]", "payload"),
    ];
    let answer = client.post("/v1/apps/secrets", &params);
    snapshot(
        "set_for_a_user_with_everything",
        "POST /v1/apps/secrets: everything that can be sent",
        &answer,
    );
}

#[test]
fn replacing_keeps_id_and_created_and_merges_nothing() {
    let server = TestServer::start();
    let client = server.app().client();
    let params = [
        ("name", "token"),
        ("payload", "old"),
        ("scope[type]", "account"),
        ("expires_at", EXPIRES),
    ];
    let first = client.post("/v1/apps/secrets", &params).ok();
    assert_eq!(first["expires_at"], 1_800_000_600);
    server.clock.advance(60);
    let second = client.set("token", "new").ok();
    assert_eq!((&second["id"], &second["created"]), (&first["id"], &first["created"]));
    assert!(second["expires_at"].is_null(), "an expiry that is not sent is dropped: {second}");
    server.clock.advance(600);
    let found = client.find("token").ok();
    assert_eq!(found["payload"], "new");
    assert_eq!(found["created"], START.unix());
}

#[test]
fn an_expiry_cannot_be_unset_but_by_leaving_it_out() {
    let server = TestServer::start();
    let client = server.app().client();
    let params = |expires_at| {
        [("name", "n"), ("payload", "p"), ("scope[type]", "account"), ("expires_at", expires_at)]
    };
    assert_eq!(client.post("/v1/apps/secrets", &params(EXPIRES)).ok()["expires_at"], 1_800_000_600);
    let error = client.post("/v1/apps/secrets", &params("")).refused(400);
    assert_eq!(
        (&error["code"], &error["param"]),
        (&"parameter_invalid_empty".into(), &"expires_at".into())
    );
    assert_eq!(client.find("n").ok()["expires_at"], 1_800_000_600, "nothing was changed");
    assert!(client.set("n", "p").ok()["expires_at"].is_null());
}

#[test]
fn a_scope_holds_ten() {
    let server = TestServer::start();
    let app = server.app();
    let client = app.client();
    fill(&client, 10);
    let error = lawful(&client.set("one more", "p")).refused(400);
    assert!(error.get("code").is_none() && error.get("param").is_none(), "{error}");
    assert_eq!(client.find("name 9").ok()["name"], "name 9", "nothing is pushed out");
    client.set("name 3", "replaced").ok();
    assert_eq!(client.find("name 3").ok()["payload"], "replaced", "replacing adds nothing");
    client.remove("name 3").ok();
    client.set("one more", "p").ok();
    client.set("and another", "p").refused(400);
    set_of_user(&client, "usr_1", "another scope").ok();
    set_of_user(&client, "usr_2", "another scope").ok();
    app.live().set("another mode", "p").ok();
    let account = server.account();
    server.install(&app, &account);
    client.for_account(&account).set("another account", "p").ok();
    server.app().client().set("another app", "p").ok();
}

#[test]
fn each_user_has_ten_too() {
    let server = TestServer::start();
    let client = server.app().client();
    for number in 0..10 {
        set_of_user(&client, "usr_1", &format!("name {number}")).ok();
    }
    set_of_user(&client, "usr_1", "one more").refused(400);
    set_of_user(&client, "usr_1", "name 0").ok();
    set_of_user(&client, "usr_2", "name 0").ok();
}

#[test]
fn an_installation_and_an_app_can_have_other_limits() {
    let server = TestServer::builder().set(&SECRETS_PER_SCOPE, "2").start();
    let app = server.app();
    let client = app.client();
    fill(&client, 2);
    client.set("one more", "p").refused(400);
    let path = format!("/v1/admin/apps/{}", app.id);
    server.admin().post(&path, &[("secrets_per_scope", "3")]).ok();
    client.set("one more", "p").ok();
    client.set("and another", "p").refused(400);
    let app = server.admin().post(&path, &[("secrets_per_scope", "")]).ok();
    assert!(app["secrets_per_scope"].is_null());
    client.set("and another", "p").refused(400);
    assert_eq!(client.list().ok()["data"].as_array().unwrap().len(), 3, "a lower limit takes none");
    client.set("one more", "replaced above the limit").ok();
}

#[test]
fn payloads_come_back_as_they_were() {
    let server = TestServer::start();
    let client = server.app().client();
    let longest = "\u{1F512}".repeat(5000);
    for payload in ["{\"a\":1}", "a b+c&d=e%41", "\r\n\t \u{7f}", "\"\\/<>é", " ", &longest] {
        client.set("token", payload).ok();
        assert_eq!(client.find("token").ok()["payload"], payload);
    }
}

#[test]
fn scopes_modes_accounts_and_apps_are_apart() {
    let server = TestServer::start();
    let (app, other) = (server.app(), server.app());
    let account = server.account();
    server.install(&app, &account);
    server.install(&other, &account);
    app.client().set("token", "of the app").ok();
    app.live().set("token", "live").ok();
    app.client().for_account(&account).set("token", "of the account").ok();
    other.client().for_account(&account).set("token", "of the other app").ok();
    set_of_user(&app.client(), "usr_1", "token").ok();
    let payload = |client: Client| client.find("token").ok()["payload"].clone();
    assert_eq!(payload(app.client()), "of the app");
    assert_eq!(payload(app.live()), "live");
    assert_eq!(payload(app.client().for_account(&account)), "of the account");
    assert_eq!(payload(other.client().for_account(&account)), "of the other app");
    other.client().find("token").refused(404);
}
