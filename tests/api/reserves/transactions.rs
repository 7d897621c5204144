//! What the processor's balance transactions do (intake §5 and §6).

use super::fixture::{DAY, Fixture, MARCH_1, march, text};
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
    pub fn tell(
        &self,
        id: &str,
        word: &str,
        amount: i64,
        more: &[(&str, &str)],
    ) -> Value {
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
    fn records(&self) -> Vec<(&'static str, Value)> {
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
    // The reserve is released at once, and the refund is pending: below zero.
    assert_eq!(fixture.standing(), [-3000, 9680, 0, 0]);
    let [release] = &fixture.list("/v1/reserve/releases", &[])[..] else { panic!() };
    assert_eq!(release["source_transaction"], json!({"type": "refund", "refund": "re_1"}));
    fixture.verify();
    fixture.advance_to(march(6));
    assert_eq!(fixture.standing(), [0, 6680, 0, 0]);
    let charge = fixture.get("/v1/ledger/charges/ch_1");
    assert_eq!(charge["amount_refunded"], 3000);
    fixture.verify();
}

/// One row of the contract's table: what it does to what is pending and available, to what is
/// reserved, and which records it makes besides the charge. It is told after a charge of 10000 with
/// a fee of 320, of which 1452 are reserved, when that money is available.
struct Case {
    word: &'static str,
    category: Option<&'static str>,
    amount: i64,
    kind: &'static str,
    /// How much of the reserve it draws.
    drawn: i64,
    /// The list in which its record is, and the record's id.
    record: (&'static str, &'static str),
}

const fn case(
    word: &'static str,
    category: Option<&'static str>,
    amount: i64,
    kind: &'static str,
    drawn: i64,
    record: (&'static str, &'static str),
) -> Case {
    Case { word, category, amount, kind, drawn, record }
}

/// The rows that are more than adjustments.
const CASES: &[Case] = &[
    case("adjustment", Some("dispute"), -500, "dispute", 500, ("disputes", "src_1")),
    case("adjustment", Some("dispute_reversal"), 500, "reinstatement", 0, ("disputes", "src_1")),
    case("adjustment", Some("refund_failure"), 500, "refund_failure", 0, ("refunds", "src_1")),
    case("charge", None, 500, "charge", 0, ("charges", "src_1")),
    case("payment", Some("charge"), 500, "charge", 0, ("charges", "src_1")),
    case("payment_failure_refund", None, -500, "failure", 500, ("refunds", "src_1")),
    case("payment_refund", None, -500, "refund", 500, ("refunds", "src_1")),
    case("payment_refund", None, 500, "refund_failure", 0, ("refunds", "src_1")),
    case("payment_reversal", None, -500, "failure", 500, ("refunds", "src_1")),
    case("payout", None, -500, "payout", 0, ("payouts", "src_1")),
    case("payout_cancel", None, 500, "payout_return", 0, ("payouts", "src_1")),
    case("payout_failure", None, 500, "payout_return", 0, ("payouts", "src_1")),
    case("refund", None, -500, "refund", 500, ("refunds", "src_1")),
    case("refund", Some("partial_capture_reversal"), -500, "refund", 500, ("refunds", "src_1")),
    case("refund_failure", None, 500, "refund_failure", 0, ("refunds", "src_1")),
];

/// The rows that are adjustments whatever their sign, and a type that nobody knows.
const ADJUSTMENTS: &[(&str, Option<&str>)] = &[
    ("adjustment", Some("fee")),
    ("adjustment", Some("other_adjustment")),
    ("adjustment", None),
    ("advance", None),
    ("advance_funding", None),
    ("anticipation_repayment", None),
    ("application_fee", Some("platform_earning")),
    ("application_fee_refund", Some("platform_earning_refund")),
    ("climate_order_purchase", None),
    ("climate_order_refund", None),
    ("connect_collection_transfer", None),
    ("contribution", None),
    ("fee_credit_funding", None),
    ("inbound_transfer", None),
    ("inbound_transfer_reversal", None),
    ("issuing_authorization_hold", None),
    ("issuing_authorization_release", None),
    ("issuing_dispute", None),
    ("issuing_dispute_provisional_credit", None),
    ("issuing_dispute_provisional_credit_reversal", None),
    ("issuing_transaction", None),
    ("obligation_outbound", None),
    ("obligation_reversal_inbound", None),
    ("payment_network_reserve_hold", None),
    ("payment_network_reserve_release", None),
    ("payment_unreconciled", Some("unreconciled_customer_funds")),
    ("payout_minimum_balance_hold", None),
    ("payout_minimum_balance_release", None),
    ("reserve_hold", None),
    ("reserve_release", None),
    ("reserve_transaction", Some("connect_reserved_funds")),
    ("reserved_funds", Some("risk_reserved_funds")),
    ("stripe_balance_payment_debit", None),
    ("stripe_balance_payment_debit_reversal", None),
    ("stripe_fee", Some("fee")),
    ("stripe_fx_fee", Some("fee")),
    ("tax_fee", Some("tax")),
    ("tax_fund", None),
    ("topup", None),
    ("topup_reversal", None),
    ("transfer", None),
    ("transfer_cancel", Some("transfer_reversal")),
    ("transfer_failure", Some("transfer_reversal")),
    ("transfer_refund", Some("transfer_reversal")),
    ("of_tomorrow", Some("anything")),
];

/// The account in which a case is told: a charge whose money is available, 1452 of it reserved.
fn before() -> Fixture {
    let fixture = Fixture::new();
    fixture.rolling(15, 30);
    fixture.tell_charge();
    fixture.advance_to(march(3));
    assert_eq!(fixture.standing(), [0, 8228, 0, 1452]);
    fixture
}

#[test]
fn each_kind_does_what_the_table_says() {
    for case in CASES {
        let fixture = before();
        let (created, later) = (march(3).to_string(), march(5).to_string());
        let mut more =
            vec![("source", "src_1"), ("created", &*created), ("available_on", &*later)];
        more.extend(case.category.map(|category| ("reporting_category", category)));
        let of_charge = ["refund", "failure", "dispute", "reinstatement", "refund_failure"];
        if of_charge.contains(&case.kind) {
            more.push(("charge", "ch_1"));
        }
        let told = fixture.tell("txn_2", case.word, case.amount, &more);
        let said = format!("{} {:?} {}", case.word, case.category, case.amount);
        assert_eq!(told["kind"], case.kind, "{said}");
        assert_eq!((&told["drawn"], &told["parked"]), (&json!(case.drawn), &json!(false)), "{said}");
        let at_once = case.kind.starts_with("payout");
        let held = if case.kind == "charge" { 75 } else { 0 };
        let (pending, available) = if at_once { (0, case.amount) } else { (case.amount, 0) };
        let expected =
            [pending - held, 8228 + case.drawn + available, held, 1452 - case.drawn];
        assert_eq!(fixture.standing(), expected, "{said}");
        let (kind, id) = case.record;
        let record = fixture.get(&format!("/v1/ledger/{kind}/{id}"));
        assert_eq!(record["id"], id, "{said}");
        fixture.verify();
        fixture.advance_to(march(5));
        let expected = [
            0,
            8228 + case.drawn + case.amount - held,
            0,
            1452 - case.drawn + held,
        ];
        assert_eq!(fixture.standing(), expected, "{said}");
        fixture.verify();
    }
}

#[test]
fn every_other_type_moves_its_net_and_makes_an_adjustment() {
    let fixture = before();
    let mut balance = 8228;
    for (place, (word, category)) in ADJUSTMENTS.iter().enumerate() {
        for (sign, amount) in [("in", 500), ("out", -300)] {
            let (id, source) =
                (format!("txn_{word}_{place}_{sign}"), format!("src_{place}_{sign}"));
            let created = march(3).to_string();
            let mut more = vec![
                ("source", &*source),
                ("created", &*created),
                ("available_on", &*created),
                ("fee", "7"),
            ];
            more.extend(category.map(|category| ("reporting_category", category)));
            let told = fixture.tell(&id, word, amount, &more);
            assert_eq!((&told["kind"], &told["net"]), (&json!("adjustment"), &json!(amount - 7)));
            balance += amount - 7;
            assert_eq!(fixture.standing(), [0, balance, 0, 1452], "{word}");
            let record = fixture.get(&format!("/v1/ledger/adjustments/{source}"));
            assert_eq!((&record["amount"], &record["type"]), (&json!(amount), &json!(word)));
        }
    }
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
    let more = [("balance_type", "history"), ("source", "ch_4"), ("created", "1700000000"),
        ("available_on", "1700000000")];
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
        fixture.try_tell(&Txn { id: "txn_1", word: "charge", amount: 10_000, fee: 320, more: &more })
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
        assert_eq!((&refused["param"], &refused["code"]), (&json!(missing), &json!("parameter_missing")));
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
    let shown: Vec<_> = all.iter().map(|each| (text(each, "type"), each["net"].as_i64().unwrap())).collect();
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
    let expanded = fixture.list(
        "/v1/balance_transactions",
        &[("type", "adjustment"), ("expand[]", "data.source")],
    );
    assert_eq!(expanded[0]["source"]["object"], "dispute");
    fixture.verify();
}

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
    let wrong = [("payout_request", "req_1"), ("created", &*created), ("source", "po_2")];
    let wrong = Txn { id: "txn_3", word: "payout", amount: -501, fee: 0, more: &wrong };
    assert_eq!(fixture.try_tell(&wrong).refused(400)["param"], "payout_request");
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
fn a_payout_beyond_what_is_available_is_a_breach() {
    let fixture = before();
    let created = march(3).to_string();
    fixture.tell("txn_2", "payout", -9000, &[("source", "po_1"), ("created", &*created)]);
    let [breach] = &fixture.list("/v1/ledger/breaches", &[])[..] else { panic!() };
    assert_eq!((&breach["payout"], &breach["available_after"]), (&json!("po_1"), &json!(-772)));
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
        let balance = fixture.get("/v1/balance");
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
    for order in [
        ["txn_2", "txn_3", "txn_4", "txn_1"],
        ["txn_4", "txn_3", "txn_2", "txn_1"],
        ["txn_3", "txn_1", "txn_2", "txn_4"],
    ] {
        assert_eq!(outcome(&order), first, "{order:?}");
    }
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
    // Facts would count twice; asking for a payout is none, and a plan neither.
    let fact = [("id", "ch_1"), ("amount", "5"), ("currency", "usd")];
    fixture.post("/v1/ledger/charges", &fact).refused(400);
    assert_eq!(set(&[("intake", "facts")]).refused(400)["param"], "since");
    let since = [("intake", "facts"), ("since", "1772359200")];
    assert_eq!(set(&since).ok()["since"], 1_772_359_200);
    fixture.post("/v1/ledger/charges", &fact).ok();
    let txn = Txn { id: "txn_2", ..txn };
    fixture.try_tell(&txn).refused(400);
}
