//! What a page says beside money: whether a payout has arrived and whose schedule made it, types
//! that nobody knows; and what of a dispute's money was told one by one.

use super::fixture::{Fixture, march, text};
use super::pages::listed;
use crate::lines;
use serde_json::{Value, json};

/// A payout's object as Stripe has it.
fn payout(status: &str, automatic: bool) -> Value {
    json!({
        "id": "po_1", "object": "payout", "amount": 500, "arrival_date": march(9),
        "automatic": automatic, "destination": "ba_1", "source_type": "card", "status": status,
    })
}

#[test]
fn a_page_says_whether_a_payout_has_arrived_and_was_automatic() {
    let fixture = Fixture::new();
    fixture.import(&[listed("txn_1", "charge", 1000, &json!("ch_1"))]);
    let page = |status: &str| listed("txn_2", "payout", -500, &payout(status, true));
    let shown = || {
        let payout = fixture.get("/v1/ledger/payouts/po_1");
        (text(&payout, "status"), payout["automatic"].clone())
    };
    fixture.import(&[page("pending")]);
    assert_eq!(shown(), ("in_transit".to_owned(), json!(true)));
    // Listed again, it has arrived: its money is on no way any more.
    assert_eq!(fixture.import(&[page("paid")])["known"], 1);
    assert_eq!(shown(), ("paid".to_owned(), json!(true)));
    assert!(fixture.postings().contains(&"B>X 500".to_owned()), "{:?}", fixture.postings());
    let posted = fixture.postings();
    fixture.import(&[page("paid")]);
    assert_eq!(fixture.postings(), posted);
    fixture.verify();
    // That it failed moves nothing until the transaction comes that brings the money back.
    fixture.import(&[page("failed")]);
    assert_eq!((shown().0, fixture.postings()), ("paid".to_owned(), posted));
    fixture.import(&[listed("txn_3", "payout_failure", 500, &payout("failed", true))]);
    assert_eq!(shown().0, "failed");
    fixture.import(&[page("paid")]);
    assert_eq!(shown().0, "failed");
    fixture.verify();
}

#[test]
fn a_payout_that_has_arrived_when_it_is_first_listed_is_paid_at_once() {
    let fixture = Fixture::new();
    fixture.import(&[
        listed("txn_1", "charge", 1000, &json!("ch_1")),
        listed("txn_2", "payout", -500, &payout("paid", false)),
    ]);
    let paid = fixture.get("/v1/ledger/payouts/po_1");
    assert_eq!((&paid["status"], &paid["automatic"]), (&json!("paid"), &json!(false)));
    // The status of another kind of object is no payout's, and nobody says it of one told alone.
    let charge = json!({"id": "ch_2", "object": "charge", "status": "paid", "automatic": true});
    fixture.import(&[listed("txn_3", "payout", -5, &charge)]);
    let odd = fixture.get("/v1/ledger/payouts/ch_2");
    assert_eq!((&odd["status"], &odd["automatic"]), (&json!("in_transit"), &Value::Null));
    fixture.verify();
}

#[test]
fn a_type_that_nobody_knows_is_an_adjustment_and_a_line_in_the_log() {
    lines::keep();
    let fixture = Fixture::new();
    fixture.tell("txn_1", "of_tomorrow_told_alone", 7_654_321, &[]);
    fixture.tell("txn_1", "of_tomorrow_told_alone", 7_654_321, &[]);
    fixture.tell("txn_2", "topup", 5, &[]);
    let [line] = &lines::with("of_tomorrow_told_alone")[..] else { panic!("there is one line") };
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!((&line["level"], &line["fields"]["transactions"]), (&json!("WARN"), &json!(1)));
    assert!(!line.to_string().contains("7654321"), "{line}");
    assert_eq!(fixture.get("/v1/ledger/adjustments/txn_1")["amount"], 7_654_321);
    fixture.import(&[
        listed("txn_3", "of_tomorrow_on_a_page", 1, &Value::Null),
        listed("txn_4", "of_tomorrow_on_a_page", -2, &Value::Null),
        listed("txn_5", "Of tomorrow\nof_tomorrow_refused", -2, &Value::Null),
    ]);
    let [line] = &lines::with("of_tomorrow_on_a_page")[..] else { panic!("there is one line") };
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["fields"]["transactions"], 2);
    assert_eq!(lines::with("of_tomorrow_refused"), [""; 0]);
    assert_eq!(fixture.list("/v1/ledger/adjustments", &[]).len(), 4);
    fixture.verify();
}

#[test]
fn a_dispute_shows_its_movements_if_they_are_asked_for() {
    let fixture = Fixture::new();
    fixture.charge("ch_1", 10_000, &[]);
    let dispute = [("id", "du_1"), ("charge", "ch_1"), ("amount", "700")];
    fixture.post("/v1/ledger/disputes", &dispute).ok();
    let expanded = |id: &str| {
        let path = format!("/v1/ledger/disputes/{id}");
        fixture.client.get(&path, &[("expand[]", "movements")]).ok()
    };
    assert_eq!(expanded("du_1")["movements"], json!([]));
    let moves = "/v1/ledger/disputes/du_1/movements";
    fixture.post(moves, &[("id", "mv_1"), ("amount", "-50"), ("fee", "15")]).ok();
    fixture.post(moves, &[("id", "mv_2"), ("amount", "300")]).ok();
    // Those of another dispute are none of its.
    let dispute = [("id", "du_2"), ("charge", "ch_1"), ("amount", "5")];
    fixture.post("/v1/ledger/disputes", &dispute).ok();
    let other = [("id", "mv_1"), ("amount", "1")];
    fixture.post("/v1/ledger/disputes/du_2/movements", &other).ok();
    let shown = expanded("du_1");
    let movements: Vec<_> = shown["movements"].as_array().unwrap().iter().collect();
    let [newest, oldest] = movements[..] else { panic!("{shown}") };
    let of = |movement: &Value| (text(movement, "id"), movement["amount"].clone());
    assert_eq!(of(newest), ("mv_2".to_owned(), json!(300)));
    assert_eq!(of(oldest), ("mv_1".to_owned(), json!(-50)));
    assert_eq!((&oldest["fee"], &oldest["object"]), (&json!(15), &json!("ledger.movement")));
    let plain = fixture.get("/v1/ledger/disputes/du_1");
    assert!(plain.get("movements").is_none(), "{plain}");
    let in_list = fixture.client.get("/v1/ledger/disputes", &[("expand[]", "data.movements")]);
    in_list.refused(400);
}

/// An adjustment has the id of its source, or of its transaction. Either may be another's already:
/// a fact's that was told under it, or that of a transaction whose source is called so.
#[test]
fn an_adjustment_whose_ids_are_taken_gets_one_of_the_ledgers() {
    let fixture = Fixture::new();
    let fact = [("id", "txn_1"), ("amount", "-100"), ("currency", "usd")];
    fixture.post("/v1/ledger/adjustments", &fact).ok();
    fixture.import(&[
        listed("txn_1", "topup", 500, &Value::Null),
        listed("txn_2", "stripe_fee", -30, &json!("txn_3")),
        listed("txn_3", "stripe_fee", -7, &Value::Null),
        listed("txn_4", "stripe_fee", -1, &json!("txn_1")),
    ]);
    let adjustments = fixture.list("/v1/ledger/adjustments", &[]);
    let mut amounts: Vec<_> =
        adjustments.iter().map(|each| each["amount"].as_i64().unwrap()).collect();
    amounts.sort_unstable();
    assert_eq!(amounts, [-100, -30, -7, -1, 500]);
    let own: Vec<_> = adjustments
        .iter()
        .filter(|each| text(each, "id").starts_with("ladj_"))
        .map(|each| each["amount"].as_i64().unwrap())
        .collect();
    assert_eq!(own.len(), 2, "{adjustments:#?}");
    assert_eq!(own.iter().sum::<i64>(), 500 - 7);
    // What is told again is known, whatever its object is called.
    let again = fixture.import(&[listed("txn_1", "topup", 500, &Value::Null)]);
    assert_eq!((&again["known"], &again["refused"]), (&json!(1), &json!(0)));
    fixture.verify();
}
