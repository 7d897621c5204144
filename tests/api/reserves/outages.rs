//! Servers that were away, clocks that go back, and the scheduler that works by itself (reserves
//! §11, decisions 24 to 27).

use super::fixture::{DAY, Fixture, MARCH_1, march, text};
use coffer_base::Timestamp;
use coffer_testkit::TestServer;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const RELEASES: &str = "/v1/reserve/releases";
const HOUR: i64 = 3600;

/// The releases, oldest first.
fn releases(fixture: &Fixture) -> Vec<Value> {
    let mut all = fixture.list(RELEASES, &[("limit", "100")]);
    all.reverse();
    all
}

#[test]
fn what_three_midnights_brought_is_done_in_their_order_and_once() {
    let directory = tempfile::TempDir::new().unwrap();
    let data = directory.path().join("data");
    let fixture = Fixture::with(TestServer::builder().data_dir(&data));
    let plan = fixture.rolling(10, 3);
    for (id, day, amount) in [("ch_1", 1, 1000), ("ch_2", 2, 2000), ("ch_3", 3, 3000)] {
        fixture.advance_to(march(day) + 10 * HOUR);
        fixture.charge(id, amount, &[]);
    }
    fixture.advance_to(march(4));
    let before = fixture.postings().len();
    let now = march(7) + 9 * HOUR;
    let fixture = fixture.restarted_at(now);
    fixture.server.run_jobs();
    let expected = ["P.p>P.a 2700", "R.p>R.a 300", "R.a>P.a 100", "R.a>P.a 200", "R.a>P.a 300"];
    assert_eq!(fixture.postings()[before..], expected);
    let mut holds = fixture.list("/v1/reserve/holds", &[]);
    holds.reverse();
    for (release, hold) in releases(&fixture).iter().zip(&holds) {
        let told = (&release["amount"], &release["reserve_hold"], &release["reserve_plan"]);
        assert_eq!(told, (&hold["amount"], &hold["id"], &plan["id"]));
        assert_eq!(
            (&release["released_at"], &release["reason"]),
            (&json!(now), &json!("hold_expired"))
        );
    }
    assert_eq!(releases(&fixture).len(), 3);

    // The clock goes back by two days, over a restart, and late charges come meanwhile: the date
    // of the first lies ahead of that clock, and behind what the scheduler has done.
    let fixture = fixture.restarted_at(march(5) + HOUR);
    fixture.server.run_jobs();
    assert_eq!(releases(&fixture).len(), 3);
    fixture.charge("ch_4", 4000, &[("created", &(march(2) + 11 * HOUR).to_string())]);
    let late = fixture.list("/v1/reserve/holds", &[("source_charge", "ch_4")])[0].clone();
    assert_eq!(late["release_schedule"]["scheduled_release"], march(6));
    fixture.charge("ch_5", 5000, &[("created", &(march(4) + 11 * HOUR).to_string())]);
    fixture.advance_to(march(6));
    assert_eq!(releases(&fixture).len(), 3);
    // It is given back as soon as the clock has come to where it was, and by itself: its date was
    // another.
    for now in [now, march(8) - 1] {
        fixture.advance_to(now);
        assert_eq!(releases(&fixture).len(), 4);
    }
    fixture.advance_to(march(8));
    let given: Vec<_> = releases(&fixture)[3..].iter().map(|one| one["amount"].clone()).collect();
    assert_eq!(given, [400, 500]);
    assert_eq!(releases(&fixture)[3]["reserve_hold"], late["id"]);
    assert_eq!(fixture.standing(), [0, 15_000, 0, 0]);
    fixture.verify();
}

#[test]
fn one_midnight_has_a_release_for_each_currency_of_each_plan() {
    let fixture = Fixture::new();
    let plans = [10, 20].map(|percent| text(&fixture.rolling(percent, 3), "id"));
    fixture.charge("ch_1", 1000, &[]);
    fixture.charge("ch_2", 2000, &[("source_type", "bank_account")]);
    let eur = [("id", "ch_3"), ("amount", "4000"), ("currency", "eur")];
    fixture.post("/v1/ledger/charges", &eur).ok();
    let alone = fixture.hold(70, MARCH_1 + 3 * DAY);
    let second = fixture.hold(80, MARCH_1 + 3 * DAY);
    fixture.advance_to(march(5));
    let mut all: Vec<_> = releases(&fixture)
        .iter()
        .map(|one| {
            let plan = plans.iter().position(|plan| one["reserve_plan"] == plan.as_str());
            let single = !one["reserve_hold"].is_null();
            (plan, text(one, "currency"), one["amount"].as_i64().unwrap(), single)
        })
        .collect();
    all.sort_unstable();
    let row = |plan, currency: &str, amount, single| (plan, currency.to_owned(), amount, single);
    assert_eq!(
        all,
        [
            row(None, "usd", 150, false),
            row(Some(0), "eur", 400, true),
            row(Some(0), "usd", 300, false),
            row(Some(1), "eur", 800, true),
            row(Some(1), "usd", 600, false),
        ]
    );
    // What each hold gave stands at the hold.
    for (hold, amount) in [(alone, 70), (second, 80)] {
        let hold = fixture.get(&format!("/v1/reserve/holds/{}", text(&hold, "id")));
        let details = &hold["release_details"];
        assert_eq!((&details[0]["amount"], details.as_array().unwrap().len()), (&json!(amount), 1));
        let of = [("reserve_release", details[0]["reserve_release"].as_str().unwrap())];
        assert_eq!(fixture.list("/v1/reserve/holds", &of).len(), 2);
    }
    // One release gives back to each pool what came from it.
    let of_plan = fixture.postings().into_iter().rev().filter(|one| one.starts_with("R.a"));
    let mut moved: Vec<_> = of_plan.collect();
    moved.sort_unstable();
    let expected = ["100", "150", "200", "200", "400", "400", "800"];
    assert_eq!(moved, expected.map(|amount| format!("R.a>P.a {amount}")));
    assert_eq!(fixture.standing(), [0, 3000, 0, 0]);
    fixture.verify();
}

#[test]
fn a_plan_that_was_disabled_before_a_stop_is_emptied_after_it() {
    let directory = tempfile::TempDir::new().unwrap();
    let data = directory.path().join("data");
    let fixture = Fixture::with(TestServer::builder().data_dir(&data));
    let plan = format!("/v1/reserve/plans/{}", text(&fixture.rolling(10, 30), "id"));
    fixture.charge("ch_1", 1000, &[]);
    fixture.post(&format!("{plan}/disable"), &[]).ok();
    // No charge after it is held back, although there is still a hold of the plan.
    fixture.charge("ch_2", 1000, &[]);
    assert_eq!(fixture.list("/v1/reserve/holds", &[]).len(), 1);
    let fixture = fixture.restarted_at(MARCH_1 + 2 * HOUR);
    fixture.server.run_jobs();
    let events = fixture.list("/v1/events", &[("type", "reserve.plan.disabled")]);
    assert_eq!((events.len(), &events[0]["created"]), (1, &json!(MARCH_1 + 2 * HOUR)));
    assert_eq!(fixture.get(&plan)["disabled_at"], MARCH_1);
    assert_eq!(releases(&fixture)[0]["reason"], "plan_disabled");
    fixture.post(&format!("{plan}/disable"), &[]).refused(400);
    fixture.verify();
}

#[test]
fn a_plan_holds_of_what_was_charged_while_it_was_there() {
    let fixture = Fixture::new();
    fixture.server.clock.set(Timestamp::from_unix(march(5)));
    let ends = march(9) + 1234;
    let params = [
        ("percent", "10"),
        ("type", "rolling_release"),
        ("rolling_release[days_after_charge]", "3"),
        ("rolling_release[expires_on]", &ends.to_string()),
    ];
    fixture.post("/v1/reserve/plans", &params).ok();
    fixture.advance_to(march(9) + 2 * HOUR);
    for (id, created, held) in [
        ("ch_before", march(5) - 1, false),
        // Its money would have been given back this midnight already.
        ("ch_due", march(6) - 1, false),
        ("ch_midnight", march(6), true),
        ("ch_last", ends - 1, true),
        ("ch_end", ends, false),
    ] {
        fixture.charge(id, 1000, &[("created", &created.to_string())]);
        let holds = fixture.list("/v1/reserve/holds", &[("source_charge", id)]);
        assert_eq!(holds.len(), usize::from(held), "{id}");
    }
    let of = |id| fixture.list("/v1/reserve/holds", &[("source_charge", id)])[0].clone();
    // Three days after a midnight is a midnight, and that moves by a day.
    let scheduled = |id| of(id)["release_schedule"]["scheduled_release"].clone();
    assert_eq!(
        (scheduled("ch_midnight"), scheduled("ch_last")),
        (json!(march(10)), json!(march(13)))
    );
    fixture.verify();
}

#[test]
fn a_fixed_plan_ends_with_its_holds_and_leaves_those_with_dates_of_their_own() {
    let fixture = Fixture::new();
    let plan = text(&fixture.fixed(10, MARCH_1 + 5 * DAY), "id");
    fixture.charge("ch_1", 1000, &[]);
    fixture.charge("ch_2", 2000, &[]);
    let own = text(&fixture.list("/v1/reserve/holds", &[("source_charge", "ch_2")])[0], "id");
    let own = format!("/v1/reserve/holds/{own}");
    let date = (MARCH_1 + 9 * DAY).to_string();
    let moved = fixture.post(&own, &[("release_schedule[release_after]", &date)]).ok();
    assert_eq!(moved["reserve_plan"], plan.as_str());
    fixture.advance_to(march(7) - 1);
    assert!(releases(&fixture).is_empty());
    fixture.advance_to(march(7));
    let plan = format!("/v1/reserve/plans/{plan}");
    assert_eq!(fixture.get(&plan)["status"], "expired");
    assert_eq!(fixture.standing()[3], 200);
    assert_eq!(fixture.get(&own)["is_releasable"], true);
    fixture.advance_to(march(11));
    let all = releases(&fixture);
    assert_eq!(
        (all.len(), &all[1]["amount"], &all[1]["reserve_hold"]),
        (2, &json!(200), &moved["id"])
    );
    assert_eq!(fixture.standing()[3], 0);
    let expired = fixture.list("/v1/events", &[("type", "reserve.plan.expired")]);
    assert_eq!((expired.len(), &expired[0]["created"]), (1, &json!(march(7))));
    fixture.verify();
}

#[test]
fn a_server_does_all_this_by_itself() {
    let fixture =
        Fixture::of(TestServer::builder().starts_at(Timestamp::from_unix(MARCH_1)).start());
    let plan = text(&fixture.rolling(10, 3), "id");
    fixture.charge("ch_1", 1000, &[]);
    let fixed = format!("/v1/reserve/plans/{}", text(&fixture.fixed(5, MARCH_1 + 20 * DAY), "id"));
    fixture.charge("ch_2", 2000, &[]);
    let later = (MARCH_1 + 40 * DAY).to_string();
    fixture.post(&fixed, &[("fixed_release[release_after]", &later)]).ok();
    fixture.post(&format!("/v1/reserve/plans/{plan}/disable"), &[]).ok();
    let end = Instant::now() + coffer_testkit::PATIENCE;
    let told = |kind: &str, object: &str| {
        let events = fixture.list("/v1/events", &[("type", kind), ("limit", "100")]);
        let has = |event: &&Value| event["data"]["previous_attributes"].get(object).is_some();
        events.iter().filter(|event| object.is_empty() || has(event)).count()
    };
    while told("reserve.plan.disabled", "") == 0
        || told("reserve.hold.updated", "release_schedule") == 0
    {
        assert!(Instant::now() < end, "the scheduler does not work by itself");
        let pause = async { tokio::time::sleep(Duration::from_millis(50)).await };
        fixture.server.block_on(pause);
    }
    assert_eq!(told("reserve.hold.updated", "release_schedule"), 1);
    let all = releases(&fixture);
    assert_eq!(
        (all.len(), &all[0]["amount"], &all[0]["reason"]),
        (1, &json!(300), &json!("plan_disabled"))
    );
    assert_eq!(fixture.standing(), [2900, 0, 100, 0]);
    fixture.verify();
}
