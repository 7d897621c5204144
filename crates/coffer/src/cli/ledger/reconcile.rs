//! `coffer ledger reconcile`: compares a ledger with a balance at Stripe.

use super::compare;
use super::stripe::Stripe;
use super::tell::Teller;
use crate::cli::args::ReconcileArgs;
use crate::cli::client::Client;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Output;
use crate::cli::runtime::Runtime;
use crate::cli::{private_file, table};
use crate::config::{API_KEY, Config};
use serde_json::{Value, json};
use std::io::Read;
use std::path::Path;

/// Most bytes of a balance.
const BALANCE_BYTES: u64 = 1024 * 1024;

/// Compares, and says what differs; [`Exit::Failed`] if something does.
///
/// # Errors
/// If there is no balance, or the server refuses.
pub fn run(config: &Config, args: &ReconcileArgs, output: Output) -> Result<Exit, Failure> {
    let client = Client::new(config, &API_KEY)?.on_account(args.account.as_deref());
    let runtime = Runtime::new()?;
    let teller = Teller::new(client, &runtime);
    let found = match (&args.balance, args.as_of) {
        (Some(path), Some(as_of)) => teller.reconcile(&params(&read(path)?, as_of)?)?,
        _ => {
            let (stripe, account) = (Stripe::new(&args.stripe)?, args.account.as_deref());
            let as_of = stripe.time(account)?;
            let balance = params(&stripe.get(account, "/v1/balance", &[])?, as_of)?;
            let found = teller.reconcile(&balance)?;
            match args.since {
                None => found,
                Some(since) => {
                    let times = (since, as_of);
                    with(found, compare::transactions(&stripe, &teller, account, times)?)
                }
            }
        }
    };
    output.show(&found, text)?;
    Ok(if matches(&found) { Exit::Done } else { Exit::Failed })
}

/// What was found, with the transactions that differ.
fn with(mut found: Value, transactions: Vec<Value>) -> Value {
    if !transactions.is_empty()
        && let Some(matches) = found.get_mut("matches")
    {
        *matches = Value::Bool(false);
    }
    if let Some(Value::Array(differences)) = found.get_mut("differences") {
        differences.extend(transactions);
    }
    found
}

fn read(path: &Path) -> Result<Value, Failure> {
    let text = if path.as_os_str() == "-" {
        let mut text = String::new();
        let read = std::io::stdin().lock().take(BALANCE_BYTES).read_to_string(&mut text);
        read.map(|_| text)
    } else {
        private_file::read(path, BALANCE_BYTES).map(|text| text.to_string())
    };
    let failed = |why: String| Failure::usage(format!("{}: {why}", path.display()));
    let text = text.map_err(|error| failed(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| failed(error.to_string()))
}

/// A balance as the server's call takes it.
///
/// # Errors
/// If it has no amounts.
pub fn params(balance: &Value, as_of: i64) -> Result<Vec<(String, String)>, Failure> {
    let mut params = vec![("as_of".to_owned(), as_of.to_string())];
    for bucket in ["available", "pending"] {
        let rows = balance.get(bucket).and_then(Value::as_array);
        let none = || Failure::usage(format!("the balance has no list '{bucket}'"));
        for (at, row) in rows.ok_or_else(none)?.iter().enumerate() {
            let amount = row.get("amount").and_then(Value::as_i64);
            let currency = row.get("currency").and_then(Value::as_str);
            let (Some(amount), Some(currency)) = (amount, currency) else {
                return Err(Failure::usage(format!(
                    "row {at} of '{bucket}' has no currency or no whole amount"
                )));
            };
            let mut add = |name: &str, value: String| {
                params.push((format!("{bucket}[{at}]{name}"), value));
            };
            add("[currency]", currency.to_owned());
            add("[amount]", amount.to_string());
            let pools = row.get("source_types").and_then(Value::as_object);
            for (pool, sum) in pools.into_iter().flatten() {
                let Some(sum) = sum.as_i64() else { continue };
                add(&format!("[source_types][{pool}]"), sum.to_string());
            }
        }
    }
    Ok(params)
}

/// Whether the balances are the same.
pub fn matches(found: &Value) -> bool {
    found.get("matches").and_then(Value::as_bool).unwrap_or(false)
}

/// What differs, for people.
pub fn text(found: &Value) -> String {
    let differences = found.get("differences").and_then(Value::as_array);
    let differences = differences.map(Vec::as_slice).unwrap_or_default();
    let mut head = found.clone();
    if let Some(head) = head.as_object_mut() {
        head.remove("differences");
    }
    let head = table::object(&head);
    if differences.is_empty() {
        return head;
    }
    let mut fields = vec!["check", "currency", "source_type", "theirs", "ours", "difference"];
    let names = |each: &Value| each.get("transaction").is_some_and(Value::is_string);
    if differences.iter().any(names) {
        fields.push("transaction");
    }
    let list = json!({ "data": differences });
    format!("{head}\n\n{}", table::list(&list, &fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_balance_becomes_parameters() {
        let balance = json!({
            "available": [{ "currency": "eur", "amount": -5, "source_types": { "card": -5 } }],
            "pending": [],
        });
        let params = params(&balance, 7).unwrap();
        let shown: Vec<String> =
            params.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            shown.join("&"),
            "as_of=7&available[0][currency]=eur&available[0][amount]=-5\
             &available[0][source_types][card]=-5"
        );
        assert!(super::params(&json!({ "available": [] }), 7).is_err());
        let odd = json!({ "available": [{ "currency": "eur" }], "pending": [] });
        assert!(super::params(&odd, 7).is_err());
    }

    #[test]
    fn differences_are_a_table() {
        let found = json!({
            "object": "ledger.reconciliation", "matches": false,
            "differences": [{ "check": "total", "currency": "eur", "source_type": null,
                "theirs": 5, "ours": 4, "difference": 1 }],
        });
        assert!(!matches(&found));
        let shown = text(&found);
        assert!(shown.contains("THEIRS") && shown.contains("eur"), "{shown}");
        assert!(!shown.contains("TRANSACTION"), "{shown}");
        let one = json!({ "check": "transaction", "currency": "eur", "source_type": null,
            "theirs": null, "ours": 4, "difference": -4, "transaction": "txn_1" });
        let shown = text(&with(found, vec![one]));
        assert!(shown.contains("TRANSACTION") && shown.contains("txn_1"), "{shown}");
        // That the balances are the same does not say that the transactions are.
        let same = json!({ "matches": true, "differences": [] });
        assert!(matches(&with(same.clone(), Vec::new())));
        assert!(!matches(&with(same, vec![json!({ "transaction": "txn_2" })])));
    }
}
