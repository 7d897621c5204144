//! Compares a ledger's transactions with those that Stripe lists, one by one.

use super::stripe::{Stripe, TRANSACTIONS};
use super::tell::Teller;
use crate::cli::exit::Failure;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// What counts of a transaction: its currency, and its net in the minor unit of that.
type Figures = (String, i64);

/// The transactions of a side, by id.
#[derive(Default)]
struct Side {
    all: HashMap<String, Figures>,
}

/// The transactions that one side lacks or has otherwise, of those that were created from `since`
/// to `until`: as a reconciliation names them, in the order of their ids.
///
/// Those of this side are in memory together.
///
/// # Errors
/// If Stripe or the server refuses, or stays away.
pub fn transactions(
    stripe: &Stripe,
    teller: &Teller<'_>,
    account: Option<&str>,
    (since, until): (i64, i64),
) -> Result<Vec<Value>, Failure> {
    let (since, until) = (since.to_string(), until.to_string());
    let range = [("created[gte]", since.as_str()), ("created[lte]", until.as_str())];
    let mut ours = Side::default();
    teller.transactions(&range, |one| ours.add(&one))?;
    let mut differences = Vec::new();
    stripe.pages(account, TRANSACTIONS, &range, |page| {
        differences.extend(page.iter().filter_map(|theirs| ours.compare(theirs)));
        Ok(ControlFlow::Continue(()))
    })?;
    differences.extend(ours.rest());
    differences.sort_by(|one, other| id(one, "transaction").cmp(id(other, "transaction")));
    Ok(differences)
}

impl Side {
    /// Adds a transaction, if it is of the balance that both sides have.
    fn add(&mut self, one: &Value) {
        if let Some(figures) = figures(one) {
            self.all.insert(id(one, "id").to_owned(), figures);
        }
    }

    /// In what a transaction of Stripe's differs from this side's, which is taken out.
    fn compare(&mut self, theirs: &Value) -> Option<Value> {
        let (currency, net) = figures(theirs)?;
        let id = id(theirs, "id");
        let ours = self.all.remove(id).filter(|(of, _)| *of == currency).map(|(_, net)| net);
        (ours != Some(net)).then(|| difference(id, &currency, Some(net), ours))
    }

    /// What Stripe lacks: whatever was not taken out.
    fn rest(self) -> impl Iterator<Item = Value> {
        let rest = self.all.into_iter();
        rest.map(|(id, (currency, net))| difference(&id, &currency, None, Some(net)))
    }
}

fn id<'v>(of: &'v Value, name: &str) -> &'v str {
    of.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The figures of a transaction; none if it is of another balance than that of payments.
fn figures(one: &Value) -> Option<Figures> {
    let number = |name: &str| one.get(name).and_then(Value::as_i64);
    let balance = one.get("balance_type").and_then(Value::as_str).unwrap_or("payments");
    if balance != "payments" {
        return None;
    }
    let net = number("amount")?.saturating_sub(number("fee").unwrap_or(0));
    Some((id(one, "currency").to_owned(), net))
}

fn difference(id: &str, currency: &str, theirs: Option<i64>, ours: Option<i64>) -> Value {
    let by = theirs.unwrap_or(0).saturating_sub(ours.unwrap_or(0));
    json!({
        "check": "transaction", "currency": currency, "difference": by, "ours": ours,
        "source_type": null, "theirs": theirs, "transaction": id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_side_lacks_or_has_otherwise_is_named() {
        let of = |id: &str, amount: i64, currency: &str| {
            json!({ "id": id, "amount": amount, "fee": 3, "net": amount - 3,
                "currency": currency })
        };
        let mut ours = Side::default();
        for one in [of("a", 10, "eur"), of("b", 10, "eur"), of("c", 10, "eur"), of("d", 10, "eur")]
        {
            ours.add(&one);
        }
        ours.add(&json!({ "id": "e", "amount": 9, "currency": "eur", "balance_type": "issuing" }));
        let theirs =
            [of("a", 10, "eur"), of("b", 11, "eur"), of("c", 10, "usd"), of("f", 5, "eur")];
        let found: Vec<_> = theirs.iter().filter_map(|each| ours.compare(each)).collect();
        let shown = |each: &Value| {
            (id(each, "transaction").to_owned(), each["theirs"].as_i64(), each["ours"].as_i64())
        };
        let expected = [("b", Some(8), Some(7)), ("c", Some(7), None), ("f", Some(2), None)]
            .map(|(id, theirs, ours)| (id.to_owned(), theirs, ours));
        assert_eq!(found.iter().map(shown).collect::<Vec<_>>(), expected);
        let rest: Vec<_> = ours.rest().collect();
        assert_eq!(rest.iter().map(shown).collect::<Vec<_>>(), [("d".to_owned(), None, Some(7))]);
        assert_eq!(rest[0]["difference"], -7);
    }
}
