//! Running one statement on a connection, through its cache of prepared statements.

use rusqlite::types::{ToSqlOutput, ValueRef as Stored};
use rusqlite::{CachedStatement, Connection, ToSql};

use crate::command::without_lock;
use crate::command::{Command, StatementResult};
use crate::error::{Result, StorageError};
use crate::row::Row;
use crate::transaction::LocalConnection;
use crate::value::{Value, ValueRef};

impl LocalConnection for Connection {
    fn run(&mut self, command: &Command<'_>) -> Result<StatementResult> {
        match command {
            Command::Plain(statement) => run(self, statement.sql, statement.params),
            Command::Control(sql) => control(self, sql).map(|()| StatementResult::default()),
        }
    }
}

/// Runs a statement to its end: its rows, or how many it changed.
fn run(connection: &Connection, sql: &str, params: &[Value]) -> Result<StatementResult> {
    let mut statement = prepare(connection, sql, params)?;
    if statement.column_count() > 0 {
        return Ok(StatementResult { rows: rows(&mut statement)?, changed: 0 });
    }
    let changed = statement.raw_execute()?;
    Ok(StatementResult { rows: Vec::new(), changed: u64::try_from(changed).unwrap_or(u64::MAX) })
}

/// Runs a statement that changes nothing, and returns its rows.
pub(super) fn read(connection: &Connection, sql: &str, params: &[Value]) -> Result<Vec<Row>> {
    rows(&mut prepare_read(connection, sql, params)?)
}

/// Runs a statement that changes nothing, and returns what `read` makes of each of its rows.
pub(super) fn read_each<T>(
    connection: &Connection,
    sql: &str,
    params: &[Value],
    read: impl Fn(&[ValueRef<'_>]) -> Result<T>,
) -> Result<Vec<T>> {
    each(&mut prepare_read(connection, sql, params)?, |columns, row| {
        let mut values = Vec::with_capacity(columns);
        for i in 0..columns {
            values.push(value(i, row.get_ref(i)?)?);
        }
        read(&values)
    })
}

fn prepare_read<'c>(
    connection: &'c Connection,
    sql: &str,
    params: &[Value],
) -> Result<CachedStatement<'c>> {
    let statement = prepare(connection, sql, params)?;
    if !statement.readonly() {
        return Err(StorageError::Internal("a read must not change anything".into()));
    }
    Ok(statement)
}

/// Runs a statement about the transaction itself.
pub(super) fn control(connection: &Connection, sql: &'static str) -> Result<()> {
    connection.prepare_cached(sql)?.raw_execute()?;
    Ok(())
}

fn prepare<'c>(
    connection: &'c Connection,
    sql: &str,
    params: &[Value],
) -> Result<CachedStatement<'c>> {
    // SQLite has one writer at a time and no syntax for row locks.
    let mut statement = connection.prepare_cached(without_lock(sql))?;
    let expected = statement.parameter_count();
    if expected != params.len() {
        let given = params.len();
        let text = format!("the statement has {expected} parameters, {given} were given");
        return Err(StorageError::Internal(text.into()));
    }
    for (i, param) in params.iter().enumerate() {
        statement.raw_bind_parameter(i.saturating_add(1), param)?;
    }
    Ok(statement)
}

fn rows(statement: &mut CachedStatement<'_>) -> Result<Vec<Row>> {
    each(statement, |columns, row| {
        let mut values = Vec::with_capacity(columns);
        for i in 0..columns {
            values.push(Value::from(value(i, row.get_ref(i)?)?));
        }
        Ok(Row::new(values))
    })
}

/// What `read` makes of each row, which has so many columns.
fn each<T>(
    statement: &mut CachedStatement<'_>,
    read: impl Fn(usize, &rusqlite::Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let columns = statement.column_count();
    let mut all = Vec::new();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        all.push(read(columns, row)?);
    }
    Ok(all)
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => Stored::Null,
            Self::Int(value) => Stored::Integer(*value),
            Self::Text(text) => Stored::Text(text.as_bytes()),
            Self::Blob(bytes) => Stored::Blob(bytes),
        }))
    }
}

/// A column; no schema of ours has floating point numbers.
fn value(column: usize, value: Stored<'_>) -> Result<ValueRef<'_>> {
    let corrupt = |what| StorageError::Corrupt(format!("column {column} holds {what}").into());
    match value {
        Stored::Null => Ok(ValueRef::Null),
        Stored::Integer(value) => Ok(ValueRef::Int(value)),
        Stored::Text(bytes) => std::str::from_utf8(bytes)
            .map(ValueRef::Text)
            .map_err(|_| corrupt("text that is not UTF-8")),
        Stored::Blob(bytes) => Ok(ValueRef::Blob(bytes)),
        Stored::Real(_) => Err(corrupt("a floating point number")),
    }
}
