//! Bringing an embedded store's schema up to this build, one migration at a time.

use std::path::Path;

use coffer_base::Timestamp;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{Connection, params};

use super::backup;
use super::connection::{flush_again, flush_later};
use crate::error::{Cause, Result, StorageError};
use crate::files;
use crate::migration::{
    AppliedMigration, Compared, Migration, MigrationReport, MigrationSet, Recorded, Target,
};

const RECORD: &str = "CREATE TABLE IF NOT EXISTS schema_migration (
    component TEXT NOT NULL,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at INTEGER NOT NULL,
    PRIMARY KEY (component, version)
) STRICT, WITHOUT ROWID";

/// Applies what is missing.
///
/// # Errors
/// [`StorageError::Schema`] if a recorded migration differs from this build's, the store is newer,
/// or a migration fails.
pub(super) fn migrate(
    connection: &mut Connection,
    path: &Path,
    sets: &[MigrationSet],
    now: Timestamp,
    copies: bool,
) -> Result<MigrationReport> {
    let schema = compare(connection, path, sets)?;
    let Some((component, first)) = schema.pending.first() else {
        return Ok(MigrationReport::default());
    };
    let mut report = MigrationReport::default();
    if schema.used && copies {
        let copy = files::copy_before_migration(path, component, first.version);
        // A copy of that name is older and of the same schema, so this one may replace it.
        backup::replace_copy(path, &copy)?;
        report.copy = Some(copy);
    }
    // A new store is flushed once, with its last migration. The log is written in order, and each
    // checksum in it follows from the one before, so that a power failure leaves the first few of
    // these migrations, and the next start goes on from there.
    let is_new = !schema.used && !schema.pending.is_empty();
    let level = if is_new { flush_later(connection)? } else { None };
    connection.execute_batch(RECORD)?;
    let last = schema.pending.len().saturating_sub(1);
    for (at, (component, migration)) in schema.pending.iter().enumerate() {
        if let Some(level) = level.filter(|_| at == last) {
            flush_again(connection, level)?;
        }
        apply(connection, component, migration, now)?;
        let Migration { version, name, .. } = **migration;
        report.applied.push(AppliedMigration { component, version, name });
    }
    Ok(report)
}

/// Refuses a store that lacks migrations, for those who may not apply them.
pub(super) fn require_current(
    connection: &Connection,
    path: &Path,
    sets: &[MigrationSet],
) -> Result<()> {
    let advice = "start the server once, which brings it up to date";
    compare(connection, path, sets)?.require_current(Target::File(path), advice)
}

fn compare<'s>(
    connection: &Connection,
    path: &Path,
    sets: &'s [MigrationSet],
) -> Result<Compared<'s>> {
    Compared::of(&recorded(connection, path)?, sets, Target::File(path))
}

fn recorded(connection: &Connection, path: &Path) -> Result<Vec<Recorded>> {
    let tables = "SELECT count(*), count(*) FILTER (WHERE name = 'schema_migration') \
                  FROM sqlite_schema WHERE type = 'table'";
    let (all, ours): (i64, i64) =
        connection.query_row(tables, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if ours == 0 && all > 0 {
        let path = path.display();
        let text = format!("{path} is a database, but not one of coffer's; choose another path");
        return Err(StorageError::Schema(text.into()));
    }
    if ours == 0 {
        return Ok(Vec::new());
    }
    let rows = "SELECT component, version, name, checksum FROM schema_migration \
                ORDER BY component, version";
    let mut statement = connection.prepare(rows)?;
    let rows = statement.query_map([], |row| {
        Ok(Recorded {
            component: row.get(0)?,
            version: row.get(1)?,
            name: row.get(2)?,
            checksum: row.get(3)?,
            finished: true,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn apply(
    connection: &mut Connection,
    component: &str,
    migration: &Migration,
    now: Timestamp,
) -> Result<()> {
    let applied = connection.execute_batch("BEGIN IMMEDIATE").and_then(|()| {
        connection.authorizer(Some(forbid_transactions))?;
        let changed = change(connection, component, migration, now);
        connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>)?;
        changed.and_then(|()| connection.execute_batch("COMMIT"))
    });
    applied.map_err(|error| {
        if !connection.is_autocommit() {
            // The first error is the one to report; closing the connection rolls back too.
            let _ = connection.execute_batch("ROLLBACK");
        }
        failed(component, migration, error.into())
    })
}

fn failed(component: &str, migration: &Migration, error: StorageError) -> StorageError {
    let Migration { version, name, .. } = migration;
    let text = format!(
        "migration {version} (\"{name}\") of \"{component}\" failed, and nothing of it was kept: \
         {error}"
    );
    StorageError::Schema(Cause::with_source(text, error))
}

fn change(
    connection: &Connection,
    component: &str,
    migration: &Migration,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection.execute_batch(migration.sql)?;
    let Migration { version, name, .. } = *migration;
    connection.execute(
        "INSERT INTO schema_migration (component, version, name, checksum, applied_at) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![component, version, name, migration.checksum(), now.unix()],
    )?;
    Ok(())
}

/// Keeps a migration from ending the transaction that makes it whole.
fn forbid_transactions(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => Authorization::Deny,
        _ => Authorization::Allow,
    }
}
