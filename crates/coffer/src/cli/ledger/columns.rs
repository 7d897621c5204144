//! What the columns of a CSV file are: a TOML file says which is which.

use super::record::Record;
use crate::cli::exit::Failure;
use coffer_secretfile as secretfile;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Most bytes of such a file.
const FILE_BYTES: u64 = 64 * 1024;

/// What a column can be.
const NAMES: [&str; 16] = [
    "id",
    "type",
    "amount",
    "currency",
    "created",
    "available_on",
    "fee",
    "application_fee",
    "reporting_category",
    "balance_type",
    "source",
    "charge",
    "source_transfer",
    "source_type",
    "payout",
    "exchange_rate",
];

/// What each row must have.
const NEEDED: [&str; 6] = ["id", "type", "amount", "currency", "created", "available_on"];

/// Currencies without a minor unit, as Stripe counts them.
const WHOLE: [&str; 15] = [
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf",
    "xof", "xpf",
];

/// Currencies whose minor unit is a thousandth.
const THOUSANDTHS: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];

/// Which column is what.
#[derive(Clone, Debug)]
pub struct Columns {
    columns: BTreeMap<String, String>,
    /// What is the same in all rows.
    values: BTreeMap<String, String>,
    /// The file's words for types, and Stripe's.
    types: BTreeMap<String, String>,
    /// Whether amounts have a decimal point.
    is_decimal: bool,
}

impl Columns {
    /// Reads the file that says it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let failed = |why: String| Failure::usage(format!("{}: {why}", path.display()));
        let text = crate::cli::private_file::read(path, FILE_BYTES);
        let text = text.map_err(|error| failed(error.to_string()))?;
        Self::parse(secretfile::trimmed(&text)).map_err(failed)
    }

    /// The same from its text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let table: toml::Table =
            text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        if let Some(odd) = table
            .keys()
            .find(|key| !["amounts", "columns", "values", "types"].contains(&key.as_str()))
        {
            return Err(format!(
                "there is no '{odd}'; there are amounts, columns, values and types"
            ));
        }
        let is_decimal = match table.get("amounts").map(|value| value.as_str()) {
            None | Some(Some("minor")) => false,
            Some(Some("decimal")) => true,
            Some(_) => return Err("amounts is 'minor' or 'decimal'".to_owned()),
        };
        let columns = texts(&table, "columns")?;
        let (values, types) = (texts(&table, "values")?, texts(&table, "types")?);
        if let Some(odd) =
            columns.keys().chain(values.keys()).find(|key| !NAMES.contains(&key.as_str()))
        {
            return Err(format!("a column can be {}, and not '{odd}'", NAMES.join(", ")));
        }
        let is_there = |name: &str| columns.contains_key(name) || values.contains_key(name);
        if let Some(missing) = NEEDED.iter().find(|name| !is_there(name)) {
            return Err(format!("it does not say which column is {missing}, nor a value for it"));
        }
        Ok(Self { columns, values, types, is_decimal })
    }

    /// Checks that a file's head has all columns, and each of them once.
    ///
    /// # Errors
    /// Which it lacks, or has twice.
    pub fn check(&self, head: &csv::StringRecord) -> Result<(), String> {
        for column in self.columns.values() {
            match head.iter().filter(|name| name == column).count() {
                1 => {}
                0 => return Err(format!("there is no column '{column}'")),
                _ => return Err(format!("there are several columns '{column}'")),
            }
        }
        Ok(())
    }

    /// What a row says.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn record(
        &self,
        head: &csv::StringRecord,
        row: &csv::StringRecord,
    ) -> Result<Record, String> {
        if row.len() != head.len() {
            return Err(format!("it has {} fields, and the head {}", row.len(), head.len()));
        }
        let field = |name: &str| {
            let column = self.columns.get(name);
            let at = column.and_then(|column| head.iter().position(|known| known == column));
            let text = at.and_then(|at| row.get(at)).map(str::trim);
            let text = text.filter(|text| !text.is_empty());
            text.or_else(|| self.values.get(name).map(String::as_str))
        };
        let currency = field("currency").unwrap_or_default().to_ascii_lowercase();
        let amount = |name: &str| match field(name) {
            None => Ok(0),
            Some(text) => self.amount(text, &currency).ok_or_else(|| {
                let shape =
                    if self.is_decimal { "a number such as -12.34" } else { "a whole number" };
                format!("{name} is not {shape}")
            }),
        };
        let time = |name: &str| {
            let seconds = field(name).and_then(seconds);
            let shape = "Unix seconds, nor a time in UTC such as 2026-01-31 12:00:00";
            seconds.ok_or_else(|| format!("{name} is neither {shape}"))
        };
        if field("amount").is_none() {
            return Err("amount is missing".to_owned());
        }
        let (sum, fee) = (amount("amount")?, amount("fee")?);
        let kind = field("type").unwrap_or_default();
        let kind = self.types.get(kind).map_or(kind, String::as_str);
        let mut object = json!({
            "id": field("id"),
            "object": "balance_transaction",
            "type": kind,
            "amount": sum,
            "fee": fee,
            "currency": currency,
            "created": time("created")?,
            "available_on": time("available_on")?,
        });
        if let Some(object) = object.as_object_mut() {
            let plain = ["reporting_category", "balance_type", "payout"];
            let plain =
                plain.iter().filter_map(|name| Some(((*name).to_owned(), field(name)?.into())));
            object.extend(plain);
            let rate = field("exchange_rate").map(str::parse::<f64>);
            let rate = rate.transpose().map_err(|_| "exchange_rate is no number".to_owned())?;
            object.extend(rate.map(|rate| ("exchange_rate".to_owned(), json!(rate))));
            let application_fee = amount("application_fee")?;
            if application_fee != 0 {
                let kind = "application_fee";
                let fee = json!({ "type": kind, "amount": application_fee, "currency": currency });
                object.insert("fee_details".to_owned(), json!([fee]));
            }
            object.extend(source(field).map(|source| ("source".to_owned(), source)));
        }
        Record::of(&object)
    }

    /// An amount in the currency's minor unit.
    fn amount(&self, text: &str, currency: &str) -> Option<i64> {
        if !self.is_decimal {
            return text.parse().ok();
        }
        let places = match currency {
            whole if WHOLE.contains(&whole) => 0,
            thousandths if THOUSANDTHS.contains(&thousandths) => 3,
            _ => 2usize,
        };
        let (sign, digits) = match text.strip_prefix('-') {
            Some(rest) => (-1i64, rest),
            None => (1, text),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let (kept, rest) = (part.get(..places.min(part.len()))?, part.get(places..).unwrap_or(""));
        // More places than the currency has are right only if they say nothing.
        if whole.is_empty()
            || !is_number(whole)
            || !is_number(part)
            || rest.bytes().any(|b| b != b'0')
        {
            return None;
        }
        let padded = format!("{whole}{kept}{}", "0".repeat(places - kept.len()));
        padded.parse::<i64>().ok()?.checked_mul(sign)
    }
}

fn source<'a>(field: impl Fn(&str) -> Option<&'a str>) -> Option<Value> {
    let inner = ["charge", "source_transfer", "source_type"].into_iter();
    let inner = inner.filter_map(|name| Some((name.to_owned(), Value::from(field(name)?))));
    let mut object: Map<String, Value> = inner.collect();
    if object.is_empty() {
        return field("source").map(Value::from);
    }
    object.extend(field("source").map(|id| ("id".to_owned(), id.into())));
    Some(object.into())
}

fn texts(table: &toml::Table, name: &str) -> Result<BTreeMap<String, String>, String> {
    let Some(inner) = table.get(name) else { return Ok(BTreeMap::new()) };
    let inner = inner.as_table().ok_or_else(|| format!("{name} is no table"))?;
    let pairs = inner.iter().map(|(key, value)| match value {
        toml::Value::String(text) => Ok((key.clone(), text.clone())),
        toml::Value::Integer(number) => Ok((key.clone(), number.to_string())),
        _ => Err(format!("{name}.{key} is no text")),
    });
    pairs.collect()
}

/// Unix seconds, of themselves or of a date and a time in UTC.
fn seconds(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(seconds);
    }
    let text = text.trim_end_matches('Z').trim_end_matches(" UTC");
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00:00"));
    let numbers = |text: &str, between: char| -> Option<Vec<i64>> {
        text.split(between).map(|part| part.parse().ok()).collect()
    };
    let ([year, month, day], [hour, minute, second]) =
        (three(numbers(date, '-')?)?, three(numbers(time, ':')?)?);
    let is_right = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..60).contains(&second);
    is_right.then(|| days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// Three numbers; two, as in 12:30, have a zero behind them.
fn three(numbers: Vec<i64>) -> Option<[i64; 3]> {
    match numbers.as_slice() {
        [one, two, three] => Some([*one, *two, *three]),
        [one, two] => Some([*one, *two, 0]),
        _ => None,
    }
}

/// Days of a month, found by where the next one begins.
const fn days_of(year: i64, month: i64) -> i64 {
    let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days(next_year, next, 1) - days(year, month, 1)
}

/// Days from 1970-01-01 to a date, counted in years that begin in March.
pub const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = r#"
        amounts = "decimal"
        [columns]
        id = "balance_transaction_id"
        type = "kind"
        amount = "gross"
        fee = "fee"
        currency = "currency"
        created = "created_utc"
        available_on = "available_on_utc"
        source = "source_id"
        charge = "charge_id"
        payout = "automatic_payout_id"
        [types]
        Sale = "charge"
    "#;

    const HEAD: [&str; 10] = [
        "balance_transaction_id",
        "kind",
        "gross",
        "fee",
        "currency",
        "created_utc",
        "available_on_utc",
        "source_id",
        "charge_id",
        "automatic_payout_id",
    ];

    fn read(row: [&str; 10]) -> Result<Record, String> {
        let columns = Columns::parse(MAP).unwrap();
        columns.record(&HEAD.to_vec().into(), &row.to_vec().into())
    }

    #[test]
    fn a_row_is_a_transaction() {
        let row = [
            "txn_1",
            "Sale",
            "12.30",
            "0.6",
            "EUR",
            "2026-02-28 23:59:59",
            "2026-03-02",
            "re_1",
            "ch_1",
            "",
        ];
        let record = read(row).unwrap();
        assert_eq!((record.net, record.created), (1170, 1_772_323_199));
        assert_eq!(record.available_on(), 1_772_409_600);
        assert_eq!(record.kind, "charge");
        assert_eq!(record.body["source"], json!({ "id": "re_1", "charge": "ch_1" }));
        assert!(record.payout.is_none());
    }

    #[test]
    fn amounts_are_in_the_minor_unit_of_their_currency() {
        let columns = Columns::parse(MAP).unwrap();
        let of = |text, currency| columns.amount(text, currency);
        assert_eq!(of("-12.34", "eur"), Some(-1234));
        assert_eq!(of("1200", "jpy"), Some(1200));
        assert_eq!(of("1200.00", "jpy"), Some(1200));
        assert_eq!(of("1.2345", "eur"), None);
        assert_eq!(of("1.234", "kwd"), Some(1234));
        for wrong in ["", ".5", "1,5", "1e3", "--1", "+1", "99999999999999999999"] {
            assert_eq!(of(wrong, "eur"), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let good = ["txn_1", "Sale", "1", "", "eur", "1", "1", "", "", ""];
        assert!(read(good).is_ok());
        let with = |at: usize, text| {
            let mut row = good;
            row[at] = text;
            read(row).unwrap_err()
        };
        assert!(with(2, "one").contains("amount is not a number"));
        for no_time in [
            "31.1.2026",
            "2026-02-29",
            "2026-02-30",
            "2026-04-31",
            "2026-13-01",
            "2026-00-10",
            "2026-01-00",
            "2026-01-01 24:00",
            "2026-01-01 12",
            "2026-1",
            "soon",
        ] {
            assert!(with(5, no_time).contains("created is neither"), "{no_time}");
        }
        for time in ["2024-02-29", "2026-12-31T23:59:59Z", "2026-01-31 00:00", "1767225600"] {
            assert!(seconds(time).is_some(), "{time}");
        }
        let twice = Columns::parse(MAP).unwrap().check(&[&HEAD[..], &["gross"]].concat().into());
        assert!(twice.unwrap_err().contains("several columns 'gross'"));
        assert!(with(0, "").contains("id is no text"));
        assert!(Columns::parse("[columns]\nid='a'").unwrap_err().contains("which column is type"));
        assert!(Columns::parse("[columns]\nname='a'").unwrap_err().contains("not 'name'"));
        assert!(Columns::parse("time = 1").unwrap_err().contains("no 'time'"));
    }
}
