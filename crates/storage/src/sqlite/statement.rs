//! Running one statement on a connection, through its cache of prepared statements.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ToSql};

use crate::command::without_lock;
use crate::command::{Command, StatementResult};
use crate::error::{Result, StorageError};
use crate::row::Row;
use crate::transaction::LocalConnection;
use crate::value::Value;

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
    let mut statement = prepare(connection, sql, params)?;
    if !statement.readonly() {
        return Err(StorageError::Internal("a read must not change anything".into()));
    }
    rows(&mut statement)
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
    let columns = statement.column_count();
    let mut all = Vec::new();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        let mut values = Vec::with_capacity(columns);
        for i in 0..columns {
            values.push(value(i, row.get_ref(i)?)?);
        }
        all.push(Row::new(values));
    }
    Ok(all)
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// A column; no schema of ours has floating point numbers.
fn value(column: usize, value: ValueRef<'_>) -> Result<Value> {
    let corrupt = |what| StorageError::Corrupt(format!("column {column} holds {what}").into());
    match value {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(value) => Ok(Value::Int(value)),
        ValueRef::Text(bytes) => std::str::from_utf8(bytes)
            .map(Value::from)
            .map_err(|_| corrupt("text that is not UTF-8")),
        ValueRef::Blob(bytes) => Ok(Value::from(bytes)),
        ValueRef::Real(_) => Err(corrupt("a floating point number")),
    }
}
