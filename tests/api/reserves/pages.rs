//! Pages of the processor's list, and reconciliations with its balance (intake §6.1 and §10).

use super::fixture::{DAY, Fixture, MARCH_1, march, text};
use serde_json::{Value, json};

/// A transaction as Stripe lists it, of 1 March and available on the 3rd.
pub fn listed(id: &str, word: &str, amount: i64, source: &Value) -> Value {
    json!({
        "id": id, "object": "balance_transaction", "amount": amount, "fee": 0, "net": amount,
        "available_on": march(3), "created": MARCH_1, "currency": "usd", "description": "Jane",
        "exchange_rate": null, "fee_details": [], "reporting_category": word, "source": source,
        "status": "pending", "type": word,
    })
}

pub fn page(data: &[Value]) -> String {
    json!({"object": "list", "data": data, "has_more": false, "url": "/v1/balance_transactions"})
        .to_string()
}

impl Fixture {
    #[track_caller]
    pub fn import(&self, data: &[Value]) -> Value {
        self.post("/v1/ledger/transactions/import", &[("page", &page(data))]).ok()
    }
}

#[test]
fn a_page_is_recorded_at_once_and_again_without_effect() {
    let fixture = Fixture::new();
    fixture.rolling(15, 30);
    let charge = json!({"id": "ch_1", "object": "charge", "billing_details": {"name": "Jane"}});
    let refund = json!({"id": "re_1", "object": "refund", "charge": "ch_1"});
    let data = [
        listed("txn_3", "payout", -500, &json!("po_1")),
        listed("txn_2", "refund", -3000, &refund),
        listed("txn_1", "charge", 10_000, &charge),
    ];
    let answer = fixture.import(&data);
    let expected = json!({
        "object": "ledger.import", "known": 0, "livemode": false, "parked": 0, "received": 3,
        "recorded": 3, "refusals": [], "refused": 0,
    });
    assert_eq!(answer, expected);
    assert_eq!(fixture.standing(), [7000, -500, 0, 0]);
    fixture.verify();
    let posted = fixture.postings();
    let again = fixture.import(&data);
    assert_eq!((&again["known"], &again["recorded"]), (&json!(3), &json!(0)));
    assert_eq!(fixture.postings(), posted);
    let name = [coffer_storage::Value::from("%Jane%")];
    for column in ["type", "source", "charge", "record"] {
        let sql = match column {
            "type" => "SELECT 1 FROM ledger_transaction WHERE type LIKE ?",
            "source" => "SELECT 1 FROM ledger_transaction WHERE source LIKE ?",
            "charge" => "SELECT 1 FROM ledger_transaction WHERE charge LIKE ?",
            _ => "SELECT 1 FROM ledger_transaction WHERE record LIKE ?",
        };
        assert!(fixture.server.query(sql, &name).is_empty(), "{column}");
    }
}

/// What a page looks up at once is not there when it begins, and may be there later in it.
#[test]
fn a_page_ends_as_its_transactions_told_one_by_one() {
    let refund = |id: &str, charge: &str| json!({"id": id, "object": "refund", "charge": charge});
    let mut early = listed("txn_1", "refund", -300, &refund("re_1", "ch_1"));
    early["created"] = json!(MARCH_1 - 60);
    let twice = listed("txn_3", "charge", 500, &json!("ch_2"));
    let data = [
        // It waits for its charge, which comes in the same page.
        early,
        listed("txn_2", "charge", 1000, &json!("ch_1")),
        twice.clone(),
        twice,
        // Another capture of a charge that is new itself.
        listed("txn_4", "charge", 700, &json!("ch_2")),
        listed("txn_5", "refund", -100, &refund("re_2", "ch_2")),
    ];
    let (whole, singly) = (Fixture::new(), Fixture::new());
    for fixture in [&whole, &singly] {
        fixture.rolling(15, 30);
    }
    let told = whole.import(&data);
    assert_eq!((&told["recorded"], &told["known"]), (&json!(5), &json!(1)), "{told}");
    for one in &data {
        singly.import(std::slice::from_ref(one));
    }
    assert_eq!(whole.standing(), singly.standing());
    for fixture in [&whole, &singly] {
        assert!(fixture.list("/v1/ledger/parked", &[]).is_empty());
        let held: i64 = fixture
            .list("/v1/reserve/holds", &[])
            .iter()
            .map(|hold| hold["amount"].as_i64().unwrap())
            .sum();
        assert_eq!(held, 150 + 75 + 105);
        fixture.verify();
    }
}

#[test]
fn what_is_wrong_with_one_keeps_no_other_from_being_recorded() {
    let fixture = Fixture::new();
    fixture.import(&[listed("txn_1", "charge", 10_000, &json!("ch_1"))]);
    let mut future = listed("txn_4", "charge", 5, &json!("ch_4"));
    future["created"] = json!(MARCH_1 + 3600);
    let answer = fixture.import(&[
        listed("txn_1", "charge", 9999, &json!("ch_1")),
        listed("txn_2", "charge", 500, &json!("ch_2")),
        listed("txn_3", "Charge", 500, &json!("ch_3")),
        future,
    ]);
    assert_eq!((&answer["recorded"], &answer["refused"]), (&json!(1), &json!(3)));
    let refusals = answer["refusals"].as_array().unwrap();
    let mut named: Vec<_> =
        refusals.iter().map(|each| (text(each, "id"), text(each, "param"))).collect();
    named.sort();
    let expected = [("txn_1", "amount"), ("txn_3", "type"), ("txn_4", "created")];
    let expected = expected.map(|(id, param)| (id.to_owned(), param.to_owned()));
    assert_eq!(named, expected);
    assert_eq!(fixture.standing(), [10_500, 0, 0, 0]);
    let [warning] = &fixture.list("/v1/ledger/warnings", &[("kind", "conflict")])[..] else {
        panic!("there is one warning")
    };
    assert_eq!((&warning["about"], &warning["param"]), (&json!("txn_1"), &json!("amount")));
    fixture.verify();
}

#[test]
fn a_page_is_a_list_of_at_most_a_hundred() {
    let fixture = Fixture::new();
    let many: Vec<_> = (0..101)
        .map(|n| listed(&format!("txn_{n}"), "charge", 5, &json!(format!("ch_{n}"))))
        .collect();
    for text in ["[]", "{}", "no", &page(&many)] {
        let refused = fixture.post("/v1/ledger/transactions/import", &[("page", text)]);
        assert_eq!(refused.refused(400)["param"], "data", "{text:.20}");
    }
    assert_eq!(fixture.import(&many[..100])["recorded"], 100);
    assert_eq!(fixture.standing(), [500, 0, 0, 0]);
    fixture.verify();
}

#[test]
fn a_sum_that_no_number_holds_refuses_the_page() {
    let fixture = Fixture::new();
    fixture.import(&[listed("txn_1", "charge", 500, &json!("ch_1"))]);
    let full = [coffer_storage::Value::Int(i64::MAX - 5)];
    fixture.server.execute("UPDATE ledger_balance SET payments_pending = ?", &full).unwrap();
    let beyond = [
        listed("txn_2", "charge", 3, &json!("ch_2")),
        listed("txn_3", "charge", 3, &json!("ch_3")),
    ];
    let refused = fixture.post("/v1/ledger/transactions/import", &[("page", &page(&beyond))]);
    assert!(refused.refused(400).get("code").is_none());
    // Nothing of it is there, the first one neither.
    assert_eq!(fixture.postings(), ["X>P.p 500"]);
    fixture.client.get("/v1/ledger/transactions/txn_2", &[]).refused(404);
}

#[test]
fn warnings_say_what_to_look_at() {
    let fixture = Fixture::new();
    let refund = |id: &str| json!({"id": id, "object": "refund", "charge": "ch_1"});
    let mut dispute =
        listed("txn_4", "adjustment", -1000, &json!({"id": "du_1", "charge": "ch_1"}));
    dispute["reporting_category"] = json!("dispute");
    fixture.import(&[
        listed("txn_1", "charge", 1000, &json!("ch_1")),
        listed("txn_2", "refund", -1200, &refund("re_1")),
        dispute,
        listed("txn_5", "reserve_hold", -100, &Value::Null),
    ]);
    fixture.charge("ch_2", 500, &[]);
    fixture.import(&[listed("txn_6", "charge", 5, &json!("ch_6"))]);
    let kinds: Vec<_> =
        fixture.list("/v1/ledger/warnings", &[]).iter().map(|each| text(each, "kind")).collect();
    let mut kinds = kinds;
    kinds.sort();
    let expected = ["mixed_intakes", "over_refunded", "refunded_and_disputed", "reserve_beside"];
    assert_eq!(kinds, expected);
    let first = &fixture.list("/v1/ledger/warnings", &[])[0];
    assert_eq!(fixture.get(&format!("/v1/ledger/warnings/{}", text(first, "id"))), *first);
}

/// Twenty faults in a page of a hundred: the ledger lacks some, has some otherwise, and has some
/// that the processor lacks.
#[test]
fn twenty_planted_differences_are_found_and_nothing_else() {
    let fixture = Fixture::new();
    let at = |n: i64| {
        let mut each =
            listed(&format!("txn_{n:03}"), "charge", 1000 + n, &json!(format!("ch_{n:03}")));
        each["created"] = json!(MARCH_1 - 3600 + n);
        each
    };
    let all: Vec<_> = (0..100).map(at).collect();
    let (mut ours, mut theirs, mut planted) = (Vec::new(), Vec::new(), Vec::new());
    for (n, each) in (0i64..).zip(&all) {
        let id = text(each, "id");
        let net = 1000 + n;
        match n {
            // The ledger lacks eight.
            10 | 20 | 30 | 40 | 50 | 60 | 70 | 80 => {
                theirs.push(each.clone());
                planted.push((id, json!(net), Value::Null));
            }
            // The processor has another figure of six.
            11 | 21 | 31 | 41 | 51 | 61 => {
                let mut other = each.clone();
                other["fee"] = json!(7);
                other["net"] = json!(net - 7);
                ours.push(each.clone());
                theirs.push(other);
                planted.push((id, json!(net - 7), json!(net)));
            }
            // The processor lacks six.
            12 | 22 | 32 | 42 | 52 | 62 => {
                ours.push(each.clone());
                planted.push((id, Value::Null, json!(net)));
            }
            _ => {
                ours.push(each.clone());
                theirs.push(each.clone());
            }
        }
    }
    fixture.import(&ours);
    let sum = |of: &[Value]| -> i64 {
        let net = |each: &Value| each["amount"].as_i64().unwrap() - each["fee"].as_i64().unwrap();
        of.iter().map(net).sum()
    };
    theirs.reverse();
    let pending = sum(&theirs).to_string();
    let told = [
        ("pending[0][currency]", "usd"),
        ("pending[0][amount]", &*pending),
        ("page", &page(&theirs)),
    ];
    let found = fixture.post("/v1/ledger/reconciliations", &told).ok();
    assert_eq!(found["matches"], false);
    let differences = found["differences"].as_array().unwrap();
    let of = |check: &'static str| {
        differences.iter().filter(move |each| each["check"] == check).cloned()
    };
    let mut transactions: Vec<_> = of("transaction")
        .map(|each| (text(&each, "transaction"), each["theirs"].clone(), each["ours"].clone()))
        .collect();
    transactions.sort_by(|one, other| one.0.cmp(&other.0));
    planted.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(planted.len(), 20);
    assert_eq!(transactions, planted);
    let totals: Vec<_> = of("total").collect();
    assert_eq!(totals.len(), 1);
    assert_eq!(totals[0]["difference"], sum(&theirs) - sum(&ours));
    assert_eq!(differences.len(), 21);
    let id = text(&found, "id");
    assert_eq!(fixture.get(&format!("/v1/ledger/reconciliations/{id}")), found);
    assert_eq!(fixture.list("/v1/ledger/reconciliations", &[])[0], found);
}

#[test]
fn what_agrees_matches_with_holds_and_with_what_came_after() {
    let fixture = Fixture::new();
    fixture.rolling(15, 30);
    fixture.import(&[
        listed("txn_1", "charge", 10_000, &json!("ch_1")),
        listed("txn_2", "payout", -500, &json!("po_1")),
    ]);
    let as_of = (MARCH_1 + 30).to_string();
    fixture.advance_to(MARCH_1 + 60);
    let mut later = listed("txn_3", "charge", 700, &json!("ch_3"));
    later["created"] = json!(MARCH_1 + 50);
    fixture.import(&[later]);
    let told = [
        ("as_of", &*as_of),
        ("available[0][currency]", "usd"),
        ("available[0][amount]", "-500"),
        ("available[0][source_types][card]", "-500"),
        ("pending[0][currency]", "usd"),
        ("pending[0][amount]", "10000"),
        ("pending[0][source_types][card]", "10000"),
    ];
    let found = fixture.post("/v1/ledger/reconciliations", &told).ok();
    assert_eq!((&found["matches"], &found["differences"]), (&json!(true), &json!([])));
    assert_eq!((&found["latest_transaction"], &found["parked"]), (&json!("txn_3"), &json!(0)));
}

#[test]
fn a_difference_that_stands_is_announced_once() {
    let fixture = Fixture::new();
    fixture.import(&[listed("txn_1", "charge", 10_000, &json!("ch_1"))]);
    let reconcile = |pending: &str| {
        let told = [("pending[0][currency]", "usd"), ("pending[0][amount]", pending)];
        fixture.post("/v1/ledger/reconciliations", &told).ok()
    };
    let events = || fixture.list("/v1/events", &[("type", "coffer.ledger.drift")]);
    reconcile("10001");
    fixture.advance_to(MARCH_1 + 599);
    reconcile("10001");
    assert_eq!(events().len(), 0);
    fixture.advance_to(MARCH_1 + 600);
    let found = reconcile("10001");
    fixture.advance_to(MARCH_1 + DAY);
    reconcile("10001");
    let [event] = &events()[..] else { panic!("there is one event") };
    assert_eq!(event["data"]["object"]["id"], found["id"]);
    // Another difference begins anew, and one that is gone is none.
    reconcile("10002");
    reconcile("10000");
    fixture.advance_to(MARCH_1 + DAY + 600);
    reconcile("10002");
    assert_eq!(events().len(), 1);
}

#[test]
fn the_page_may_be_the_body_and_larger_than_others() {
    let fixture = Fixture::new();
    let json = fixture.client.with_header("Content-Type", "application/json");
    let path = "/v1/ledger/transactions/import";
    let mut each = listed("txn_1", "charge", 500, &json!("ch_1"));
    each["description"] = json!("x".repeat(600_000));
    let body = page(&[each]);
    let answer = json.raw("POST", path, Some(&body)).ok();
    assert_eq!(answer["recorded"], 1);
    // Its transactions of a payout say so.
    let listed_by = format!("{path}?payout=po_1");
    json.raw("POST", &listed_by, Some(&body)).ok();
    assert_eq!(fixture.get("/v1/ledger/transactions/txn_1")["payout"], "po_1");
    let mut each = listed("txn_2", "charge", 500, &json!("ch_2"));
    each["description"] = json!("x".repeat(2 * 1024 * 1024));
    // The server may close before it has read what it refuses.
    let large = json.attempt("POST", path, Some(&page(&[each])));
    assert!(large.is_err() || large.is_ok_and(|answer| answer.status == 413));
    assert_eq!(fixture.postings(), ["X>P.p 500"]);
    // No other operation takes JSON.
    let other = json.raw("POST", "/v1/ledger/transactions", Some("{\"id\":\"txn_3\"}"));
    other.refused(400);
}
