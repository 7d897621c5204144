//! Answers that Stripe is not known to give, or gives seldom.

use crate::coffer::{Coffer, run, said};
use crate::{month, now};
use coffer_testkit::stripe::{Account, Balances, Month, Plan, StripeStandIn};
use serde_json::{Value, json};

const TRANSACTIONS: &str = "/v1/balance_transactions";

/// A month of one account.
fn small(seed: u64, transactions: usize) -> Month {
    Month::of(Plan { seed, accounts: 1, transactions, end: now() })
}

/// Pages after which nothing more can be listed, although there is more: what was listed until then
/// would count as all that there is.
#[test]
fn a_list_that_breaks_off_is_not_taken_for_its_end() {
    let Some(coffer) = Coffer::start() else { return };
    let stripe = StripeStandIn::start(month(41));
    let break_off = |how: fn(&mut Value)| {
        stripe.alter(move |path, answer| {
            if path == TRANSACTIONS && answer["data"].as_array().is_some_and(|all| all.len() > 1) {
                how(answer);
            }
        });
        let output = coffer.pull(&stripe, &[]).output().unwrap();
        let result: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
        assert_eq!(output.status.code(), Some(1), "{result}");
        let errors = result["data"].as_array().unwrap().iter().map(|row| row["error"].clone());
        errors.collect::<Vec<_>>()
    };
    let nothing: fn(&mut Value) = |answer| {
        answer["data"] = json!([]);
        answer["has_more"] = json!(true);
    };
    let no_id: fn(&mut Value) = |answer| {
        let last = answer["data"].as_array_mut().unwrap().last_mut().unwrap();
        last["id"] = Value::Null;
        answer["has_more"] = json!(true);
    };
    let the_same: fn(&mut Value) = |answer| {
        let last = answer["data"].as_array_mut().unwrap().last_mut().unwrap();
        last["id"] = json!("txn_the_same");
        answer["has_more"] = json!(true);
    };
    for (how, why) in [
        (nothing, "a page of nothing"),
        (no_id, "without an id"),
        (
            the_same,
            // The stand-in does not know the id behind which it is asked to go on.
            "No such object",
        ),
    ] {
        let errors = break_off(how);
        let all = errors.iter().all(|error| error.as_str().is_some_and(|it| it.contains(why)));
        assert!(all, "{why}: {errors:?}");
    }
    // Nothing counts as done, and once lists are whole all is taken.
    stripe.alter_nothing();
    run(&mut coffer.pull(&stripe, &[]));
    coffer.must_be_right(&stripe);
}

/// Rows that come twice in a page, and some that no ledger takes beside others that it does.
#[test]
fn odd_rows_are_taken_or_named_and_keep_no_other_from_being_taken() {
    let Some(coffer) = Coffer::start() else { return };
    let stripe = StripeStandIn::start(small(42, 120));
    let end = stripe.month().end;
    let odd = move |id: &str, changed: Value| {
        let mut row = json!({
            "id": id, "object": "balance_transaction", "amount": 700, "fee": 0, "net": 700,
            "currency": "clp", "created": end - 60, "available_on": end - 60, "type": "charge",
            "reporting_category": "charge", "status": "available", "source": null,
            "fee_details": [], "exchange_rate": null, "description": "odd",
        });
        for (name, value) in changed.as_object().unwrap() {
            row[name] = value.clone();
        }
        row
    };
    let rows = move || {
        [
            // These are taken: 700, 750, 700, 700, -300 and 700.
            odd("txn_unknown", json!({ "type": "never_seen", "reporting_category": "nor_this" })),
            odd("txn_back", json!({ "type": "stripe_fee", "fee": -50, "net": 750 })),
            odd("txn_deleted", json!({ "source": { "id": "ch_gone", "deleted": true } })),
            odd("txn_null", json!({ "reporting_category": null, "fee": null })),
            odd(
                "txn_lone",
                json!({
                    "type": "refund", "amount": -300, "net": -300,
                    "source": { "id": "re_lone", "object": "refund", "charge": null },
                }),
            ),
            odd("txn_letters", json!({ "currency": "clpx" })),
            // These are not.
            odd("txn_huge", json!({ "amount": i64::MAX, "net": i64::MAX })),
            odd("txn_tiny", json!({ "amount": i64::MIN, "net": i64::MIN, "fee": 1 })),
            odd("txn_part", json!({ "amount": 7.5 })),
            odd("txn_sum", json!({ "net": 1 })),
            odd("txn_ahead", json!({ "created": end + 86_400, "available_on": end + 86_400 })),
            odd("txn_shouts", json!({ "currency": "CLP" })),
            odd("txn_nameless", json!({ "type": "" })),
            odd("", json!({})),
        ]
    };
    stripe.alter(move |path, answer| {
        let Some(data) = answer["data"].as_array_mut() else { return };
        // The newest window has the odd ones, and each page has its first row twice.
        if path == TRANSACTIONS && data.len() > 1 {
            let again = data[0].clone();
            if again["created"].as_i64() > Some(end - 86_400) {
                data.splice(1..1, rows());
            }
            data.insert(1, again);
        }
    });
    let output = coffer.pull(&stripe, &["--once"]).output().unwrap();
    let printed = said(&output);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    for refused in
        ["huge", "tiny", "part", "sum", "ahead", "shouts", "nameless"].map(|it| format!("txn_{it}"))
    {
        assert!(printed.contains(&format!("{refused} is not told")), "{refused}: {printed}");
    }
    assert!(printed.contains("a transaction without an id is not told"), "{printed}");
    // What claims to be of tomorrow does not keep what happens until then from being listed.
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let until = result["data"][0]["done_until"].as_i64().unwrap();
    assert!((end - 86_400..=end + 60).contains(&until), "{result}");
    let account = &stripe.month().accounts[0];
    let mut balances = coffer.balances(&account.id);
    assert_eq!(balances.remove("clp"), Some((2550, 0)), "{printed}");
    assert_eq!(balances.remove("clpx"), Some((700, 0)));
    assert_eq!(balances, crate::coffer::right(account));
}

/// An account on which nothing has happened when it is first looked at, or so it seemed.
#[test]
fn what_a_new_account_lists_late_is_taken() {
    let Some(coffer) = Coffer::start() else { return };
    let mut month = small(43, 12);
    let end = month.end;
    let mut first = month.accounts[0].transactions[0].clone();
    first.created = end - 120;
    first.available_on = end - 120;
    first.said = None;
    first.appears = end - 30;
    let mut right = Balances::default();
    right.add(first.currency, first.pool, first.net(), false);
    let new = Account {
        id: "acct_new".to_owned(),
        currency: first.currency,
        transactions: vec![first],
        events: Vec::new(),
        payouts: Vec::new(),
        disputes: Vec::new(),
        right,
    };
    month.accounts = vec![new];
    let stripe = StripeStandIn::start(month);
    // It was created already, and no list has it yet.
    stripe.set_now(end - 60);
    let none = coffer.pull(&stripe, &[]).output().unwrap();
    assert!(coffer.balances("acct_new").is_empty(), "{}", said(&none));
    stripe.set_now(end);
    run(&mut coffer.pull(&stripe, &["--look-back"]));
    coffer.must_be_right(&stripe);
}
