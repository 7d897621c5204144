//! Facts that are told again, otherwise, late, or in an order of their own (reserves §13.1, §11
//! decisions 18 to 22).

use super::fixture::{DAY, Fixture, MARCH_1, march, text};
use coffer_testkit::{Answer, Params};
use serde_json::json;

/// A fact of each kind with every figure it has, and another value for each of them.
const FACTS: [(&str, Params<'_>, Params<'_>); 4] = [
    (
        "/v1/ledger/charges",
        &[
            ("id", "ch_1"),
            ("amount", "10000"),
            ("currency", "usd"),
            ("fee", "320"),
            ("application_fee", "100"),
            ("source_type", "bank_account"),
            ("source_transfer", "tr_1"),
            ("created", "1772359200"),
            ("available_on", "1772496001"),
        ],
        &[
            ("amount", "10001"),
            ("currency", "eur"),
            ("fee", "321"),
            ("application_fee", "0"),
            ("source_type", "card"),
            ("source_transfer", "tr_2"),
            ("created", "1772359199"),
            ("available_on", "1772496000"),
        ],
    ),
    (
        "/v1/ledger/refunds",
        &[("id", "re_1"), ("charge", "ch_1"), ("amount", "5"), ("created", "1772359200")],
        &[("charge", "ch_2"), ("amount", "6"), ("created", "1772359201")],
    ),
    (
        "/v1/ledger/disputes",
        &[
            ("id", "du_1"),
            ("charge", "ch_1"),
            ("amount", "7"),
            ("fee", "3"),
            ("created", "1772359200"),
        ],
        &[("charge", "ch_2"), ("amount", "8"), ("fee", "0"), ("created", "1772359201")],
    ),
    (
        "/v1/ledger/payouts",
        &[
            ("id", "po_1"),
            ("amount", "9"),
            ("currency", "usd"),
            ("source_type", "fpx"),
            ("reported", "true"),
        ],
        &[("amount", "10"), ("currency", "eur"), ("source_type", "card"), ("reported", "false")],
    ),
];

fn everything(fixture: &Fixture) -> Vec<serde_json::Value> {
    let lists = FACTS.map(|(path, ..)| json!(fixture.list(path, &[])));
    let events = json!(fixture.list("/v1/events", &[]));
    lists.into_iter().chain([json!(fixture.postings()), events]).collect()
}

#[test]
fn a_fact_that_is_told_otherwise_is_refused_by_the_figure_that_differs() {
    let fixture = Fixture::new();
    fixture.rolling(10, 30);
    fixture.charge("ch_2", 50, &[]);
    for (path, told, _) in FACTS {
        fixture.post(path, told).ok();
    }
    let before = everything(&fixture);
    fixture.server.clock.advance(3600);
    for (path, told, others) in FACTS {
        for other in others {
            let changed = told.iter().map(|one| if one.0 == other.0 { *other } else { *one });
            let answer = fixture.post(path, &changed.collect::<Vec<_>>());
            let error = answer.refused(400);
            assert_eq!((&error["param"], error.get("code")), (&json!(other.0), None), "{path}");
        }
        // What is optional may be left out, and the order is no matter.
        let mut left: Vec<_> = told.iter().rev().copied().collect();
        left.retain(|(name, _)| !matches!(*name, "fee" | "created" | "source_type" | "reported"));
        let id = told[0].1;
        let object = fixture.get(&format!("{path}/{id}"));
        assert_eq!(fixture.post(path, &left).ok(), object);
        assert_eq!(fixture.post(path, told).ok(), object);
    }
    assert_eq!(everything(&fixture), before);
    fixture.verify();
}

#[test]
fn what_has_come_about_is_no_other_fact() {
    let fixture = Fixture::new();
    fixture.charge("ch_1", 1000, &[]);
    let tell = |path: &str, params: Params<'_>| fixture.post(path, params).ok();
    let refund = [("id", "re_1"), ("charge", "ch_1"), ("amount", "10")];
    let payout = [("id", "po_1"), ("amount", "10"), ("currency", "usd"), ("reported", "true")];
    tell("/v1/ledger/refunds", &refund);
    tell("/v1/ledger/refunds/re_1", &[("status", "failed")]);
    assert_eq!(tell("/v1/ledger/refunds", &refund)["status"], "failed");
    tell("/v1/ledger/payouts", &payout);
    tell("/v1/ledger/payouts/po_1", &[("status", "paid")]);
    assert_eq!(tell("/v1/ledger/payouts", &payout)["status"], "paid");
    assert_eq!(fixture.list("/v1/ledger/breaches", &[]).len(), 1);
    assert_eq!(fixture.standing(), [1000, -10, 0, 0]);
    fixture.verify();
}

#[test]
fn a_refund_that_fails_after_availability_is_available_and_makes_room_for_others() {
    let fixture = Fixture::new();
    fixture.rolling(15, 30);
    fixture.charge("ch_1", 10_000, &[("fee", "320")]);
    let before = fixture.postings().len();
    fixture.refund("re_1", "ch_1", 4000);
    assert_eq!(fixture.postings()[before..], ["R.p>P.p 1452", "P.p>X 4000"]);
    fixture.advance_to(march(3));
    assert_eq!(fixture.postings()[before + 2..], ["P.p>P.a 5680"]);
    let refund = |id: &str, amount: &str| -> Answer {
        let params = [("id", id), ("charge", "ch_1"), ("amount", amount)];
        fixture.post("/v1/ledger/refunds", &params)
    };
    fixture.post("/v1/ledger/refunds/re_1", &[("status", "failed")]).ok();
    assert_eq!(fixture.postings()[before + 3..], ["X>P.a 4000"]);
    let all = refund("re_2", "10000").ok();
    // Nothing is held any more, and the fee stays with the processor.
    assert_eq!((&all["drawn"], fixture.standing()), (&json!(0), [0, -320, 0, 0]));
    assert_eq!(fixture.get("/v1/ledger/charges/ch_1")["refunded"], true);
    fixture.post("/v1/ledger/refunds/re_2", &[("status", "failed")]).ok();
    assert_eq!(fixture.get("/v1/ledger/charges/ch_1")["refunded"], false);
    assert_eq!(fixture.standing(), [0, 9680, 0, 0]);
    assert_eq!(fixture.list("/v1/reserve/releases", &[]).len(), 1);
    fixture.verify();
}

#[test]
fn a_dispute_that_is_won_gives_back_to_where_the_money_was() {
    for won_late in [false, true] {
        let fixture = Fixture::new();
        fixture.charge("ch_1", 10_000, &[("fee", "320")]);
        let params = [("id", "du_1"), ("charge", "ch_1"), ("amount", "10000"), ("fee", "1500")];
        fixture.post("/v1/ledger/disputes", &params).ok();
        assert_eq!(fixture.postings()[2..], ["P.p>X 9680", "P.a>X 320", "P.a>F 1500"]);
        assert_eq!(fixture.standing(), [0, -1820, 0, 0]);
        if won_late {
            fixture.advance_to(march(3));
            assert_eq!(fixture.postings().len(), 5, "nothing was left to become available");
        }
        let won = [("status", "won"), ("fee_returned", "true")];
        let won = fixture.post("/v1/ledger/disputes/du_1", &won).ok();
        assert_eq!((&won["fee_returned"], &won["fee"]), (&json!(true), &json!(1500)));
        let back: &[&str] = if won_late {
            &["X>P.a 10000", "F>P.a 1500"]
        } else {
            &["X>P.p 9680", "X>P.a 320", "F>P.a 1500"]
        };
        assert_eq!(fixture.postings()[5..], *back);
        fixture.advance_to(march(3));
        assert_eq!(fixture.standing(), [0, 9680, 0, 0]);
        assert_eq!(fixture.get("/v1/ledger/charges/ch_1")["disputed"], true);
        fixture.verify();
    }
}

#[test]
fn a_second_dispute_and_a_refund_draw_what_the_first_one_left() {
    let fixture = Fixture::new();
    fixture.rolling(50, 30);
    fixture.charge("ch_1", 1000, &[]);
    fixture.charge("ch_2", 1000, &[]);
    fixture.hold(70, MARCH_1 + 10 * DAY);
    let dispute = |id: &str, amount: &str| {
        let params = [("id", id), ("charge", "ch_1"), ("amount", amount)];
        fixture.post("/v1/ledger/disputes", &params).ok()["drawn"].clone()
    };
    assert_eq!(dispute("du_1", "300"), 300);
    assert_eq!(fixture.refund("re_1", "ch_1", 150)["drawn"], 150);
    assert_eq!(dispute("du_2", "5000"), 50);
    // Neither the other charge's hold nor the one that stands alone paid.
    assert_eq!(fixture.standing()[2..], [500, 70]);
    assert_eq!(fixture.list("/v1/ledger/disputes", &[("charge", "ch_1")]).len(), 2);
    let plans = fixture.list("/v1/reserve/releases", &[]);
    assert!(plans.iter().all(|one| one["reason"] == "hold_reversed"), "{plans:#?}");
    fixture.verify();
}

/// How a payout came to be what it is, what it is told to be, and what that moves.
type Transition = (&'static [&'static str], &'static str, Result<&'static [&'static str], ()>);

#[test]
fn a_payout_becomes_what_its_status_allows_and_nothing_else() {
    let rows: [Transition; 12] = [
        (&[], "paid", Ok(&["B>X 100"])),
        (&[], "failed", Ok(&["B>P.a 100"])),
        (&[], "canceled", Ok(&["B>P.a 100"])),
        (&["paid"], "paid", Ok(&[])),
        (&["paid"], "failed", Ok(&["X>P.a 100"])),
        (&["paid"], "canceled", Err(())),
        (&["failed"], "paid", Err(())),
        (&["paid", "failed"], "failed", Ok(&[])),
        (&["failed"], "canceled", Err(())),
        (&["canceled"], "paid", Err(())),
        (&["canceled"], "failed", Err(())),
        (&["canceled"], "canceled", Ok(&[])),
    ];
    let fixture = Fixture::new();
    fixture.charge("ch_1", 5000, &[("created", "1772000000"), ("available_on", "1772000000")]);
    for (number, (route, status, moved)) in rows.into_iter().enumerate() {
        let id = format!("po_{number}");
        let payout = [("id", id.as_str()), ("amount", "100"), ("currency", "usd")];
        let mut known = fixture.post("/v1/ledger/payouts", &payout).ok();
        let path = format!("/v1/ledger/payouts/{id}");
        for step in route {
            known = fixture.post(&path, &[("status", step)]).ok();
        }
        let before = fixture.postings().len();
        let answer = fixture.post(&path, &[("status", status)]);
        match moved {
            Ok(moved) => {
                assert_eq!(answer.ok()["status"], status, "{route:?}");
                assert_eq!(fixture.postings()[before..], *moved, "{route:?} {status}");
            }
            Err(()) => {
                assert_eq!(answer.refused(400)["param"], "status", "{route:?} {status}");
                assert_eq!(fixture.get(&path), known);
                assert_eq!(fixture.postings().len(), before);
            }
        }
    }
    assert_eq!(fixture.post("/v1/ledger/payouts/po_0", &[("status", "in_transit")]).status, 400);
    fixture.verify();
}

#[test]
fn a_payout_takes_neither_what_is_pending_nor_what_is_held() {
    let fixture = Fixture::new();
    fixture.charge("ch_1", 1000, &[("created", "1772000000"), ("available_on", "1772000000")]);
    fixture.charge("ch_2", 7000, &[]);
    fixture.hold(600, MARCH_1 + 10 * DAY);
    assert_eq!(fixture.standing(), [7000, 400, 0, 600]);
    let payout = |id: &str, amount: &str, more: Params<'_>| {
        let params = [("id", id), ("amount", amount), ("currency", "usd")];
        fixture.post("/v1/ledger/payouts", &[&params[..], more].concat())
    };
    let refused = payout("po_1", "401", &[]).refused(400);
    assert_eq!(
        (&refused["code"], &refused["param"]),
        (&json!("balance_insufficient"), &json!("amount"))
    );
    fixture.client.get("/v1/ledger/payouts/po_1", &[]).refused(404);
    payout("po_1", "400", &[]).ok();
    assert_eq!(payout("po_2", "1", &[]).refused(400)["code"], "balance_insufficient");
    // It took place although it should not have: that is a breach, also once it was undone.
    payout("po_2", "1", &[("reported", "true")]).ok();
    assert_eq!(fixture.standing(), [7000, -1, 0, 600]);
    fixture.post("/v1/ledger/payouts/po_2", &[("status", "failed")]).ok();
    assert_eq!(fixture.standing(), [7000, 0, 0, 600]);
    let breaches = fixture.list("/v1/ledger/breaches", &[]);
    assert_eq!((breaches.len(), &breaches[0]["payout"]), (1, &json!("po_2")));
    // What asks is answered again, although there would not be enough for it now.
    assert_eq!(text(&payout("po_1", "400", &[]).ok(), "status"), "in_transit");
    fixture.verify();
}

#[test]
fn a_contradiction_that_is_told_alone_is_kept_as_a_warning() {
    let fixture = Fixture::new();
    let txn = |amount: &'static str| {
        [
            ("id", "txn_1"),
            ("type", "charge"),
            ("amount", amount),
            ("currency", "usd"),
            ("created", "1772359200"),
            ("available_on", "1772496001"),
            ("source", "ch_9"),
        ]
    };
    fixture.charge("ch_1", 10_000, &[]);
    fixture.refund("re_1", "ch_1", 500);
    let dispute = [("id", "du_1"), ("charge", "ch_1"), ("amount", "700")];
    fixture.post("/v1/ledger/disputes", &dispute).ok();
    let moves = "/v1/ledger/disputes/du_1/movements";
    fixture.post(moves, &[("id", "mv_1"), ("amount", "-50")]).ok();
    fixture.post("/v1/ledger/refunds/re_1", &[("status", "failed"), ("amount", "100")]).ok();
    fixture.post("/v1/ledger/transactions", &txn("4000")).ok();
    let before = fixture.postings();

    let told: [(&str, Params<'_>); 4] = [
        ("/v1/ledger/charges", &[("id", "ch_1"), ("amount", "10001"), ("currency", "usd")]),
        ("/v1/ledger/disputes", &[("id", "du_1"), ("charge", "ch_2"), ("amount", "700")]),
        (moves, &[("id", "mv_1"), ("amount", "-51")]),
        ("/v1/ledger/transactions", &txn("4001")),
    ];
    let keyed = |key: &str| fixture.client.idempotent(key);
    for (number, (path, params)) in told.iter().enumerate() {
        keyed(&format!("evt_{number}")).post(path, params).refused(400);
        // Under its key the refusal is repeated, and without it found again: neither warns anew.
        keyed(&format!("evt_{number}")).post(path, params).refused(400);
        fixture.post(path, params).refused(400);
    }
    // What is refused for another reason is no contradiction.
    fixture
        .post("/v1/ledger/refunds/re_1", &[("status", "failed"), ("amount", "900")])
        .refused(400);
    fixture.post("/v1/ledger/charges", &[("id", "ch_3"), ("amount", "5")]).refused(400);

    let warnings = fixture.list("/v1/ledger/warnings", &[("kind", "conflict")]);
    let kept: Vec<_> =
        warnings.iter().map(|each| (text(each, "about"), text(each, "param"))).collect();
    let expected =
        [("txn_1", "amount"), ("mv_1", "amount"), ("du_1", "charge"), ("ch_1", "amount")];
    assert_eq!(kept, expected.map(|(about, param)| (about.to_owned(), param.to_owned())));
    assert_eq!(fixture.postings(), before);
    // The ledger goes on: what is kept has numbers of its own.
    fixture.charge("ch_4", 1000, &[]);
    fixture.verify();
}
