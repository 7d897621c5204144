//! What the processor tells: charges, refunds, disputes, payouts (reserves §13.1, §11 decisions
//! 18 to 22).

use super::fixture::{DAY, Fixture, MARCH_1, march, text};
use serde_json::json;

#[test]
fn a_charge_that_is_told_again_is_answered_as_it_stands() {
    let fixture = Fixture::new();
    fixture.rolling(15, 30);
    let more = [("fee", "320"), ("application_fee", "100"), ("source_transfer", "tr_1")];
    let first = fixture.charge("ch_1", 10_000, &more);
    let expected = json!({
        "id": "ch_1", "object": "ledger.charge", "amount": 10000, "amount_refunded": 0,
        "application_fee": 100, "available_on": march(3), "created": MARCH_1, "currency": "usd",
        "disputed": false, "fee": 320, "livemode": false, "net": 9580, "refunded": false,
        "source_transfer": "tr_1", "source_type": "card", "status": "pending",
    });
    assert_eq!(first, expected);
    let (postings, events) = (fixture.postings(), fixture.list("/v1/events", &[]).len());
    // What is left out is not compared.
    assert_eq!(fixture.charge("ch_1", 10_000, &[]), first);
    assert_eq!(fixture.charge("ch_1", 10_000, &more), first);
    assert_eq!((fixture.postings(), fixture.list("/v1/events", &[]).len()), (postings, events));
    assert_eq!(fixture.get("/v1/ledger/charges/ch_1"), first);
    fixture.refund("re_1", "ch_1", 10_000);
    let now = fixture.charge("ch_1", 10_000, &more);
    assert_eq!((&now["amount_refunded"], &now["refunded"]), (&json!(10_000), &json!(true)));
}

#[test]
fn a_fee_that_comes_late_corrects_the_books_and_not_the_hold() {
    let fixture = Fixture::new();
    fixture.rolling(10, 30);
    fixture.charge("ch_1", 10_000, &[]);
    assert_eq!(fixture.standing(), [9000, 0, 1000, 0]);
    let charge = fixture.charge("ch_1", 10_000, &[("fee", "320")]);
    assert_eq!(charge["net"], 9680);
    assert_eq!(fixture.postings()[2..], ["P.p>F 320"]);
    assert_eq!(fixture.standing(), [8680, 0, 1000, 0]);
    // Once it is known, another figure is another charge; its own call corrects it.
    let again = [("id", "ch_1"), ("amount", "10000"), ("currency", "usd"), ("fee", "300")];
    assert_eq!(fixture.post("/v1/ledger/charges", &again).refused(400)["param"], "fee");
    fixture.post("/v1/ledger/charges/ch_1", &[("fee", "300")]).ok();
    assert_eq!(fixture.postings()[3..], ["F>P.p 20"]);
    fixture.advance_to(march(3));
    fixture.post("/v1/ledger/charges/ch_1", &[("fee", "310")]).ok();
    assert_eq!(fixture.standing(), [0, 8690, 0, 1000]);
    assert_eq!(fixture.list("/v1/reserve/holds", &[])[0]["amount"], 1000);
    fixture.verify();
}

#[test]
fn money_is_available_when_the_processor_says() {
    let fixture = Fixture::new();
    let soon = (MARCH_1 + 3600).to_string();
    fixture.charge("ch_1", 1000, &[("available_on", &soon)]);
    fixture.charge("ch_2", 500, &[("created", "1772000000"), ("available_on", "1772000000")]);
    assert_eq!(fixture.standing(), [1000, 500, 0, 0]);
    fixture.advance_to(MARCH_1 + 3599);
    assert_eq!(fixture.standing(), [1000, 500, 0, 0]);
    fixture.advance_to(MARCH_1 + 3600);
    assert_eq!(fixture.standing(), [0, 1500, 0, 0]);
    assert_eq!(fixture.get("/v1/ledger/charges/ch_1")["status"], "available");
    let late = (MARCH_1 + 3600 + 61).to_string();
    let late = [("created", late.as_str())];
    let params = [&[("id", "ch_3"), ("amount", "5"), ("currency", "usd")][..], &late].concat();
    assert_eq!(fixture.post("/v1/ledger/charges", &params).refused(400)["param"], "created");
    let far = (MARCH_1 + 366 * DAY).to_string();
    let params = [&params[..3], &[("available_on", far.as_str())]].concat();
    assert_eq!(fixture.post("/v1/ledger/charges", &params).refused(400)["param"], "available_on");
}

#[test]
fn fees_above_the_amount_leave_less_than_nothing_and_hold_nothing() {
    let fixture = Fixture::new();
    fixture.rolling(50, 30);
    fixture.charge("ch_1", 100, &[("fee", "30"), ("application_fee", "90")]);
    assert_eq!(fixture.standing(), [-20, 0, 0, 0]);
    fixture.advance_to(march(3));
    assert_eq!(fixture.standing(), [0, -20, 0, 0]);
    assert_eq!(fixture.postings()[3..], ["P.a>P.p 20"]);
    assert!(fixture.list("/v1/reserve/holds", &[]).is_empty());
    fixture.verify();
}

#[test]
fn refunds_draw_until_nothing_is_held_and_one_that_fails_revives_nothing() {
    let fixture = Fixture::new();
    fixture.rolling(15, 30);
    fixture.charge("ch_1", 10_000, &[("fee", "320")]);
    let first = fixture.refund("re_1", "ch_1", 1000);
    assert_eq!((&first["drawn"], &first["status"]), (&json!(1000), &json!("succeeded")));
    assert_eq!(fixture.refund("re_1", "ch_1", 1000), first);
    assert_eq!(fixture.refund("re_2", "ch_1", 1000)["drawn"], 452);
    assert_eq!(fixture.refund("re_3", "ch_1", 1000)["drawn"], 0);
    assert_eq!(fixture.standing(), [6680, 0, 0, 0]);
    let failed = fixture.post("/v1/ledger/refunds/re_1", &[("status", "failed")]).ok();
    assert_eq!(failed["status"], "failed");
    fixture.post("/v1/ledger/refunds/re_1", &[("status", "failed")]).ok();
    assert_eq!(fixture.standing(), [7680, 0, 0, 0]);
    assert_eq!(fixture.list("/v1/reserve/holds", &[])[0]["amount_releasable"], 0);
    assert_eq!(fixture.get("/v1/ledger/charges/ch_1")["amount_refunded"], 2000);
    fixture.advance_to(march(3));
    assert_eq!(fixture.standing(), [0, 7680, 0, 0]);
    fixture.verify();
}

#[test]
fn a_refund_takes_what_its_charge_has_pending_and_the_rest_from_what_is_available() {
    let fixture = Fixture::new();
    fixture.charge("ch_old", 5000, &[("created", "1772000000"), ("available_on", "1772000000")]);
    fixture.charge("ch_1", 1000, &[("fee", "100")]);
    fixture.charge("ch_2", 1000, &[]);
    fixture.refund("re_1", "ch_1", 1000);
    let postings = fixture.postings();
    assert_eq!(postings[postings.len() - 2..], ["P.p>X 900", "P.a>X 100"]);
    assert_eq!(fixture.standing(), [1000, 4900, 0, 0]);
    fixture.post("/v1/ledger/refunds/re_1", &[("status", "failed")]).ok();
    assert_eq!(fixture.standing(), [1900, 5000, 0, 0]);
    fixture.verify();
}

#[test]
fn what_is_held_pays_only_if_needed_where_an_operator_says_so() {
    let builder = coffer_testkit::TestServer::builder();
    let fixture = Fixture::with(builder.set(&coffer_reserves::RESERVE_DRAW, "only_if_needed"));
    fixture.rolling(50, 30);
    fixture.charge("ch_1", 10_000, &[]);
    assert_eq!(fixture.refund("re_1", "ch_1", 3000)["drawn"], 0);
    assert_eq!(fixture.standing(), [2000, 0, 5000, 0]);
    assert_eq!(fixture.refund("re_2", "ch_1", 3000)["drawn"], 1000);
    assert_eq!(fixture.standing(), [0, 0, 4000, 0]);
    fixture.verify();
}

#[test]
fn the_money_of_a_dispute_comes_back_once_and_its_word_is_free() {
    let fixture = Fixture::new();
    fixture.charge("ch_1", 1000, &[]);
    let params = [("id", "du_1"), ("charge", "ch_1"), ("amount", "2000"), ("fee", "15")];
    let open = fixture.post("/v1/ledger/disputes", &params).ok();
    assert_eq!((&open["status"], &open["fee"]), (&json!("open"), &json!(15)));
    assert_eq!(fixture.get("/v1/ledger/charges/ch_1")["disputed"], true);
    let end = |params: &[(&str, &str)]| fixture.post("/v1/ledger/disputes/du_1", params);
    let silly = end(&[("status", "lost"), ("fee_returned", "true")]);
    assert_eq!(silly.refused(400)["param"], "fee_returned");
    end(&[("status", "won"), ("fee_returned", "true")]).ok();
    assert_eq!(fixture.standing(), [1000, 0, 0, 0]);
    end(&[("status", "won")]).ok();
    assert_eq!(end(&[("status", "lost")]).ok()["status"], "lost");
    assert_eq!(fixture.standing(), [1000, 0, 0, 0]);
    fixture.verify();
}

#[test]
fn a_payout_asks_and_a_reported_one_tells() {
    let fixture = Fixture::new();
    fixture.charge("ch_1", 1000, &[]);
    fixture.charge("ch_2", 400, &[("source_type", "bank_account")]);
    fixture.advance_to(march(3));
    let payout = |id: &str, amount: &str, more: &[(&str, &str)]| {
        let params = [("id", id), ("amount", amount), ("currency", "usd")];
        fixture.post("/v1/ledger/payouts", &[&params[..], more].concat())
    };
    // Each pool pays for itself.
    assert_eq!(payout("po_1", "1001", &[]).refused(400)["code"], "balance_insufficient");
    let first = payout("po_1", "1000", &[]).ok();
    assert_eq!((&first["status"], &first["reported"]), (&json!("in_transit"), &json!(false)));
    assert_eq!(payout("po_1", "1000", &[]).ok(), first);
    assert!(fixture.list("/v1/ledger/breaches", &[]).is_empty());
    payout("po_2", "300", &[("reported", "true")]).ok();
    let breaches = fixture.list("/v1/ledger/breaches", &[]);
    let id = text(&breaches[0], "id");
    let expected = json!([{
        "id": id, "object": "ledger.breach", "amount": 300, "available_after": -300,
        "created": march(3), "currency": "usd", "livemode": false, "payout": "po_2",
        "source_type": "card",
    }]);
    assert_eq!(json!(breaches), expected);
    assert_eq!(fixture.get(&format!("/v1/ledger/breaches/{id}")), breaches[0]);
    payout("po_3", "400", &[("source_type", "bank_account"), ("reported", "true")]).ok();
    assert_eq!(fixture.list("/v1/ledger/breaches", &[]).len(), 1);
    fixture.verify();
}

#[test]
fn a_payout_that_arrived_can_be_sent_back_and_one_that_was_stopped_cannot() {
    let fixture = Fixture::new();
    fixture.charge("ch_1", 1000, &[("created", "1772000000"), ("available_on", "1772000000")]);
    for id in ["po_1", "po_2"] {
        let params = [("id", id), ("amount", "400"), ("currency", "usd")];
        fixture.post("/v1/ledger/payouts", &params).ok();
    }
    let before = fixture.postings().len();
    let told = |id: &str, status: &str| {
        fixture.post(&format!("/v1/ledger/payouts/{id}"), &[("status", status)])
    };
    assert_eq!(told("po_1", "paid").ok()["status"], "paid");
    told("po_1", "paid").ok();
    told("po_1", "failed").ok();
    told("po_2", "canceled").ok();
    assert_eq!(told("po_2", "failed").refused(400)["param"], "status");
    assert_eq!(fixture.postings()[before..], ["B>X 400", "X>P.a 400", "B>P.a 400"]);
    assert_eq!(fixture.standing(), [0, 1000, 0, 0]);
    let failed = fixture.list("/v1/ledger/payouts", &[("status", "failed")]);
    assert_eq!((failed.len(), &failed[0]["id"]), (1, &json!("po_1")));
    fixture.verify();
}

#[test]
fn what_was_told_is_listed_newest_first_and_narrowed() {
    let fixture = Fixture::new();
    for (id, currency, created) in [
        ("ch_1", "usd", "1772000000"),
        ("ch_2", "eur", "1772000100"),
        ("ch_3", "usd", "1772000200"),
    ] {
        let params = [("id", id), ("amount", "900"), ("currency", currency), ("created", created)];
        fixture.post("/v1/ledger/charges", &params).ok();
    }
    fixture.refund("re_1", "ch_1", 10);
    fixture.refund("re_2", "ch_3", 10);
    let listed = |path: &str, params: &[(&str, &str)]| -> Vec<String> {
        fixture.list(path, params).iter().map(|one| text(one, "id")).collect()
    };
    let charges = "/v1/ledger/charges";
    assert_eq!(listed(charges, &[]), ["ch_3", "ch_2", "ch_1"]);
    assert_eq!(listed(charges, &[("currency", "usd")]), ["ch_3", "ch_1"]);
    assert_eq!(listed(charges, &[("created[gt]", "1772000000")]), ["ch_3", "ch_2"]);
    assert_eq!(listed(charges, &[("limit", "1"), ("starting_after", "ch_3")]), ["ch_2"]);
    assert_eq!(listed(charges, &[("limit", "2"), ("ending_before", "ch_1")]), ["ch_3", "ch_2"]);
    assert_eq!(listed("/v1/ledger/refunds", &[("charge", "ch_1")]), ["re_1"]);
    assert_eq!(listed("/v1/ledger/refunds", &[]), ["re_2", "re_1"]);
    assert!(listed("/v1/ledger/disputes", &[("charge", "ch_1")]).is_empty());
}
