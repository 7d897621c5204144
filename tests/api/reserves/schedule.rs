//! What happens by itself (reserves §11, decisions 24 to 28), and the events that tell of it (§8).

use super::fixture::{DAY, Fixture, MARCH_1, march, text};
use serde_json::{Value, json};

const HOLDS: &str = "/v1/reserve/holds";

/// The types of all events of reserves, oldest first.
fn told(fixture: &Fixture) -> Vec<String> {
    let events = fixture.list("/v1/events", &[("limit", "100"), ("type", "reserve.*")]);
    events.iter().rev().map(|event| text(event, "type").replace("reserve.", "")).collect()
}

fn amounts(list: &[Value]) -> Vec<i64> {
    list.iter().map(|one| one["amount"].as_i64().unwrap()).collect()
}

#[test]
fn what_is_due_at_a_midnight_is_released_then_and_once() {
    let fixture = Fixture::new();
    let plan = fixture.rolling(10, 3);
    for id in ["ch_1", "ch_2"] {
        fixture.charge(id, 1000, &[]);
    }
    fixture.hold(70, MARCH_1 + 3 * DAY);
    fixture.advance_to(march(5) - 1);
    assert!(fixture.list("/v1/reserve/releases", &[]).is_empty());
    fixture.advance_to(march(5));
    let releases = fixture.list("/v1/reserve/releases", &[]);
    let mut given = amounts(&releases);
    given.sort_unstable();
    assert_eq!(given, [70, 200], "one for the plan's, one for what stands alone");
    let of_plan = releases.iter().find(|one| one["amount"] == 200).unwrap();
    assert_eq!((&of_plan["reserve_plan"], &of_plan["reserve_hold"]), (&plan["id"], &json!(null)));
    assert_eq!(of_plan["reason"], "hold_expired");
    // The clock goes back a week, and comes again.
    for now in [march(1), march(4), march(5), march(5) + 60, march(6)] {
        fixture.advance_to(now);
    }
    assert_eq!(fixture.list("/v1/reserve/releases", &[]).len(), 2);
    assert_eq!(fixture.standing(), [0, 2000, 0, 0]);
    fixture.verify();
}

#[test]
fn a_rolling_plan_ends_at_its_second_and_leaves_its_holds_their_dates() {
    let fixture = Fixture::new();
    let ends = MARCH_1 + 2 * DAY + 1234;
    let params = [
        ("percent", "10"),
        ("type", "rolling_release"),
        ("rolling_release[days_after_charge]", "30"),
        ("rolling_release[expires_on]", &ends.to_string()),
    ];
    let plan = text(&fixture.post("/v1/reserve/plans", &params).ok(), "id");
    fixture.charge("ch_1", 1000, &[]);
    let plan = format!("/v1/reserve/plans/{plan}");
    fixture.advance_to(ends - 1);
    assert_eq!(fixture.get(&plan)["status"], "active");
    fixture.advance_to(ends);
    assert_eq!(fixture.get(&plan)["status"], "expired");
    assert_eq!(told(&fixture).last().unwrap(), "plan.expired");
    assert!(fixture.list("/v1/reserve/releases", &[]).is_empty());
    assert_eq!(fixture.standing()[3], 100);
    // Told late, it was still charged before the end.
    fixture.charge("ch_2", 2000, &[("created", &(ends - 1).to_string())]);
    fixture.charge("ch_3", 4000, &[]);
    assert_eq!(amounts(&fixture.list(HOLDS, &[])), [200, 100]);
    fixture.advance_to(march(32) - 1);
    assert_eq!(fixture.standing()[3], 300);
    fixture.advance_to(march(32));
    assert_eq!(fixture.standing()[3], 200);
    fixture.advance_to(march(34));
    assert_eq!(fixture.standing()[3], 0);
    fixture.verify();
}

#[test]
fn moving_a_fixed_plan_moves_its_holds_at_once_and_tells_them_afterwards() {
    let fixture = Fixture::new();
    let plan = text(&fixture.fixed(10, MARCH_1 + 20 * DAY), "id");
    fixture.charge("ch_1", 1000, &[]);
    fixture.charge("ch_2", 2000, &[]);
    let own = text(&fixture.list(HOLDS, &[("source_charge", "ch_2")])[0], "id");
    let date = (MARCH_1 + 5 * DAY).to_string();
    let own = format!("{HOLDS}/{own}");
    fixture.post(&own, &[("release_schedule[release_after]", &date)]).ok();
    let before = told(&fixture).len();
    let later = (MARCH_1 + 40 * DAY).to_string();
    let moved = [("fixed_release[release_after]", later.as_str())];
    fixture.post(&format!("/v1/reserve/plans/{plan}"), &moved).ok();
    let hold = || fixture.list(HOLDS, &[("source_charge", "ch_1")])[0].clone();
    assert_eq!(hold()["release_schedule"]["scheduled_release"], march(42));
    assert_eq!(fixture.get(&own)["release_schedule"]["scheduled_release"], march(7));
    assert_eq!(told(&fixture)[before..], ["plan.updated"]);
    fixture.server.run_jobs();
    assert_eq!(told(&fixture)[before..], ["plan.updated", "hold.updated"]);
    let event = &fixture.list("/v1/events", &[])[0];
    assert_eq!(event["data"]["object"]["id"], hold()["id"]);
    let old = json!({ "release_after": null, "scheduled_release": march(22) });
    assert_eq!(event["data"]["previous_attributes"], json!({ "release_schedule": old }));
    fixture.server.run_jobs();
    assert_eq!(told(&fixture).len(), before + 2);
    fixture.advance_to(march(7));
    assert_eq!(fixture.standing()[3], 100);
    fixture.advance_to(march(42));
    assert_eq!(fixture.standing()[3], 0);
    assert_eq!(fixture.get(&format!("/v1/reserve/plans/{plan}"))["status"], "expired");
    fixture.verify();
}

#[test]
fn an_event_is_written_with_what_it_tells_and_stays_as_it_was() {
    let fixture = Fixture::new();
    let keyed = fixture.client.idempotent("a key");
    let date = (MARCH_1 + 10 * DAY).to_string();
    let params =
        [("amount", "50"), ("currency", "usd"), ("release_schedule[release_after]", &date)];
    let answer = keyed.post(HOLDS, &params);
    let hold = answer.ok();
    let event = fixture.list("/v1/events", &[])[0].clone();
    let id = text(&event, "id");
    let expected = json!({
        "id": id, "object": "event", "account": fixture.account, "api_version": "2026-10-28.endive",
        "created": MARCH_1, "data": { "object": hold }, "livemode": false, "pending_webhooks": 0,
        "request": {
            "id": answer.header("request-id").unwrap(), "idempotency_key": "a key" },
        "type": "reserve.hold.created",
    });
    assert_eq!(event, expected);
    fixture.post("/v1/reserve/releases", &[("reserve_hold", hold["id"].as_str().unwrap())]).ok();
    assert_eq!(fixture.get(&format!("/v1/events/{id}")), expected);
    let update = fixture.list("/v1/events", &[("type", "*.updated")])[0].clone();
    let previous = json!({ "amount_releasable": 50, "is_releasable": true, "release_details": [] });
    assert_eq!(update["data"]["previous_attributes"], previous);
    assert_eq!(update["data"]["object"]["amount_releasable"], 0);
    // A refused change tells nothing.
    keyed.post("/v1/reserve/releases", &[("reserve_hold", "reshold_never")]).refused(400);
    assert_eq!(told(&fixture), ["hold.created", "release.created", "hold.updated"]);
    fixture.advance_to(MARCH_1 + 31 * DAY);
    assert!(told(&fixture).is_empty());
    fixture.client.get(&format!("/v1/events/{id}"), &[]).refused(404);
}

#[test]
fn the_whole_life_of_a_plan_is_told() {
    let fixture = Fixture::new();
    let plan = text(&fixture.rolling(10, 30), "id");
    let path = format!("/v1/reserve/plans/{plan}");
    fixture.post(&path, &[("percent", "20"), ("metadata[k]", "v")]).ok();
    let update = fixture.list("/v1/events", &[])[0].clone();
    let previous = json!({ "metadata": {}, "percent": 10 });
    assert_eq!(update["data"]["previous_attributes"], previous);
    fixture.post(&path, &[("percent", "20")]).ok();
    fixture.charge("ch_1", 1000, &[]);
    fixture.post(&format!("{path}/disable"), &[]).ok();
    fixture.server.run_jobs();
    assert_eq!(
        told(&fixture),
        [
            "plan.created",
            "plan.updated",
            "hold.created",
            "release.created",
            "hold.updated",
            "plan.disabled",
        ]
    );
    let events = fixture.list("/v1/events", &[]);
    assert_eq!(events[0]["request"], json!({ "id": null, "idempotency_key": null }));
    assert_eq!(events[0]["data"]["object"]["status"], "disabled");
    let types = [("types[]", "reserve.plan.created"), ("types[]", "reserve.plan.disabled")];
    assert_eq!(fixture.list("/v1/events", &types).len(), 2);
    assert_eq!(fixture.list("/v1/events", &[("type", "reserve.plan.*")]).len(), 3);
    assert!(fixture.list("/v1/events", &[("delivery_success", "false")]).is_empty());
    let after = MARCH_1.to_string();
    assert!(fixture.list("/v1/events", &[("created[gt]", &after)]).is_empty());
    fixture.verify();
}

#[test]
fn releasing_many_holds_takes_several_transactions_and_an_event_each() {
    let fixture = Fixture::new();
    let plan = text(&fixture.rolling(10, 30), "id");
    for number in 0..1203 {
        fixture.charge(&format!("ch_{number}"), 100, &[]);
    }
    fixture.post(&format!("/v1/reserve/plans/{plan}/disable"), &[]).ok();
    fixture.server.run_jobs();
    let amounts = amounts(&fixture.list("/v1/reserve/releases", &[]));
    assert_eq!(amounts, [2030, 2500, 2500, 2500, 2500]);
    assert_eq!(fixture.standing(), [120_300, 0, 0, 0]);
    let status = fixture.get(&format!("/v1/reserve/plans/{plan}"));
    assert_eq!(status["status"], "disabled");
    let disabled = fixture.list("/v1/events", &[("type", "reserve.plan.disabled")]);
    assert_eq!(disabled.len(), 1);
    fixture.verify();
}

#[test]
fn the_status_shows_how_far_the_schedule_has_come() {
    let fixture = Fixture::new();
    let task = || {
        let status = fixture.server.admin().get("/v1/admin/status", &[]).ok();
        status["schedule"]["reserve.holds_due"].clone()
    };
    assert_eq!(task(), json!({ "done_until": march(1), "lag": 0 }));
    fixture.server.clock.advance(3 * DAY);
    // The next midnight was 2 March; it is 4 March, 10:00.
    assert_eq!(task(), json!({ "done_until": march(1), "lag": 2 * DAY + 10 * 3600 }));
    fixture.server.run_jobs();
    assert_eq!(task(), json!({ "done_until": march(4), "lag": 0 }));
}
