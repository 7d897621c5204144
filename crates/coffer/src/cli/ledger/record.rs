//! A balance transaction as it is told: of what Stripe gives, only what a ledger needs. Names,
//! addresses and descriptions never leave the process.

use serde_json::{Map, Value};

/// Fields of a transaction that are told as they are.
const FIELDS: [&str; 13] = [
    "id",
    "object",
    "amount",
    "available_on",
    "balance_type",
    "created",
    "currency",
    "exchange_rate",
    "fee",
    "net",
    "reporting_category",
    "status",
    "type",
];

/// Fields of the object behind it that are told, where it is expanded.
const SOURCE_FIELDS: [&str; 8] = [
    "id",
    "object",
    "charge",
    "source_transfer",
    "source_type",
    "status",
    "arrival_date",
    "automatic",
];

/// Most bytes of what is told of a transaction, so that the server takes a hundred in one page: ids
/// and words have at most 255 characters.
const BYTES: usize = 16 * 1024;

/// A balance transaction.
#[derive(Clone, PartialEq, Debug)]
pub struct Record {
    /// What is told of it.
    pub body: Value,
    /// Its id.
    pub id: String,
    /// When it was made, in Unix seconds.
    pub created: i64,
    /// What it changes the balance by, in the currency's minor unit.
    pub net: i64,
    /// The balance's currency.
    pub currency: String,
    /// What it is, in Stripe's words.
    pub kind: String,
    /// The automatic payout that carried it, where that is known.
    pub payout: Option<String>,
}

impl Record {
    /// Takes from Stripe's object what is told.
    ///
    /// # Errors
    /// What it lacks, for people.
    pub fn of(object: &Value) -> Result<Self, String> {
        let text = |name: &str| {
            let value = object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            value.map(str::to_owned).ok_or_else(|| format!("{name} is no text"))
        };
        let number = |name: &str| {
            let value = object.get(name).and_then(Value::as_i64);
            value.ok_or_else(|| format!("{name} is no whole number"))
        };
        if !object.is_object() {
            return Err("it is no JSON object".to_owned());
        }
        let is_there = |name: &str| object.get(name).is_some_and(|value| !value.is_null());
        let or_0 = |name: &str| if is_there(name) { number(name) } else { Ok(0) };
        let (amount, fee) = (number("amount")?, or_0("fee")?);
        let net = amount.checked_sub(fee).ok_or_else(|| "amount is too large".to_owned())?;
        if is_there("net") && number("net")? != net {
            return Err("net is not amount less fee".to_owned());
        }
        number("available_on")?;
        let body = body(object);
        if body.to_string().len() > BYTES {
            return Err(format!("it has more than {BYTES} bytes without what is not told"));
        }
        Ok(Self {
            id: text("id")?,
            created: number("created")?,
            net,
            currency: text("currency")?,
            kind: text("type")?,
            body,
            payout: text("payout").ok(),
        })
    }

    /// Whether it counts in the balance that payouts are made of.
    pub fn is_payments(&self) -> bool {
        let kept = self.body.get("balance_type").and_then(Value::as_str);
        kept.is_none_or(|kept| kept == "payments")
    }

    /// When its money can be paid out.
    pub fn available_on(&self) -> i64 {
        self.body.get("available_on").and_then(Value::as_i64).unwrap_or(self.created)
    }

    /// Which pool its money is in.
    pub fn pool(&self) -> &str {
        let source = self.body.get("source");
        let of = |name: &str| source.and_then(|source| source.get(name));
        if let Some(told) = of("source_type").and_then(Value::as_str) {
            return told;
        }
        let method = of("payment_method_details").and_then(|method| method.get("type")?.as_str());
        match method {
            Some("us_bank_account" | "ach_debit") => "bank_account",
            Some("fpx") => "fpx",
            _ => "card",
        }
    }
}

fn body(object: &Value) -> Value {
    let mut body = picked(object, &FIELDS);
    let fees = object.get("fee_details").and_then(Value::as_array);
    let fees = fees.map(|fees| {
        fees.iter().map(|fee| picked(fee, &["amount", "currency", "type"]).into()).collect()
    });
    body.extend(fees.map(|fees: Vec<Value>| ("fee_details".to_owned(), fees.into())));
    let source = object.get("source").unwrap_or(&Value::Null);
    let source = if source.is_object() { source_body(source) } else { source.clone() };
    body.insert("source".to_owned(), source);
    body.into()
}

fn source_body(source: &Value) -> Value {
    let mut body = picked(source, &SOURCE_FIELDS);
    for name in ["charge", "source_transfer"] {
        // It may be expanded as well.
        if let Some(id) = body.get(name).and_then(|inner| inner.get("id")).cloned() {
            body.insert(name.to_owned(), id);
        }
    }
    let method = source.get("payment_method_details").and_then(|method| method.get("type"));
    if let Some(method) = method {
        let kept = Map::from_iter([("type".to_owned(), method.clone())]);
        body.insert("payment_method_details".to_owned(), kept.into());
    }
    body.into()
}

fn picked(object: &Value, names: &[&str]) -> Map<String, Value> {
    let kept = names.iter().filter_map(|name| {
        let value = object.get(*name).filter(|value| !value.is_null())?;
        Some(((*name).to_owned(), value.clone()))
    });
    kept.collect()
}

/// Sorts as the ledger wants pages: the oldest first, and within a second what comes in before what
/// goes out.
pub fn sort(records: &mut [Record]) {
    records.sort_by(|one, other| {
        let key = |record: &Record| (record.created, record.net < 0);
        key(one).cmp(&key(other)).then_with(|| one.id.cmp(&other.id))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn charge() -> Value {
        json!({
            "id": "txn_1", "object": "balance_transaction", "amount": 1000, "fee": 59, "net": 941,
            "currency": "eur", "created": 5, "available_on": 9, "type": "charge",
            "reporting_category": "charge", "description": "for Ann", "exchange_rate": null,
            "fee_details": [{
                "amount": 59, "application": "ca_1", "currency": "eur", "description": "Fees",
                "type": "stripe_fee"
            }],
            "source": {
                "id": "ch_1", "object": "charge", "billing_details": { "name": "Ann" },
                "source_transfer": { "id": "tr_1" },
                "payment_method_details": { "type": "us_bank_account", "card": { "last4": "1" } },
            },
        })
    }

    #[test]
    fn only_what_a_ledger_needs_is_told() {
        let record = Record::of(&charge()).unwrap();
        assert_eq!((record.net, record.created, record.pool()), (941, 5, "bank_account"));
        let told = record.body.to_string();
        for absent in ["Ann", "description", "last4", "billing", "ca_1", "exchange_rate"] {
            assert!(!told.contains(absent), "{absent}: {told}");
        }
        assert_eq!(record.body["source"]["source_transfer"], "tr_1");
        assert_eq!(record.body["fee_details"][0]["type"], "stripe_fee");
    }

    #[test]
    fn what_is_none_is_said() {
        for (field, value, said) in [
            ("id", json!(null), "id is no text"),
            ("amount", json!("1000"), "amount is no whole number"),
            ("available_on", json!(null), "available_on is no whole number"),
            ("net", json!(1), "net is not amount less fee"),
            ("net", json!("941"), "net is no whole number"),
            ("fee", json!(59.0), "fee is no whole number"),
            ("amount", json!(i64::MIN), "amount is too large"),
            ("amount", json!(u64::MAX), "amount is no whole number"),
        ] {
            let mut wrong = charge();
            wrong[field] = value;
            assert_eq!(Record::of(&wrong).unwrap_err(), said);
        }
        assert!(Record::of(&json!([])).is_err());
        let mut long = charge();
        long["description"] = json!("x".repeat(BYTES));
        assert!(Record::of(&long).is_ok());
        long["source"]["charge"] = json!("x".repeat(BYTES));
        assert!(Record::of(&long).unwrap_err().contains("bytes"));
    }

    #[test]
    fn what_comes_in_is_told_before_what_goes_out() {
        let record = |id: &str, created: i64, net: i64| {
            let mut object = charge();
            object["id"] = json!(id);
            object["created"] = json!(created);
            object["amount"] = json!(net);
            object["fee"] = json!(0);
            object["net"] = json!(net);
            Record::of(&object).unwrap()
        };
        let mut all = [record("d", 2, 1), record("c", 1, -1), record("b", 1, 2), record("a", 1, 3)];
        sort(&mut all);
        let order: Vec<&str> = all.iter().map(|record| record.id.as_str()).collect();
        assert_eq!(order, ["a", "b", "c", "d"]);
    }
}
