//! What arrives, and by what it is known to be ours.

use super::fixture::{Fixture, Received, builder, happen};
use coffer_base::{Redacted, Timestamp};
use coffer_webhooks::signature;
use serde_json::json;

/// Asserts that a delivery is signed with these secrets, in their order, and with no other.
pub(super) fn is_signed(received: &Received, secrets: &[&str]) {
    let header = received.header("stripe-signature");
    let time = header.strip_prefix("t=").unwrap().split(',').next().unwrap();
    let at = Timestamp::from_unix(time.parse().unwrap());
    let secrets: Vec<_> = secrets.iter().map(|one| Redacted::new((*one).to_owned())).collect();
    assert_eq!(header, signature::header(&secrets, at, received.body.as_bytes()));
}

#[test]
fn a_delivery_is_the_event_signed_and_settled_by_a_success() {
    let fixture = Fixture::new();
    let endpoint = fixture.endpoint("200");
    let event = fixture.happen();
    assert_eq!(fixture.pending(&event), 1);
    assert_eq!(fixture.attempts(&endpoint)[0]["status"], "pending");
    let read = fixture.client.get(&format!("/v1/events/{event}"), &[]);
    fixture.send();
    let received = fixture.receiver.received();
    let [delivery] = received.as_slice() else { panic!("{received:?}") };
    assert_eq!(delivery.body.trim_end(), read.body.trim_end(), "what is listed is what is sent");
    is_signed(delivery, &[&endpoint.secret]);
    assert!(delivery.header("user-agent").starts_with("Coffer/"));
    assert_eq!(delivery.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(delivery.header("accept"), "*/*; q=0.5, application/xml");
    assert_eq!(delivery.header("cache-control"), "no-cache");
    assert!(delivery.body.contains("\n  \"id\": "), "indented: {}", delivery.body);
    assert_eq!(fixture.pending(&event), 0);
    let attempts = fixture.attempts(&endpoint);
    assert_eq!(attempts.len(), 1);
    let shown = &attempts[0];
    assert_eq!(shown["object"], "webhook_attempt");
    assert_eq!((&shown["status"], &shown["http_status"]), (&json!("succeeded"), &json!(200)));
    assert_eq!((&shown["event"], &shown["error"]), (&json!(event), &json!(null)));
    let of_event = fixture.client.get(&format!("/v1/events/{event}/attempts"), &[]).ok();
    assert_eq!(of_event["data"], json!(attempts));
    fixture.send();
    assert_eq!(fixture.receiver.received().len(), 1, "nothing is sent twice");
}

#[test]
fn while_a_secret_is_rolled_both_sign_and_the_new_one_first() {
    let fixture = Fixture::new();
    let endpoint = fixture.endpoint("200");
    let path = format!("/v1/webhook_endpoints/{}/roll_secret", endpoint.id);
    let roll =
        |seconds: &str| fixture.client.post(&path, &[("expires_in", seconds)]).text("secret");
    let second = roll("3600");
    let deliver = || {
        fixture.happen();
        fixture.send();
        fixture.receiver.received().pop().unwrap()
    };
    is_signed(&deliver(), &[&second, &endpoint.secret]);
    let third = roll("3600");
    is_signed(&deliver(), &[&third, &second]);
    fixture.server.clock.advance(3601);
    is_signed(&deliver(), &[&third]);
    let fourth = roll("0");
    is_signed(&deliver(), &[&fourth]);
    fixture.client.post(&path, &[("expires_in", "86401")]).refused(400);
    assert!(fixture.get(&endpoint).get("secret").is_none());
}

#[test]
fn an_endpoint_gets_its_own_types_of_its_own_owner() {
    let fixture = Fixture::new();
    let (_, connected) = fixture.server.connected(&fixture.app);
    fixture.endpoint_with(
        &fixture.client,
        "200/plan",
        &[("enabled_events[]", "reserve.plan.created")],
    );
    fixture.endpoint_with(
        &fixture.client,
        "200/hold",
        &[("enabled_events[]", "reserve.hold.created")],
    );
    let platform = [("enabled_events[]", "*"), ("connect", "true")];
    fixture.endpoint_with(&fixture.client, "200/connect", &platform);
    fixture.endpoint_with(&connected, "200/own", &[("enabled_events[]", "*")]);
    let live = fixture.app.live();
    let live_url = [("url", "https://hooks.invalid/"), ("enabled_events[]", "*")];
    let of_live = live.post("/v1/webhook_endpoints", &live_url).text("id");
    let (own, theirs) = (happen(&fixture.client), happen(&connected));
    fixture.send();
    let mut arrived: Vec<_> = fixture
        .receiver
        .received()
        .iter()
        .map(|one| (one.path.clone(), one.event()["id"].as_str().unwrap().to_owned()))
        .collect();
    arrived.sort();
    let expected = [("200/connect", &theirs), ("200/own", &theirs), ("200/plan", &own)];
    assert_eq!(arrived, expected.map(|(path, id)| (path.to_owned(), id.clone())));
    let received = fixture.receiver.received();
    let of_platform = received.iter().find(|one| one.path == "200/plan").unwrap();
    assert!(of_platform.event().get("account").is_none());
    let of_connected = received.iter().find(|one| one.path == "200/connect").unwrap();
    assert!(of_connected.event()["account"].is_string());
    let of_live = live.get(&format!("/v1/webhook_endpoints/{of_live}/attempts"), &[]).ok();
    assert_eq!(of_live["data"], json!([]), "what happens in test mode is not told live");
}

#[test]
fn nothing_is_sent_of_what_was_refused_or_happened_before() {
    let fixture = Fixture::new();
    fixture.happen();
    fixture.endpoint("200");
    fixture.client.post("/v1/reserve/plans", &[("percent", "10")]).refused(400);
    fixture.send();
    assert!(fixture.receiver.received().is_empty());
}

#[test]
fn in_the_background_an_event_is_sent_by_itself() {
    let fixture = Fixture::of(builder().start());
    fixture.endpoint("200");
    let events: Vec<_> = (0..20).map(|_| fixture.happen()).collect();
    let received = fixture.receiver.wait("twenty events", |received| received.len() >= 20);
    for event in events {
        assert!(received.iter().any(|one| one.body.contains(&event)));
    }
}

#[test]
fn test_events_and_resends_are_sent_once_by_hand() {
    let fixture = Fixture::new();
    let endpoint = fixture.endpoint("500");
    let path = format!("/v1/webhook_endpoints/{}", endpoint.id);
    let attempt = fixture.client.post(&format!("{path}/test"), &[]).ok();
    assert_eq!(
        (&attempt["object"], &attempt["status"]),
        (&json!("webhook_attempt"), &json!("pending"))
    );
    fixture.send();
    let sent = fixture.receiver.received().pop().unwrap();
    is_signed(&sent, &[&endpoint.secret]);
    let event = sent.event();
    assert_eq!(
        (&event["type"], &event["object"]),
        (&json!("coffer.webhook.test"), &json!("event"))
    );
    assert_eq!(event["data"]["object"]["id"], endpoint.id.as_str());
    assert!(event["data"]["object"].get("secret").is_none());
    assert_eq!(fixture.client.get("/v1/events", &[]).ok()["data"], json!([]), "it is not stored");
    let tried = &fixture.attempts(&endpoint)[0];
    assert_eq!((&tried["status"], &tried["next_attempt_at"]), (&json!("failed"), &json!(null)));
    let event = fixture.happen();
    fixture.client.post(&path, &[("url", &fixture.receiver.url("200"))]).ok();
    let retry = format!("/v1/events/{event}/retry");
    let again = fixture.client.post(&retry, &[("webhook_endpoint", &endpoint.id)]).ok();
    assert_eq!((&again["id"], &again["object"]), (&json!(event), &json!("event")));
    fixture.send();
    assert_eq!(fixture.receiver.received().len(), 3, "the event, and again by hand");
    assert_eq!(fixture.pending(&event), 0);
    fixture.client.post(&retry, &[("webhook_endpoint", &endpoint.id)]).ok();
    fixture.send();
    assert_eq!(fixture.pending(&event), 0, "it was settled once");
    for (params, param) in [
        (vec![], "webhook_endpoint"),
        (vec![("webhook_endpoint", "we_none")], "webhook_endpoint"),
        (vec![("for_stripecli", "true")], "for_stripecli"),
        (vec![("webhook_endpoint", &*endpoint.id), ("account", "acct_other")], "account"),
    ] {
        assert_eq!(fixture.client.post(&retry, &params).refused(400)["param"], param);
    }
    let unknown = [("webhook_endpoint", &*endpoint.id)];
    fixture.client.post("/v1/events/evt_none/retry", &unknown).refused(404);
    fixture.client.post(&path, &[("disabled", "true")]).ok();
    assert_eq!(fixture.client.post(&retry, &unknown).refused(400)["param"], "webhook_endpoint");
}
