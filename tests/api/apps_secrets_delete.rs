//! `POST /v1/apps/secrets/delete` (secret store §3.4).

use crate::check::snapshot;
use coffer_secrets::DELETE_RETURNS_SECRET;
use coffer_testkit::TestServer;

#[test]
fn delete_answers_three_keys() {
    let server = TestServer::start();
    let client = server.app().client();
    let set = client.set("token", "value").ok();
    let answer = client.remove("token");
    assert_eq!(answer.json()["id"], set["id"]);
    snapshot("delete_answers_three_keys", "POST /v1/apps/secrets/delete", &answer);
}

#[test]
fn delete_can_answer_the_whole_secret() {
    let server = TestServer::builder().set(&DELETE_RETURNS_SECRET, "true").start();
    let client = server.app().client();
    client.set("token", "value").ok();
    let answer = client.remove("token");
    snapshot(
        "delete_can_answer_the_whole_secret",
        "POST /v1/apps/secrets/delete: delete_returns_secret",
        &answer,
    );
}

#[test]
fn what_is_deleted_is_gone() {
    let server = TestServer::start();
    let client = server.app().client();
    let first = client.set("token", "value").ok();
    client.remove("token").ok();
    client.find("token").refused(404);
    client.remove("token").refused(404);
    assert_eq!(client.list().ok()["data"], serde_json::json!([]));
    server.clock.advance(5);
    let second = client.set("token", "again").ok();
    assert_ne!(second["id"], first["id"]);
    assert_eq!(second["created"], 1_800_000_005);
}

#[test]
fn delete_expands_nothing_and_refuses_nonsense() {
    let server = TestServer::start();
    let client = server.app().client();
    client.set("token", "value").ok();
    let params = |expand| [("name", "token"), ("scope[type]", "account"), ("expand[]", expand)];
    client.post("/v1/apps/secrets/delete", &params("nonsense")).refused(400);
    let deleted = client.post("/v1/apps/secrets/delete", &params("payload")).ok();
    let keys: Vec<_> = deleted.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["id", "object", "deleted"]);
}

/// The statement that the expiry job uses is another one; this is the row of a delete.
#[test]
fn a_deleted_row_leaves_the_file() {
    let server = TestServer::start();
    let client = server.app().client();
    client.set("token", "value").ok();
    assert_eq!(server.count("secret"), 1);
    client.remove("token").ok();
    assert_eq!(server.count("secret"), 0);
}
