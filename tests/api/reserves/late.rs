//! What is told late, in parts, or in an order of its own (intake §7, §8).

use super::fixture::{DAY, Fixture, MARCH_1, march, text};
use coffer_testkit::{Params, TestServer};
use serde_json::json;

const CHARGES: &str = "/v1/ledger/charges";
const DISPUTES: &str = "/v1/ledger/disputes";
const REFUNDS: &str = "/v1/ledger/refunds";

#[test]
fn what_was_a_default_is_told_for_the_first_time_and_then_compared() {
    let fixture = Fixture::new();
    fixture.rolling(10, 30);
    fixture.charge("ch_1", 10_000, &[]);
    let (created, at) = ((MARCH_1 - 60).to_string(), (MARCH_1 + 5 * DAY).to_string());
    let late = [
        ("fee", "320"),
        ("application_fee", "100"),
        ("created", created.as_str()),
        ("available_on", &at),
        ("source_type", "bank_account"),
        ("source_transfer", "tr_1"),
    ];
    let charge = fixture.charge("ch_1", 10_000, &late);
    assert_eq!((&charge["net"], &charge["source_type"]), (&json!(9580), &json!("bank_account")));
    assert_eq!(charge["available_on"], MARCH_1 + 5 * DAY);
    assert_eq!(
        (&charge["created"], &charge["source_transfer"]),
        (&json!(MARCH_1 - 60), &json!("tr_1"))
    );
    // The hold has moved to the other pool with it, and waits for the other date.
    let hold = &fixture.list("/v1/reserve/holds", &[])[0];
    assert_eq!((&hold["source_type"], &hold["amount"]), (&json!("bank_account"), &json!(1000)));
    assert_eq!(fixture.standing(), [8580, 0, 1000, 0]);
    let pools = fixture.get("/v1/balance")["pending"][0]["source_types"].clone();
    assert_eq!(pools, json!({"bank_account": 8580, "card": 0}));
    assert_eq!(fixture.charge("ch_1", 10_000, &late), charge);
    let own = [("id", "ch_1"), ("amount", "10000"), ("currency", "usd")];
    let other = fixture.post(CHARGES, &[&own[..], &[("source_transfer", "tr_2")]].concat());
    let error = other.refused(400);
    assert_eq!(error["param"], "source_transfer");
    assert_eq!(
        error["message"],
        "'ch_1' was told before with another source_transfer: 'tr_1', not 'tr_2'. What the \
         processor told stays as it is; tell what follows from it as a new object."
    );
    fixture.advance_to(march(3));
    assert_eq!(fixture.standing(), [8580, 0, 1000, 0]);
    fixture.advance_to(MARCH_1 + 5 * DAY);
    assert_eq!(fixture.standing(), [0, 8580, 0, 1000]);
    fixture.verify();
}

#[test]
fn what_other_facts_left_out_is_told_later_and_then_compared() {
    let fixture = Fixture::new();
    fixture.charge("ch_1", 10_000, &[]);
    let created = ("created", "1772359100");
    let of_charge = |id| [("id", id), ("charge", "ch_1"), ("amount", "400")];
    let (refund, dispute) = (of_charge("re_1"), of_charge("du_1"));
    let payout = [("id", "po_1"), ("amount", "5"), ("currency", "usd"), ("reported", "true")];
    let topup = [("id", "tu_1"), ("amount", "7"), ("currency", "usd")];
    let facts: [(&str, Params<'_>, Params<'_>); 4] = [
        (REFUNDS, &refund, &[created]),
        (DISPUTES, &dispute, &[created, ("fee", "15")]),
        ("/v1/ledger/payouts", &payout, &[created, ("fee", "25")]),
        ("/v1/ledger/adjustments", &topup, &[created]),
    ];
    for (path, told, late) in facts {
        assert_eq!(fixture.post(path, told).ok()["created"], MARCH_1, "{path}");
        let now = fixture.post(path, &[told, late].concat()).ok();
        assert_eq!(now["created"], 1_772_359_100, "{path}");
        for (name, value) in late.iter().filter(|(name, _)| *name == "fee") {
            assert_eq!(now[*name].to_string(), *value, "{path}");
        }
        // What was left out is compared with nothing, and what was told with what is told again.
        assert_eq!(fixture.post(path, told).ok(), now, "{path}");
        for (name, _) in late {
            let other = [told, &[(*name, "3")]].concat();
            assert_eq!(fixture.post(path, &other).refused(400)["param"], *name, "{path}");
        }
    }
    assert_eq!(fixture.standing(), [9200, -5 - 25 + 7 - 15, 0, 0]);
    fixture.verify();
}

#[test]
fn the_first_message_is_answered_after_a_correction() {
    let fixture = Fixture::new();
    let first = [("fee", "320"), ("application_fee", "50")];
    fixture.charge("ch_1", 10_000, &first);
    let corrections = [("fee", "310"), ("application_fee", "40")];
    let now = fixture.post("/v1/ledger/charges/ch_1", &corrections).ok();
    assert_eq!(now["net"], 9650);
    assert_eq!(fixture.charge("ch_1", 10_000, &first), now);
    assert_eq!(fixture.charge("ch_1", 10_000, &corrections), now);
    let own = [("id", "ch_1"), ("amount", "10000"), ("currency", "usd"), ("fee", "300")];
    assert_eq!(fixture.post(CHARGES, &own).refused(400)["param"], "fee");
    fixture.verify();
}

#[test]
fn a_date_moves_while_money_is_pending_and_a_pool_until_something_is_taken() {
    let fixture = Fixture::new();
    fixture.rolling(10, 30);
    fixture.charge("ch_1", 1000, &[]);
    let update = |params: Params<'_>| fixture.post("/v1/ledger/charges/ch_1", params);
    let (soon, now) = ((MARCH_1 + 60).to_string(), MARCH_1.to_string());
    update(&[("available_on", &soon)]).ok();
    assert_eq!(fixture.standing(), [900, 0, 100, 0]);
    assert_eq!(update(&[("available_on", &now)]).ok()["status"], "available");
    assert_eq!(fixture.standing(), [0, 900, 0, 100]);
    assert_eq!(update(&[("available_on", &soon)]).refused(400)["param"], "available_on");
    update(&[("source_type", "fpx")]).ok();
    assert_eq!(fixture.standing(), [0, 900, 0, 100]);
    fixture.refund("re_1", "ch_1", 10);
    assert_eq!(update(&[("source_type", "card")]).refused(400)["param"], "source_type");
    fixture.verify();
}

#[test]
fn a_refund_may_exceed_its_charge_and_the_charge_says_so() {
    let fixture = Fixture::new();
    let charge = fixture.charge("ch_1", 13_500, &[]);
    assert!(charge.get("over_refunded").is_none());
    fixture.refund("re_1", "ch_1", 14_000);
    let charge = fixture.get("/v1/ledger/charges/ch_1");
    assert_eq!(
        (&charge["amount_refunded"], &charge["over_refunded"]),
        (&json!(14_000), &json!(true))
    );
    assert_eq!(fixture.standing(), [0, -500, 0, 0]);
    fixture.verify();
}

#[test]
fn a_refund_fails_in_parts_and_each_part_once() {
    let fixture = Fixture::new();
    fixture.rolling(10, 30);
    fixture.charge("ch_1", 1000, &[]);
    fixture.refund("re_1", "ch_1", 300);
    assert_eq!(fixture.standing(), [700, 0, 0, 0]);
    let fails = |more: Params<'_>| {
        fixture.post("/v1/ledger/refunds/re_1", &[&[("status", "failed")], more].concat())
    };
    let part = fails(&[("id", "fail_1"), ("amount", "100")]).ok();
    assert_eq!((&part["status"], &part["failed_amount"]), (&json!("succeeded"), &json!(100)));
    assert_eq!(fails(&[("id", "fail_1"), ("amount", "100")]).ok(), part);
    assert_eq!(fails(&[("id", "fail_1"), ("amount", "99")]).refused(400)["param"], "amount");
    assert_eq!(fails(&[("id", "fail_2"), ("amount", "201")]).refused(400)["param"], "amount");
    assert_eq!(fixture.standing(), [800, 0, 0, 0]);
    let canceled = fixture.post("/v1/ledger/refunds/re_1", &[("status", "canceled")]).ok();
    assert_eq!((&canceled["status"], &canceled["failed_amount"]), (&json!("failed"), &json!(300)));
    fails(&[]).ok();
    assert_eq!(fixture.standing(), [1000, 0, 0, 0]);
    assert_eq!(fixture.get("/v1/ledger/charges/ch_1")["amount_refunded"], 0);
    fixture.verify();
}

#[test]
fn a_dispute_is_lost_and_then_won_and_money_comes_back_in_parts() {
    let fixture = Fixture::new();
    fixture.charge("ch_1", 10_000, &[("created", "1772000000"), ("available_on", "1772000000")]);
    let told = [("id", "du_1"), ("charge", "ch_1"), ("amount", "4000"), ("fee", "1500")];
    fixture.post(DISPUTES, &told).ok();
    assert_eq!(fixture.standing(), [0, 4500, 0, 0]);
    let word = |status: &str, created: i64| {
        let created = created.to_string();
        let params = [("status", status), ("created", created.as_str())];
        fixture.post("/v1/ledger/disputes/du_1", &params).ok()["status"].clone()
    };
    assert_eq!(word("lost", MARCH_1 - 50), "lost");
    // An older word comes late, and says nothing new.
    assert_eq!(word("open", MARCH_1 - 90), "lost");
    let moved = |id: &str, amount: &str, more: Params<'_>| {
        let params = [&[("id", id), ("amount", amount)][..], more].concat();
        fixture.post("/v1/ledger/disputes/du_1/movements", &params)
    };
    let part = moved("mv_1", "1000", &[]).ok();
    assert_eq!((&part["reinstated"], &part["withdrawn"]), (&json!(1000), &json!(4000)));
    assert_eq!(moved("mv_1", "1000", &[]).ok(), part);
    assert_eq!(moved("mv_1", "999", &[]).refused(400)["param"], "amount");
    assert_eq!(moved("mv_0", "0", &[]).refused(400)["param"], "amount");
    // The rest comes back at another day's rate, with the fee; then an appeal takes it again.
    moved("mv_2", "3100", &[("fee", "-1500")]).ok();
    assert_eq!(fixture.standing(), [0, 10_100, 0, 0]);
    assert_eq!(word("won", MARCH_1 - 40), "won");
    assert_eq!(fixture.standing(), [0, 10_100, 0, 0], "the word moves nothing beside movements");
    let again = moved("mv_3", "-4000", &[]).ok();
    assert_eq!((&again["withdrawn"], &again["fee"]), (&json!(8000), &json!(0)));
    assert_eq!(fixture.standing(), [0, 6100, 0, 0]);
    fixture
        .client
        .post("/v1/ledger/disputes/du_9/movements", &[("id", "m"), ("amount", "1")])
        .refused(404);
    fixture.verify();
}

#[test]
fn a_dispute_without_movements_brings_its_money_back_once() {
    let fixture = Fixture::new();
    fixture.charge("ch_1", 1000, &[("created", "1772000000"), ("available_on", "1772000000")]);
    fixture.post(DISPUTES, &[("id", "du_1"), ("charge", "ch_1"), ("amount", "400")]).ok();
    for (status, available) in [("lost", 600), ("won", 1000), ("lost", 1000), ("won", 1000)] {
        fixture.post("/v1/ledger/disputes/du_1", &[("status", status)]).ok();
        assert_eq!(fixture.standing()[1], available, "{status}");
    }
    fixture.verify();
}

/// What comes of a charge, a refund and a dispute of it, in any order.
#[test]
fn the_order_of_facts_does_not_matter() {
    let mut ends = Vec::new();
    for order in [[0, 1, 2], [1, 0, 2], [1, 2, 0], [2, 1, 0]] {
        let fixture = Fixture::new();
        fixture.rolling(50, 30);
        for fact in order {
            let (at, pool) = (MARCH_1 + fact, ("source_type", "bank_account"));
            let at = at.to_string();
            let created = ("created", at.as_str());
            match fact {
                0 => drop(fixture.charge("ch_1", 1000, &[pool, created])),
                1 => {
                    let told = [
                        ("id", "re_1"),
                        ("charge", "ch_1"),
                        ("amount", "300"),
                        ("currency", "usd"),
                    ];
                    fixture.post(REFUNDS, &[&told[..], &[created]].concat()).ok();
                }
                _ => {
                    let told = [
                        ("id", "du_1"),
                        ("charge", "ch_1"),
                        ("amount", "400"),
                        ("currency", "usd"),
                    ];
                    fixture.post(DISPUTES, &[&told[..], &[created, ("fee", "15")]].concat()).ok();
                }
            }
            fixture.verify();
        }
        let drawn = |path: &str| fixture.get(path)["drawn"].clone();
        let ends_with = (
            fixture.standing(),
            drawn("/v1/ledger/refunds/re_1"),
            drawn("/v1/ledger/disputes/du_1"),
            fixture.get("/v1/ledger/charges/ch_1")["amount_refunded"].clone(),
        );
        assert_eq!(fixture.get("/v1/ledger/refunds/re_1")["parked"], false);
        ends.push(ends_with);
    }
    assert_eq!(ends[0], ([300, -15, 0, 0], json!(300), json!(200), json!(300)));
    assert!(ends.iter().all(|end| *end == ends[0]), "{ends:#?}");
}

#[test]
fn a_fact_of_an_unknown_charge_is_posted_at_once_if_its_currency_is_told() {
    let fixture = Fixture::new();
    let told = [("id", "re_1"), ("charge", "ch_1"), ("amount", "300")];
    assert_eq!(fixture.post(REFUNDS, &told).refused(400)["code"], "resource_missing");
    let refund = fixture.post(REFUNDS, &[&told[..], &[("currency", "usd")]].concat()).ok();
    assert_eq!((&refund["parked"], &refund["source_type"]), (&json!(true), &json!("card")));
    assert_eq!(fixture.standing(), [0, -300, 0, 0]);
    fixture.post("/v1/ledger/refunds/re_1", &[("status", "failed")]).ok();
    assert_eq!(fixture.standing(), [0, 0, 0, 0]);
    fixture.charge("ch_1", 1000, &[]);
    let charge = fixture.get("/v1/ledger/charges/ch_1");
    assert_eq!((&charge["amount_refunded"], &charge["disputed"]), (&json!(0), &json!(false)));
    fixture.verify();
    let other = [("id", "re_2"), ("charge", "ch_1"), ("amount", "5"), ("currency", "eur")];
    assert_eq!(fixture.post(REFUNDS, &other).refused(400)["param"], "currency");
}

#[test]
fn refusals_that_pass_are_not_kept_under_a_key() {
    let fixture = Fixture::new();
    let keyed = |path: &str, key: &str, params: Params<'_>| {
        fixture.client.idempotent(key).post(path, params)
    };
    let refund = [("id", "re_1"), ("charge", "ch_1"), ("amount", "300")];
    assert_eq!(keyed(REFUNDS, "evt_1", &refund).refused(400)["code"], "resource_missing");
    let payout = [("id", "po_1"), ("amount", "700"), ("currency", "usd")];
    let path = "/v1/ledger/payouts";
    assert_eq!(keyed(path, "evt_2", &payout).refused(400)["code"], "balance_insufficient");
    fixture.charge("ch_1", 1000, &[("created", "1772000000"), ("available_on", "1772000000")]);
    assert_eq!(keyed(REFUNDS, "evt_1", &refund).ok()["status"], "succeeded");
    assert_eq!(text(&keyed(path, "evt_2", &payout).ok(), "status"), "in_transit");
    // Any other refusal is kept.
    let wrong = [("id", "ch_1"), ("amount", "999"), ("currency", "usd")];
    let first = keyed(CHARGES, "evt_3", &wrong);
    let again = keyed(CHARGES, "evt_3", &wrong);
    assert_eq!((first.status, again.status), (400, 400));
    assert!(again.header("idempotent-replayed").is_some());
}

#[test]
fn a_fee_of_the_same_day_shrinks_the_hold_if_the_operator_wants_it() {
    for (follows, held) in [("true", 968), ("false", 1000)] {
        let builder = TestServer::builder().set(&coffer_reserves::RESERVE_FOLLOW_FEE, follows);
        let fixture = Fixture::with(builder);
        fixture.rolling(10, 30);
        fixture.charge("ch_1", 10_000, &[]);
        fixture.charge("ch_1", 10_000, &[("fee", "320")]);
        assert_eq!(fixture.standing()[2], held, "{follows}");
        fixture.advance_to(march(2));
        fixture.post("/v1/ledger/charges/ch_1", &[("fee", "5000")]).ok();
        assert_eq!(fixture.standing()[2], held, "{follows}, a day later");
        fixture.verify();
    }
}

#[test]
fn what_comes_back_is_held_again_until_its_date_if_the_operator_wants_it() {
    for (restore, held) in [("until_scheduled", 5000), ("never", 0)] {
        let builder = TestServer::builder().set(&coffer_reserves::RESERVE_RESTORE, restore);
        let fixture = Fixture::with(builder);
        fixture.rolling(50, 30);
        fixture.charge("ch_1", 10_000, &[]);
        let first = fixture.list("/v1/reserve/holds", &[])[0].clone();
        fixture.advance_to(march(3));
        fixture.refund("re_1", "ch_1", 7000);
        let part = [("status", "failed"), ("id", "f_1"), ("amount", "2000")];
        fixture.post("/v1/ledger/refunds/re_1", &part).ok();
        assert_eq!(fixture.standing()[3], held.min(2000), "{restore}");
        fixture.post("/v1/ledger/refunds/re_1", &[("status", "failed")]).ok();
        assert_eq!(fixture.standing(), [0, 10_000 - held, 0, held], "{restore}");
        let newest = &fixture.list("/v1/reserve/holds", &[])[0];
        assert_eq!(newest["release_schedule"], first["release_schedule"]);
        assert_eq!(
            (&newest["reason"], &newest["source_charge"]),
            (&json!("charge"), &json!("ch_1"))
        );
        fixture.verify();
        // A dispute that is won does the same.
        let dispute = [("id", "du_1"), ("charge", "ch_1"), ("amount", "9000")];
        fixture.post(DISPUTES, &dispute).ok();
        assert_eq!(fixture.standing()[3], 0);
        fixture.post("/v1/ledger/disputes/du_1", &[("status", "won")]).ok();
        assert_eq!(fixture.standing()[3], held, "{restore}");
        fixture.verify();
    }
}

#[test]
fn a_plan_says_itself_what_draws_and_whether_it_holds_of_transfers() {
    let fixture = Fixture::new();
    let plan = |more: Params<'_>| {
        let own = [
            ("percent", "10"),
            ("type", "rolling_release"),
            ("rolling_release[days_after_charge]", "30"),
        ];
        fixture.post("/v1/reserve/plans", &[&own[..], more].concat()).ok()
    };
    let plain = plan(&[]);
    assert!(plain.get("reserve_draw").is_none() && plain.get("hold_transfers").is_none());
    let kept = plan(&[("reserve_draw", "only_if_needed"), ("hold_transfers", "false")]);
    assert_eq!(kept["reserve_draw"], "only_if_needed");
    assert_eq!(kept["hold_transfers"], false);
    fixture.charge("ch_1", 1000, &[("source_transfer", "tr_1")]);
    assert_eq!(fixture.standing(), [900, 0, 100, 0], "only the first plan holds of a transfer");
    fixture.charge("ch_2", 1000, &[]);
    assert_eq!(fixture.standing(), [1700, 0, 300, 0]);
    // The first plan gives all that it has; the second nothing, since the account has enough.
    assert_eq!(fixture.refund("re_1", "ch_2", 500)["drawn"], 100);
    let path = format!("/v1/reserve/plans/{}", text(&kept, "id"));
    let first = fixture.post(&path, &[("reserve_draw", "first")]).ok();
    assert_eq!(first["reserve_draw"], "first");
    assert_eq!(fixture.refund("re_2", "ch_2", 50)["drawn"], 50);
    fixture.verify();
}
