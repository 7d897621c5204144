//! Reading a page of the processor's list, with the sources expanded or without. Of a source only
//! the fields are read that say what its money is: nothing that names a person.

use super::{Row, checked};
use crate::limits;
use crate::model::account::SourceType;
use crate::model::transaction::{NewTransaction, PayoutWords};
use crate::params::check_processor_id;
use crate::reasons;
use coffer_base::{Currency, Timestamp, limit};
use coffer_dialect::{ApiError, limits as dialect};
use serde_json::{Map, Value};

/// The transactions of a page, oldest first; within a second, what comes in stands before what goes
/// out, so that few wait for what they are about. `payout` is the payout whose transactions were
/// listed.
pub(super) fn read(text: &str, payout: Option<&str>) -> Result<Vec<Row>, ApiError> {
    let page: Value = serde_json::from_str(text).map_err(|error| {
        malformed(&format!("it is no JSON (line {}, column {})", error.line(), error.column()))
    })?;
    let Some(Value::Array(data)) = page.get("data") else {
        return Err(malformed("it has no list 'data'"));
    };
    let most = usize::try_from(limit::PAGE_CEILING).unwrap_or_default();
    if data.len() > most {
        let has = data.len();
        return Err(malformed(&format!("it has {has} transactions, more than {most}")));
    }
    let mut rows: Vec<Row> = Vec::with_capacity(data.len());
    for item in data {
        let Value::Object(item) = item else {
            return Err(malformed("'data' has something that is no object"));
        };
        if text_of(item, "object").is_some_and(|object| object != "balance_transaction") {
            return Err(malformed("'data' has objects that are no balance transactions"));
        }
        let id = text_of(item, "id").unwrap_or_default();
        let id = id.chars().take(limit::PROCESSOR_ID_CHARACTERS).collect();
        rows.push(Row { id, told: told(item, payout).and_then(checked) });
    }
    rows.sort_by_key(|row| {
        let told = row.told.as_ref().ok();
        told.map(|told| (told.created, told.amount < 0))
    });
    Ok(rows)
}

/// The transactions of a page whose every one must be right: what a reconciliation compares.
pub(in crate::operations) fn told_of(text: &str) -> Result<Vec<NewTransaction>, ApiError> {
    read(text, None)?.into_iter().map(|row| row.told).collect()
}

/// The refusal of a page as a whole.
fn malformed(why: &str) -> ApiError {
    let message = format!(
        "The page must be a list of balance transactions as the processor answers it, and {why}."
    );
    ApiError::invalid_param("data", message).because(&reasons::PAGE_MALFORMED)
}

/// One transaction.
fn told(item: &Map<String, Value>, payout: Option<&str>) -> Result<NewTransaction, ApiError> {
    let source = Source::of(item.get("source"));
    let (amount, (fee, application_fee)) = (amount(item, "amount")?, fees(item)?);
    check_net(item, amount.saturating_sub(fee))?;
    let word = required(text_of(item, "type"), "type")?.to_owned();
    if word.len() > limits::TYPE_CHARACTERS {
        return Err(ApiError::too_long("type", &word, limits::TYPE_CHARACTERS));
    }
    let short = |name: &'static str| match text_of(item, name) {
        Some(word) if word.len() > limits::TYPE_CHARACTERS => {
            Err(ApiError::too_long(name, word, limits::TYPE_CHARACTERS))
        }
        word => Ok(word.map(str::to_owned)),
    };
    Ok(NewTransaction {
        id: required(id_of(item.get("id"), "id")?, "id")?,
        amount,
        fee: Some(fee),
        application_fee: Some(application_fee),
        currency: currency(item)?,
        created: time(item, "created", limits::EARLIEST_CREATED)?,
        available_on: time(item, "available_on", 0)?,
        category: short("reporting_category")?,
        balance_type: short("balance_type")?,
        source: id_of(item.get("source"), "source")?,
        charge: id_of(source.get("charge"), "charge")?,
        source_transfer: id_of(source.get("source_transfer"), "source_transfer")?,
        source_type: source.source_type(),
        payout: payout.filter(|_| !word.starts_with("payout")).map(str::to_owned),
        payout_request: None,
        exchange_rate: rate(item)?,
        payout_words: source.payout_words(),
        word,
    })
}

/// The object behind a transaction, if the list expanded it.
#[derive(Clone, Copy)]
struct Source<'a>(Option<&'a Map<String, Value>>);

impl<'a> Source<'a> {
    fn of(source: Option<&'a Value>) -> Self {
        Self(source.and_then(Value::as_object))
    }

    fn get(self, name: &str) -> Option<&'a Value> {
        self.0.and_then(|source| source.get(name))
    }

    /// The pool: a payout names it, and of a charge the way of paying says it. Any way that is not
    /// known here is counted with cards, as the processor does.
    fn source_type(self) -> Option<SourceType> {
        let source = self.0?;
        if let Some(word) = text_of(source, "source_type") {
            return SourceType::CHOICES.into_iter().find(|(each, _)| *each == word).map(|it| it.1);
        }
        let details = source.get("payment_method_details")?.as_object()?;
        Some(match text_of(details, "type")? {
            "us_bank_account" | "ach_debit" => SourceType::BankAccount,
            "fpx" => SourceType::Fpx,
            _ => SourceType::Card,
        })
    }

    /// What a payout's object says of it besides.
    fn payout_words(self) -> PayoutWords {
        let is_payout = self.get("object").and_then(Value::as_str) == Some("payout");
        let word = self.get("status").and_then(Value::as_str).filter(|_| is_payout);
        PayoutWords {
            arrival_date: self.arrival_date(),
            paid: word == Some("paid"),
            automatic: self.get("automatic").and_then(Value::as_bool).filter(|_| is_payout),
        }
    }

    /// When a payout is expected at the bank.
    fn arrival_date(self) -> Option<Timestamp> {
        let seconds = self.get("arrival_date")?.as_i64()?;
        (0..=limit::CLOCK_CEILING).contains(&seconds).then(|| Timestamp::from_unix(seconds))
    }
}

/// All fees of a transaction, and the platform's part of them. The parts are listed; the sum is
/// what counts.
fn fees(item: &Map<String, Value>) -> Result<(i64, i64), ApiError> {
    let fee = match item.get("fee") {
        None | Some(Value::Null) => 0,
        Some(_) => amount(item, "fee")?,
    };
    let details = item.get("fee_details").and_then(Value::as_array);
    let is_platforms =
        |detail: &&Value| detail.get("type").and_then(Value::as_str) == Some("application_fee");
    let platforms = details.into_iter().flatten().filter(is_platforms);
    let amounts = platforms.filter_map(|detail| detail.get("amount").and_then(Value::as_i64));
    Ok((fee, amounts.fold(0, i64::saturating_add)))
}

/// Refuses a net that is not what the other figures say: one of them is wrong, and the books would
/// be.
fn check_net(item: &Map<String, Value>, net: i64) -> Result<(), ApiError> {
    let told = item.get("net").filter(|told| !told.is_null());
    if told.is_none_or(|told| told.as_i64() == Some(net)) {
        return Ok(());
    }
    let message = format!("'net' must be 'amount' less 'fee', which is {net}.");
    Err(ApiError::invalid_param("net", message).because(&reasons::PAGE_MALFORMED))
}

/// The exchange rate, which is only shown again.
fn rate(item: &Map<String, Value>) -> Result<Option<String>, ApiError> {
    let rate = item.get("exchange_rate").and_then(Value::as_f64).map(|rate| rate.to_string());
    match rate {
        Some(rate) if rate.len() > limits::RATE_CHARACTERS => {
            Err(ApiError::too_long("exchange_rate", &rate, limits::RATE_CHARACTERS))
        }
        rate => Ok(rate),
    }
}

/// A signed amount.
fn amount(item: &Map<String, Value>, name: &'static str) -> Result<i64, ApiError> {
    let ceiling = dialect::TOLD_AMOUNT_CEILING;
    integer(item, name, -ceiling, ceiling)
}

/// A time in Unix seconds.
fn time(item: &Map<String, Value>, name: &'static str, from: i64) -> Result<Timestamp, ApiError> {
    integer(item, name, from, limit::CLOCK_CEILING).map(Timestamp::from_unix)
}

/// A required integer within bounds.
fn integer(
    item: &Map<String, Value>,
    name: &'static str,
    from: i64,
    to: i64,
) -> Result<i64, ApiError> {
    let value = required(item.get(name), name)?;
    let shown = || value.to_string().chars().take(dialect::ECHO_CHARACTERS).collect::<String>();
    let number = value.as_i64().ok_or_else(|| ApiError::invalid_integer(name, &shown()))?;
    if number < from {
        return Err(ApiError::integer_below(name, from));
    }
    if number > to {
        return Err(ApiError::integer_above(name, to));
    }
    Ok(number)
}

/// The currency, of which no list is kept.
fn currency(item: &Map<String, Value>) -> Result<Currency, ApiError> {
    let code = required(text_of(item, "currency"), "currency")?;
    Currency::any(code).ok_or_else(|| {
        let shown: String = code.chars().take(dialect::ECHO_CHARACTERS).collect();
        let message = format!("Invalid currency: '{shown}'. It is three or four small letters.");
        ApiError::invalid_param("currency", message).because(&reasons::PAGE_MALFORMED)
    })
}

/// The id in a field that has one, or the object that it names, or nothing.
fn id_of(value: Option<&Value>, name: &'static str) -> Result<Option<String>, ApiError> {
    let id = match value {
        Some(Value::String(id)) => Some(id.as_str()),
        Some(Value::Object(object)) => text_of(object, "id"),
        _ => None,
    };
    let Some(id) = id.filter(|id| !id.is_empty()) else { return Ok(None) };
    if id.chars().count() > limit::PROCESSOR_ID_CHARACTERS {
        return Err(ApiError::too_long(name, id, limit::PROCESSOR_ID_CHARACTERS));
    }
    check_processor_id(name, id)?;
    Ok(Some(id.to_owned()))
}

/// The text in a field. An empty one says nothing.
fn text_of<'a>(item: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    item.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn required<T>(value: Option<T>, name: &'static str) -> Result<T, ApiError> {
    value.ok_or_else(|| ApiError::parameter_missing(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of one charge and one refund of it, in the order of the list: newest first.
    const PAGE: &str = r#"{"object":"list","has_more":false,"data":[
        {"id":"txn_2","object":"balance_transaction","amount":-500,"fee":0,"net":-500,
         "currency":"usd","created":1772359200,"available_on":1772496000,"type":"refund",
         "reporting_category":"refund","exchange_rate":1.16342,"fee_details":[],
         "source":{"id":"re_1","object":"refund","charge":"ch_1","reason":"Jane asked"}},
        {"id":"txn_1","object":"balance_transaction","amount":10000,"fee":520,"net":9480,
         "currency":"usd","created":1772359200,"available_on":1772496000,"type":"charge",
         "reporting_category":"charge","exchange_rate":null,
         "fee_details":[{"amount":200,"type":"application_fee"},{"amount":320,"type":"stripe_fee"}],
         "source":{"id":"ch_1","object":"charge","source_transfer":null,
         "billing_details":{"name":"Jane"},
         "payment_method_details":{"type":"us_bank_account"}}}]}"#;

    fn rows(text: &str) -> Vec<Row> {
        read(text, None).unwrap()
    }

    #[test]
    fn a_page_is_read_oldest_first_and_what_comes_in_before_what_goes_out() {
        let rows = rows(PAGE);
        let told: Vec<_> = rows.iter().map(|row| row.told.as_ref().unwrap()).collect();
        let ids: Vec<_> = told.iter().map(|told| told.id.as_str()).collect();
        assert_eq!(ids, ["txn_1", "txn_2"]);
        let [charge, refund] = told[..] else { panic!("{rows:?}") };
        assert_eq!((charge.fee, charge.application_fee), (Some(520), Some(200)));
        assert_eq!(charge.source_type, Some(SourceType::BankAccount));
        assert_eq!(refund.charge.as_deref(), Some("ch_1"));
        assert_eq!((refund.source.as_deref(), refund.source_type), (Some("re_1"), None));
        assert_eq!(refund.exchange_rate.as_deref(), Some("1.16342"));
        assert!(!format!("{rows:?}").contains("Jane"));
    }

    #[test]
    fn sources_need_not_be_expanded() {
        let page = PAGE.replace(
            "{\"id\":\"re_1\",\"object\":\"refund\",\"charge\":\"ch_1\",\"reason\":\"Jane asked\"}",
            "\"re_1\"",
        );
        let rows = rows(&page);
        let refund = rows.iter().find(|row| row.id == "txn_2").unwrap().told.as_ref().unwrap();
        assert_eq!((refund.source.as_deref(), refund.charge.as_deref()), (Some("re_1"), None));
    }

    #[test]
    fn what_is_no_page_is_refused_as_a_whole_and_one_transaction_by_itself() {
        for text in [
            "",
            "{",
            "[]",
            "{}",
            r#"{"data":{}}"#,
            r#"{"data":[1]}"#,
            r#"{"data":[{"object":"charge"}]}"#,
        ] {
            let error = read(text, None).unwrap_err();
            assert_eq!(error.param(), Some("data"), "{text}");
        }
        let many = format!(r#"{{"data":[{}]}}"#, vec!["{}"; 101].join(","));
        assert!(read(&many, None).unwrap_err().message().contains("101"));
        for (from, to, param) in [
            ("\"amount\":10000", "\"amount\":1.5", "amount"),
            ("\"amount\":10000,", "", "amount"),
            ("\"txn_1\"", "\"a b\"", "id"),
            ("\"txn_1\"", "\"\"", "id"),
            ("\"type\":\"charge\",", "\"type\":\"\",", "type"),
            ("\"net\":9480", "\"net\":9481", "net"),
            ("\"net\":9480", "\"net\":\"9480\"", "net"),
            ("\"exchange_rate\":null", "\"exchange_rate\":1e300", "exchange_rate"),
            ("\"exchange_rate\":null", "\"exchange_rate\":-1", "exchange_rate"),
            ("\"type\":\"charge\"", "\"type\":\"Charge\"", "type"),
            (
                "\"available_on\":1772496000,\"type\":\"charge\"",
                "\"available_on\":1,\"type\":\"charge\"",
                "available_on",
            ),
        ] {
            let rows = rows(&PAGE.replace(from, to));
            let refused: Vec<_> = rows.iter().filter_map(|row| row.told.as_ref().err()).collect();
            let params: Vec<_> = refused.iter().map(|error| error.param()).collect();
            assert_eq!(params, [Some(param)], "{to}");
        }
    }
}
