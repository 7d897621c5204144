//! What each type of transactions does: every row of the table (intake §5).

use super::fixture::{Fixture, march};
use serde_json::json;
use std::collections::BTreeSet;

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

#[test]
fn every_type_of_the_contract_is_tried() {
    let cases = CASES.iter().map(|case| case.word);
    let words: BTreeSet<_> = cases.chain(ADJUSTMENTS.iter().map(|(word, _)| *word)).collect();
    assert_eq!(words.len(), 52 + 1, "with the one that nobody knows: {words:?}");
}

/// The account in which a case is told: a charge whose money is available, 1452 of it reserved.
pub fn before() -> Fixture {
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
        let mut more = vec![("source", "src_1"), ("created", &*created), ("available_on", &*later)];
        more.extend(case.category.map(|category| ("reporting_category", category)));
        let of_charge = ["refund", "failure", "dispute", "reinstatement", "refund_failure"];
        if of_charge.contains(&case.kind) {
            more.push(("charge", "ch_1"));
        }
        let told = fixture.tell("txn_2", case.word, case.amount, &more);
        let said = format!("{} {:?} {}", case.word, case.category, case.amount);
        assert_eq!(told["kind"], case.kind, "{said}");
        assert_eq!(
            (&told["drawn"], &told["parked"]),
            (&json!(case.drawn), &json!(false)),
            "{said}"
        );
        let at_once = case.kind.starts_with("payout");
        let held = if case.kind == "charge" { 75 } else { 0 };
        let (pending, available) = if at_once { (0, case.amount) } else { (case.amount, 0) };
        let expected = [pending - held, 8228 + case.drawn + available, held, 1452 - case.drawn];
        assert_eq!(fixture.standing(), expected, "{said}");
        let (kind, id) = case.record;
        let record = fixture.get(&format!("/v1/ledger/{kind}/{id}"));
        assert_eq!(record["id"], id, "{said}");
        if case.drawn > 0 {
            // A payment that failed is neither of the two that Stripe's field can name.
            let release = &fixture.list("/v1/reserve/releases", &[])[0];
            let source = match case.kind {
                "refund" => json!({"type": "refund", "refund": "src_1"}),
                "dispute" => json!({"type": "dispute", "dispute": "src_1"}),
                _ => json!(null),
            };
            let named = release.get("source_transaction").cloned().unwrap_or_default();
            assert_eq!((&release["reason"], named), (&json!("hold_reversed"), source), "{said}");
        }
        fixture.verify();
        fixture.advance_to(march(5));
        let expected = [0, 8228 + case.drawn + case.amount - held, 0, 1452 - case.drawn + held];
        assert_eq!(fixture.standing(), expected, "{said}");
        fixture.verify();
    }
}

#[test]
fn what_was_not_captured_is_a_refund_without_an_object_of_its_own() {
    let fixture = before();
    let category = ("reporting_category", "partial_capture_reversal");
    let told = fixture.tell("txn_2", "refund", -500, &[("charge", "ch_1"), category]);
    assert_eq!((&told["source"], &told["drawn"]), (&json!(null), &json!(500)));
    let refund = fixture.get("/v1/ledger/refunds/txn_2");
    assert_eq!((&refund["amount"], &refund["charge"]), (&json!(500), &json!("ch_1")));
    assert_eq!(fixture.get("/v1/ledger/charges/ch_1")["amount_refunded"], 500);
    fixture.verify();
}

/// Types whose other sign is something else: with this one they are adjustments.
const OF_OTHER_SIGN: &[(&str, Option<&str>, i64)] = &[
    ("adjustment", Some("dispute"), 500),
    ("adjustment", Some("dispute_reversal"), -500),
    ("adjustment", Some("refund_failure"), -500),
    ("charge", None, -500),
    ("payment", Some("charge"), -500),
    ("payment_failure_refund", Some("charge_failure"), 500),
    ("payment_reversal", None, 500),
    // The bank was debited to level a balance below zero.
    ("payout", None, 500),
    ("payout_cancel", Some("payout_reversal"), -500),
    ("payout_failure", Some("payout_reversal"), -500),
    ("refund", None, 500),
    ("refund_failure", None, -500),
    // Nothing came in or went out.
    ("charge", None, 0),
    ("payout", None, 0),
];

#[test]
fn every_other_type_moves_its_net_and_makes_an_adjustment() {
    let fixture = before();
    let of_any = ADJUSTMENTS
        .iter()
        .flat_map(|(word, category)| [500, -300].map(|amount| (*word, *category, amount)));
    let all: Vec<_> = of_any.chain(OF_OTHER_SIGN.iter().copied()).collect();
    let (mut available, mut pending) = (8228, 0);
    for (place, (word, category, amount)) in all.into_iter().enumerate() {
        let (id, source) = (format!("txn_{word}_{place}"), format!("src_{place}"));
        // Half of them count at once, and half two days later.
        let (created, later) = (march(3).to_string(), march(5).to_string());
        let net = amount - 7;
        let counts_on = if place % 2 == 0 { &created } else { &later };
        *(if place % 2 == 0 { &mut available } else { &mut pending }) += net;
        let mut more = vec![
            ("source", &*source),
            ("created", &*created),
            ("available_on", &**counts_on),
            ("fee", "7"),
        ];
        more.extend(category.map(|category| ("reporting_category", category)));
        let told = fixture.tell(&id, word, amount, &more);
        assert_eq!((&told["kind"], &told["net"]), (&json!("adjustment"), &json!(net)), "{word}");
        assert_eq!(fixture.standing(), [pending, available, 0, 1452], "{word}");
        let record = fixture.get(&format!("/v1/ledger/adjustments/{source}"));
        assert_eq!((&record["amount"], &record["type"]), (&json!(amount), &json!(word)));
        assert_eq!((&record["source"], &told["drawn"]), (&json!(source), &json!(0)), "{word}");
    }
    assert!(pending != 0, "nothing was pending");
    fixture.verify();
    fixture.advance_to(march(5));
    assert_eq!(fixture.standing(), [0, available + pending, 0, 1452]);
    fixture.verify();
}
