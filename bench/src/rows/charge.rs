//! The rows that the intake of one charge writes under one active plan: those of the last charge
//! that Coffer took in, in all tables, with numbers and ids of their own.

use super::{Table, Unit, refresh, text};
use crate::args::Result;
use crate::data::Numbers;
use rusqlite::types::Value;
use rusqlite::{Connection, Statement, params_from_iter};
use std::collections::BTreeMap;

/// The table that has one row for each charge.
pub const CHARGE: Table =
    Table { name: "ledger_charge", typical: "WHERE 1", fresh: &[], sampled: &[], next: &[] };

/// Bits of a ledger row's number that count within its ledger transaction; above them is the
/// number of the transaction.
const PLACE_BITS: u32 = 16;

/// A table that a charge writes to, and which of its rows are of one charge.
struct Part {
    name: &'static str,
    /// What chooses the pattern's rows, beside the account; `{tx}` and `{request}` stand for the
    /// numbers of its ledger transaction and of its request.
    rows: &'static str,
    /// Whether a row that is there already is changed, and how.
    conflict: &'static str,
    /// Texts that are new in each row.
    fresh: &'static [&'static str],
    /// Numbers of the ledger's rows.
    numbered: &'static [&'static str],
}

const PART: Part = Part { name: "", rows: "", conflict: "", fresh: &[], numbered: &[] };

/// In the order in which Coffer writes them.
const PARTS: [Part; 11] = [
    Part {
        name: "ledger",
        conflict: "ON CONFLICT (mode, platform, account) \
                   DO UPDATE SET last_tx = ledger.last_tx + 1",
        ..PART
    },
    Part {
        name: "ledger_charge",
        rows: "AND seq >> 16 = {tx}",
        fresh: &["id"],
        numbered: &["seq"],
        ..PART
    },
    Part {
        name: "ledger_entry",
        rows: "AND seq >> 16 = {tx}",
        fresh: &["source"],
        numbered: &["seq"],
        ..PART
    },
    Part { name: "ledger_posting", rows: "AND entry >> 16 = {tx}", numbered: &["entry"], ..PART },
    Part {
        name: "balance_transaction",
        rows: "AND seq >> 16 = {tx}",
        fresh: &["id", "source"],
        numbered: &["seq", "entry"],
        ..PART
    },
    Part {
        name: "reserve_hold",
        rows: "AND seq >> 16 = {tx}",
        fresh: &["id", "charge"],
        numbered: &["seq"],
        ..PART
    },
    Part {
        name: "event_sequence",
        conflict: "ON CONFLICT (mode, platform, account) \
                   DO UPDATE SET seq = event_sequence.seq + 1",
        ..PART
    },
    Part {
        name: "event",
        rows: "AND request = '{request}'",
        fresh: &["id", "request", "idempotency_key"],
        ..PART
    },
    Part {
        name: "ledger_balance",
        conflict: "ON CONFLICT (mode, platform, account, currency, source_type) DO UPDATE SET \
                   payments_pending = excluded.payments_pending, \
                   payments_available = excluded.payments_available, \
                   reserved_pending = excluded.reserved_pending, \
                   reserved_available = excluded.reserved_available, \
                   clearing = excluded.clearing, fees = excluded.fees, \
                   payouts_in_transit = excluded.payouts_in_transit",
        ..PART
    },
    Part {
        name: "audit_entry",
        rows: "AND request = '{request}'",
        fresh: &["request", "subject"],
        ..PART
    },
    Part {
        name: "idempotency_record",
        rows: "AND request = '{request}'",
        fresh: &["request"],
        ..PART
    },
];

impl Part {
    /// The clause that chooses the rows of `pattern`.
    fn clause(&self, pattern: &Pattern) -> String {
        let rows = self.rows.replace("{tx}", &pattern.tx.to_string());
        let rows = rows.replace("{request}", &pattern.request);
        format!("WHERE mode = {} AND account = '{}' {rows}", pattern.mode, pattern.account)
    }
}

/// The last charge that Coffer took in.
struct Pattern {
    mode: i64,
    account: String,
    /// The number of its ledger transaction.
    tx: i64,
    request: String,
}

impl Pattern {
    fn find(source: &Connection) -> Result<Self> {
        let sql = "SELECT c.mode, c.account, c.seq >> 16, a.request FROM audit_entry a \
                   JOIN ledger_charge c ON c.mode = a.mode AND c.account = a.account \
                   AND c.id = a.subject WHERE a.operation = 'ledger.charges.create' \
                   ORDER BY a.rowid DESC LIMIT 1";
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Self {
                mode: row.get(0)?,
                account: row.get(1)?,
                tx: row.get(2)?,
                request: row.get(3)?,
            })
        };
        source
            .query_row(sql, [], read)
            .map_err(|error| format!("there is no charge to take as the pattern: {error}"))
    }
}

/// How many rows the last charge wrote to each table; those it only changed are not counted.
pub fn charge_rows(source: &Connection) -> Result<Vec<(&'static str, u64)>> {
    let pattern = Pattern::find(source)?;
    let mut counts = Vec::new();
    for part in PARTS.iter().filter(|part| part.conflict.is_empty()) {
        let sql = format!("SELECT count(*) FROM {} {}", part.name, part.clause(&pattern));
        let count: i64 = source.query_row(&sql, [], |row| row.get(0)).map_err(text)?;
        counts.push((part.name, u64::try_from(count).unwrap_or(0)));
    }
    Ok(counts)
}

/// How a column of the next row comes about.
enum Fill {
    Same,
    Fresh,
    Account,
    /// A number of the ledger transaction, at this place in it.
    Numbered(i64),
    /// The number of the ledger's next event.
    Event,
}

/// One row of each charge.
struct Step<'c> {
    statement: Statement<'c>,
    values: Vec<Value>,
    fills: Vec<Fill>,
}

/// A ledger as it stands in the loop's file.
struct Ledger {
    account: String,
    last_tx: i64,
    events: i64,
}

/// The rows of charges, each on one of the ledgers that Coffer's store has.
pub struct Charges<'c> {
    steps: Vec<Step<'c>>,
    ledgers: Vec<Ledger>,
}

impl<'c> Charges<'c> {
    /// As the last charge in Coffer's `source`, to be added to `target`.
    pub fn like(source: &Connection, target: &'c Connection) -> Result<Self> {
        let pattern = Pattern::find(source)?;
        let mut steps = Vec::new();
        for part in &PARTS {
            let found = part.steps(&pattern, source, target);
            let found = found.map_err(|error| format!("{}: {error}", part.name))?;
            if found.is_empty() {
                return Err(format!("the last charge wrote nothing to {}", part.name));
            }
            steps.extend(found);
        }
        Ok(Self { steps, ledgers: ledgers(source, target)? })
    }
}

impl Part {
    /// The statements that write what the pattern's rows are.
    fn steps<'c>(
        &self,
        pattern: &Pattern,
        source: &Connection,
        target: &'c Connection,
    ) -> Result<Vec<Step<'c>>> {
        let sql = format!("SELECT * FROM {} {}", self.name, self.clause(pattern));
        let mut rows = source.prepare(&sql).map_err(text)?;
        let columns: Vec<String> = rows.column_names().map(str::to_owned).collect();
        for named in self.fresh.iter().chain(self.numbered) {
            if !columns.iter().any(|column| column == named) {
                return Err(format!("it has no column {named}"));
            }
        }
        let insert = format!(
            "INSERT INTO {} ({}) VALUES ({}) {}",
            self.name,
            columns.join(", "),
            vec!["?"; columns.len()].join(", "),
            self.conflict
        );
        let read = |row: &rusqlite::Row<'_>| (0..columns.len()).map(|at| row.get(at)).collect();
        let found = rows.query_map([], read).map_err(text)?;
        let found: Vec<Vec<Value>> = found.collect::<rusqlite::Result<_>>().map_err(text)?;
        let step = |values: Vec<Value>| {
            let fills = columns.iter().zip(&values);
            let fills = fills.map(|(column, value)| self.fill(column, value)).collect();
            Ok(Step { statement: target.prepare(&insert).map_err(text)?, values, fills })
        };
        found.into_iter().map(step).collect()
    }

    fn fill(&self, column: &str, value: &Value) -> Fill {
        match value {
            _ if column == "account" => Fill::Account,
            Value::Integer(number) if self.numbered.contains(&column) => {
                Fill::Numbered(number & ((1 << PLACE_BITS) - 1))
            }
            _ if self.name == "event" && column == "seq" => Fill::Event,
            Value::Blob(_) => Fill::Fresh,
            _ if self.fresh.contains(&column) => Fill::Fresh,
            _ => Fill::Same,
        }
    }
}

/// The accounts of the source's ledgers, and how far each is in the target.
fn ledgers(source: &Connection, target: &Connection) -> Result<Vec<Ledger>> {
    let transactions = numbers_of(target, "ledger", "last_tx")?;
    let events = numbers_of(target, "event_sequence", "seq")?;
    let ledger = |account: String| Ledger {
        last_tx: transactions.get(&account).copied().unwrap_or(0),
        events: events.get(&account).copied().unwrap_or(0),
        account,
    };
    Ok(numbers_of(source, "ledger", "last_tx")?.into_keys().map(ledger).collect())
}

/// The highest number of each account in a table.
fn numbers_of(connection: &Connection, table: &str, column: &str) -> Result<BTreeMap<String, i64>> {
    let sql = format!("SELECT account, max({column}) FROM {table} GROUP BY account");
    let mut statement = connection.prepare(&sql).map_err(text)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(text)?;
    rows.collect::<rusqlite::Result<_>>().map_err(text)
}

impl Unit for Charges<'_> {
    fn write(&mut self, numbers: &mut Numbers) -> Result<()> {
        let which = numbers.below(self.ledgers.len() as u64) as usize;
        let ledger = self.ledgers.get_mut(which).ok_or("Coffer's store has no ledger")?;
        ledger.last_tx += 1;
        self.steps.iter_mut().try_for_each(|step| step.write(ledger, numbers))
    }
}

impl Step<'_> {
    fn write(&mut self, ledger: &mut Ledger, numbers: &mut Numbers) -> Result<()> {
        for (value, fill) in self.values.iter_mut().zip(&self.fills) {
            match fill {
                Fill::Same => {}
                Fill::Fresh => refresh(value, numbers),
                Fill::Account => *value = Value::Text(ledger.account.clone()),
                Fill::Numbered(place) => {
                    *value = Value::Integer((ledger.last_tx << PLACE_BITS) | place);
                }
                Fill::Event => {
                    ledger.events += 1;
                    *value = Value::Integer(ledger.events);
                }
            }
        }
        self.statement.execute(params_from_iter(&self.values)).map(drop).map_err(text)
    }
}

#[cfg(test)]
mod tests;
