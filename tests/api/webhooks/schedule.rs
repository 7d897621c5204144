//! When a delivery that failed is tried again, and when nothing is sent any more.

use super::fixture::Fixture;
use serde_json::json;

const HOUR: i64 = 3600;
const DAY: i64 = 86_400;

#[test]
fn a_failed_delivery_is_tried_again_by_schedule_and_stays_pending() {
    let fixture = Fixture::new();
    let endpoint = fixture.endpoint("500");
    let event = fixture.happen();
    let mut waits = Vec::new();
    for attempt in 1..=6 {
        fixture.send();
        fixture.send();
        let attempts = fixture.attempts(&endpoint);
        let made: Vec<_> = attempts.iter().filter(|one| one["status"] == "failed").collect();
        let last = made[0];
        assert_eq!((&last["http_status"], &last["error"]), (&json!(500), &json!("http_status")));
        let Some(next) = last["next_attempt_at"].as_i64() else {
            assert_eq!((attempt, made.len()), (4, 4));
            break;
        };
        assert_eq!(made.len(), attempt);
        assert_eq!(attempts[0]["next_attempt_at"], next);
        let wait = next - fixture.server.clock.now_unix();
        waits.push(wait);
        fixture.server.clock.advance(wait - 1);
        fixture.send();
        assert_eq!(fixture.receiver.received().len(), attempt, "not before its time");
        fixture.server.clock.advance(1);
    }
    for (wait, expected) in waits.iter().zip([300, 1800, 2 * HOUR]) {
        assert!((expected * 9 / 10..=expected * 11 / 10).contains(wait), "{waits:?}");
    }
    assert_eq!((waits.len(), fixture.receiver.received().len()), (3, 4));
    assert_eq!(fixture.pending(&event), 1);
    let failed = fixture.client.get("/v1/events", &[("delivery_success", "false")]).ok();
    assert_eq!(failed["data"][0]["id"], event);
    let signatures: Vec<_> = fixture.receiver.received();
    let mut signatures: Vec<_> =
        signatures.iter().map(|one| one.header("stripe-signature").to_owned()).collect();
    signatures.dedup();
    assert_eq!(signatures.len(), 4, "each attempt is signed anew");
}

#[test]
fn what_failed_and_then_succeeds_is_settled() {
    let fixture = Fixture::new();
    let endpoint = fixture.endpoint("503");
    let event = fixture.happen();
    fixture.send();
    let path = format!("/v1/webhook_endpoints/{}", endpoint.id);
    fixture.client.post(&path, &[("url", &fixture.receiver.url("204"))]).ok();
    fixture.server.clock.advance(HOUR);
    fixture.send();
    assert_eq!(fixture.pending(&event), 0);
    let attempts = fixture.attempts(&endpoint);
    let words: Vec<_> = attempts.iter().map(|one| one["status"].as_str().unwrap()).collect();
    assert_eq!(words, ["succeeded", "failed"]);
    let of_page = |params: &[(&str, &str)]| {
        let list = fixture.client.get(&format!("{path}/attempts"), params).ok();
        (list["data"][0]["status"].clone(), list["has_more"].clone())
    };
    assert_eq!(of_page(&[("limit", "1")]), (json!("succeeded"), json!(true)));
    let first = attempts[0]["id"].as_str().unwrap();
    assert_eq!(of_page(&[("starting_after", first)]), (json!("failed"), json!(false)));
}

#[test]
fn while_an_endpoint_is_disabled_what_waits_rests_and_nothing_is_added() {
    let fixture = Fixture::new();
    let endpoint = fixture.endpoint("500");
    let path = format!("/v1/webhook_endpoints/{}", endpoint.id);
    let before = fixture.happen();
    fixture.send();
    fixture.client.post(&path, &[("disabled", "true")]).ok();
    let meanwhile = fixture.happen();
    assert_eq!(fixture.pending(&meanwhile), 0);
    fixture.server.clock.advance(HOUR);
    fixture.send();
    assert_eq!(fixture.receiver.received().len(), 1);
    let ok = fixture.receiver.url("200");
    fixture.client.post(&path, &[("disabled", "false"), ("url", &ok)]).ok();
    fixture.send();
    assert_eq!(fixture.receiver.received().len(), 2);
    assert_eq!(fixture.pending(&before), 0);
}

#[test]
fn an_endpoint_without_success_is_told_of_and_then_disabled() {
    let fixture = Fixture::new();
    let failing = fixture.endpoint("500");
    let watching = [("enabled_events[]", "coffer.webhook.failing")];
    let watching = fixture.endpoint_with(&fixture.client, "200/watching", &watching);
    // Each event is tried four times in test mode.
    for day in 0..10 {
        assert_eq!(fixture.get(&failing)["status"], "enabled", "day {day}");
        fixture.happen();
        for _ in 0..4 {
            fixture.send();
            fixture.server.clock.advance(3 * HOUR);
        }
        fixture.server.clock.advance(DAY - 12 * HOUR);
    }
    fixture.happen();
    fixture.send();
    assert_eq!(fixture.get(&failing)["status"], "disabled");
    assert_eq!(fixture.get(&watching)["status"], "enabled");
    let received = fixture.receiver.received();
    let told: Vec<_> = received.iter().filter(|one| one.path == "200/watching").collect();
    assert!((5..=7).contains(&told.len()), "once a day from the third on: {}", told.len());
    let event = told[0].event();
    assert_eq!(event["type"], "coffer.webhook.failing");
    assert_eq!(event["data"]["object"]["id"], failing.id.as_str());
    let path = format!("/v1/webhook_endpoints/{}", failing.id);
    let ok = fixture.receiver.url("200");
    fixture.client.post(&path, &[("disabled", "false"), ("url", &ok)]).ok();
    let event = fixture.happen();
    fixture.send();
    assert_eq!(fixture.pending(&event), 0);
}

/// With the one before, as many as it takes to disable an endpoint, and as many as one account can
/// make.
const MANY: u8 = 19;

/// Attempts in all: each event is tried four times in test mode.
const FAILED: i64 = 4 * (1 + MANY as i64);

#[test]
fn a_clock_that_was_wrong_disables_nobody_and_nothing_waits_for_its_time() {
    for by in [365 * DAY, -DAY] {
        let fixture = Fixture::new();
        let endpoint = fixture.endpoint("500");
        let watching = [("enabled_events[]", "coffer.webhook.failing")];
        let watching = fixture.endpoint_with(&fixture.client, "200/watching", &watching);
        let received = || fixture.receiver.received().len();
        let many = usize::from(MANY);
        // One failure from before: by the wrong clock it lasts for a year.
        fixture.happen();
        fixture.send();
        fixture.server.clock.jump(by);
        for _ in 0..MANY {
            fixture.happen();
        }
        fixture.send();
        fixture.send();
        assert_eq!(received(), 1 + many, "{by}: first attempts are made, and no others");
        assert_eq!(fixture.get(&endpoint)["status"], "enabled", "{by}");
        fixture.server.clock.jump(-by);
        fixture.send();
        assert_eq!(received(), 1 + many, "{by}: right for a moment");
        for _ in 0..7 {
            fixture.server.clock.advance(60);
            fixture.send();
        }
        assert_eq!(received(), 2 * (1 + many), "{by}: all are tried again within minutes");
        for _ in 0..12 {
            fixture.server.clock.advance(HOUR / 2);
            fixture.send();
        }
        assert_eq!(received(), 4 * (1 + many), "{by}: as often as the schedule says");
        let sql = "SELECT failing_since, failures, warned FROM webhook_endpoint WHERE id = ?";
        let of = [coffer_storage::Value::from(endpoint.id.as_str())];
        let row = &fixture.server.query(sql, &of)[0];
        let start = coffer_testkit::START.unix();
        let since = row.int(0).unwrap();
        assert!((start..=start + DAY).contains(&since), "{by}: {since}");
        // Those that were made while the clock was right: all but the first ones of many.
        assert_eq!(row.int(1).unwrap(), FAILED - i64::from(MANY), "{by}");
        assert_eq!(row.optional_int(2).unwrap(), None, "{by}: nobody was told");
        for one in [&endpoint, &watching] {
            assert_eq!(fixture.get(one)["status"], "enabled", "{by}");
        }
    }
}

#[test]
fn what_waits_for_a_deleted_endpoint_is_gone() {
    let fixture = Fixture::new();
    let endpoint = fixture.endpoint("500");
    let event = fixture.happen();
    fixture.send();
    assert_eq!(fixture.server.count("webhook_secret"), 1);
    fixture.client.delete(&format!("/v1/webhook_endpoints/{}", endpoint.id), &[]).ok();
    assert_eq!(fixture.server.count("webhook_secret"), 0, "at once");
    fixture.server.clock.advance(HOUR);
    fixture.send();
    assert_eq!(fixture.receiver.received().len(), 1);
    fixture.server.run_jobs();
    assert_eq!(fixture.pending(&event), 0);
    let left = fixture.client.get(&format!("/v1/events/{event}/attempts"), &[]).ok();
    assert_eq!(left["data"], json!([]));
}
