//! The balance of an account. It is read from the stored balances and not summed from postings, so
//! that it costs one statement however long the journal is.

use super::BALANCE_READ;
use crate::model::account::{Bucket, SourceType};
use crate::model::entry::{Balance, Pool};
use crate::store::journal as store;
use coffer_base::Currency;
use coffer_dialect::{ApiError, Object, Value};
use coffer_kernel::{Access, Arguments, Ctx, Definition, Failure, ReadOperation};
use coffer_storage::Store;

/// `GET /v1/balance`.
pub(crate) struct Retrieve {
    /// The currency in which an account without money has 0.
    pub(crate) default_currency: Option<Currency>,
}

impl ReadOperation for Retrieve {
    const DEFINITION: Definition = Definition::get(
        "balance.retrieve",
        "/v1/balance",
        Access::Tenant { permission: BALANCE_READ },
    )
    .of_stripe()
    .expands(&["available", "pending", "risk_reserved"]);
    type Input = ();

    fn parse(&self, arguments: &Arguments<'_>) -> Result<(), ApiError> {
        arguments.params.only(&[]).map(drop)
    }

    async fn run(&self, _input: &(), ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        let mut balances = store::balances(store, &ctx.owner()).await?;
        // Clients read the first amount without asking whether there is one.
        if let (true, Some(currency)) = (balances.is_empty(), self.default_currency) {
            let pool = Pool { currency, source_type: SourceType::Card };
            balances.push((pool, Balance::default()));
        }
        let object = Object::singleton("balance")
            .set("available", amounts(&balances, Bucket::PaymentsAvailable))
            .set("livemode", ctx.tenant().mode.is_live())
            .set("pending", amounts(&balances, Bucket::PaymentsPending));
        // Stripe shows it to callers of preview versions only.
        if !ctx.version().is_preview() {
            return Ok(object);
        }
        let reserved = Object::bare()
            .set("available", amounts(&balances, Bucket::ReservedAvailable))
            .set("pending", amounts(&balances, Bucket::ReservedPending));
        Ok(object.set("risk_reserved", reserved))
    }
}

/// The amounts in a bucket, by currency and within it by source type. `balances` are sorted by
/// currency.
fn amounts(balances: &[(Pool, Balance)], bucket: Bucket) -> Value {
    let mut by_currency: Vec<(Currency, i64, Object)> = Vec::new();
    for (pool, balance) in balances {
        let amount = balance.of(bucket);
        let source = pool.source_type.as_str();
        match by_currency.last_mut() {
            Some((of, sum, sources)) if *of == pool.currency => {
                *sum = sum.saturating_add(amount);
                *sources = sources.clone().set(source, amount);
            }
            _ => by_currency.push((pool.currency, amount, Object::bare().set(source, amount))),
        }
    }
    let object = |(currency, amount, sources): (Currency, i64, Object)| {
        let object = Object::bare()
            .set("amount", amount)
            .set("currency", currency.to_string())
            .set("source_types", sources);
        Value::Object(object)
    };
    Value::List(by_currency.into_iter().map(object).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::account::SourceType;

    #[test]
    fn amounts_are_summed_by_currency_and_shown_by_source_type() {
        let of = |currency: &str, source_type, available| {
            let mut amounts = [0; Bucket::ALL.len()];
            amounts[1] = available;
            let pool = Pool { currency: Currency::parse(currency).unwrap(), source_type };
            (pool, Balance::from_amounts(amounts))
        };
        let balances = [
            of("eur", SourceType::Card, -5),
            of("usd", SourceType::Card, 70),
            of("usd", SourceType::BankAccount, 30),
        ];
        let rendered = |bucket| {
            let object = Object::bare().set("of", amounts(&balances, bucket)).render();
            String::from_utf8(object).unwrap().split_whitespace().collect::<String>()
        };
        let expected = concat!(
            r#"{"of":[{"amount":-5,"currency":"eur","source_types":{"card":-5}},"#,
            r#"{"amount":100,"currency":"usd","source_types":{"bank_account":30,"card":70}}]}"#
        );
        assert_eq!(rendered(Bucket::PaymentsAvailable), expected);
        assert!(rendered(Bucket::PaymentsPending).contains(r#"{"card":0}"#));
        let none = Object::bare().set("of", amounts(&[], Bucket::PaymentsAvailable)).render();
        assert_eq!(none, Object::bare().set("of", Value::List(vec![])).render());
    }
}
