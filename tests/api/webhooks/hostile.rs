//! Receivers that do anything but answer as they should.

use super::fixture::{Fixture, builder};
use coffer_testkit::TestServer;
use serde_json::{Value, json};

#[test]
fn receivers_that_misbehave_fail_within_bounds_and_are_told_from_those_that_succeed() {
    let fixture = Fixture::new();
    let failed = |error: &str| json!(["failed", null, error]);
    let cases: [(&str, Value); 14] = [
        ("200", json!(["succeeded", 200, null])),
        ("299", json!(["succeeded", 299, null])),
        ("giga", json!(["succeeded", 200, null])),
        ("slow-body", json!(["succeeded", 200, null])),
        ("400", json!(["failed", 400, "http_status"])),
        ("410", json!(["failed", 410, "http_status"])),
        ("500", json!(["failed", 500, "http_status"])),
        ("busy", json!(["failed", 503, "http_status"])),
        ("moved", json!(["failed", 301, "http_status"])),
        ("hang", failed("connection_failed")),
        ("close", failed("connection_failed")),
        ("slow", failed("connection_failed")),
        ("headers", failed("connection_failed")),
        ("nonsense", failed("connection_failed")),
    ];
    let endpoints = cases.clone().map(|(path, _)| fixture.endpoint(path));
    fixture.happen();
    fixture.send();
    for ((path, expected), endpoint) in cases.iter().zip(&endpoints) {
        let attempts = fixture.attempts(endpoint);
        let made = attempts.iter().find(|one| one["status"] != "pending").unwrap();
        let found = json!([made["status"], made["http_status"], made["error"]]);
        assert_eq!(found, *expected, "{path}");
        if made["status"] == "failed" {
            // Whatever the receiver says of it.
            let wait = made["next_attempt_at"].as_i64().unwrap() - fixture.server.clock.now_unix();
            assert!((270..=330).contains(&wait), "{path}: {wait}");
        }
        if made["http_status"].is_null() {
            assert!(made["duration_ms"].is_null(), "{path}: how long it took tells of the network");
        }
    }
    let received = fixture.receiver.received();
    assert_eq!(received.len(), cases.len());
    assert!(received.iter().all(|one| !one.path.contains("redirected")));
}

#[test]
fn nobody_listens_and_what_may_not_be_reached_is_not() {
    let fixture = Fixture::new();
    let gone = "http://127.0.0.1:9/";
    let params = [("url", gone), ("enabled_events[]", "*")];
    let error = fixture.client.post("/v1/webhook_endpoints", &params).refused(400);
    assert_eq!(error["code"], "url_invalid", "its port");
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let gone = format!("http://127.0.0.1:{port}/");
    let nobody =
        fixture.client.post("/v1/webhook_endpoints", &[("url", &gone), ("enabled_events[]", "*")]);
    let own = format!("http://127.0.0.1:{}/v1/events", fixture.server.socket().port());
    let own =
        fixture.client.post("/v1/webhook_endpoints", &[("url", &own), ("enabled_events[]", "*")]);
    fixture.happen();
    fixture.send();
    for (made, expected) in [(nobody, "connection_failed"), (own, "address_refused")] {
        let path = format!("/v1/webhook_endpoints/{}/attempts", made.text("id"));
        let list = fixture.client.get(&path, &[]).ok();
        let attempts = list["data"].as_array().unwrap();
        let failed = attempts.iter().find(|one| one["status"] == "failed").unwrap();
        assert_eq!((&failed["error"], &failed["http_status"]), (&json!(expected), &json!(null)));
    }
}

/// A name is resolved when something is sent, and all that it resolves to is checked: localhost is
/// a name that anybody may register, and nothing of this machine is reached by it.
#[test]
fn a_name_that_resolves_to_this_machine_is_refused_when_something_is_sent() {
    let server = TestServer::builder().without_background_jobs().start();
    let fixture = Fixture::of(server);
    let url = fixture.receiver.url("200").replace("http://127.0.0.1", "https://localhost");
    let made =
        fixture.client.post("/v1/webhook_endpoints", &[("url", &url), ("enabled_events[]", "*")]);
    fixture.happen();
    fixture.send();
    let path = format!("/v1/webhook_endpoints/{}/attempts", made.text("id"));
    let list = fixture.client.get(&path, &[]).ok();
    let attempts = list["data"].as_array().unwrap();
    assert_eq!(attempts.iter().filter(|one| one["error"] == "address_refused").count(), 1);
    assert!(fixture.receiver.received().is_empty());
}

#[test]
fn a_server_that_is_killed_and_starts_again_sends_what_waits() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let build = || builder().data_dir(&data).without_background_jobs();
    let mut fixture = Fixture::of(build().start());
    let endpoint = fixture.endpoint("200");
    let events: Vec<_> = (0..5).map(|_| fixture.happen()).collect();
    fixture.server.stop();
    fixture.server = build().start();
    fixture.client = fixture.server.anonymous().with_key(fixture.client.key());
    fixture.send();
    for event in &events {
        assert_eq!(fixture.pending(event), 0);
    }
    assert_eq!(fixture.attempts(&endpoint).len(), 5);
}
