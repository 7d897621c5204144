//! Endpoints as callers make, change, list and delete them.

use super::fixture::{Fixture, builder};
use coffer_testkit::TestServer;
use coffer_webhooks::{WEBHOOK_ENDPOINTS, WEBHOOKS};
use serde_json::json;

const URL: &str = "https://example.com/hooks";
const PATH: &str = "/v1/webhook_endpoints";

#[test]
fn an_endpoint_is_what_was_sent_and_its_secret_is_shown_once() {
    let server = TestServer::start();
    let client = server.app().client();
    let params = [
        ("url", URL),
        ("enabled_events[0]", "reserve.hold.created"),
        ("enabled_events[1]", "*"),
        ("enabled_events[2]", "*"),
        ("api_version", "2025-12-15.clover"),
        ("description", "mine"),
        ("metadata[k]", "v"),
    ];
    let made = client.idempotent("once").post(PATH, &params);
    let object = made.ok();
    let (id, secret) = (made.text("id"), made.text("secret"));
    assert!(id.starts_with("we_") && id.len() == 27, "{id}");
    assert!(secret.starts_with("whsec_") && secret.len() == 38, "{secret}");
    let expected = json!({
        "id": id,
        "object": "webhook_endpoint",
        "api_version": "2025-12-15.clover",
        "application": null,
        "created": object["created"],
        "description": "mine",
        "enabled_events": ["reserve.hold.created", "*"],
        "livemode": false,
        "metadata": {"k": "v"},
        "status": "enabled",
        "url": URL,
    });
    let path = format!("{PATH}/{id}");
    assert_eq!(client.get(&path, &[]).ok(), expected);
    assert_eq!(client.get(PATH, &[]).ok()["data"], json!([expected]));
    let again = client.idempotent("once").post(PATH, &params).refused(400);
    assert!(again["message"].as_str().unwrap().contains(&id), "{again}");
    let changed = client.post(
        &path,
        &[
            ("url", "https://example.com:8443/"),
            ("enabled_events[]", "reserve.plan.created"),
            ("disabled", "true"),
            ("description", ""),
            ("metadata[k]", ""),
        ],
    );
    let changed = changed.ok();
    assert_eq!(changed["url"], "https://example.com:8443/");
    assert_eq!(changed["enabled_events"], json!(["reserve.plan.created"]));
    assert_eq!((&changed["status"], &changed["description"]), (&json!("disabled"), &json!(null)));
    assert_eq!(changed["metadata"], json!({}));
    assert!(changed.get("secret").is_none());
    let deleted = client.delete(&path, &[]).ok();
    assert_eq!(deleted, json!({"id": id, "object": "webhook_endpoint", "deleted": true}));
    client.get(&path, &[]).refused(404);
    assert_eq!(client.delete(&path, &[]).refused(404)["param"], "id");
}

#[test]
fn what_is_wrong_is_refused_by_its_parameter() {
    let server = TestServer::start();
    let app = server.app();
    let client = app.client();
    let good = ("enabled_events[]", "*");
    for (params, param, code) in [
        (vec![good], "url", "parameter_missing"),
        (vec![("url", URL)], "enabled_events", "parameter_missing"),
        (vec![("url", URL), ("enabled_events", "")], "enabled_events", "parameter_invalid_empty"),
        (vec![("url", URL), ("enabled_events[]", "x.y")], "enabled_events[0]", ""),
        (vec![("url", URL), good, ("api_version", "x")], "api_version", ""),
        (vec![("url", URL), good, ("disabled", "true")], "disabled", "parameter_unknown"),
        (vec![("url", "x"), good], "url", "url_invalid"),
        (vec![("url", "http://example.com"), good], "url", "url_invalid"),
        (vec![("url", "https://127.0.0.1/"), good], "url", "url_invalid"),
        (vec![("url", "https://u:p@example.com/"), good], "url", "url_invalid"),
    ] {
        let error = client.post(PATH, &params).refused(400);
        assert_eq!(error["param"], param, "{params:?}: {error}");
        assert_eq!(error["code"].as_str().unwrap_or_default(), code, "{params:?}: {error}");
    }
    let made = client.post(PATH, &[("url", URL), good]);
    let path = format!("{PATH}/{}", made.text("id"));
    for param in ["api_version", "connect"] {
        let error = client.post(&path, &[(param, "x")]).refused(400);
        assert_eq!((&error["param"], &error["code"]), (&json!(param), &json!("parameter_unknown")));
    }
    assert_eq!(client.post(&path, &[("url", "http://x.com/")]).refused(400)["code"], "url_invalid");
    let (account, connected) = server.connected(&app);
    let error = connected.post(PATH, &[("url", URL), good, ("connect", "true")]).refused(400);
    assert_eq!(error["param"], "connect", "{account}");
    client.get("/v2/core/event_destinations", &[]).refused(404);
    for path in ["/v1/webhook_endpoints/we_none/roll_secret", "/v1/webhook_endpoints/we_none/test"]
    {
        assert_eq!(client.post(path, &[]).refused(404)["code"], "resource_missing");
    }
}

#[test]
fn endpoints_are_an_owners_alone_up_to_a_number_and_page() {
    let server = builder().set(&WEBHOOK_ENDPOINTS, "3").start();
    let app = server.app();
    let params = [("url", URL), ("enabled_events[]", "*")];
    let ids: Vec<_> = (0..3).map(|_| app.client().post(PATH, &params).text("id")).collect();
    let error = app.client().post(PATH, &params).refused(400);
    assert_eq!((error.get("code"), error.get("param")), (None, None), "{error}");
    let (_, connected) = server.connected(&app);
    for other in [app.live(), connected, server.app().client()] {
        other.post(PATH, &params).ok();
        assert_eq!(other.get(PATH, &[]).ok()["data"].as_array().unwrap().len(), 1);
        other.get(&format!("{PATH}/{}", ids[0]), &[]).refused(404);
        other.delete(&format!("{PATH}/{}", ids[0]), &[]).refused(404);
    }
    app.client().delete(&format!("{PATH}/{}", ids[1]), &[]).ok();
    let behind = app.client().get(PATH, &[("starting_after", &ids[1]), ("limit", "1")]).ok();
    assert_eq!((&behind["data"][0]["id"], &behind["has_more"]), (&json!(ids[0]), &json!(false)));
}

#[test]
fn whoever_may_have_events_sent_may_read_them() {
    let server = TestServer::start();
    let app = server.app();
    let writer = server.restricted(&app, &["webhook_write"]);
    writer.get("/v1/events", &[]).ok();
    writer.get(PATH, &[]).ok();
    let reader = server.restricted(&app, &["webhook_read"]);
    reader.get(PATH, &[]).ok();
    reader.get("/v1/events", &[]).refused(403);
    reader.post(PATH, &[("url", URL), ("enabled_events[]", "*")]).refused(403);
}

#[test]
fn an_operator_can_switch_webhooks_off() {
    let fixture = Fixture::of(builder().set(&WEBHOOKS, "false").start());
    fixture.client.get(PATH, &[]).refused(404);
    assert_eq!(fixture.pending(&fixture.happen()), 0);
}
