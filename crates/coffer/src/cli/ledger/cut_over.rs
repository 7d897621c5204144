//! Beginning with a balance instead of a history: what the balance is made of now, and the charges
//! that later refunds and disputes can be about.

use super::record::{self, Record};
use super::stripe::{DAY, Stripe, TRANSACTIONS};
use crate::cli::exit::{Exit, Failure};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Charges of so many seconds can still be refunded or disputed.
const CHARGES: i64 = 180 * DAY;

/// Seconds before now that are taken as transactions, and not as part of the balance: what appears
/// late is one of them.
const RECENT: i64 = 3_600;

/// Transactions of these seconds may be pending still.
const PENDING: i64 = 40 * DAY;

/// Looks at the balance, until none of them has a transaction arrive beside it.
const LOOKS: u32 = 10;

/// A part of a balance: currency and pool.
type Part = (String, String);

/// What is pending, by part and by when it can be paid out.
type Pending = BTreeMap<(Part, i64), i64>;

/// Sums by part, available and pending.
type Sums = BTreeMap<Part, [i64; 2]>;

/// From when and up to when charges are told as records without money, at this time.
pub const fn charges(now: i64) -> (i64, i64) {
    (now.saturating_sub(CHARGES), now.saturating_sub(RECENT))
}

/// The balance of an account as transactions, without what was created at `from` or later.
///
/// # Errors
/// If Stripe refuses or does not answer, or if something happens beside every look.
pub fn opening(stripe: &Stripe, account: Option<&str>, from: i64) -> Result<Vec<Value>, Failure> {
    let (mut balance, recent) = steady(stripe, account, from)?;
    for record in recent.iter().filter(|record| record.is_payments()) {
        subtract(&mut balance, record);
    }
    let mut pending = Pending::new();
    let until = from.to_string();
    let since = from.saturating_sub(PENDING).to_string();
    let params =
        [("expand[]", "data.source"), ("created[gte]", since.as_str()), ("created[lt]", &until)];
    stripe.pages(account, TRANSACTIONS, &params, |page| {
        let records = page.iter().filter_map(|object| Record::of(object).ok());
        for record in records.filter(|record| is_pending(record) && record.is_payments()) {
            let sum = pending.entry((part(&record), record.available_on())).or_default();
            *sum = sum.saturating_add(record.net);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(balances(&balance, &pending, from))
}

/// The balance, and the transactions since `from`, of a moment at which both were there.
fn steady(
    stripe: &Stripe,
    account: Option<&str>,
    from: i64,
) -> Result<(Sums, Vec<Record>), Failure> {
    let mut before = recent(stripe, account, from)?;
    for _ in 0..LOOKS {
        let balance = sums(&stripe.get(account, "/v1/balance", &[])?)?;
        let after = recent(stripe, account, from)?;
        if after == before {
            return Ok((balance, after));
        }
        before = after;
    }
    Err(Failure::new(
        Exit::Unavailable,
        "the balance changes faster than it can be read: try again at a quieter time",
    ))
}

fn recent(stripe: &Stripe, account: Option<&str>, from: i64) -> Result<Vec<Record>, Failure> {
    let from = from.to_string();
    let params = [("expand[]", "data.source"), ("created[gte]", from.as_str())];
    let mut records = Vec::new();
    stripe.pages(account, TRANSACTIONS, &params, |page| {
        records.extend(page.iter().filter_map(|object| Record::of(object).ok()));
        Ok(ControlFlow::Continue(()))
    })?;
    record::sort(&mut records);
    Ok(records)
}

/// The parts of a balance. Where it does not say which pools they are in, it is cards'.
fn sums(balance: &Value) -> Result<Sums, Failure> {
    let mut sums = Sums::new();
    for (at, name) in ["available", "pending"].into_iter().enumerate() {
        let rows = balance.get(name).and_then(Value::as_array);
        let rows = rows.ok_or_else(|| Failure::failed("Stripe's balance has no amounts"))?;
        for row in rows {
            let currency = row.get("currency").and_then(Value::as_str).unwrap_or_default();
            let amount = row.get("amount").and_then(Value::as_i64).unwrap_or_default();
            let mut left = amount;
            let pools = row.get("source_types").and_then(Value::as_object);
            let pools = pools.into_iter().flatten().filter_map(|(pool, sum)| {
                Some((pool.as_str(), sum.as_i64()?)).filter(|_| pool != "card")
            });
            let mut add = |pool: &str, sum: i64| {
                let of = sums.entry((currency.to_owned(), pool.to_owned())).or_default();
                if let Some(of) = of.get_mut(at) {
                    *of = of.saturating_add(sum);
                }
            };
            for (pool, sum) in pools {
                left = left.saturating_sub(sum);
                add(pool, sum);
            }
            add("card", left);
        }
    }
    Ok(sums)
}

fn is_pending(record: &Record) -> bool {
    record.body.get("status").and_then(Value::as_str) == Some("pending")
        && !record.kind.starts_with("payout")
}

fn part(record: &Record) -> Part {
    (record.currency.clone(), record.pool().to_owned())
}

fn subtract(balance: &mut Sums, record: &Record) {
    let [available, pending] = balance.entry(part(record)).or_default();
    let of = if is_pending(record) { pending } else { available };
    *of = of.saturating_sub(record.net);
}

/// Makes a charge a record without money; whether it is one.
pub fn into_history(record: &mut Record) -> bool {
    let is_charge = matches!(record.kind.as_str(), "charge" | "payment") && record.is_payments();
    if let Some(body) = record.body.as_object_mut() {
        body.insert("balance_type".to_owned(), "history".into());
    }
    is_charge
}

/// The parts of the balance as transactions. What is pending and in no transaction of the last time
/// counts as pending as long as it can be.
fn balances(balance: &Sums, pending: &Pending, from: i64) -> Vec<Value> {
    let mut told = Vec::new();
    let mut tell = |part: &Part, available_on: i64, sum: i64| {
        if sum == 0 {
            return;
        }
        let (currency, pool) = part;
        told.push(json!({
            "id": format!("opening_{from}_{currency}_{pool}_{available_on}"),
            "object": "balance_transaction",
            "type": "opening",
            "amount": sum,
            "fee": 0,
            "net": sum,
            "currency": currency,
            "created": from,
            "available_on": available_on,
            "source": { "id": format!("opening_{from}"), "source_type": pool },
        }));
    };
    for (part, [available, whole]) in balance {
        tell(part, from, *available);
        let mut left = *whole;
        for ((_, available_on), sum) in pending.iter().filter(|((of, _), _)| of == part) {
            tell(part, *available_on, *sum);
            left = left.saturating_sub(*sum);
        }
        tell(part, from.saturating_add(PENDING), left);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part_of(pool: &str) -> Part {
        ("eur".to_owned(), pool.to_owned())
    }

    #[test]
    fn the_parts_of_a_balance_are_told_by_when_they_can_be_paid_out() {
        let balance = json!({
            "available": [{ "currency": "eur", "amount": 900, "source_types": { "card": 700,
                "bank_account": 200 } }],
            "pending": [{ "currency": "eur", "amount": 60, "source_types": { "card": 60 } }],
        });
        let balance = sums(&balance).unwrap();
        assert_eq!(balance[&part_of("card")], [700, 60]);
        assert_eq!(balance[&part_of("bank_account")], [200, 0]);
        let pending = Pending::from([((part_of("card"), 1100), 50)]);
        let told = balances(&balance, &pending, 1000);
        let told: Vec<(i64, i64)> = told
            .iter()
            .map(|one| (one["available_on"].as_i64().unwrap(), one["net"].as_i64().unwrap()))
            .collect();
        assert_eq!(told, [(1000, 200), (1000, 700), (1100, 50), (1000 + PENDING, 10)]);
    }

    #[test]
    fn charges_are_records_without_money() {
        let record = |kind: &str| {
            Record::of(&json!({
                "id": "txn_1", "type": kind, "amount": 1, "fee": 0, "currency": "eur",
                "created": 1, "available_on": 1,
            }))
            .unwrap()
        };
        let mut charge = record("charge");
        assert!(into_history(&mut charge));
        assert_eq!(charge.body["balance_type"], "history");
        assert!(!into_history(&mut record("payout")));
    }
}
