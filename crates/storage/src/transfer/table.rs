//! The tables that a transfer moves.

use rusqlite::Connection;

use crate::error::Result;
use crate::migration::MigrationSet;
use crate::placement::Placement;

/// A table to be moved.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    /// The primary key, by which it is read; empty for a table without one.
    pub(super) key: Vec<String>,
    /// Whether its rows are read part by part from a store that is spread.
    pub(super) is_spread: bool,
}

/// The tables that the migrations create, with their columns and keys, as SQLite reports them.
///
/// # Errors
/// [`crate::StorageError::Rejected`] if SQLite refuses a migration.
pub(super) fn tables_of(sets: &[MigrationSet]) -> Result<Vec<Table>> {
    let schema = Connection::open_in_memory()?;
    for migration in sets.iter().flat_map(|set| set.migrations) {
        schema.execute_batch(migration.sql)?;
    }
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid";
    let mut names = schema.prepare(names)?;
    let names: Vec<String> =
        names.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let is_spread = |name: &str| {
        let placed = sets.iter().flat_map(|set| set.tables);
        placed.into_iter().any(|(table, at)| *table == name && *at == Placement::Spread)
    };
    let table = |name: String| table_of(&schema, is_spread(&name), name);
    names.into_iter().map(table).collect()
}

fn table_of(schema: &Connection, is_spread: bool, name: String) -> Result<Table> {
    let mut columns = schema.prepare("SELECT name, pk FROM pragma_table_info(?) ORDER BY cid")?;
    let columns = columns.query_map([&name], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let columns: Vec<(String, i64)> = columns.collect::<rusqlite::Result<_>>()?;
    let mut key: Vec<_> = columns.iter().filter(|(_, position)| *position > 0).collect();
    key.sort_by_key(|(_, position)| *position);
    let key = key.into_iter().map(|(name, _)| name.clone()).collect();
    let columns = columns.into_iter().map(|(name, _)| name).collect();
    Ok(Table { name, columns, key, is_spread })
}

/// Statements are `'static`; a transfer makes a few for each table.
pub(super) fn leak_sql(sql: String) -> &'static str {
    Box::leak(sql.into_boxed_str())
}
