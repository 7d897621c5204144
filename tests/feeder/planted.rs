//! Differences that are planted between a month and what is told of it, found by the command.

use crate::coffer::{Coffer, said};
use crate::month;
use coffer_testkit::stripe::{Account, StripeStandIn};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Days before the end of the month of which transactions are compared.
const SINCE: i64 = 100 * 86_400;

/// What is told of an account: all but two of its transactions, one of them with another amount,
/// and one that Stripe does not have. With it the ids of these four.
fn altered(account: &Account, end: i64) -> (String, BTreeSet<String>) {
    let mut rows: Vec<Value> =
        account.transactions.iter().map(|one| one.shown(end, true)).collect();
    let charges: Vec<usize> = (0..rows.len()).filter(|at| rows[*at]["type"] == "charge").collect();
    let [first, second, third, .., last] = charges[..] else { panic!("{} charges", charges.len()) };
    let id = |row: &Value| row["id"].as_str().unwrap().to_owned();
    let mut extra = rows[first].clone();
    extra["id"] = json!(format!("txn_extra_{}", account.id));
    extra["source"] = json!(format!("ch_extra_{}", account.id));
    let more = |of: &Value| json!(of.as_i64().unwrap() + 1);
    (rows[third]["amount"], rows[third]["net"]) =
        (more(&rows[third]["amount"]), more(&rows[third]["net"]));
    let planted = [id(&rows[second]), id(&rows[third]), id(&rows[last]), id(&extra)];
    rows.remove(last);
    rows.remove(second);
    rows.push(extra);
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    (lines.join("\n"), planted.into())
}

#[test]
fn twenty_planted_differences_are_found_at_the_transaction_and_nothing_else() {
    let Some(coffer) = Coffer::start() else { return };
    let stripe = StripeStandIn::start(month(6));
    let (end, url) = (stripe.month().end, stripe.url());
    let since = (end - SINCE).to_string();
    let reconcile = |account: &str, more: &[&str]| {
        let mut command = coffer.command(&["ledger", "reconcile", "--stripe-key-file"]);
        command.args(["stripe.key", "--stripe-url", &url, "--stripe-rate", "100"]);
        command.args(["--account", account, "--since", &since]).args(more).output().unwrap()
    };
    let mut found = 0;
    for (number, account) in stripe.month().accounts.iter().enumerate() {
        // The sixth and later accounts have none, if there are as many.
        let (text, planted) = match number {
            0..5 => altered(account, end),
            _ => {
                let rows = account.transactions.iter().map(|one| one.shown(end, true).to_string());
                (rows.collect::<Vec<_>>().join("\n"), BTreeSet::new())
            }
        };
        std::fs::write(coffer.home.path().join("month.jsonl"), text).unwrap();
        let import = ["ledger", "import", "--stripe", "month.jsonl", "--account", &account.id];
        let told = coffer.command(&import).output().unwrap();
        assert!(told.status.success(), "{}", said(&told));
        let output = reconcile(&account.id, &["--format", "json"]);
        let printed = said(&output);
        assert_eq!(output.status.code(), Some(i32::from(!planted.is_empty())), "{printed}");
        let answer: Value = serde_json::from_slice(&output.stdout).expect(&printed);
        let differences = answer["differences"].as_array().unwrap();
        let named: BTreeSet<String> = differences
            .iter()
            .filter_map(|each| each["transaction"].as_str().map(str::to_owned))
            .collect();
        assert_eq!(named, planted, "{printed}");
        assert_eq!(answer["matches"], planted.is_empty());
        let totals = differences.iter().filter(|each| each["check"] == "total");
        let by: i64 = totals.map(|each| each["difference"].as_i64().unwrap()).sum();
        let of_transactions = differences.iter().filter(|each| each["check"] == "transaction");
        let one_by_one: i64 =
            of_transactions.map(|each| each["difference"].as_i64().unwrap()).sum();
        assert_eq!(by, one_by_one, "{printed}");
        found += named.len();
        if number == 0 {
            let shown = said(&reconcile(&account.id, &[]));
            assert!(planted.iter().all(|id| shown.contains(id.as_str())), "{shown}");
        }
    }
    assert_eq!(found, 20);
}
