//! The rows that one set or one charge writes, in one place: the tables, and what is new in each
//! row. Their columns, indexes and typical contents are read from a store that Coffer itself has
//! made, so that the baseline cannot drift from what Coffer writes.

mod charge;

use crate::args::Result;
use crate::data::Numbers;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, Statement, params_from_iter};
use std::path::Path;

pub use charge::{CHARGE, Charges, charge_rows};

/// What one acknowledged request of Coffer's writes.
pub trait Unit {
    /// Writes the next one's rows.
    fn write(&mut self, numbers: &mut Numbers) -> Result<()>;
}

/// A table that a set adds one row to.
///
/// A row is a copy of one that Coffer wrote. Blobs are filled anew (they are digests and sealed
/// values), and so are the texts in `fresh` after their last underscore; `sampled` columns take one
/// of the values that Coffer's table holds; `next` columns count up; the rest stays.
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// What chooses a typical row of Coffer's.
    pub typical: &'static str,
    fresh: &'static [&'static str],
    sampled: &'static [&'static str],
    next: &'static [&'static str],
}

/// The secret itself.
pub const SECRET: Table = Table {
    name: "secret",
    typical: "WHERE 1",
    fresh: &["id", "scope_user", "name"],
    sampled: &["account"],
    next: &[],
};

/// The row that locks and counts the secret's scope.
pub const SCOPE: Table = Table {
    name: "secret_scope",
    typical: "WHERE 1",
    fresh: &[],
    sampled: &["account"],
    next: &[],
};

/// The audit entry.
pub const AUDIT: Table = Table {
    name: "audit_entry",
    typical: "WHERE operation = 'apps.secrets.create'",
    fresh: &["request", "subject"],
    sampled: &["account"],
    next: &[],
};

/// The stored answer.
pub const RECORD: Table = Table {
    name: "idempotency_record",
    typical: "WHERE operation = 'apps.secrets.create'",
    fresh: &["request"],
    sampled: &["account"],
    next: &[],
};

/// What the loop writes for each set.
pub fn variant(name: &str) -> Result<&'static [Table]> {
    match name {
        "full" => Ok(&[SECRET, SCOPE, AUDIT, RECORD]),
        "no-record" => Ok(&[SECRET, SCOPE, AUDIT]),
        "secret-alone" => Ok(&[SECRET]),
        other => Err(format!("there is no variant {other:?}")),
    }
}

/// The rows of sets.
pub struct Sets<'c>(Vec<(Row, Statement<'c>)>);

impl<'c> Sets<'c> {
    /// One row of each of `tables`, as in Coffer's `source`.
    pub fn like(tables: &[Table], source: &Connection, connection: &'c Connection) -> Result<Self> {
        let mut rows = Vec::new();
        for table in tables {
            let row = Row::like(table, source, connection)?;
            let statement = row.prepare(connection)?;
            rows.push((row, statement));
        }
        Ok(Self(rows))
    }
}

impl Unit for Sets<'_> {
    fn write(&mut self, numbers: &mut Numbers) -> Result<()> {
        self.0.iter_mut().try_for_each(|(row, statement)| row.add(statement, numbers))
    }
}

/// How a column of the next row comes about.
enum Fill {
    Same,
    Fresh,
    Drawn(Vec<Value>),
    Next,
}

/// One table's next row.
pub struct Row {
    insert: String,
    values: Vec<Value>,
    fills: Vec<Fill>,
}

impl Row {
    /// Takes a typical row of Coffer's `source`, for rows to be added to `target`.
    pub fn like(table: &Table, source: &Connection, target: &Connection) -> Result<Self> {
        Self::read(table, source, target)
            .map_err(|error| format!("cannot take a row of {} as the pattern: {error}", table.name))
    }

    fn read(table: &Table, source: &Connection, target: &Connection) -> Result<Self> {
        let Table { name, typical, .. } = table;
        let mut statement =
            source.prepare(&format!("SELECT * FROM {name} {typical} LIMIT 1")).map_err(text)?;
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        for named in table.fresh.iter().chain(table.sampled).chain(table.next) {
            if !columns.iter().any(|column| column == named) {
                return Err(format!("it has no column {named}"));
            }
        }
        let mut values: Vec<Value> = statement
            .query_row([], |row| (0..columns.len()).map(|at| row.get(at)).collect())
            .map_err(text)?;
        let mut fills = Vec::new();
        for (column, value) in columns.iter().zip(&mut values) {
            let named = |list: &[&str]| list.contains(&column.as_str());
            fills.push(if named(table.sampled) {
                Fill::Drawn(distinct(source, name, column)?)
            } else if named(table.next) {
                *value = Value::Integer(highest(target, name, column)?);
                Fill::Next
            } else if named(table.fresh) || matches!(value, Value::Blob(_)) {
                Fill::Fresh
            } else {
                Fill::Same
            });
        }
        let marks = vec!["?"; columns.len()].join(", ");
        let insert = format!("INSERT INTO {name} ({}) VALUES ({marks})", columns.join(", "));
        Ok(Self { insert, values, fills })
    }

    /// The statement that adds the row.
    pub fn prepare<'c>(&self, connection: &'c Connection) -> Result<Statement<'c>> {
        connection.prepare(&self.insert).map_err(text)
    }

    /// Turns the row into the next one, and adds it.
    pub fn add(&mut self, statement: &mut Statement<'_>, numbers: &mut Numbers) -> Result<()> {
        for (value, fill) in self.values.iter_mut().zip(&self.fills) {
            match fill {
                Fill::Same => {}
                Fill::Fresh => refresh(value, numbers),
                Fill::Next => {
                    if let Value::Integer(number) = value {
                        *number += 1;
                    }
                }
                Fill::Drawn(choices) => {
                    let which = numbers.below(choices.len() as u64) as usize;
                    if let Some(choice) = choices.get(which) {
                        value.clone_from(choice);
                    }
                }
            }
        }
        statement.execute(params_from_iter(&self.values)).map(drop).map_err(text)
    }
}

/// New content of the same type and length.
fn refresh(value: &mut Value, numbers: &mut Numbers) {
    match value {
        Value::Blob(bytes) => numbers.fill(bytes),
        Value::Text(text) => {
            let keep = text.rfind('_').map_or(0, |at| at + 1);
            let tail = text.len() - keep;
            text.truncate(keep);
            for _ in 0..tail {
                text.push(char::from(b'a' + numbers.below(26) as u8));
            }
        }
        Value::Null | Value::Integer(_) | Value::Real(_) => {}
    }
}

/// The values that a column of Coffer's holds, at most a thousand.
fn distinct(source: &Connection, table: &str, column: &str) -> Result<Vec<Value>> {
    let sql = format!("SELECT DISTINCT {column} FROM {table} LIMIT 1000");
    let mut statement = source.prepare(&sql).map_err(text)?;
    let values = statement.query_map([], |row| row.get(0)).map_err(text)?;
    values.collect::<rusqlite::Result<_>>().map_err(text)
}

/// The highest number in a column, or 0.
fn highest(target: &Connection, table: &str, column: &str) -> Result<i64> {
    let sql = format!("SELECT coalesce(max({column}), 0) FROM {table}");
    target.query_row(&sql, [], |row| row.get(0)).map_err(text)
}

/// How many typical rows a table has.
pub fn count(connection: &Connection, table: &Table) -> Result<u64> {
    let sql = format!("SELECT count(*) FROM {} {}", table.name, table.typical);
    let count: i64 = connection.query_row(&sql, [], |row| row.get(0)).map_err(text)?;
    u64::try_from(count).map_err(|error| error.to_string())
}

/// Opens a store of Coffer's to look at it.
pub fn open(path: &Path) -> Result<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(|error| format!("cannot open {}: {error}", path.display()))
}

/// Makes the tables and indexes of `source` in the empty `target`, with the same page size.
pub fn copy_schema(source: &Connection, target: &Connection) -> Result<()> {
    let page: i64 = source.query_row("PRAGMA page_size", [], |row| row.get(0)).map_err(text)?;
    target.pragma_update(None, "page_size", page).map_err(text)?;
    let mut statement = source
        .prepare(
            "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND type IN ('table', 'index') \
             AND name NOT LIKE 'sqlite_%' ORDER BY type DESC",
        )
        .map_err(text)?;
    let texts = statement.query_map([], |row| row.get::<_, String>(0)).map_err(text)?;
    for sql in texts {
        target.execute_batch(&sql.map_err(text)?).map_err(text)?;
    }
    Ok(())
}

/// An engine's error as text.
pub fn text(error: rusqlite::Error) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Table = Table {
        name: "t",
        typical: "WHERE 1",
        fresh: &["id"],
        sampled: &["account"],
        next: &["seq"],
    };

    fn source() -> Connection {
        let source = Connection::open_in_memory().unwrap();
        source
            .execute_batch(
                "CREATE TABLE t (id TEXT UNIQUE, account TEXT, digest BLOB UNIQUE, seq INTEGER, \
                 created INTEGER);
                 INSERT INTO t VALUES ('app_1234', 'a', x'0102', 5, 9);
                 INSERT INTO t VALUES ('app_5', 'b', x'03', 6, 9)",
            )
            .unwrap();
        source
    }

    #[test]
    fn rows_are_new_where_they_must_be_and_the_same_elsewhere() {
        let (source, target) = (source(), Connection::open_in_memory().unwrap());
        copy_schema(&source, &target).unwrap();
        let mut row = Row::like(&TABLE, &source, &target).unwrap();
        let mut statement = row.prepare(&target).unwrap();
        let mut numbers = Numbers::new(1);
        for _ in 0..50 {
            row.add(&mut statement, &mut numbers).unwrap();
        }
        assert_eq!(count(&target, &TABLE), Ok(50));
        let right: i64 = target
            .query_row(
                "SELECT count(*) FROM t WHERE id LIKE 'app_%' AND length(id) = 8 AND \
                 length(digest) = 2 AND account IN ('a', 'b') AND seq BETWEEN 1 AND 50 AND \
                 created = 9",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(right, 50);
    }

    #[test]
    fn a_renamed_column_is_noticed() {
        let (source, target) = (source(), Connection::open_in_memory().unwrap());
        copy_schema(&source, &target).unwrap();
        let table = Table { fresh: &["ident"], ..TABLE };
        assert!(Row::like(&table, &source, &target).err().unwrap().contains("ident"));
    }
}
