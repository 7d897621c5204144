//! Transactions in any order: what waits for its charge or its payout (intake §8).

use super::fixture::{DAY, Fixture, MARCH_1, march};
use super::kinds::before;
use super::transactions::Txn;
use coffer_testkit::TestServer;
use serde_json::{Value, json};

#[test]
fn a_payout_asked_for_is_the_one_that_the_processor_tells() {
    let fixture = before();
    let asked = [("id", "req_1"), ("amount", "500"), ("currency", "usd")];
    fixture.post("/v1/ledger/payouts", &asked).ok();
    let arrival = march(5).to_string();
    let created = march(3).to_string();
    let more = [
        ("source", "po_1"),
        ("payout_request", "req_1"),
        ("created", &*created),
        ("available_on", &*arrival),
    ];
    let txn = Txn { id: "txn_2", word: "payout", amount: -500, fee: 25, more: &more };
    fixture.try_tell(&txn).ok();
    assert_eq!(fixture.standing(), [0, 8228 - 525, 0, 1452]);
    let payouts = fixture.list("/v1/ledger/payouts", &[]);
    assert_eq!(payouts.len(), 1, "{payouts:?}");
    assert_eq!(fixture.get("/v1/ledger/payouts/po_1")["id"], "req_1");
    fixture.verify();
    let asked = [("payout_request", "req_1"), ("created", &*created), ("source", "po_2")];
    for (amount, other) in [
        (-501, None),
        (-500, Some(("currency", "eur"))),
        (-500, Some(("source_type", "bank_account"))),
    ] {
        let more: Vec<_> = asked.into_iter().chain(other).collect();
        let wrong = Txn { id: "txn_3", word: "payout", amount, fee: 0, more: &more };
        let refused = fixture.try_tell(&wrong).refused(400);
        assert_eq!(refused["param"], "payout_request", "{amount} {other:?}");
    }
    // Without word of the processor it is paid on its day; what comes back later still does.
    fixture.advance_to(march(5));
    assert_eq!(fixture.get("/v1/ledger/payouts/po_1")["status"], "paid");
    fixture.verify();
    let sixth = march(5).to_string();
    let more = [("source", "po_1"), ("created", &*sixth), ("available_on", &*sixth)];
    fixture.tell("txn_4", "payout_failure", 500, &more);
    assert_eq!(fixture.get("/v1/ledger/payouts/po_1")["status"], "failed");
    assert_eq!(fixture.standing(), [0, 8228 - 25, 0, 1452]);
    fixture.verify();
}

#[test]
fn a_payout_is_counted_once_in_any_order() {
    // The processor's transaction before the asking.
    let fixture = before();
    let created = march(3).to_string();
    let more = [("source", "po_1"), ("payout_request", "req_1"), ("created", &*created)];
    assert_eq!(fixture.tell("txn_2", "payout", -500, &more)["parked"], true);
    let asked = [("id", "req_1"), ("amount", "500"), ("currency", "usd")];
    fixture.post("/v1/ledger/payouts", &asked).ok();
    assert_eq!(fixture.standing(), [0, 7728, 0, 1452]);
    assert_eq!(fixture.list("/v1/ledger/payouts", &[]).len(), 1);
    assert_eq!(fixture.get("/v1/ledger/transactions/txn_2")["parked"], false);
    fixture.verify();
    // What came back before what left.
    let fixture = before();
    let more = [("source", "po_1"), ("created", &*created)];
    fixture.tell("txn_3", "payout_failure", 500, &more);
    fixture.verify();
    fixture.tell("txn_2", "payout", -500, &more);
    assert_eq!(fixture.standing(), [0, 8228, 0, 1452]);
    assert_eq!(fixture.get("/v1/ledger/payouts/po_1")["status"], "failed");
    fixture.verify();
}

#[test]
fn a_payout_that_was_asked_for_and_came_back_is_counted_once_in_any_order() {
    let created = march(3).to_string();
    let of = |word: &'static str, amount| {
        move |fixture: &Fixture| {
            let (created, id) = (march(3).to_string(), format!("txn_{word}"));
            let more = [("source", "po_1"), ("created", &*created)];
            fixture.tell(&id, word, amount, &more);
        }
    };
    let (left, back) = (of("payout", -500), of("payout_failure", 500));
    for back_first in [false, true] {
        let fixture = before();
        let asked = [("id", "req_1"), ("amount", "500"), ("currency", "usd")];
        fixture.post("/v1/ledger/payouts", &asked).ok();
        fixture.post("/v1/ledger/payouts/req_1", &[("processor_id", "po_1")]).ok();
        assert_eq!(fixture.standing(), [0, 7728, 0, 1452]);
        if back_first {
            back(&fixture);
            // Nothing is there twice, whether or not the processor tells what left.
            assert_eq!(fixture.standing(), [0, 8228, 0, 1452]);
            fixture.verify();
            left(&fixture);
        } else {
            left(&fixture);
            back(&fixture);
        }
        assert_eq!(fixture.standing(), [0, 8228, 0, 1452], "{back_first}");
        assert_eq!(fixture.get("/v1/ledger/payouts/po_1")["status"], "failed");
        fixture.verify();
        // What has the processor's id of a payout that was asked for is that payout, or is refused.
        fixture.post("/v1/ledger/payouts", &[("id", "req_2"), asked[1], asked[2]]).ok();
        fixture.post("/v1/ledger/payouts/req_2", &[("processor_id", "po_2")]).ok();
        let more = [("source", "po_2"), ("created", &*created)];
        let other = Txn { id: "txn_o", word: "payout", amount: -600, fee: 0, more: &more };
        assert_eq!(fixture.try_tell(&other).refused(400)["param"], "source");
        fixture.verify();
    }
}

#[test]
fn a_payout_beyond_what_is_available_is_a_breach() {
    let fixture = before();
    let created = march(3).to_string();
    fixture.tell("txn_2", "payout", -9000, &[("source", "po_1"), ("created", &*created)]);
    let [breach] = &fixture.list("/v1/ledger/breaches", &[])[..] else { panic!() };
    assert_eq!((&breach["payout"], &breach["available_after"]), (&json!("po_1"), &json!(-772)));
}

/// A balance without the pools that are at 0: money that waits for its charge leaves one behind.
fn without_empty_pools(mut balance: Value) -> Value {
    for half in ["available", "pending"] {
        for each in balance[half].as_array_mut().unwrap() {
            each["source_types"].as_object_mut().unwrap().retain(|_, amount| *amount != 0);
        }
    }
    balance
}

#[test]
fn what_waits_for_its_charge_ends_as_if_it_had_come_in_order() {
    let told = |fixture: &Fixture, id: &str| {
        let second = (MARCH_1 + 1).to_string();
        let third = (MARCH_1 + 2).to_string();
        match id {
            "txn_1" => {
                let more = [("source", "ch_1"), ("source_type", "bank_account")];
                let txn = Txn { id, word: "charge", amount: 10_000, fee: 320, more: &more };
                fixture.try_tell(&txn).ok()
            }
            "txn_2" => fixture.tell(
                id,
                "refund",
                -1000,
                &[("source", "re_1"), ("charge", "ch_1"), ("created", &second)],
            ),
            "txn_3" => fixture.tell(
                id,
                "adjustment",
                -2000,
                &[
                    ("source", "du_1"),
                    ("charge", "ch_1"),
                    ("created", &third),
                    ("reporting_category", "dispute"),
                    ("fee", "1500"),
                ],
            ),
            _ => fixture.tell(
                id,
                "refund_failure",
                400,
                &[("source", "re_1"), ("charge", "ch_1"), ("created", &third)],
            ),
        }
    };
    let outcome = |order: &[&str]| {
        let fixture = Fixture::new();
        fixture.rolling(15, 30);
        fixture.advance_to(MARCH_1 + 3);
        for id in order {
            told(&fixture, id);
            fixture.verify();
        }
        let balance = without_empty_pools(fixture.get("/v1/balance"));
        let strip = |mut each: Value| {
            each["seq"] = Value::Null;
            each
        };
        let records: Vec<_> =
            fixture.records().into_iter().map(|(kind, each)| (kind, strip(each))).collect();
        let drawn: Vec<_> = ["txn_2", "txn_3", "txn_4"]
            .map(|id| fixture.get(&format!("/v1/ledger/transactions/{id}")))
            .into();
        assert_eq!(fixture.list("/v1/ledger/parked", &[]), Vec::<Value>::new());
        (balance, records, drawn)
    };
    let first = outcome(&["txn_1", "txn_2", "txn_3", "txn_4"]);
    for order in [["txn_2", "txn_3", "txn_4", "txn_1"], ["txn_4", "txn_3", "txn_2", "txn_1"]] {
        assert_eq!(outcome(&order), first, "{order:?}");
    }
    // A dispute that has drawn keeps what it drew when an earlier refund comes later still; the
    // balance is the same.
    let (balance, _, drawn) = outcome(&["txn_3", "txn_1", "txn_2", "txn_4"]);
    assert_eq!(balance, first.0);
    let drawn: Vec<_> = drawn.iter().map(|each| each["drawn"].clone()).collect();
    assert_eq!(drawn, [json!(0), json!(1452), json!(0)]);
}

#[test]
fn a_charge_may_be_named_later() {
    let fixture = Fixture::new();
    fixture.rolling(15, 30);
    fixture.tell_charge();
    let refund = fixture.tell("txn_2", "refund", -1000, &[("source", "re_1")]);
    assert_eq!((&refund["parked"], &refund["charge"]), (&json!(true), &Value::Null));
    let [waiting] = &fixture.list("/v1/ledger/parked", &[])[..] else { panic!() };
    assert_eq!(waiting["id"], "txn_2");
    let more = [("source", "re_1"), ("charge", "ch_1")];
    let refund = fixture.tell("txn_2", "refund", -1000, &more);
    assert_eq!((&refund["parked"], &refund["drawn"]), (&json!(false), &json!(1000)));
    assert_eq!(fixture.get("/v1/ledger/charges/ch_1")["amount_refunded"], 1000);
    fixture.verify();
}

#[test]
fn what_waits_for_a_day_is_announced_once() {
    let fixture = Fixture::new();
    fixture.tell("txn_2", "refund", -1000, &[("source", "re_1"), ("charge", "ch_9")]);
    let events = || fixture.list("/v1/events", &[("type", "coffer.ledger.parked")]);
    fixture.advance_to(MARCH_1 + DAY - 1);
    assert_eq!(events().len(), 0);
    for now in [MARCH_1 + DAY, MARCH_1 + 2 * DAY] {
        fixture.advance_to(now);
        let events = events();
        assert_eq!(events.len(), 1);
        assert_eq!(events[0]["data"]["object"]["id"], "txn_2");
    }
}

/// A plan of half of each charge, and whether what comes back is held again.
fn restoring(restore: &str) -> Fixture {
    let builder = TestServer::builder().set(&coffer_reserves::RESERVE_RESTORE, restore);
    let fixture = Fixture::with(builder);
    fixture.rolling(50, 30);
    fixture
}

/// A transaction: its type, amount, id and what else is told of it.
type Line = (&'static str, i64, &'static str, &'static [(&'static str, &'static str)]);

#[test]
fn what_comes_back_by_transactions_is_held_again_in_any_order() {
    let told: [Line; 3] = [
        ("charge", 10_000, "txn_1", &[("source", "ch_1")]),
        (
            "adjustment",
            -9000,
            "txn_2",
            &[("source", "du_1"), ("charge", "ch_1"), ("reporting_category", "dispute")],
        ),
        (
            "adjustment",
            6000,
            "txn_3",
            &[("source", "du_1"), ("charge", "ch_1"), ("reporting_category", "dispute_reversal")],
        ),
    ];
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for (restore, held) in [("until_scheduled", 5000), ("never", 0)] {
        for order in orders {
            let fixture = restoring(restore);
            for (word, amount, id, more) in order.map(|at| told[at]) {
                fixture.tell(id, word, amount, more);
                fixture.tell(id, word, amount, more);
            }
            fixture.advance_to(march(4));
            assert_eq!(fixture.standing(), [0, 7000 - held, 0, held], "{restore} {order:?}");
            fixture.verify();
            fixture.advance_to(MARCH_1 + 40 * DAY);
            assert_eq!(fixture.standing(), [0, 7000, 0, 0], "{restore} {order:?}");
            fixture.verify();
        }
    }
}

#[test]
fn what_comes_back_pending_is_held_pending_until_its_own_date() {
    let fixture = restoring("until_scheduled");
    fixture.tell("txn_1", "charge", 10_000, &[("source", "ch_1")]);
    fixture.advance_to(march(3));
    let first = fixture.list("/v1/reserve/holds", &[])[0].clone();
    let refund = [("source", "re_1"), ("charge", "ch_1")];
    fixture.tell("txn_2", "refund", -7000, &refund);
    assert_eq!(fixture.standing(), [0, 3000, 0, 0]);
    let (created, sixth, eighth) =
        (march(3).to_string(), march(6).to_string(), march(8).to_string());
    let failed = |on: &str, id: &str, amount: i64| {
        let dates = [("created", &*created), ("available_on", on)];
        fixture.tell(id, "refund_failure", amount, &[&refund[..], &dates].concat());
    };
    failed(&sixth, "txn_3", 2000);
    assert_eq!(fixture.standing(), [0, 3000, 2000, 0]);
    // The rest of what was drawn, and no more of it; its money is pending as all of it is.
    failed(&eighth, "txn_4", 4000);
    assert_eq!(fixture.standing(), [1000, 3000, 5000, 0]);
    let newest = &fixture.list("/v1/reserve/holds", &[])[0];
    assert_eq!(newest["release_schedule"], first["release_schedule"]);
    assert_eq!((&newest["reason"], &newest["amount"]), (&json!("charge"), &json!(3000)));
    fixture.verify();
    fixture.advance_to(march(6));
    assert_eq!(fixture.standing(), [1000, 3000, 3000, 2000]);
    // The date moves, and what is held of it moves too.
    failed(&march(9).to_string(), "txn_4", 4000);
    fixture.advance_to(march(8));
    assert_eq!(fixture.standing(), [1000, 3000, 3000, 2000]);
    fixture.advance_to(march(9));
    assert_eq!(fixture.standing(), [0, 4000, 0, 5000]);
    fixture.verify();
}
