//! Balances, and balance transactions (reserves §7).

use super::fixture::{Fixture, MARCH_1, march, text};
use serde_json::{Value, json};

#[test]
fn a_balance_shows_what_is_reserved_to_previews_only() {
    let fixture = Fixture::new();
    let none = json!([{"amount": 0, "currency": "usd", "source_types": {"card": 0}}]);
    assert_eq!(fixture.get("/v1/balance")["available"], none);
    fixture.rolling(10, 30);
    fixture.charge("ch_1", 1000, &[]);
    fixture.charge("ch_2", 500, &[("source_type", "bank_account")]);
    let eur = [("id", "ch_3"), ("amount", "70"), ("currency", "eur")];
    fixture.post("/v1/ledger/charges", &eur).ok();
    let sources = json!({ "bank_account": 450, "card": 900 });
    let usd = json!({ "amount": 1350, "currency": "usd", "source_types": sources });
    let balance = fixture.get("/v1/balance");
    assert_eq!(balance["pending"][1], usd);
    assert_eq!(balance["pending"][0]["amount"], 63);
    assert!(balance.get("risk_reserved").is_none());
    let raw = fixture.client.get("/v1/balance", &[]).body;
    assert!(raw.starts_with("{\n  \"object\": \"balance\",\n  \"available\""), "{raw}");
    let preview = fixture.client.with_header("Stripe-Version", "2025-12-15.preview");
    let balance = preview.get("/v1/balance", &[]).ok();
    let sources = json!({ "bank_account": 50, "card": 100 });
    let usd = json!({ "amount": 150, "currency": "usd", "source_types": sources });
    assert_eq!(balance["risk_reserved"]["pending"][1], usd);
    assert_eq!(balance["risk_reserved"]["available"][1]["amount"], 0);
}

#[test]
fn balance_transactions_tell_what_every_entry_did() {
    let fixture = Fixture::new();
    fixture.rolling(15, 30);
    fixture.charge("ch_1", 10_000, &[("fee", "320"), ("application_fee", "100")]);
    fixture.refund("re_1", "ch_1", 500);
    let all = fixture.list("/v1/balance_transactions", &[("limit", "100")]);
    let short = |one: &Value| {
        let number = |field: &str| one[field].as_i64().unwrap();
        let word = |field: &str| one[field].as_str().unwrap().to_owned();
        (word("type"), word("balance_type"), number("amount"), number("fee"), number("net"))
    };
    let told: Vec<_> = all.iter().rev().map(short).collect();
    let row = |kind: &str, side: &str, amount: i64, fee: i64| {
        (kind.to_owned(), side.to_owned(), amount, fee, amount - fee)
    };
    assert_eq!(
        told,
        [
            row("charge", "payments", 10_000, 420),
            row("reserve_hold", "payments", -1437, 0),
            row("reserve_hold", "risk_reserved", 1437, 0),
            row("reserve_release", "payments", 500, 0),
            row("reserve_release", "risk_reserved", -500, 0),
            row("refund", "payments", -500, 0),
        ]
    );
    let charge = all.last().unwrap();
    let fee = |amount: i64, kind: &str| {
        json!({
            "amount": amount, "application": null, "currency": "usd", "description": null,
            "type": kind,
        })
    };
    assert_eq!(charge["fee_details"], json!([fee(100, "application_fee"), fee(320, "stripe_fee")]));
    assert_eq!((&charge["status"], &charge["source"]), (&json!("pending"), &json!("ch_1")));
    assert_eq!((&charge["created"], &charge["available_on"]), (&json!(MARCH_1), &json!(march(3))));
    assert_eq!(fixture.get(&format!("/v1/balance_transactions/{}", text(charge, "id"))), *charge);
    fixture.advance_to(march(3));
    let charge = fixture.list("/v1/balance_transactions", &[("type", "charge")]);
    assert_eq!((charge.len(), &charge[0]["status"]), (1, &json!("available")));
}

#[test]
fn balance_transactions_are_narrowed_by_each_filter() {
    let fixture = Fixture::new();
    fixture.charge("ch_1", 1000, &[("created", "1772000000"), ("available_on", "1772000000")]);
    let eur = [("id", "ch_2"), ("amount", "70"), ("currency", "eur")];
    fixture.post("/v1/ledger/charges", &eur).ok();
    let payout = [("id", "po_1"), ("amount", "400"), ("currency", "usd")];
    fixture.post("/v1/ledger/payouts", &payout).ok();
    fixture.post("/v1/ledger/payouts/po_1", &[("status", "failed")]).ok();
    let types = |params: &[(&str, &str)]| -> Vec<String> {
        let all = fixture.list("/v1/balance_transactions", params);
        all.iter().map(|one| text(one, "type")).collect()
    };
    assert_eq!(types(&[]), ["payout_failure", "payout", "charge", "charge"]);
    assert_eq!(types(&[("payout", "po_1")]), ["payout_failure", "payout"]);
    assert_eq!(types(&[("source", "ch_2")]), ["charge"]);
    assert_eq!(types(&[("currency", "eur")]), ["charge"]);
    assert_eq!(types(&[("type", "payout")]), ["payout"]);
    assert_eq!(types(&[("created[lte]", "1772000000")]), ["charge"]);
    let all = fixture.list("/v1/balance_transactions", &[]);
    let second = text(&all[1], "id");
    assert_eq!(types(&[("starting_after", &second), ("limit", "1")]), ["charge"]);
    let categories: Vec<_> = all.iter().map(|one| text(one, "reporting_category")).collect();
    assert_eq!(categories, ["payout_reversal", "payout", "charge", "charge"]);
    let both = fixture.client.get("/v1/balance_transactions", &[("payout", "a"), ("source", "b")]);
    assert_eq!(both.refused(400)["param"], "source");
}

/// `coffer ledger verify --format json` beside the running server: its exit code and what it says.
fn verified(fixture: &Fixture) -> Option<(i32, Value)> {
    let coffer = coffer_testkit::coffer_binary()?;
    let mut command = std::process::Command::new(coffer);
    command.env_clear().args(["ledger", "verify", "--format", "json"]);
    let output = command.args(fixture.server.store_flags()).output().unwrap();
    let said = serde_json::from_slice(&output.stdout).unwrap();
    Some((output.status.code().unwrap(), said))
}

#[test]
fn the_books_of_a_live_store_are_checked_from_the_command_line() {
    let fixture = Fixture::new();
    fixture.rolling(15, 30);
    fixture.charge("ch_1", 10_000, &[("fee", "320")]);
    fixture.refund("re_1", "ch_1", 100);
    let Some((code, said)) = verified(&fixture) else {
        println!("skipped: there is no `coffer` beside this test; COFFER_BIN can name one");
        return;
    };
    assert_eq!((code, &said["ok"]), (0, &json!(true)), "{said}");
    let counts = ["ledgers", "charges", "holds", "releases"].map(|of| said[of].as_i64().unwrap());
    assert_eq!(counts, [1, 1, 1, 1]);
    fixture.server.execute("UPDATE reserve_hold SET released = released + 1", &[]).unwrap();
    let (code, said) = verified(&fixture).unwrap();
    assert_eq!((code, &said["ok"]), (1, &json!(false)), "{said}");
    let difference = &said["differences"][0];
    assert_eq!((&difference["expected"], &difference["found"]), (&json!(1351), &json!(1352)));
}

#[test]
fn an_altered_balance_is_found_by_the_check() {
    let fixture = Fixture::new();
    fixture.rolling(15, 30);
    fixture.charge("ch_1", 10_000, &[]);
    fixture.verify();
    let change = |sql| fixture.server.execute(sql, &[]);
    change("UPDATE ledger_balance SET payments_pending = payments_pending + 1").unwrap();
    let store = fixture.server.server().installation().stores.data.clone();
    let findings =
        fixture.server.block_on(coffer::family_set::FamilySet::default().verify(&store)).unwrap();
    let rules: Vec<_> = findings.differences.iter().map(|one| one.rule).collect();
    assert!(rules.contains(&"a balance is the sum of its postings"), "{findings:#?}");
    assert!(change("UPDATE ledger_posting SET amount = 1").is_err(), "it can be changed");
    assert!(change("DELETE FROM ledger_posting").is_err(), "it can be deleted");
}
