//! One month, told in several orders.

use crate::coffer::{Coffer, run, said};
use crate::month;
use coffer_testkit::stripe::{Account, StripeStandIn};
use serde_json::{Value, json};
use std::fmt::Write;

const DAY: i64 = 86_400;

/// Whether the feeder's own comparison found every account right.
#[track_caller]
fn all_match(result: &Value) {
    for row in result["data"].as_array().unwrap() {
        assert_eq!(row["matches"], true, "{row}");
        assert_eq!(row["refused"], 0, "{row}");
    }
}

#[test]
fn a_month_that_is_over_is_taken_whole() {
    let Some(coffer) = Coffer::start() else { return };
    let stripe = StripeStandIn::start(month(1));
    stripe.refuse_every(29);
    let result = run(&mut coffer.pull(&stripe, &[]));
    coffer.must_be_right(&stripe);
    all_match(&result);
    let recorded: u64 = result["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["recorded"].as_u64().unwrap())
        .sum();
    assert_eq!(usize::try_from(recorded).unwrap(), stripe.month().count());
    // What is there already is told again and changes nothing.
    let again = run(&mut coffer.pull(&stripe, &["--look-back"]));
    all_match(&again);
    assert!(again["data"].as_array().unwrap().iter().all(|row| row["recorded"] == 0), "{again}");
    coffer.must_be_right(&stripe);
    states_are_right(&coffer, &stripe.month().accounts);
}

/// Disputes and payouts stand as they do at Stripe, although events of them were lost.
fn states_are_right(coffer: &Coffer, accounts: &[Account]) {
    let mut seen = 0;
    for account in accounts {
        let client = coffer.client(&account.id);
        for dispute in &account.disputes {
            let status = dispute["status"].as_str().unwrap();
            if status == "won" || status == "lost" {
                let path = format!("/v1/ledger/disputes/{}", dispute["id"].as_str().unwrap());
                assert_eq!(client.get(&path, &[]).ok()["status"], status, "{dispute}");
                seen += 1;
            }
        }
        for payout in account.payouts.iter().filter(|payout| payout["status"] != "in_transit") {
            let path = format!("/v1/ledger/payouts/{}", payout["id"].as_str().unwrap());
            let found = client.get(&path, &[]).ok();
            assert_eq!(found["status"], payout["status"], "{payout}");
            seen += 1;
        }
    }
    assert!(seen > 0, "the month has neither disputes nor payouts");
}

#[test]
fn a_month_is_taken_as_it_happens() {
    let Some(coffer) = Coffer::start() else { return };
    let stripe = StripeStandIn::start(month(2));
    let end = stripe.month().end;
    for days_left in [25, 18, 9, 4, 1] {
        // What is pending then is pending for the stand-in alone, so that balances may differ.
        stripe.set_now(end - days_left * DAY);
        let output = coffer.pull(&stripe, &[]).output().unwrap();
        let said = said(&output);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{said}");
    }
    stripe.set_now(end);
    // What appeared late lies behind the mark, and only the look back finds it.
    let output = coffer.pull(&stripe, &["--look-back"]).output().unwrap();
    let said = said(&output);
    // The server's clock was ahead of the stand-in's: a day that has moved since may have been past
    // there, and then it stays.
    for line in said.lines().filter(|line| line.contains("is not told")) {
        assert!(line.contains("another available_on"), "{line}");
    }
    coffer.must_be_right(&stripe);
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(result["data"].as_array().unwrap().iter().all(|row| row["matches"] == true), "{said}");
}

/// The lines of a file, in some order.
fn file_of(account: &Account, end: i64, order: impl Fn(usize) -> usize) -> String {
    let mut at: Vec<usize> = (0..account.transactions.len()).collect();
    at.sort_by_key(|at| order(*at));
    at.iter().fold(String::new(), |mut text, at| {
        let _ = writeln!(text, "{}", account.transactions[*at].shown(end, true));
        text
    })
}

#[test]
fn a_month_is_taken_from_files_in_any_order() {
    let Some(coffer) = Coffer::start() else { return };
    let stripe = StripeStandIn::start(month(3));
    let end = stripe.month().end;
    for (number, account) in stripe.month().accounts.iter().enumerate() {
        // Half of them as Stripe lists them, the newest first, and half in no order at all.
        let shuffled = |at: usize| at.wrapping_mul(7919) % 10_007;
        let text = match number % 2 {
            0 => file_of(account, end, |at| usize::MAX - at),
            _ => file_of(account, end, shuffled),
        };
        std::fs::write(coffer.home.path().join("month.jsonl"), text).unwrap();
        let import = ["ledger", "import", "--stripe", "month.jsonl", "--account", &account.id];
        let dry = run(coffer.command(&import).args(["--dry-run", "--format", "json"]));
        assert_eq!(dry["rows"], account.transactions.len(), "{dry}");
        assert_eq!(dry["recorded"], Value::Null);
        let told = run(coffer.command(&import).args(["--format", "json"]));
        assert_eq!(told["recorded"], account.transactions.len(), "{told}");
        let url = stripe.url();
        let reconcile = ["ledger", "reconcile", "--stripe-key-file", "stripe.key"];
        let found = run(coffer.command(&reconcile).args([
            "--stripe-url",
            &url,
            "--account",
            &account.id,
            "--format",
            "json",
        ]));
        assert_eq!(found["matches"], true, "{found}");
    }
    coffer.must_be_right(&stripe);
}

#[test]
fn a_history_can_begin_with_a_balance() {
    let Some(coffer) = Coffer::start() else { return };
    let stripe = StripeStandIn::start(month(4));
    run(&mut coffer.pull(&stripe, &["--cut-over"]));
    coffer.must_be_right(&stripe);
    run(&mut coffer.pull(&stripe, &["--look-back"]));
    coffer.must_be_right(&stripe);
}

#[test]
fn a_difference_is_found_and_said() {
    let Some(coffer) = Coffer::start() else { return };
    let stripe = StripeStandIn::start(month(5));
    run(&mut coffer.pull(&stripe, &[]));
    let account = &stripe.month().accounts[0];
    let balance = json!({
        "available": [{ "currency": account.currency, "amount": 1 }],
        "pending": [],
    });
    let as_of = stripe.month().end.to_string();
    let path = coffer.home.path().join("balance.json");
    std::fs::write(&path, balance.to_string()).unwrap();
    let reconcile = ["ledger", "reconcile", "--balance", "balance.json", "--as-of", &as_of];
    let output = coffer.command(&reconcile).args(["--account", &account.id]).output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("DIFFERENCE") && said.contains(account.currency), "{said}");
}
