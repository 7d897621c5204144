//! How answers are kept, and how long (decision 17).

use super::{is_first, is_replay};
use crate::rows::any_file_holds;
use coffer_testkit::TestServer;

const DAY: i64 = 86_400;

#[test]
fn an_answer_is_kept_for_a_day() {
    let server = TestServer::builder().without_background_jobs().start();
    let client = server.app().client().idempotent("one");
    let first = client.set("token", "value");
    first.ok();
    server.clock.advance(DAY);
    server.run_jobs();
    is_replay(&client.set("token", "value"), &first);
    server.clock.advance(1);
    server.run_jobs();
    assert_eq!(server.count("idempotency_record"), 0);
    let again = client.set("token", "value");
    is_first(&again);
    assert_eq!(again.json()["id"], first.json()["id"]);
    let other = client.remove("token");
    assert_eq!(other.refused(400)["type"], "idempotency_error", "the key counts anew");
}

#[test]
fn no_file_holds_what_a_kept_answer_says() {
    let server = TestServer::builder().embedded().start();
    let client = server.app().client();
    let payload = "a payload that nobody may find";
    let params = [
        ("name", "a name that everybody may find"),
        ("payload", payload),
        ("scope[type]", "account"),
        ("expand[]", "payload"),
    ];
    let keyed = client.idempotent("an idempotency key that nobody may find");
    let first = keyed.post("/v1/apps/secrets", &params);
    assert_eq!(first.ok()["payload"], payload);
    assert_eq!(server.count("idempotency_record"), 1);
    is_replay(&keyed.post("/v1/apps/secrets", &params), &first);
    assert!(any_file_holds(&server, b"a name that everybody may find"), "the search finds");
    for secret in [payload.as_bytes(), b"an idempotency key", client.key().as_bytes()] {
        assert!(!any_file_holds(&server, secret), "{}", String::from_utf8_lossy(secret));
    }
}

#[test]
fn without_a_key_nothing_is_kept() {
    let server = TestServer::start();
    let client = server.app().client();
    client.set("token", "value").ok();
    client.remove("token").ok();
    client.remove("token").refused(404);
    assert_eq!(server.count("idempotency_record"), 0);
}
