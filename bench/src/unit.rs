//! What one request writes, as SQL that a bare loop carries out again and again.
//!
//! A unit is a text of three parts, each below its mark: the tables and indexes; a temporary table
//! `bench_account`, whose rows are the accounts that take turns; and the statements of one request.
//! Their parameters say what is new each time: `:unit` is the number of the request, `:turn` the
//! number of its account's turn, a name of a column of `bench_account` its value for the account.
//! `:bytes16…` is sixteen random bytes, `:text16…` sixteen random letters, `:number…` a random
//! number of 64 bits; what follows tells parameters apart.
//!
//! Units come from two places: `frozen` has those that the benchmark itself defines, `learn` makes
//! one of what Coffer was seen to write.

pub mod frozen;
pub mod learn;
pub mod store;

use crate::args::Result;
use crate::data::Numbers;
use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::types::Value;
use rusqlite::{Batch, Connection, Statement};

/// What begins each part.
const MARKS: [&str; 3] = ["-- Schema.\n", "-- Accounts.\n", "-- Each unit.\n"];

/// How a statement begins that adds a row.
const INSERT: &str = "INSERT INTO ";

/// The parts of a unit's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'t> {
    /// Tables and indexes.
    pub schema: &'t str,
    /// The temporary table of the accounts.
    pub accounts: &'t str,
    /// The statements of one request.
    pub each: &'t str,
}

impl<'t> Parts<'t> {
    /// Takes a text apart.
    pub fn of(text: &'t str) -> Result<Self> {
        let [first, second, third] = MARKS;
        let parts = text.split_once(first).and_then(|(_, rest)| {
            let (schema, rest) = rest.split_once(second)?;
            let (accounts, each) = rest.split_once(third)?;
            Some(Self { schema, accounts, each })
        });
        parts.ok_or_else(|| format!("a unit has the parts {MARKS:?}"))
    }

    /// The first table that each unit adds rows to, and how many.
    pub fn counted(&self) -> Result<(&'t str, u64)> {
        let adding = || {
            let statements = self.each.split(";\n").filter(|one| !one.contains(" ON CONFLICT "));
            statements.filter_map(|one| one.trim().strip_prefix(INSERT)?.split([' ', '(']).next())
        };
        let first = adding().next().ok_or("a unit must add a row to a table")?;
        let rows = adding().filter(|table| *table == first).count();
        Ok((first, rows as u64))
    }
}

/// Puts the parts together.
pub fn text_of(parts: Parts<'_>) -> String {
    let [first, second, third] = MARKS;
    format!("{first}{}{second}{}{third}{}", parts.schema, parts.accounts, parts.each)
}

/// What a parameter holds.
#[derive(Debug, PartialEq, Eq)]
enum Parameter {
    Bytes(Vec<u8>),
    Text(String),
    Number,
    Unit,
    Turn,
    /// A column of the accounts' table.
    Account(usize),
}

impl Parameter {
    fn named(name: &str, columns: &[String]) -> Result<Self> {
        let name = name.trim_start_matches(':');
        let length = |kind: &str| -> Option<usize> {
            let rest = name.strip_prefix(kind)?;
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            rest.get(..end)?.parse().ok()
        };
        if let Some(at) = columns.iter().position(|column| column == name) {
            return Ok(Self::Account(at));
        }
        match (name, length("bytes"), length("text")) {
            ("unit", ..) => Ok(Self::Unit),
            ("turn", ..) => Ok(Self::Turn),
            (_, Some(bytes), _) => Ok(Self::Bytes(vec![0; bytes])),
            (_, _, Some(letters)) => Ok(Self::Text("a".repeat(letters))),
            _ if name.starts_with("number") => Ok(Self::Number),
            _ => Err(format!("a unit has no parameter :{name}")),
        }
    }
}

/// One statement of a unit.
struct Step<'c> {
    statement: Statement<'c>,
    parameters: Vec<Parameter>,
}

/// A unit that can be carried out.
pub struct Unit<'c> {
    steps: Vec<Step<'c>>,
    accounts: Vec<Vec<Value>>,
}

impl<'c> Unit<'c> {
    /// Prepares the statements on a connection whose file has the tables.
    pub fn prepare(parts: &Parts<'_>, connection: &'c Connection) -> Result<Self> {
        connection.execute_batch(parts.accounts).map_err(text)?;
        let (columns, accounts) = accounts(connection)?;
        if accounts.is_empty() {
            return Err("a unit must have accounts".to_owned());
        }
        let mut steps = Vec::new();
        let mut batch = Batch::new(connection, parts.each);
        while let Some(statement) = batch.next().map_err(text)? {
            let named = |at| {
                let name = statement.parameter_name(at).ok_or("a parameter has no name")?;
                Parameter::named(name, &columns)
            };
            let parameters = (1..=statement.parameter_count()).map(named);
            let parameters = parameters.collect::<Result<_>>()?;
            steps.push(Step { statement, parameters });
        }
        Ok(Self { steps, accounts })
    }

    /// Writes the rows of unit number `number`, the first of which is 0.
    pub fn write(&mut self, number: u64, numbers: &mut Numbers) -> Result<()> {
        let count = self.accounts.len() as u64;
        let account = usize::try_from(number % count).ok().and_then(|at| self.accounts.get(at));
        let now = Now {
            unit: signed(number + 1),
            turn: signed(number / count + 1),
            account: account.map_or(&[], Vec::as_slice),
        };
        self.steps.iter_mut().try_for_each(|step| step.write(&now, numbers).map_err(text))
    }
}

/// What the parameters of a unit have in common.
struct Now<'a> {
    unit: i64,
    turn: i64,
    account: &'a [Value],
}

impl Step<'_> {
    fn write(&mut self, now: &Now<'_>, numbers: &mut Numbers) -> rusqlite::Result<()> {
        for (at, parameter) in (1..).zip(&mut self.parameters) {
            let statement = &mut self.statement;
            match parameter {
                Parameter::Bytes(bytes) => {
                    numbers.fill(bytes);
                    statement.raw_bind_parameter(at, bytes.as_slice())?;
                }
                Parameter::Text(text) => {
                    letters(text, numbers);
                    statement.raw_bind_parameter(at, text.as_str())?;
                }
                Parameter::Number => {
                    statement.raw_bind_parameter(at, signed(numbers.next()))?;
                }
                Parameter::Unit => statement.raw_bind_parameter(at, now.unit)?,
                Parameter::Turn => statement.raw_bind_parameter(at, now.turn)?,
                Parameter::Account(column) => {
                    let value = now.account.get(*column).unwrap_or(&Value::Null);
                    statement.raw_bind_parameter(at, value)?;
                }
            }
        }
        self.statement.raw_execute().map(drop)
    }
}

/// The columns of the accounts' table, and its rows in their order.
fn accounts(connection: &Connection) -> Result<(Vec<String>, Vec<Vec<Value>>)> {
    let mut statement =
        connection.prepare("SELECT * FROM temp.bench_account ORDER BY rowid").map_err(text)?;
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let read = |row: &rusqlite::Row<'_>| (0..columns.len()).map(|at| row.get(at)).collect();
    let rows = statement.query_map([], read).map_err(text)?;
    let rows = rows.collect::<rusqlite::Result<_>>().map_err(text)?;
    Ok((columns, rows))
}

/// The same bits as a number with a sign.
fn signed(number: u64) -> i64 {
    i64::from_le_bytes(number.to_le_bytes())
}

/// New letters, as many as there were.
fn letters(text: &mut String, numbers: &mut Numbers) {
    let length = text.len();
    text.clear();
    let mut left = 0;
    for _ in 0..length {
        // A number has twelve letters in it.
        if left < 26 {
            left = numbers.next() | 1 << 63;
        }
        text.push(char::from(b'a' + (left % 26) as u8));
        left /= 26;
    }
}

/// An engine's error as text.
pub fn text(error: rusqlite::Error) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "A note.\n-- Schema.\nCREATE TABLE t (unit INTEGER, turn INTEGER, \
        account TEXT, id TEXT UNIQUE, digest BLOB, number INTEGER);\n\
        CREATE TABLE last (account TEXT PRIMARY KEY, turn INTEGER);\n-- Accounts.\n\
        CREATE TEMP TABLE bench_account AS SELECT 'a' AS name UNION ALL SELECT 'b';\n\
        -- Each unit.\n\
        INSERT INTO last VALUES (:name, :turn) ON CONFLICT (account) DO UPDATE SET turn = :turn;\n\
        INSERT INTO t VALUES (:unit, :turn, :name, 'id_' || :text8, :bytes4_digest, :number);\n\
        INSERT INTO t VALUES (:unit, :turn, :name, 'id_' || :text8, :bytes4_digest, :number);\n";

    #[test]
    fn a_text_is_taken_apart_and_put_together() {
        let parts = Parts::of(TEXT).unwrap();
        assert_eq!(parts.counted(), Ok(("t", 2)));
        assert_eq!(Parts::of(&text_of(parts)), Ok(parts));
        assert!(Parts::of("-- Schema.\n-- Each unit.\n").is_err());
        assert!(Parts { each: "DELETE FROM t;\n", ..parts }.counted().is_err());
    }

    #[test]
    fn units_have_rows_of_their_own_and_accounts_take_turns() {
        let parts = Parts::of(TEXT).unwrap();
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(parts.schema).unwrap();
        let mut unit = Unit::prepare(&parts, &connection).unwrap();
        let mut numbers = Numbers::new(1);
        (0..5).for_each(|number| unit.write(number, &mut numbers).unwrap());
        let number =
            |sql: &str| -> i64 { connection.query_row(sql, [], |row| row.get(0)).unwrap() };
        let right = "SELECT count(*) FROM t WHERE id LIKE 'id_________' AND length(digest) = 4 \
                     AND number <> 0 AND (unit - 1) / 2 + 1 = turn \
                     AND account = iif(unit % 2 = 1, 'a', 'b')";
        assert_eq!(number(right), 10);
        assert_eq!(number("SELECT count(DISTINCT digest) FROM t"), 10);
        assert_eq!(number("SELECT sum(turn) FROM last"), 3 + 2);
    }

    #[test]
    fn a_parameter_that_nothing_fills_is_an_error() {
        let parts =
            Parts { each: "INSERT INTO t (id) VALUES (:nobody);", ..Parts::of(TEXT).unwrap() };
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(parts.schema).unwrap();
        assert!(Unit::prepare(&parts, &connection).err().unwrap().contains(":nobody"));
    }

    #[test]
    fn letters_are_letters() {
        let mut text = "a".repeat(40);
        letters(&mut text, &mut Numbers::new(3));
        assert!(text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_lowercase()), "{text}");
    }
}
