//! What the processor's balance transactions do (intake §5 and §6).

use super::fixture::{Fixture, MARCH_1, march, text};
use super::kinds::before;
use coffer_testkit::Answer;
use serde_json::{Value, json};

/// A transaction of 1 March that is available on the 3rd.
pub struct Txn<'a> {
    pub id: &'a str,
    pub word: &'a str,
    pub amount: i64,
    pub fee: i64,
    pub more: &'a [(&'a str, &'a str)],
}

impl Fixture {
    pub fn try_tell(&self, txn: &Txn<'_>) -> Answer {
        let (amount, fee) = (txn.amount.to_string(), txn.fee.to_string());
        let (created, available_on) = (MARCH_1.to_string(), march(3).to_string());
        let mut params = vec![
            ("id", txn.id),
            ("type", txn.word),
            ("amount", &amount),
            ("currency", "usd"),
            ("created", &created),
            ("available_on", &available_on),
        ];
        if txn.fee != 0 {
            params.push(("fee", &fee));
        }
        params.retain(|(name, _)| txn.more.iter().all(|(other, _)| other != name));
        params.extend_from_slice(txn.more);
        self.post("/v1/ledger/transactions", &params)
    }

    #[track_caller]
    pub fn tell(&self, id: &str, word: &str, amount: i64, more: &[(&str, &str)]) -> Value {
        self.try_tell(&Txn { id, word, amount, fee: 0, more }).ok()
    }

    /// A charge of 10000 with a fee of 320.
    #[track_caller]
    pub fn tell_charge(&self) -> Value {
        let more = [("source", "ch_1")];
        let txn = Txn { id: "txn_1", word: "charge", amount: 10_000, fee: 320, more: &more };
        self.try_tell(&txn).ok()
    }

    /// Every list of records that transactions make.
    pub fn records(&self) -> Vec<(&'static str, Value)> {
        let mut found = Vec::new();
        for kind in ["charges", "refunds", "disputes", "payouts", "adjustments"] {
            for each in self.list(&format!("/v1/ledger/{kind}"), &[("limit", "100")]) {
                found.push((kind, each));
            }
        }
        found
    }
}

#[test]
fn a_charge_is_shown_as_it_was_told_and_its_net_is_reserved() {
    let fixture = Fixture::new();
    fixture.rolling(15, 30);
    let told = fixture.tell_charge();
    let expected = json!({
        "id": "txn_1", "object": "ledger.transaction", "amount": 10000, "application_fee": 0,
        "available_on": march(3), "balance_type": "payments", "charge": null,
        "created": MARCH_1, "currency": "usd", "drawn": 0, "exchange_rate": null, "fee": 320,
        "kind": "charge", "livemode": false, "net": 9680, "parked": false, "payout": null,
        "payout_request": null, "reporting_category": null, "source": "ch_1",
        "source_transfer": null, "source_type": "card", "status": "pending", "type": "charge",
    });
    assert_eq!(told, expected);
    assert_eq!(fixture.get("/v1/ledger/transactions/txn_1"), expected);
    assert_eq!(fixture.postings(), ["X>P.p 10000", "P.p>F 320", "P.p>R.p 1452"]);
    let [charge] = &fixture.list("/v1/ledger/charges", &[])[..] else { panic!() };
    assert_eq!((&charge["id"], &charge["net"]), (&json!("ch_1"), &json!(9680)));
    let [hold] = &fixture.list("/v1/reserve/holds", &[])[..] else { panic!() };
    assert_eq!((&hold["amount"], &hold["source_charge"]), (&json!(1452), &json!("ch_1")));
    // Told again, it is as it stands.
    let posted = fixture.postings();
    assert_eq!(fixture.tell_charge(), expected);
    assert_eq!(fixture.postings(), posted);
    fixture.verify();
    fixture.advance_to(march(3));
    assert_eq!(fixture.standing(), [0, 8228, 0, 1452]);
    assert_eq!(fixture.get("/v1/ledger/transactions/txn_1")["status"], "available");
    assert_eq!(fixture.get("/v1/ledger/charges/ch_1")["status"], "available");
    fixture.verify();
}

#[test]
fn a_pending_refund_draws_at_once_and_its_own_date_counts() {
    let fixture = Fixture::new();
    fixture.rolling(15, 30);
    fixture.tell_charge();
    fixture.advance_to(march(3));
    let late = [
        ("source", "re_1"),
        ("charge", "ch_1"),
        ("created", "1772582400"),
        ("available_on", "1772755200"),
    ];
    fixture.advance_to(march(4));
    let refund = fixture.tell("txn_2", "refund", -3000, &late);
    assert_eq!((&refund["kind"], &refund["drawn"]), (&json!("refund"), &json!(1452)));
    // The reserve is released at once, and the refund is pending: below zero. Whoever asks for a
    // payout gets only what it leaves.
    assert_eq!(fixture.standing(), [-3000, 9680, 0, 0]);
    let ask = |amount| {
        let asked = [("id", "req_1"), ("amount", amount), ("currency", "usd")];
        fixture.post("/v1/ledger/payouts", &asked)
    };
    assert_eq!(ask("6681").refused(400)["code"], "balance_insufficient");
    ask("6680").ok();
    fixture.post("/v1/ledger/payouts/req_1", &[("status", "canceled")]).ok();
    let [release] = &fixture.list("/v1/reserve/releases", &[])[..] else { panic!() };
    assert_eq!(release["source_transaction"], json!({"type": "refund", "refund": "re_1"}));
    fixture.verify();
    fixture.advance_to(march(6));
    assert_eq!(fixture.standing(), [0, 6680, 0, 0]);
    let charge = fixture.get("/v1/ledger/charges/ch_1");
    assert_eq!(charge["amount_refunded"], 3000);
    fixture.verify();
}

#[test]
fn another_balance_is_recorded_and_posted_nowhere() {
    let fixture = before();
    let more = [("balance_type", "issuing"), ("source", "ipi_1")];
    fixture.tell("txn_2", "issuing_transaction", -500, &more);
    let more = [("balance_type", "risk_reserved"), ("source", "ch_2")];
    fixture.tell("txn_3", "charge", 500, &more);
    let zero = fixture.tell("txn_4", "charge", 0, &[("source", "ch_3")]);
    assert_eq!(zero["kind"], "adjustment");
    assert_eq!(fixture.standing(), [0, 8228, 0, 1452]);
    assert_eq!(fixture.list("/v1/ledger/charges", &[]).len(), 1);
    // A charge of the time before is a record without money, which refunds find.
    let more = [
        ("balance_type", "history"),
        ("source", "ch_4"),
        ("created", "1700000000"),
        ("available_on", "1700000000"),
    ];
    fixture.tell("txn_5", "charge", 900, &more);
    assert_eq!(fixture.standing(), [0, 8228, 0, 1452]);
    let refund = fixture.tell("txn_6", "refund", -900, &[("source", "re_4"), ("charge", "ch_4")]);
    assert_eq!(refund["parked"], false);
    assert_eq!(fixture.get("/v1/ledger/charges/ch_4")["amount_refunded"], 900);
    fixture.verify();
}

#[test]
fn another_figure_is_refused_and_named_and_nothing_is_posted() {
    let fixture = before();
    let posted = fixture.postings();
    for (param, value) in [
        ("amount", "10001"),
        ("currency", "eur"),
        ("fee", "321"),
        ("application_fee", "1"),
        ("created", "1772359201"),
        ("available_on", "1772500000"),
        ("type", "payment"),
        ("source", "ch_2"),
        ("balance_type", "issuing"),
    ] {
        let more = [("source", "ch_1"), ("fee", "320"), (param, value)];
        let more: Vec<_> = more
            .iter()
            .enumerate()
            .filter(|(place, (name, _))| *place == 2 || name != &param)
            .map(|(_, pair)| *pair)
            .collect();
        let txn = Txn { id: "txn_1", word: "charge", amount: 10_000, fee: 0, more: &more };
        let refused = fixture.try_tell(&txn).refused(400);
        assert_eq!(refused["param"], param, "{refused}");
        assert!(text(&refused, "message").contains("told before"), "{refused}");
    }
    assert_eq!(fixture.postings(), posted);
}

#[test]
fn a_date_moves_while_the_money_is_pending() {
    let fixture = Fixture::new();
    fixture.rolling(15, 30);
    fixture.tell_charge();
    let txn = |on: &str| {
        let more = [("source", "ch_1"), ("available_on", on)];
        fixture.try_tell(&Txn {
            id: "txn_1",
            word: "charge",
            amount: 10_000,
            fee: 320,
            more: &more,
        })
    };
    let fifth = march(5).to_string();
    assert_eq!(txn(&fifth).ok()["available_on"], march(5));
    let shown = fixture.get("/v1/balance_transactions/txn_1");
    assert_eq!((&shown["available_on"], &shown["status"]), (&json!(march(5)), &json!("pending")));
    fixture.advance_to(march(3));
    assert_eq!(fixture.standing(), [8228, 0, 1452, 0]);
    fixture.verify();
    fixture.advance_to(march(5));
    assert_eq!(fixture.standing(), [0, 8228, 0, 1452]);
    assert_eq!(txn(&march(6).to_string()).refused(400)["param"], "available_on");
    fixture.verify();
}

#[test]
fn a_date_that_moves_behind_makes_the_money_available_at_once() {
    let fixture = Fixture::new();
    fixture.rolling(15, 30);
    fixture.tell_charge();
    let more = [("source", "ch_1"), ("available_on", "1772359200")];
    let txn = Txn { id: "txn_1", word: "charge", amount: 10_000, fee: 320, more: &more };
    fixture.try_tell(&txn).ok();
    assert_eq!(fixture.standing(), [0, 8228, 0, 1452]);
    fixture.verify();
}

#[test]
fn two_captures_are_one_charge_with_two_holds_and_their_own_dates() {
    let fixture = Fixture::new();
    fixture.rolling(10, 30);
    fixture.tell("txn_1", "charge", 1000, &[("source", "ch_1")]);
    let fourth = march(4).to_string();
    fixture.tell("txn_2", "charge", 500, &[("source", "ch_1"), ("available_on", &fourth)]);
    let charge = fixture.get("/v1/ledger/charges/ch_1");
    assert_eq!((&charge["amount"], &charge["status"]), (&json!(1500), &json!("pending")));
    assert_eq!(fixture.standing(), [1350, 0, 150, 0]);
    fixture.advance_to(march(3));
    assert_eq!(fixture.standing(), [450, 900, 50, 100]);
    fixture.verify();
    fixture.advance_to(march(4));
    assert_eq!(fixture.standing(), [0, 1350, 0, 150]);
    assert_eq!(fixture.get("/v1/ledger/charges/ch_1")["status"], "available");
    fixture.verify();
}

#[test]
fn what_is_wrong_with_a_transaction_is_named() {
    let fixture = Fixture::new();
    for (param, value) in [
        ("amount", "1.5"),
        ("amount", "1000000000000000"),
        ("currency", "us"),
        ("currency", "USD"),
        ("created", "1"),
        ("created", "1772359261"),
        ("available_on", "1900000000"),
        ("application_fee", "1"),
        ("type", "Charge"),
        ("reporting_category", "a b"),
        ("source", "a b"),
        ("source_type", "cash"),
        ("exchange_rate", "1,5"),
        ("exchange_rate", "01.5"),
    ] {
        let txn = Txn { id: "txn_1", word: "charge", amount: 5, fee: 0, more: &[(param, value)] };
        let refused = fixture.try_tell(&txn).refused(400);
        assert_eq!(refused["param"], param, "{value}: {refused}");
    }
    for missing in ["id", "type", "amount", "currency", "created", "available_on"] {
        let all = [
            ("id", "txn_1"),
            ("type", "charge"),
            ("amount", "5"),
            ("currency", "usdc"),
            ("created", "1772359200"),
            ("available_on", "1772359200"),
        ];
        let params: Vec<_> = all.into_iter().filter(|(name, _)| *name != missing).collect();
        let refused = fixture.post("/v1/ledger/transactions", &params).refused(400);
        assert_eq!(
            (&refused["param"], &refused["code"]),
            (&json!(missing), &json!("parameter_missing"))
        );
    }
    assert_eq!(fixture.records().len(), 0);
}

#[test]
fn the_balance_transactions_are_the_processors_beside_the_reserves_own() {
    let fixture = before();
    let created = march(3).to_string();
    let more = [
        ("source", "du_1"),
        ("charge", "ch_1"),
        ("reporting_category", "dispute"),
        ("created", &*created),
        ("exchange_rate", "1.16342"),
        ("fee", "1500"),
    ];
    fixture.tell("txn_2", "adjustment", -10_000, &more);
    let all = fixture.list("/v1/balance_transactions", &[]);
    let shown: Vec<_> =
        all.iter().map(|each| (text(each, "type"), each["net"].as_i64().unwrap())).collect();
    let expected = [
        ("adjustment", -11_500),
        ("reserve_release", -1452),
        ("reserve_release", 1452),
        ("reserve_hold", 1452),
        ("reserve_hold", -1452),
        ("charge", 9680),
    ];
    let expected: Vec<_> = expected.map(|(word, net)| (word.to_owned(), net)).into();
    assert_eq!(shown, expected);
    let dispute = &all[0];
    assert_eq!((&dispute["id"], &dispute["source"]), (&json!("txn_2"), &json!("du_1")));
    assert_eq!(dispute["exchange_rate"], json!(1.16342));
    assert_eq!(dispute["reporting_category"], "dispute");
    let found = fixture.list("/v1/balance_transactions", &[("type", "adjustment")]);
    assert_eq!(found.len(), 1);
    let expanded = fixture
        .list("/v1/balance_transactions", &[("type", "adjustment"), ("expand[]", "data.source")]);
    assert_eq!(expanded[0]["source"]["object"], "dispute");
    fixture.verify();
}

#[test]
fn what_a_payout_carried_is_listed_by_it() {
    let fixture = Fixture::new();
    let more = [("source", "ch_1"), ("payout", "po_1")];
    fixture.tell("txn_1", "charge", 1000, &more);
    fixture.tell("txn_2", "charge", 500, &[("source", "ch_2")]);
    fixture.tell("txn_3", "payout", -1500, &[("source", "po_1")]);
    // The payout may be named later.
    fixture.tell("txn_2", "charge", 500, &[("source", "ch_2"), ("payout", "po_1")]);
    let listed = fixture.list("/v1/balance_transactions", &[("payout", "po_1")]);
    let ids: Vec<_> = listed.iter().map(|each| text(each, "id")).collect();
    assert_eq!(ids, ["txn_3", "txn_2", "txn_1"]);
}

#[test]
fn a_ledger_takes_what_its_intake_says() {
    let fixture = Fixture::new();
    assert_eq!(fixture.get("/v1/ledger/settings")["intake"], Value::Null);
    let set = |params: &[(&str, &str)]| fixture.post("/v1/ledger/settings", params);
    assert_eq!(set(&[("intake", "facts")]).ok()["intake"], "facts");
    let txn = Txn { id: "txn_1", word: "charge", amount: 5, fee: 0, more: &[] };
    assert_eq!(fixture.try_tell(&txn).refused(400)["param"], "id");
    assert_eq!(set(&[("intake", "transactions")]).ok()["intake"], "transactions");
    fixture.try_tell(&txn).ok();
    // Facts would count twice.
    let fact = [("id", "ch_1"), ("amount", "5"), ("currency", "usd")];
    let of_charge = [("id", "x_1"), ("charge", "ch_2"), ("amount", "5"), ("currency", "usd")];
    let reported = [&fact[..], &[("reported", "true")]].concat();
    let moved = [("id", "mv_1"), ("amount", "-5")];
    let told: [(&str, &[(&str, &str)]); 6] = [
        ("charges", &fact),
        ("refunds", &of_charge),
        ("disputes", &of_charge),
        ("payouts", &reported),
        ("adjustments", &fact),
        ("disputes/du_1/movements", &moved),
    ];
    let dispute = [("source", "du_1"), ("reporting_category", "dispute")];
    fixture.tell("txn_3", "adjustment", -5, &dispute);
    let posted = fixture.postings();
    for (what, params) in told {
        fixture.post(&format!("/v1/ledger/{what}"), params).refused(400);
    }
    assert_eq!(fixture.postings(), posted);
    // Asking for a payout is none, and words of status neither.
    fixture.tell("txn_4", "topup", 500, &[("available_on", "1772359200")]);
    let ask = [("id", "req_1"), ("amount", "300"), ("currency", "usd")];
    fixture.post("/v1/ledger/payouts", &ask).ok();
    for status in ["lost", "won"] {
        let word = fixture.post("/v1/ledger/disputes/du_1", &[("status", status)]).ok();
        assert_eq!(word["status"], status);
    }
    let paid = fixture.post("/v1/ledger/payouts/req_1", &[("status", "paid")]).ok();
    assert_eq!(paid["status"], "paid");
    assert_eq!(fixture.postings().len(), posted.len() + 3, "{:?}", fixture.postings());
    assert_eq!(set(&[("intake", "facts")]).refused(400)["param"], "since");
    let since = [("intake", "facts"), ("since", "1772359200")];
    assert_eq!(set(&since).ok()["since"], 1_772_359_200);
    fixture.post("/v1/ledger/charges", &fact).ok();
    let txn = Txn { id: "txn_2", ..txn };
    assert_eq!(fixture.try_tell(&txn).refused(400)["param"], "id");
    // Transactions from a time on, and facts before it.
    let since = [("intake", "transactions"), ("since", "1772359200")];
    set(&since).ok();
    fixture.try_tell(&txn).ok();
    let more = [("created", "1772359199")];
    let early = Txn { id: "txn_5", more: &more, ..txn };
    assert_eq!(fixture.try_tell(&early).refused(400)["param"], "created");
    let fact = [("id", "ch_6"), ("amount", "5"), ("currency", "usd"), ("created", "1772359199")];
    fixture.post("/v1/ledger/charges", &fact).ok();
    fixture.verify();
}
