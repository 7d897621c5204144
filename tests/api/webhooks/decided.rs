//! What callers may rely on besides a delivery's common course: whose endpoints are, in which
//! version and by which clock is sent, and what becomes of what waits.

use super::deliveries::is_signed;
use super::fixture::{Endpoint, Fixture, builder, happen};
use coffer_kernel::outbound::{Bytestream, Network, NetworkFuture};
use coffer_webhooks::{WEBHOOK_DISABLE_AFTER, WEBHOOK_TEST_RETRIES, WEBHOOK_USER_AGENT};
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;

const HOUR: i64 = 3600;
const DAY: i64 = 86_400;
const ALL: (&str, &str) = ("enabled_events[]", "*");

fn path(endpoint: &Endpoint) -> String {
    format!("/v1/webhook_endpoints/{}", endpoint.id)
}

#[test]
fn all_apps_of_a_platform_share_its_endpoints() {
    let fixture = Fixture::new();
    let admin = fixture.server.admin();
    let params = [("account", fixture.app.account.as_str()), ("name", "sibling")];
    let app = admin.post("/v1/admin/apps", &params).text("id");
    let key = admin.post("/v1/admin/api_keys", &[("app", &app), ("mode", "test")]).text("key");
    let sibling = fixture.server.anonymous().with_key(&key);
    let own = fixture.endpoint("200");
    let connect = fixture.endpoint_with(&sibling, "200/connect", &[ALL, ("connect", "true")]);
    assert_eq!(sibling.get(&path(&own), &[]).ok()["application"], json!(null));
    assert_eq!(fixture.get(&connect)["application"], json!(app), "whose key has made it");
    let event = happen(&sibling);
    fixture.send();
    let received = fixture.receiver.received();
    assert_eq!((received.len(), &received[0].event()["id"]), (1, &json!(event)));
    sibling.delete(&path(&own), &[]).ok();
    fixture.client.get(&path(&own), &[]).refused(404);
}

#[test]
fn without_a_version_of_its_own_an_endpoint_keeps_that_of_its_request() {
    let fixture = Fixture::new();
    let version = "2025-12-15.clover";
    let old = fixture.client.with_header("Stripe-Version", version);
    let pinned = fixture.endpoint_with(&old, "200/pinned", &[ALL]);
    let newest = fixture.endpoint("200/newest");
    for endpoint in [&pinned, &newest] {
        assert_eq!(fixture.get(endpoint)["api_version"], json!(null));
    }
    fixture.client.post(&path(&pinned), &[("description", "changed in a newer version")]).ok();
    let event = fixture.happen();
    fixture.send();
    let received = fixture.receiver.received();
    let at = |path: &str| received.iter().find(|one| one.path == path).unwrap().event();
    let (pinned, newest) = (at("200/pinned"), at("200/newest"));
    assert_eq!((&pinned["id"], &newest["id"]), (&json!(event), &json!(event)));
    assert_eq!(pinned["api_version"], version);
    assert_ne!(newest["api_version"], version);
    assert_eq!(pinned["data"]["object"].get("destination"), None);
    assert!(newest["data"]["object"].get("destination").is_some());
}

#[test]
fn an_operator_can_set_what_deliveries_say_that_they_are_from() {
    let agent = "Payments/1.0 (+https://payments.example/hooks)";
    let server = builder().set(&WEBHOOK_USER_AGENT, agent).without_background_jobs().start();
    let fixture = Fixture::of(server);
    fixture.endpoint("200");
    fixture.happen();
    fixture.send();
    assert_eq!(fixture.receiver.received()[0].header("user-agent"), agent);
}

#[test]
fn an_operator_can_set_when_what_failed_is_sent_again() {
    let builder = builder().set(&WEBHOOK_TEST_RETRIES, "100s");
    let fixture = Fixture::of(builder.without_background_jobs().start());
    let endpoint = fixture.endpoint("500");
    fixture.happen();
    for received in [1, 2, 2] {
        fixture.send();
        assert_eq!(fixture.receiver.received().len(), received);
        fixture.server.clock.advance(110);
    }
    let attempts = fixture.attempts(&endpoint);
    let next: Vec<_> = attempts.iter().map(|one| &one["next_attempt_at"]).collect();
    assert!(next[0].is_null() && next[1].is_i64(), "{attempts:?}");
}

/// Receivers compare the time of a signature with their own.
#[test]
fn an_apps_own_clock_moves_its_events_and_not_their_deliveries() {
    let server = builder().developer().without_background_jobs().start();
    let mut fixture = Fixture::of(server);
    fixture.client = fixture.server.anonymous().with_key("sk_test_moved");
    let seconds = (10 * DAY).to_string();
    let advance = [("seconds", seconds.as_str())];
    fixture.client.post("/v1/test_helpers/clock/advance", &advance).ok();
    let endpoint = fixture.endpoint("200");
    fixture.happen();
    fixture.send();
    let now = fixture.server.clock.now_unix();
    let delivery = fixture.receiver.received().pop().unwrap();
    assert!(delivery.header("stripe-signature").starts_with(&format!("t={now},v1=")));
    assert_eq!(delivery.event()["created"], now + 10 * DAY);
    fixture.client.post(&path(&endpoint), &[("url", &fixture.receiver.url("500"))]).ok();
    fixture.happen();
    fixture.send();
    let next = fixture.attempts(&endpoint)[0]["next_attempt_at"].as_i64().unwrap();
    assert!((270..=330).contains(&(next - now)), "{next} after {now}");
}

/// A network on which nothing is found.
struct Nothing;

impl Network for Nothing {
    fn resolve<'a>(&'a self, _host: &'a str, _port: u16) -> NetworkFuture<'a, Vec<SocketAddr>> {
        Box::pin(std::future::ready(Err(ErrorKind::NotFound.into())))
    }

    fn connect<'a>(&'a self, _to: &'a [SocketAddr]) -> NetworkFuture<'a, Box<dyn Bytestream>> {
        Box::pin(std::future::ready(Err(ErrorKind::NotConnected.into())))
    }
}

#[test]
fn in_live_mode_a_delivery_is_tried_for_three_days() {
    let fixture = Fixture::new();
    let live = fixture.app.live();
    let made = live.post("/v1/webhook_endpoints", &[("url", "https://hooks.example/"), ALL]);
    let attempts = format!("/v1/webhook_endpoints/{}/attempts", made.text("id"));
    let event = happen(&live);
    let mut waits = Vec::new();
    loop {
        fixture.send_by(&Arc::new(Nothing));
        let list = live.get(&attempts, &[("limit", "100")]).ok();
        let all = list["data"].as_array().unwrap();
        let last = all.iter().find(|one| one["status"] == "failed").unwrap();
        assert_eq!(last["error"], "connection_failed");
        let Some(next) = last["next_attempt_at"].as_i64() else { break };
        waits.push(next - fixture.server.clock.now_unix());
        fixture.server.clock.advance(*waits.last().unwrap());
    }
    let half_days = [12 * HOUR; 4];
    let expected = [&[60, 300, 1800, 2 * HOUR, 5 * HOUR, 10 * HOUR][..], &half_days].concat();
    assert_eq!(waits.len(), expected.len(), "{waits:?}");
    for (wait, expected) in waits.iter().zip(expected) {
        assert!((expected * 9 / 10..=expected * 11 / 10).contains(wait), "{waits:?}");
    }
    let failed = live.get("/v1/events", &[("delivery_success", "false")]).ok();
    assert_eq!(failed["data"][0]["id"], event);
}

/// An endpoint that fails gets one attempt at a time, so what arrives shows what was started.
#[test]
fn first_attempts_start_in_order_and_one_that_failed_holds_up_no_other() {
    let fixture = Fixture::new();
    fixture.endpoint("500");
    let events: Vec<_> = (0..5).map(|_| fixture.happen()).collect();
    fixture.send();
    let received = fixture.receiver.received();
    let ids: Vec<_> = received.iter().map(|one| one.event()["id"].clone()).collect();
    assert_eq!(ids, events);
}

#[test]
fn what_has_waited_too_long_for_a_disabled_endpoint_is_tried_no_more() {
    let fixture = Fixture::new();
    let endpoint = fixture.endpoint("500");
    let tried = fixture.happen();
    fixture.send();
    let untried = fixture.happen();
    fixture.client.post(&path(&endpoint), &[("disabled", "true")]).ok();
    fixture.server.clock.advance(4 * DAY);
    let url = fixture.receiver.url("200");
    fixture.client.post(&path(&endpoint), &[("disabled", "false"), ("url", &url)]).ok();
    fixture.send();
    assert_eq!((fixture.pending(&tried), fixture.pending(&untried)), (1, 0));
    let attempts = fixture.attempts(&endpoint);
    let expired = attempts.iter().find(|one| one["error"] == "expired").unwrap();
    assert_eq!((&expired["event"], &expired["next_attempt_at"]), (&json!(tried), &Value::Null));
    assert!(attempts.iter().all(|one| one["status"] != "pending"), "{attempts:?}");
}

#[test]
fn an_operator_can_have_no_endpoint_disabled() {
    let server = builder().set(&WEBHOOK_DISABLE_AFTER, "0").without_background_jobs().start();
    let fixture = Fixture::of(server);
    let endpoint = fixture.endpoint("500");
    for _ in 0..11 {
        fixture.happen();
        for _ in 0..4 {
            fixture.send();
            fixture.server.clock.advance(3 * HOUR);
        }
        fixture.server.clock.advance(12 * HOUR);
    }
    assert_eq!(fixture.receiver.received().len(), 44);
    assert_eq!(fixture.get(&endpoint)["status"], "enabled");
}

#[test]
fn what_waits_is_sent_to_an_endpoint_as_it_is_now() {
    let fixture = Fixture::new();
    let endpoint = fixture.endpoint("500");
    let event = fixture.happen();
    let url = fixture.receiver.url("200/new");
    let changes = [("enabled_events[]", "reserve.hold.created"), ("url", url.as_str())];
    fixture.client.post(&path(&endpoint), &changes).ok();
    let roll = format!("{}/roll_secret", path(&endpoint));
    let secret = fixture.client.post(&roll, &[("expires_in", "0")]).text("secret");
    fixture.happen();
    fixture.send();
    let received = fixture.receiver.received();
    let [delivery] = received.as_slice() else { panic!("{received:?}") };
    assert_eq!((&delivery.event()["id"], &*delivery.path), (&json!(event), "200/new"));
    is_signed(delivery, &[&secret]);
    let retry = format!("/v1/events/{event}/retry");
    let error = fixture.client.post(&retry, &[("webhook_endpoint", &endpoint.id)]).refused(400);
    assert_eq!((&error["param"], error.get("code")), (&json!("webhook_endpoint"), None));
}

#[test]
fn after_thirty_days_nothing_is_sent_again_and_attempts_are_gone() {
    let fixture = Fixture::new();
    let endpoint = fixture.endpoint("200");
    let event = fixture.happen();
    fixture.send();
    let retry = format!("/v1/events/{event}/retry");
    let to = [("webhook_endpoint", &*endpoint.id)];
    fixture.server.clock.advance(30 * DAY - HOUR);
    fixture.client.post(&retry, &to).ok();
    fixture.send();
    assert_eq!(fixture.receiver.received().len(), 2);
    fixture.server.clock.advance(2 * HOUR);
    assert_eq!(fixture.client.post(&retry, &to).refused(404)["param"], "id");
    (0..2).for_each(|_| fixture.server.run_jobs());
    assert_eq!(fixture.attempts(&endpoint).len(), 1, "the one of today");
    fixture.server.clock.advance(30 * DAY);
    (0..2).for_each(|_| fixture.server.run_jobs());
    assert_eq!(fixture.attempts(&endpoint), [json!(null); 0]);
}

#[test]
fn an_account_that_is_erased_takes_its_endpoints_along_and_the_platform_is_told() {
    let fixture = Fixture::new();
    let (account, connected) = fixture.server.connected(&fixture.app);
    fixture.endpoint_with(&connected, "200/own", &[ALL]);
    fixture.endpoint_with(&fixture.client, "200/connect", &[ALL, ("connect", "true")]);
    happen(&connected);
    let rows = |table: &str| fixture.server.count(&format!("{table} WHERE account = '{account}'"));
    assert_eq!((rows("webhook_endpoint"), rows("webhook_secret")), (1, 1));
    let purge = format!("/v1/admin/accounts/{account}/purge");
    fixture.server.admin().post(&purge, &[]).ok();
    fixture.server.run_jobs();
    fixture.send();
    assert_eq!((rows("webhook_endpoint"), rows("webhook_secret")), (0, 0));
    let received = fixture.receiver.received();
    assert!(received.iter().all(|one| one.path == "200/connect"), "{received:?}");
    let told = received.iter().map(|one| one.event());
    let told: Vec<_> = told.filter(|event| event["type"] == "apps.install.deleted").collect();
    assert_eq!((told.len(), &told[0]["account"]), (1, &json!(account)));
}
