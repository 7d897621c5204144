//! Running one statement on a connection, through its cache of prepared statements.

use rusqlite::{CachedStatement, Connection};

use crate::error::{Result, StorageError};
use crate::value::{Row, Value};

/// Runs a statement to its end and answers its rows.
pub(crate) fn query(connection: &Connection, sql: &str, params: &[Value]) -> Result<Vec<Row>> {
    rows(&mut bound(connection, sql, params)?)
}

/// As [`query`], for a statement that changes nothing.
pub(crate) fn read(connection: &Connection, sql: &str, params: &[Value]) -> Result<Vec<Row>> {
    let mut statement = bound(connection, sql, params)?;
    if !statement.readonly() {
        return Err(StorageError::Engine("a read must not change anything".to_owned()));
    }
    rows(&mut statement)
}

/// Runs a statement that answers no rows; returns how many it changed.
pub(crate) fn execute(connection: &Connection, sql: &str, params: &[Value]) -> Result<u64> {
    let changed = bound(connection, sql, params)?.raw_execute()?;
    Ok(u64::try_from(changed).unwrap_or(u64::MAX))
}

/// Runs a statement about the transaction itself.
pub(crate) fn control(connection: &Connection, sql: &'static str) -> Result<()> {
    connection.prepare_cached(sql)?.raw_execute()?;
    Ok(())
}

fn bound<'c>(
    connection: &'c Connection,
    sql: &str,
    params: &[Value],
) -> Result<CachedStatement<'c>> {
    let mut statement = connection.prepare_cached(sql)?;
    let expected = statement.parameter_count();
    if expected != params.len() {
        return Err(StorageError::Engine(format!(
            "the statement has {expected} parameters, {} were given",
            params.len()
        )));
    }
    for (i, param) in params.iter().enumerate() {
        statement.raw_bind_parameter(i.saturating_add(1), param)?;
    }
    Ok(statement)
}

fn rows(statement: &mut CachedStatement<'_>) -> Result<Vec<Row>> {
    let columns = statement.column_count();
    let mut answer = Vec::new();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        let mut values = Vec::with_capacity(columns);
        for i in 0..columns {
            values.push(Value::from_column(i, row.get_ref(i)?)?);
        }
        answer.push(Row::new(values));
    }
    Ok(answer)
}
