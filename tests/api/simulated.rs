//! Faults that a request asks for, in developer mode and nowhere else.

use crate::check::lawful;
use coffer_testkit::{Client, TestServer};

const SIMULATE: &str = "Coffer-Simulate";

fn developer() -> TestServer {
    TestServer::builder().developer().start()
}

/// Setting a secret, with its own idempotency key.
fn set(client: &Client, name: &str, value: &str) -> coffer_testkit::Answer {
    client.idempotent(&format!("set {name}")).set(name, value)
}

#[test]
fn a_request_meets_the_fault_and_its_repetition_goes_through() {
    let server = developer();
    let client = server.anonymous().with_key("sk_test_suite");
    for (word, status, code, retry) in [
        ("rate_limit", 429, Some("rate_limit"), Some("true")),
        ("lock_timeout", 429, Some("lock_timeout"), Some("true")),
        ("500", 500, None, Some("true")),
    ] {
        let faulty = client.with_header(SIMULATE, word);
        let answer = set(&faulty, word, "value");
        assert_eq!(answer.header("stripe-should-retry"), retry, "{word}");
        let is_limited = answer.header("stripe-rate-limited-reason").is_some();
        assert_eq!(is_limited, word == "rate_limit");
        assert_eq!(lawful(&answer).refused(status)["code"].as_str(), code, "{word}");
        client.find(word).refused(404);
        lawful(&set(&faulty, word, "value")).ok();
        assert_eq!(client.find(word).ok()["payload"], "value");
        // Reads have no key, so the same request again is the repetition.
        faulty.find(word).refused(status);
        faulty.find(word).ok();
        faulty.find(word).refused(status);
    }
}

#[test]
fn a_response_is_lost_after_the_commit() {
    let server = developer();
    let client = server.anonymous().with_key("sk_test_suite");
    let faulty = client.with_header(SIMULATE, "drop_after_commit").idempotent("once");
    let params = [("name", "token"), ("payload", "value"), ("scope[type]", "account")];
    let lost = faulty.attempt("POST", "/v1/apps/secrets", Some(&coffer_testkit::encode(&params)));
    assert!(lost.is_err(), "there was an answer");
    assert_eq!(client.find("token").ok()["payload"], "value");
    let again = faulty.post("/v1/apps/secrets", &params);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(lawful(&again).ok()["name"], "token");
}

#[test]
fn an_unknown_fault_is_refused() {
    let server = developer();
    let client = server.anonymous().with_key("sk_test_suite").with_header(SIMULATE, "flood");
    let error = lawful(&client.list()).refused(400);
    assert!(error["message"].as_str().unwrap().contains("drop_after_commit"), "{error}");
}

/// Silence would let a test's code into production unnoticed, and a fault would hurt it.
#[test]
fn production_refuses_the_header() {
    let server = TestServer::start();
    for client in [server.app().client(), server.admin()] {
        let error = client.with_header(SIMULATE, "500").list().refused(400);
        assert!(error["message"].as_str().unwrap().contains("developer mode"), "{error}");
    }
    server.anonymous().with_key("nonsense").with_header(SIMULATE, "500").list().refused(401);
}
