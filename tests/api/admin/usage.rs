//! How much an app keeps: what is counted, shown, and refused. The jobs run when the test says so.

use crate::check::lawful;
use coffer_testkit::{App, Client, TestServer};
use serde_json::{Value, json};

fn quiet_server() -> TestServer {
    TestServer::builder().without_background_jobs().start()
}

fn path(app: &App) -> String {
    format!("/v1/admin/apps/{}", app.id)
}

fn usage(server: &TestServer, app: &App) -> Value {
    server.admin().get(&path(app), &[]).ok()["usage"].clone()
}

/// Counts, with a quota of the app's own.
fn count_with(server: &TestServer, app: &App, quota: &str, most: &str) {
    server.admin().post(&path(app), &[(quota, most)]).ok();
    server.run_jobs();
}

fn set_for_user(client: &Client, user: &str, name: &str) -> coffer_testkit::Answer {
    let params =
        [("name", name), ("payload", "value"), ("scope[type]", "user"), ("scope[user]", user)];
    client.post("/v1/apps/secrets", &params)
}

#[test]
fn what_an_app_keeps_is_shown_in_each_mode() {
    let server = quiet_server();
    let app = server.app();
    assert_eq!(usage(&server, &app), Value::Null, "nothing was counted yet");
    app.client().set("a", &"x".repeat(1000)).ok();
    app.client().idempotent("key").set("b", "value").ok();
    set_for_user(&app.client(), "user", "a").ok();
    app.live().set("a", "value").ok();
    server.run_jobs();
    let shown = usage(&server, &app);
    let number = |mode: &str, name: &str| shown[mode][name].as_i64().unwrap();
    assert_eq!((number("test", "scopes"), number("live", "scopes")), (2, 1));
    assert_eq!((number("test", "stored_responses"), number("live", "stored_responses")), (1, 0));
    let (test, live) = (number("test", "bytes"), number("live", "bytes"));
    assert!((1200..4000).contains(&test), "{test}");
    assert!((10..200).contains(&live), "{live}");
    let status = server.admin().get("/v1/admin/status", &[]).ok();
    assert_eq!(
        status["usage"],
        json!([
            {"app": app.id, "mode": "test", "bytes": test, "scopes": 2, "stored_responses": 1},
            {"app": app.id, "mode": "live", "bytes": live, "scopes": 1, "stored_responses": 0},
        ])
    );
}

#[test]
fn secrets_are_counted_by_app_and_by_account() {
    let server = quiet_server();
    let (app, other) = (server.app(), server.app());
    let (account, connected) = server.connected(&app);
    let none = json!({"by_account": [], "by_app": [], "counted": false, "total": 0});
    assert_eq!(server.admin().get("/v1/admin/status", &[]).ok()["secrets"], none);
    for name in ["a", "b", "c"] {
        connected.set(name, "value").ok();
        set_for_user(&connected, "user", name).ok();
    }
    app.live().set("a", "value").ok();
    app.client().set("a", "value").ok();
    other.client().set("a", "value").ok();
    connected.remove("c").ok();
    server.run_jobs();
    let secrets = server.admin().get("/v1/admin/status", &[]).ok()["secrets"].clone();
    assert_eq!((&secrets["total"], &secrets["counted"]), (&json!(8), &json!(true)));
    let first = json!({"account": account, "app": app.id, "mode": "test", "count": 5});
    assert_eq!(secrets["by_account"][0], first);
    assert_eq!(secrets["by_account"].as_array().unwrap().len(), 4);
    assert_eq!(secrets["by_app"][0], json!({"app": app.id, "mode": "test", "count": 6}));
}

#[test]
fn an_app_with_too_many_bytes_adds_none_until_it_has_deleted_some() {
    let server = quiet_server();
    let (app, other) = (server.app(), server.app());
    let client = app.client();
    for name in ["a", "b"] {
        client.set(name, &"x".repeat(1000)).ok();
    }
    count_with(&server, &app, "bytes", "1500");
    for attempt in [client.set("c", "value"), client.idempotent("key").set("a", "value")] {
        let error = lawful(&attempt).refused(400);
        assert_eq!(error["type"], "invalid_request_error");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("quota 'bytes' is 1500"), "{message}");
    }
    client.find("a").ok();
    client.list().ok();
    app.live().set("c", "value").ok();
    other.client().set("c", "value").ok();
    client.remove("a").ok();
    client.set("c", "value").refused(400);
    server.run_jobs();
    let again = client.idempotent("key").set("c", "value");
    again.ok();
    assert_eq!(again.header("idempotent-replayed"), None, "the refusal was not stored");
}

#[test]
fn a_larger_quota_counts_at_once() {
    let server = quiet_server();
    let app = server.app();
    app.client().set("a", "value").ok();
    count_with(&server, &app, "bytes", "1");
    app.client().set("b", "value").refused(400);
    server.admin().post(&path(&app), &[("bytes", "")]).ok();
    app.client().set("b", "value").ok();
}

#[test]
fn what_was_done_before_is_replayed_beyond_the_quota() {
    let server = quiet_server();
    let app = server.app();
    let client = app.client().idempotent("key");
    let first = client.set("a", "value").ok();
    count_with(&server, &app, "bytes", "1");
    let again = client.set("a", "value");
    assert_eq!(again.ok(), first);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
}

#[test]
fn an_app_with_too_many_scopes_begins_none_and_goes_on_in_those_that_it_has() {
    let server = quiet_server();
    let app = server.app();
    let client = app.client();
    for user in ["one", "two"] {
        set_for_user(&client, user, "a").ok();
    }
    count_with(&server, &app, "scopes", "2");
    let error = lawful(&set_for_user(&client, "three", "a")).refused(400);
    assert!(error["message"].as_str().unwrap().contains("quota 'scopes' is 2"), "{error}");
    set_for_user(&client, "one", "b").ok();
    let params = [("name", "a"), ("scope[type]", "user"), ("scope[user]", "two")];
    client.post("/v1/apps/secrets/delete", &params).ok();
    server.run_jobs();
    set_for_user(&client, "three", "a").ok();
}

#[test]
fn the_oldest_stored_responses_go_and_nothing_is_refused() {
    let server = quiet_server();
    let app = server.app();
    for key in ["one", "two", "three"] {
        app.client().idempotent(key).set("a", key).ok();
    }
    count_with(&server, &app, "stored_responses", "1");
    server.run_jobs();
    assert_eq!(usage(&server, &app)["test"]["stored_responses"], 1);
    app.client().idempotent("four").set("a", "four").ok();
}
