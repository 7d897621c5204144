//! The tables that a transfer moves.

use std::borrow::Cow;

use rusqlite::Connection;

use crate::error::Result;
use crate::migration::{Migration, MigrationSet, for_shared};
use crate::placement::Placement;

/// A table to be moved.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    /// The primary key, by which it is read; empty for a table without one.
    pub(super) key: Vec<String>,
    /// The same of the table on a shared store.
    pub(super) shared_key: Vec<String>,
    /// Whether its rows are read part by part from a store that is spread.
    pub(super) is_spread: bool,
}

/// The tables that the migrations create, with their columns and keys, as SQLite reports them.
///
/// # Errors
/// [`crate::StorageError::Rejected`] if SQLite refuses a migration.
pub(super) fn tables_of(sets: &[MigrationSet]) -> Result<Vec<Table>> {
    let embedded = schema_of(sets, |migration| migration.sql.into())?;
    let shared = schema_of(sets, |migration| for_shared(migration.sql).into())?;
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid";
    let mut names = embedded.prepare(names)?;
    let names: Vec<String> =
        names.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let is_spread = |name: &str| {
        let placed = sets.iter().flat_map(|set| set.tables);
        placed.into_iter().any(|(table, at)| *table == name && *at == Placement::Spread)
    };
    let table = |name: String| {
        let (columns, key) = (columns_of(&embedded, &name)?, key_of(&embedded, &name)?);
        // Rows are moved by a key that both engines have, or by none.
        let mut shared_key = key_of(&shared, &name)?;
        if !shared_key.iter().all(|column| columns.contains(column)) {
            shared_key.clear();
        }
        let is_spread = is_spread(&name);
        Ok(Table { name, columns, key, shared_key, is_spread })
    };
    names.into_iter().map(table).collect()
}

fn schema_of(
    sets: &[MigrationSet],
    text: impl Fn(&Migration) -> Cow<'static, str>,
) -> Result<Connection> {
    let schema = Connection::open_in_memory()?;
    for migration in sets.iter().flat_map(|set| set.migrations) {
        schema.execute_batch(&text(migration))?;
    }
    Ok(schema)
}

fn columns_of(schema: &Connection, table: &str) -> Result<Vec<String>> {
    names(schema, "SELECT name FROM pragma_table_info(?) ORDER BY cid", table)
}

fn key_of(schema: &Connection, table: &str) -> Result<Vec<String>> {
    names(schema, "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", table)
}

fn names(schema: &Connection, sql: &str, table: &str) -> Result<Vec<String>> {
    let mut statement = schema.prepare(sql)?;
    let names = statement.query_map([table], |row| row.get(0))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}

/// Statements are `'static`; a transfer makes a few for each table.
pub(super) fn leak_sql(sql: String) -> &'static str {
    Box::leak(sql.into_boxed_str())
}
