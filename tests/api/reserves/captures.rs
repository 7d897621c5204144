//! What a plan would have done to charges of several captures, beside what a plan did.

use super::analyst::as_it_was;
use super::fixture::{DAY, Fixture, MARCH_1};
use super::pages::listed;
use coffer_testkit::Params;
use serde_json::json;

/// Tells a transaction of now, which counts in two days.
fn tell(fixture: &Fixture, id: &str, word: &str, amount: i64, more: Params<'_>) {
    let now = fixture.server.clock.now_unix();
    let (created, later) = (now.to_string(), (now + 2 * DAY).to_string());
    let dates = [("created", &*created), ("available_on", &*later)];
    fixture.tell(id, word, amount, &[&dates, more].concat());
}

/// A charge of three captures over some days, of which refunds and a dispute take before the first,
/// between them, and after the first hold has come free; and others beside it. `leaves` is what
/// payouts leave of the money meanwhile.
fn captured_in_parts(fixture: &Fixture, leaves: i64) {
    let of_charge = |source| [("source", source), ("charge", "ch_1")];
    let pay = |id: &str| {
        let rest = fixture.standing()[1] - leaves;
        if rest > 0 {
            tell(fixture, id, "payout", -rest, &[("source", id)]);
        }
    };
    // It waits for its charge, and takes of the first capture alone.
    tell(fixture, "txn_1", "refund", -150, &of_charge("re_1"));
    fixture.advance_to(MARCH_1 + 60);
    tell(fixture, "txn_2", "charge", 1000, &[("source", "ch_1")]);
    tell(fixture, "txn_3", "charge", 800, &[("source", "ch_2")]);
    fixture.advance_to(MARCH_1 + 3 * DAY);
    pay("po_1");
    tell(fixture, "txn_4", "charge", 500, &[("source", "ch_1")]);
    fixture.advance_to(MARCH_1 + 7 * DAY);
    pay("po_2");
    // More than the first capture's hold has left.
    let dispute = [&of_charge("du_1")[..], &[("reporting_category", "dispute")]].concat();
    tell(fixture, "txn_5", "adjustment", -330, &dispute);
    // A payment that failed in part and what was not captured of another have no object of their
    // own.
    tell(fixture, "txn_10", "payment_failure_refund", -90, &[("source", "ch_2")]);
    let rest = [("charge", "ch_2"), ("reporting_category", "partial_capture_reversal")];
    tell(fixture, "txn_11", "refund", -30, &rest);
    tell(fixture, "txn_6", "charge", 300, &[("source", "ch_1")]);
    // Two captures on one page, and a charge of the time before the books, whose money they never
    // had and of which a plan holds nothing.
    let mut page = ["txn_7", "txn_8"].map(|id| listed(id, "charge", 400, &json!("ch_3")));
    for each in &mut page {
        each["created"] = json!(MARCH_1 + 7 * DAY);
        each["available_on"] = json!(MARCH_1 + 8 * DAY);
    }
    fixture.import(&page);
    tell(fixture, "txn_9", "charge", 7000, &[("source", "ch_4"), ("balance_type", "history")]);
    fixture.advance_to(MARCH_1 + 18 * DAY);
    pay("po_3");
    tell(fixture, "txn_12", "refund", -30, &of_charge("re_2"));
    // The dispute takes a second time, and what it takes now is not there before.
    tell(fixture, "txn_13", "adjustment", -130, &dispute);
    tell(fixture, "txn_14", "refund", -90, &[("source", "re_3"), ("charge", "ch_3")]);
    fixture.advance_to(MARCH_1 + 19 * DAY);
    fixture.verify();
}

#[test]
fn each_capture_is_simulated_as_it_was_held() {
    let only_if_needed = "percent=20,days_after_charge=15,reserve_draw=only_if_needed";
    // Where the reserve covers only what is needed, what is available covers these refunds.
    let plans = [
        (
            "first",
            "percent=20,days_after_charge=15",
            0,
            &["covered_refunds", "covered_disputes", "returned"][..],
        ),
        ("only_if_needed", only_if_needed, 70, &["covered_disputes", "returned"]),
    ];
    for (draw, words, leaves, covers) in plans {
        let fixture = Fixture::new();
        let plan = [
            ("percent", "20"),
            ("type", "rolling_release"),
            ("rolling_release[days_after_charge]", "15"),
            ("reserve_draw", draw),
        ];
        fixture.post("/v1/reserve/plans", &plan).ok();
        captured_in_parts(&fixture, leaves);
        let holds = fixture.list("/v1/reserve/holds", &[]);
        assert_eq!(holds.len(), 6, "{holds:#?}");
        // While some is held still, and when all has come free.
        for day in [19, 40] {
            fixture.advance_to(MARCH_1 + day * DAY);
            let found = as_it_was(&fixture, words);
            let said = &found["plans"][0]["currencies"][0];
            for covered in covers {
                assert!(said[covered].as_i64() > Some(0), "{draw}, {covered}: {said}");
            }
            assert_eq!(said["still_held"].as_i64() > Some(0), day == 19, "{draw}: {said}");
            // Captures are none of the charges that came in.
            assert_eq!(found["charges"], 3, "{found}");
        }
    }
}
