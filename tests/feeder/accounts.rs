//! A feeder to which nobody has named any account.

use crate::coffer::{Coffer, run, said};
use crate::webhooks::{Follower, deliver, signed, wait_until};
use crate::{month, now};
use coffer_testkit::stripe::{Month, Plan, StripeStandIn};
use serde_json::Value;

/// The accounts of a result, and that nothing was wrong with them.
#[track_caller]
fn fed(result: &Value) -> Vec<&str> {
    let rows = result["data"].as_array().unwrap();
    assert!(rows.iter().all(|row| row["error"].is_null() && row["refused"] == 0), "{result}");
    // The key's own account has no name.
    assert_eq!(rows[0]["account"], Value::Null, "{result}");
    rows.iter().filter_map(|row| row["account"].as_str()).collect()
}

/// Tells the ledger of an account one charge.
fn tell(coffer: &Coffer, account: &str) {
    let client = coffer.client(account);
    client.post("/v1/ledger/settings", &[("intake", "transactions")]).ok();
    let charge = [
        ("id", "txn_told"),
        ("type", "charge"),
        ("amount", "100"),
        ("currency", "usd"),
        ("created", "1772359200"),
        ("available_on", "1772359200"),
        ("source", "ch_told"),
    ];
    client.post("/v1/ledger/transactions", &charge).ok();
}

#[test]
fn accounts_are_found_at_stripe_and_here() {
    let Some(coffer) = Coffer::start() else { return };
    let stripe = StripeStandIn::start(month(31));
    let ids: Vec<&str> = stripe.month().accounts.iter().map(|one| one.id.as_str()).collect();
    let (last, others) = ids.split_last().unwrap();
    stripe.list_accounts(others.len() - 1);
    let result = run(&mut coffer.pull_found(&stripe, &[]));
    let mut found = fed(&result);
    found.sort_unstable();
    assert_eq!(found, others[..others.len() - 1]);
    // Another one is connected, a ledger is begun of one that is in no list, and one of an account
    // that Stripe does not know.
    stripe.list_accounts(others.len());
    tell(&coffer, "acct_elsewhere");
    let begun = coffer.client(last);
    begun.post("/v1/ledger/settings", &[("intake", "transactions")]).ok();
    let only = ["ledger", "import", "--stripe", "one.jsonl", "--account", last];
    let first = &stripe.month().accounts.last().unwrap().transactions[0];
    let line = first.shown(stripe.month().end, true).to_string();
    std::fs::write(coffer.home.path().join("one.jsonl"), line).unwrap();
    run(coffer.command(&only).args(["--format", "json"]));
    let output = coffer.pull_found(&stripe, &["--look-back"]).output().unwrap();
    let printed = said(&output);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("acct_elsewhere has a ledger here and is not fed"), "{printed}");
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut found = fed(&result);
    found.sort_unstable();
    assert_eq!(found, ids);
    assert!(result["data"].as_array().unwrap().iter().all(|row| row["matches"] == true));
    coffer.must_be_right(&stripe);
}

#[test]
fn all_pages_of_the_list_of_accounts_are_read() {
    let Some(coffer) = Coffer::start() else { return };
    let plan = Plan { seed: 32, accounts: 103, transactions: 103, end: now() };
    let stripe = StripeStandIn::start(Month::of(plan));
    // They begin after their only transaction, so that no balance is right and the end is not good.
    let flags = ["--since", &plan.end.to_string()];
    let output = coffer.pull_found(&stripe, &flags).output().unwrap();
    let printed = said(&output);
    let result: Value = serde_json::from_slice(&output.stdout).expect(&printed);
    assert_eq!(fed(&result).len(), plan.accounts);
}

#[test]
fn an_account_that_is_connected_later_is_found_while_others_are_fed() {
    let Some(coffer) = Coffer::start() else { return };
    let stripe = StripeStandIn::start(month(33));
    let count = stripe.month().accounts.len();
    stripe.list_accounts(count - 1);
    let new = stripe.month().accounts.last().unwrap();
    let flags = ["--follow", "--webhooks", "127.0.0.1:0", "--webhook-secret-file", "whsec"];
    let (_follower, log) = Follower::start(&coffer, coffer.pull_found(&stripe, &flags));
    let said = || std::fs::read_to_string(&log).unwrap();
    wait_until("listening", || said().contains("are fed"));
    assert!(said().contains(&format!("{count} accounts are fed")), "{}", said());
    stripe.list_accounts(count);
    // An event of an account that is not fed brings the next look at the list forward.
    let body = format!("{{\"object\": \"event\", \"account\": \"{}\"}}", new.id);
    let address = Follower::address(&said());
    assert_eq!(deliver(&address, &body, &signed(&body)), 200);
    wait_until("the new account", || said().contains("1 more accounts are fed"));
    wait_until("its transactions", || coffer.balances(&new.id) == crate::coffer::right(new));
    assert_eq!(said().matches("more accounts are fed").count(), 1, "{}", said());
}
