//! What a plan would have done to charges whose refunds and disputes are told movement by movement,
//! beside what a plan did.

use super::analyst::as_it_was;
use super::fixture::{DAY, Fixture, MARCH_1};
use coffer_testkit::Params;

const WORDS: &str = "percent=20,days_after_charge=15";

/// A platform with a plan of those words.
fn planned(draw: &str) -> (Fixture, String) {
    let fixture = Fixture::new();
    let plan = [
        ("percent", "20"),
        ("type", "rolling_release"),
        ("rolling_release[days_after_charge]", "15"),
        ("reserve_draw", draw),
    ];
    fixture.post("/v1/reserve/plans", &plan).ok();
    (fixture, format!("{WORDS},reserve_draw={draw}"))
}

/// Tells a dispute, or an adjustment that draws, of so much.
fn takes(fixture: &Fixture, what: &str, id: &str, charge: &str, amount: i64) {
    let amount = amount.to_string();
    let mut params = vec![("id", id), ("charge", charge), ("amount", &amount), ("currency", "usd")];
    params.extend((what == "adjustments").then_some(("draw", "true")));
    fixture.post(&format!("/v1/ledger/{what}"), &params).ok();
}

fn moves(fixture: &Fixture, dispute: &str, id: &str, amount: i64) {
    let path = format!("/v1/ledger/disputes/{dispute}/movements");
    fixture.post(&path, &[("id", id), ("amount", &amount.to_string())]).ok();
}

fn fails(fixture: &Fixture, refund: &str, more: Params<'_>) {
    let params = [&[("status", "failed")], more].concat();
    fixture.post(&format!("/v1/ledger/refunds/{refund}"), &params).ok();
}

fn wins(fixture: &Fixture, dispute: &str) {
    fixture.post(&format!("/v1/ledger/disputes/{dispute}"), &[("status", "won")]).ok();
}

/// Pays out what is available but for what it leaves.
fn pays(fixture: &Fixture, id: &str, leaves: i64) {
    let amount = (fixture.standing()[1] - leaves).to_string();
    let payout = [("id", id), ("amount", &amount), ("currency", "usd"), ("reported", "true")];
    fixture.post("/v1/ledger/payouts", &payout).ok();
}

/// Disputes, refunds and adjustments before their charge, while it is pending, later, and after its
/// hold has come free.
fn told_in_parts(fixture: &Fixture) {
    // Before the charge: what had come back by then takes nothing of it.
    takes(fixture, "disputes", "du_1", "ch_1", 400);
    moves(fixture, "du_1", "mv_1", 330);
    moves(fixture, "du_1", "mv_2", -40);
    let refund = [("id", "re_1"), ("charge", "ch_1"), ("amount", "90"), ("currency", "usd")];
    fixture.post("/v1/ledger/refunds", &refund).ok();
    fails(fixture, "re_1", &[("id", "rf_1"), ("amount", "55")]);
    takes(fixture, "disputes", "du_2", "ch_1", 80);
    wins(fixture, "du_2");
    takes(fixture, "adjustments", "ad_1", "ch_1", -15);
    fixture.advance_to(MARCH_1 + 60);
    fixture.charge("ch_1", 1000, &[]);
    fixture.charge("ch_2", 800, &[]);
    fixture.charge("ch_3", 500, &[]);
    // While it is pending: what fails is pending again, and pays for what comes next.
    fixture.refund("re_3", "ch_3", 450);
    fails(fixture, "re_3", &[("id", "rf_3"), ("amount", "200")]);
    takes(fixture, "adjustments", "ad_3", "ch_3", -5);
    fixture.refund("re_4", "ch_3", 210);
    fixture.advance_to(MARCH_1 + 3 * DAY);
    pays(fixture, "po_1", 20);
    takes(fixture, "disputes", "du_3", "ch_2", 50);
    moves(fixture, "du_3", "mv_3", -70);
    moves(fixture, "du_3", "mv_4", 60);
    fixture.advance_to(MARCH_1 + 5 * DAY);
    takes(fixture, "disputes", "du_4", "ch_1", 30);
    wins(fixture, "du_4");
    pays(fixture, "po_2", 0);
    moves(fixture, "du_4", "mv_5", -30);
    takes(fixture, "adjustments", "ad_2", "ch_1", -10);
    // An appeal after the hold's date takes nothing that is held.
    fixture.advance_to(MARCH_1 + 18 * DAY);
    moves(fixture, "du_3", "mv_6", -500);
    fixture.advance_to(MARCH_1 + 19 * DAY);
    fixture.verify();
}

#[test]
fn movements_are_simulated_as_they_happened() {
    // What is held first covers of ch_1 110 of du_1, 35 of re_1, 15 of ad_1 and 40 of du_4, of ch_2
    // 120 of du_3, and of ch_3 100 of re_3. Only if it is needed it covers of ch_1 30 of du_4 and
    // 10 of ad_2, of ch_2 100 of du_3, and of ch_3 50 of re_3 and 10 of re_4.
    for (draw, refunds, disputes) in [("first", 150, 270), ("only_if_needed", 70, 130)] {
        let (fixture, words) = planned(draw);
        told_in_parts(&fixture);
        let found = as_it_was(&fixture, &words);
        let said = &found["plans"][0]["currencies"][0];
        let covered = [&said["covered_refunds"], &said["covered_disputes"]];
        let covered = covered.map(|each| each.as_i64().unwrap());
        assert_eq!(covered, [refunds, disputes], "{draw}: {said}");
        // All that was withdrawn, whatever came back of it.
        let all = &found["currencies"][0];
        assert_eq!(all["disputed"], 400 + 40 + 80 + 50 + 70 + 500 + 30 + 30, "{all}");
    }
}

#[test]
fn what_facts_told_counts_beside_the_transactions_that_followed() {
    for draw in ["first", "only_if_needed"] {
        let (fixture, words) = planned(draw);
        fixture.charge("ch_1", 1000, &[]);
        fixture.charge("ch_2", 1000, &[]);
        fixture.advance_to(MARCH_1 + 3 * DAY);
        pays(&fixture, "po_1", 0);
        takes(&fixture, "disputes", "du_1", "ch_1", 60);
        fixture.refund("re_1", "ch_2", 45);
        fixture.advance_to(MARCH_1 + 4 * DAY);
        let since = fixture.server.clock.now_unix().to_string();
        let settings = [("intake", "transactions"), ("since", &*since)];
        fixture.post("/v1/ledger/settings", &settings).ok();
        fixture.advance_to(MARCH_1 + 5 * DAY);
        let now = fixture.server.clock.now_unix().to_string();
        let dates = [("created", &*now), ("available_on", &*now)];
        let tell = |id: &str, word: &str, amount: i64, category: &str, source: &str| {
            let more = [("reporting_category", category), ("source", source)];
            fixture.tell(id, word, amount, &[&dates[..], &more].concat());
        };
        tell("txn_1", "adjustment", 25, "dispute_reversal", "du_1");
        tell("txn_2", "adjustment", -40, "dispute", "du_1");
        tell("txn_3", "refund_failure", 45, "refund_failure", "re_1");
        tell("txn_4", "refund", -20, "refund", "re_1");
        let found = as_it_was(&fixture, &words);
        let all = &found["currencies"][0];
        assert_eq!([&all["disputed"], &all["refunded"]], [60 + 40, 45 + 20], "{all}");
        let said = &found["plans"][0]["currencies"][0];
        assert!(said["covered_disputes"].as_i64() >= Some(60), "{said}");
        fixture.verify();
    }
}

#[test]
fn what_is_told_late_of_a_charge_changes_no_hold_that_was_made() {
    for draw in ["first", "only_if_needed"] {
        let (fixture, words) = planned(draw);
        fixture.advance_to(MARCH_1 + 2 * DAY);
        // A processor's first message has neither the fee nor the day.
        fixture.charge("ch_1", 10_000, &[]);
        fixture.charge("ch_2", 10_000, &[("fee", "320")]);
        let (created, later) = ((MARCH_1 + 60).to_string(), (MARCH_1 + 4 * DAY).to_string());
        fixture.advance_to(MARCH_1 + 3 * DAY);
        let late = [("fee", "320"), ("created", &*created), ("available_on", &*later)];
        fixture.post("/v1/ledger/charges/ch_1", &late).ok();
        fixture.advance_to(MARCH_1 + 5 * DAY);
        pays(&fixture, "po_1", 0);
        fixture.refund("re_1", "ch_1", 500);
        let found = as_it_was(&fixture, &words);
        let said = &found["plans"][0]["currencies"][0];
        assert_eq!(said["held"], 2000 + 1936, "{said}");
        // What came in is what is known of it now.
        assert_eq!(found["currencies"][0]["net"], 2 * 9680);
        // The dates are those of the holds as well.
        fixture.advance_to(MARCH_1 + 40 * DAY);
        as_it_was(&fixture, &words);
        fixture.verify();
    }
}
