//! Payouts and adjustments, and what tells that an account is below zero (intake §7, §8, §11).

use super::fixture::{DAY, Fixture, MARCH_1, march, text};
use coffer_ledger::{PAYOUT_FLOOR, PAYOUT_MATCH};
use coffer_testkit::{Params, TestServer};
use serde_json::{Value, json};

const PAYOUTS: &str = "/v1/ledger/payouts";
const ADJUSTMENTS: &str = "/v1/ledger/adjustments";

fn payout(fixture: &Fixture, id: &str, amount: &str, more: Params<'_>) -> coffer_testkit::Answer {
    let own = [("id", id), ("amount", amount), ("currency", "usd")];
    fixture.post(PAYOUTS, &[&own[..], more].concat())
}

/// A charge whose money is available.
fn available(fixture: &Fixture, id: &str, amount: i64, more: Params<'_>) {
    let own = [("created", "1772000000"), ("available_on", "1772000000")];
    fixture.charge(id, amount, &[&own[..], more].concat());
}

#[test]
fn a_payout_that_was_asked_for_gets_the_processors_id_and_counts_once() {
    let fixture = Fixture::new();
    available(&fixture, "ch_1", 1000, &[]);
    payout(&fixture, "req_77", "400", &[]).ok();
    let path = "/v1/ledger/payouts/req_77";
    let (created, arrival) = ((MARCH_1 - 60).to_string(), (MARCH_1 + DAY).to_string());
    let named = [("processor_id", "po_abc"), ("arrival_date", arrival.as_str())];
    let known = fixture.post(path, &named).ok();
    assert_eq!((&known["processor_id"], &known["id"]), (&json!("po_abc"), &json!("req_77")));
    assert_eq!(fixture.get("/v1/ledger/payouts/po_abc"), known);
    let told = [("reported", "true"), ("fee", "25"), ("created", created.as_str())];
    let again = payout(&fixture, "po_abc", "400", &told).ok();
    assert_eq!((&again["id"], &again["fee"]), (&json!("req_77"), &json!(25)));
    assert_eq!(
        (&again["created"], &again["arrival_date"]),
        (&json!(MARCH_1 - 60), &json!(MARCH_1 + DAY))
    );
    // The same id confirms as well.
    payout(&fixture, "req_77", "400", &[("reported", "true")]).ok();
    assert_eq!(fixture.standing(), [0, 575, 0, 0]);
    assert_eq!(fixture.list(PAYOUTS, &[]).len(), 1);
    fixture.post("/v1/ledger/payouts/po_abc", &[("status", "failed")]).ok();
    assert_eq!(fixture.standing(), [0, 975, 0, 0]);
    payout(&fixture, "po_own", "5", &[("reported", "true")]).ok();
    payout(&fixture, "req_78", "5", &[]).ok();
    let taken = fixture.post("/v1/ledger/payouts/req_78", &[("processor_id", "po_own")]);
    assert_eq!(taken.refused(400)["param"], "processor_id");
    fixture.verify();
}

#[test]
fn a_reported_payout_is_the_only_one_of_its_amount_that_was_asked_for_lately() {
    for (matches, count) in [("true", 3), ("false", 5)] {
        let fixture = Fixture::with(TestServer::builder().set(&PAYOUT_MATCH, matches));
        available(&fixture, "ch_1", 5000, &[]);
        payout(&fixture, "req_1", "400", &[]).ok();
        let told = payout(&fixture, "po_1", "400", &[("reported", "true")]).ok();
        assert_eq!(told["id"], if matches == "true" { "req_1" } else { "po_1" });
        // One that was asked for too long ago is another.
        payout(&fixture, "req_2", "500", &[]).ok();
        fixture.server.clock.advance(601);
        if matches == "true" {
            payout(&fixture, "po_2", "500", &[("reported", "true")]).ok();
        } else {
            payout(&fixture, "po_2", "500", &[("reported", "true")]).ok();
            payout(&fixture, "po_3", "1", &[("reported", "true")]).ok();
        }
        assert_eq!(fixture.list(PAYOUTS, &[]).len(), count, "{matches}");
        fixture.verify();
    }
}

#[test]
fn what_is_pending_and_below_zero_is_not_outrun() {
    let fixture = Fixture::new();
    available(&fixture, "ch_1", 1000, &[]);
    let at = (MARCH_1 + 2 * DAY).to_string();
    let owed =
        [("id", "adj_1"), ("amount", "-300"), ("currency", "usd"), ("available_on", at.as_str())];
    fixture.post(ADJUSTMENTS, &owed).ok();
    assert_eq!(fixture.standing(), [-300, 1000, 0, 0]);
    assert_eq!(payout(&fixture, "po_1", "701", &[]).refused(400)["code"], "balance_insufficient");
    payout(&fixture, "po_1", "700", &[]).ok();
    fixture.advance_to(MARCH_1 + 2 * DAY);
    assert_eq!(fixture.standing(), [0, 0, 0, 0]);
    fixture.verify();
}

#[test]
fn one_pool_pays_for_another_unless_the_operator_looks_at_the_currency() {
    for (floor, status) in [("pool", 200), ("currency", 400)] {
        let fixture = Fixture::with(TestServer::builder().set(&PAYOUT_FLOOR, floor));
        available(&fixture, "ch_1", 5000, &[("source_type", "bank_account")]);
        payout(&fixture, "po_1", "10000", &[("reported", "true")]).ok();
        let answer = payout(&fixture, "po_2", "5000", &[("source_type", "bank_account")]);
        assert_eq!(answer.status, status, "{floor}");
        fixture.verify();
    }
}

#[test]
fn payouts_of_whole_platforms_fit() {
    let fixture = Fixture::new();
    let most = "999999999999999";
    assert_eq!(
        payout(&fixture, "po_1", most, &[("reported", "true")]).ok()["amount"],
        999_999_999_999_999_i64
    );
    let more = payout(&fixture, "po_2", "1000000000000000", &[("reported", "true")]);
    assert_eq!(more.refused(400)["param"], "amount");
    fixture.verify();
}

#[test]
fn an_adjustment_moves_money_either_way_and_shows_its_own_words() {
    let fixture = Fixture::new();
    let topup = [
        ("id", "tu_1"),
        ("amount", "5000"),
        ("currency", "usd"),
        ("type", "topup"),
        ("reporting_category", "topup"),
    ];
    let told = fixture.post(ADJUSTMENTS, &topup).ok();
    assert_eq!(fixture.post(ADJUSTMENTS, &topup).ok(), told);
    let expected = json!({
        "id": "tu_1", "object": "ledger.adjustment", "amount": 5000, "available_on": MARCH_1,
        "charge": null, "created": MARCH_1, "currency": "usd", "drawn": 0, "fee": 0,
        "livemode": false, "net": 5000, "parked": false, "payout": null,
        "reporting_category": "topup", "source": null, "source_type": "card",
        "status": "available", "type": "topup",
    });
    assert_eq!(told, expected);
    let fee = [("id", "fee_1"), ("amount", "-700"), ("currency", "usd"), ("payout", "po_1")];
    fixture.post(ADJUSTMENTS, &fee).ok();
    assert_eq!(fixture.standing(), [0, 4300, 0, 0]);
    let shown = fixture.list("/v1/balance_transactions", &[("type", "topup")]);
    assert_eq!(
        (&shown[0]["amount"], &shown[0]["reporting_category"]),
        (&json!(5000), &json!("topup"))
    );
    assert_eq!(shown[0]["source"], "tu_1");
    assert_eq!(fixture.list("/v1/balance_transactions", &[("payout", "po_1")])[0]["amount"], -700);
    assert_eq!(fixture.list(ADJUSTMENTS, &[("type", "topup")]).len(), 1);
    for (name, value) in [("amount", "0"), ("type", "No"), ("draw", "true")] {
        let own = [("id", "adj_9"), ("amount", "5"), ("currency", "usd")];
        let kept = own.into_iter().filter(|(one, _)| *one != name);
        let params: Vec<_> = kept.chain([(name, value)]).collect();
        assert_eq!(fixture.post(ADJUSTMENTS, &params).refused(400)["param"], name);
    }
    // Told late: where it belongs, and when it counts.
    let at = (MARCH_1 + DAY).to_string();
    let late = [("id", "adj_2"), ("amount", "-50"), ("currency", "usd"), ("available_on", &at)];
    fixture.post(ADJUSTMENTS, &late).ok();
    let moved = [("source_type", "fpx"), ("available_on", "1772000000"), ("created", "1772000000")];
    let now = fixture.post("/v1/ledger/adjustments/adj_2", &moved).ok();
    assert_eq!((&now["status"], &now["source_type"]), (&json!("available"), &json!("fpx")));
    assert_eq!(fixture.standing(), [0, 4250, 0, 0]);
    fixture.verify();
}

#[test]
fn an_adjustment_draws_on_its_charge_also_before_that_is_known() {
    for charge_first in [true, false] {
        let fixture = Fixture::new();
        fixture.rolling(50, 30);
        let takes = [
            ("id", "adj_1"),
            ("amount", "-300"),
            ("currency", "usd"),
            ("charge", "ch_1"),
            ("draw", "true"),
        ];
        if charge_first {
            available(&fixture, "ch_1", 1000, &[]);
        }
        let told = fixture.post(ADJUSTMENTS, &takes).ok();
        assert_eq!(told["parked"], !charge_first);
        if !charge_first {
            assert_eq!(fixture.standing(), [0, -300, 0, 0]);
            available(&fixture, "ch_1", 1000, &[]);
        }
        // The charge is older than the plan, which holds nothing of it.
        assert_eq!(fixture.standing(), [0, 700, 0, 0]);
        let again = [
            ("id", "adj_2"),
            ("amount", "-100"),
            ("currency", "usd"),
            ("charge", "ch_2"),
            ("draw", "true"),
        ];
        if charge_first {
            fixture.charge("ch_2", 1000, &[("available_on", &MARCH_1.to_string())]);
        }
        fixture.post(ADJUSTMENTS, &again).ok();
        if !charge_first {
            fixture.charge("ch_2", 1000, &[("available_on", &MARCH_1.to_string())]);
        }
        assert_eq!(fixture.get("/v1/ledger/adjustments/adj_2")["drawn"], 100);
        assert_eq!(fixture.standing(), [0, 1200, 0, 400]);
        let release = &fixture.list("/v1/reserve/releases", &[])[0];
        assert!(release.get("source_transaction").is_none());
        fixture.verify();
    }
}

/// The events of a kind, newest first.
fn events(fixture: &Fixture, kind: &str) -> Vec<Value> {
    fixture.list("/v1/events", &[("type", kind)])
}

#[test]
fn a_pool_that_falls_below_zero_is_told_once_for_each_fall() {
    let fixture = Fixture::new();
    available(&fixture, "ch_1", 1000, &[]);
    payout(&fixture, "po_1", "1300", &[("reported", "true")]).ok();
    let breach = &events(&fixture, "coffer.ledger.breach")[0]["data"]["object"];
    assert_eq!((&breach["payout"], &breach["available_after"]), (&json!("po_1"), &json!(-300)));
    payout(&fixture, "po_2", "10", &[("reported", "true")]).ok();
    let told = events(&fixture, "coffer.ledger.negative");
    assert_eq!(told.len(), 1);
    let expected = json!({
        "object": "ledger.pool", "available": -300, "balance": -300, "currency": "usd",
        "livemode": false, "pending": 0, "reserved": 0, "source_type": "card",
    });
    assert_eq!(told[0]["data"]["object"], expected);
    fixture.charge("ch_2", 400, &[]);
    payout(&fixture, "po_3", "200", &[("reported", "true")]).ok();
    assert_eq!(events(&fixture, "coffer.ledger.negative").len(), 2);
    assert_eq!(events(&fixture, "coffer.ledger.breach").len(), 3);
    fixture.advance_to(march(3));
    assert_eq!(events(&fixture, "coffer.ledger.negative").len(), 2, "what only becomes available");
}

#[test]
fn a_platform_sees_which_of_its_accounts_are_below_zero() {
    let fixture = Fixture::new();
    fixture.rolling(50, 3);
    fixture.charge("ch_1", 1000, &[]);
    let (other, client) = fixture.server.connected(&fixture.app);
    let reported = [("id", "po_1"), ("amount", "30"), ("currency", "eur"), ("reported", "true")];
    client.post(PAYOUTS, &reported).ok();
    let platform = fixture.app.client();
    let listed = |params: Params<'_>| {
        platform.get("/v1/ledger/accounts", params).ok()["data"].as_array().unwrap().clone()
    };
    let all = listed(&[]);
    assert_eq!(all.len(), 2);
    let own = all.iter().find(|each| each["id"] == fixture.account.as_str()).unwrap();
    let row = json!({
        "available": 0, "balance": 500, "currency": "usd", "due_within_7_days": 500,
        "negative": false, "pending": 500, "reserved": 500,
    });
    assert_eq!(own["balances"], json!([row]));
    let negative = listed(&[("negative", "true")]);
    assert_eq!((negative.len(), text(&negative[0], "id")), (1, other));
    assert_eq!(negative[0]["balances"][0]["balance"], -30);
    assert!(listed(&[("negative", "true"), ("currency", "usd")]).is_empty());
    let first = listed(&[("limit", "1")]);
    let next = listed(&[("limit", "1"), ("starting_after", &text(&first[0], "id"))]);
    assert_eq!([&first[0], &next[0]], [&all[0], &all[1]]);
    let back = listed(&[("ending_before", &text(&next[0], "id"))]);
    assert_eq!(back, first);
    let own = fixture.client.get("/v1/ledger/accounts", &[]).ok();
    assert_eq!(own["data"].as_array().unwrap().len(), 1, "on behalf of an account: {own}");
}

#[test]
fn facts_come_in_any_currency_and_plans_hold_in_those_of_the_list() {
    let fixture = Fixture::new();
    let charge = [("id", "ch_1"), ("amount", "900"), ("currency", "xqz")];
    assert_eq!(fixture.post("/v1/ledger/charges", &charge).ok()["currency"], "xqz");
    let wrong = [("id", "ch_2"), ("amount", "900"), ("currency", "x1")];
    assert_eq!(fixture.post("/v1/ledger/charges", &wrong).refused(400)["param"], "currency");
    for (currency, status) in
        [("xqz", 400), ("usdc", 200), ("ang", 200), ("std", 200), ("xcg", 200)]
    {
        let plan = [("percent", "5"), ("type", "manual_release"), ("currency", currency)];
        assert_eq!(fixture.post("/v1/reserve/plans", &plan).status, status, "{currency}");
    }
    fixture.verify();
}
