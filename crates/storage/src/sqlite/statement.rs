//! Running one statement on a connection, through its cache of prepared statements.

use rusqlite::{CachedStatement, Connection};

use crate::error::{Result, StorageError};
use crate::transaction::Effect;
use crate::value::{Row, Value};

/// Runs a statement to its end: its rows, or how many it changed.
pub(crate) fn run(connection: &Connection, sql: &str, params: &[Value]) -> Result<Effect> {
    let mut statement = bound(connection, sql, params)?;
    if statement.column_count() > 0 {
        return Ok(Effect { rows: rows(&mut statement)?, changed: 0 });
    }
    let changed = statement.raw_execute()?;
    Ok(Effect { rows: Vec::new(), changed: u64::try_from(changed).unwrap_or(u64::MAX) })
}

/// Runs a statement that changes nothing, and answers its rows.
pub(crate) fn read(connection: &Connection, sql: &str, params: &[Value]) -> Result<Vec<Row>> {
    let mut statement = bound(connection, sql, params)?;
    if !statement.readonly() {
        return Err(StorageError::Engine("a read must not change anything".to_owned()));
    }
    rows(&mut statement)
}

/// Runs a statement about the transaction itself.
pub(crate) fn control(connection: &Connection, sql: &'static str) -> Result<()> {
    connection.prepare_cached(sql)?.raw_execute()?;
    Ok(())
}

/// One writer at a time needs no locks on rows, and the embedded engine has no words for them.
fn without_lock(sql: &str) -> &str {
    ROW_LOCKS.iter().find_map(|lock| sql.strip_suffix(lock)).unwrap_or(sql)
}

/// How a query ends that locks the rows which it answers until its transaction ends.
const ROW_LOCKS: [&str; 3] = [" FOR SHARE", " FOR UPDATE", " FOR UPDATE SKIP LOCKED"];

fn bound<'c>(
    connection: &'c Connection,
    sql: &str,
    params: &[Value],
) -> Result<CachedStatement<'c>> {
    let mut statement = connection.prepare_cached(without_lock(sql))?;
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
