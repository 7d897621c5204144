//! Bringing a store's schema up to this build, one numbered step at a time.
//!
//! Every room numbers its own migrations from 1. What was applied is recorded with a checksum, so
//! a migration that was changed after it had been released is noticed before it does harm.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use coffer_base::Timestamp;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{Connection, params};

use crate::backup;
use crate::error::{Result, StorageError};
use crate::postgres::PostgresOptions;

/// One step of a schema, applied in one transaction. Never change one that was released.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its place in its room's order: 1, 2, 3 and so on.
    pub version: u32,
    /// What it does, in a word or two.
    pub name: &'static str,
    /// The statements; none that begin or end a transaction. Servers of the version before go on
    /// beside them. What those could not live with, such as dropping a column, follows a line that
    /// begins with `-- finish`: a shared store is only given it once somebody says that no older
    /// server runs any more.
    pub sql: &'static str,
}

/// All migrations of one room.
#[derive(Clone, Copy, Debug)]
pub struct MigrationSet {
    /// The room's name, as it is recorded.
    pub room: &'static str,
    /// In the order of their versions, without gaps.
    pub migrations: &'static [Migration],
}

/// A migration that was applied at this start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppliedMigration {
    /// Whose schema it changed.
    pub room: &'static str,
    /// Its number.
    pub version: u32,
    /// Its name.
    pub name: &'static str,
}

/// What opening a store changed about its schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MigrationReport {
    /// What was applied, in order; empty if the store was up to date.
    pub applied: Vec<AppliedMigration>,
    /// The copy that was made before, if the store held anything.
    pub copy: Option<PathBuf>,
}

const RECORD: &str = "CREATE TABLE IF NOT EXISTS schema_migration (
    room TEXT NOT NULL,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at INTEGER NOT NULL,
    PRIMARY KEY (room, version)
) STRICT, WITHOUT ROWID";

/// Applies what is missing.
pub(crate) fn migrate(
    connection: &mut Connection,
    path: &Path,
    sets: &[MigrationSet],
    now: Timestamp,
    copies: bool,
) -> Result<MigrationReport> {
    let schema = compare(connection, path, sets)?;
    let Some((room, first)) = schema.pending.first() else {
        return Ok(MigrationReport::default());
    };
    let mut report = MigrationReport::default();
    if schema.used && copies {
        let copy = copy_name(path, room, first.version);
        // A copy of that name is of the same schema and older: this one takes its place.
        backup::replace_copy(path, &copy)?;
        report.copy = Some(copy);
    }
    connection.execute_batch(RECORD)?;
    for (room, migration) in &schema.pending {
        apply(connection, room, migration, now)?;
        let Migration { version, name, .. } = **migration;
        report.applied.push(AppliedMigration { room, version, name });
    }
    Ok(report)
}

/// A migration that was applied to a store.
pub(crate) struct Recorded {
    pub(crate) room: String,
    pub(crate) version: u32,
    pub(crate) name: String,
    pub(crate) checksum: String,
    /// Whether its second half was applied too.
    pub(crate) finished: bool,
}

/// How a store's schema compares with this build's.
pub(crate) struct Compared<'s> {
    /// Whether anything was ever applied.
    pub(crate) used: bool,
    pub(crate) pending: Vec<(&'static str, &'s Migration)>,
}

impl<'s> Compared<'s> {
    /// Compares, and refuses a store that this build must not touch.
    pub(crate) fn of(
        recorded: &[Recorded],
        sets: &'s [MigrationSet],
        place: Place<'_>,
    ) -> Result<Self> {
        sets.iter().try_for_each(require_order)?;
        for each in recorded {
            require_known(each, sets, place)?;
        }
        let mut pending = Vec::new();
        for set in sets {
            for migration in set.migrations {
                let version = migration.version;
                if !recorded.iter().any(|row| row.room == set.room && row.version == version) {
                    pending.push((set.room, migration));
                }
            }
        }
        Ok(Self { used: !recorded.is_empty(), pending })
    }

    /// Refuses a store that lacks migrations, for those who may not apply them.
    pub(crate) fn require_current(&self, path: &Path) -> Result<()> {
        match self.pending.first() {
            None => Ok(()),
            Some((room, migration)) => Err(StorageError::Schema(format!(
                "{} is older than this build (\"{room}\" lacks version {}); start the server once, \
                 which brings it up to date",
                path.display(),
                migration.version
            ))),
        }
    }
}

/// Where a store is, for messages.
#[derive(Clone, Copy)]
pub(crate) enum Place<'p> {
    /// In a file.
    File(&'p Path),
    /// In a database that servers share.
    Database(&'p PostgresOptions),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Database(options) => options.fmt(f),
        }
    }
}

impl Place<'_> {
    /// How to return to what was before a change of the schema.
    fn way_back(self, room: &str, version: u32) -> String {
        let Self::File(path) = self else {
            return ", or restore a backup made before that change".to_owned();
        };
        let (copy, store) = (copy_name(path, room, version), path.display());
        if !copy.exists() {
            return ", or restore a backup made before that change".to_owned();
        }
        format!(
            ", or, with the server stopped, return to the copy made before that change: \
             rm -f {store}-wal {store}-shm && cp {} {store}",
            copy.display()
        )
    }
}

/// Compares the schema of an embedded store.
pub(crate) fn compare<'s>(
    connection: &Connection,
    path: &Path,
    sets: &'s [MigrationSet],
) -> Result<Compared<'s>> {
    Compared::of(&recorded(connection, path)?, sets, Place::File(path))
}

fn require_order(set: &MigrationSet) -> Result<()> {
    if (1..).zip(set.migrations).all(|(place, migration)| migration.version == place) {
        return Ok(());
    }
    Err(StorageError::Schema(format!(
        "the migrations of \"{}\" are not numbered 1, 2, 3 and so on",
        set.room
    )))
}

fn recorded(connection: &Connection, path: &Path) -> Result<Vec<Recorded>> {
    let tables = "SELECT count(*), count(*) FILTER (WHERE name = 'schema_migration') \
                  FROM sqlite_schema WHERE type = 'table'";
    let (all, ours): (i64, i64) =
        connection.query_row(tables, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if ours == 0 && all > 0 {
        return Err(StorageError::Schema(format!(
            "{} is a database, but not one of coffer's; choose another path",
            path.display()
        )));
    }
    if ours == 0 {
        return Ok(Vec::new());
    }
    let rows = "SELECT room, version, name, checksum FROM schema_migration \
                ORDER BY room, version";
    let mut statement = connection.prepare(rows)?;
    let rows = statement.query_map([], |row| {
        Ok(Recorded {
            room: row.get(0)?,
            version: row.get(1)?,
            name: row.get(2)?,
            checksum: row.get(3)?,
            finished: true,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn require_known(recorded: &Recorded, sets: &[MigrationSet], place: Place<'_>) -> Result<()> {
    let Recorded { room, version, name, checksum, finished } = recorded;
    let set = sets.iter().find(|set| set.room == room);
    let newest = set.and_then(|set| set.migrations.last()).map_or(0, |last| last.version);
    let known = set.and_then(|set| set.migrations.iter().find(|own| own.version == *version));
    match known {
        // The next version's first half was made so that this one can go on beside it.
        None if !finished && *version == newest.saturating_add(1) => Ok(()),
        None => Err(StorageError::Schema(newer(place, room, *version, newest))),
        Some(known) if known.checksum() != *checksum => Err(StorageError::Schema(format!(
            "migration {version} (\"{name}\") of \"{room}\" differs from the one that was applied \
             to {place}: this build is not a release that the store knows; run a released coffer"
        ))),
        Some(_) => Ok(()),
    }
}

fn newer(place: Place<'_>, room: &str, version: u32, newest: u32) -> String {
    format!(
        "{place} was written by a newer coffer: its \"{room}\" has version {version}, this build \
         knows versions up to {newest}. Upgrade coffer{}",
        place.way_back(room, version)
    )
}

fn apply(
    connection: &mut Connection,
    room: &str,
    migration: &Migration,
    now: Timestamp,
) -> Result<()> {
    let applied = connection.execute_batch("BEGIN IMMEDIATE").and_then(|()| {
        connection.authorizer(Some(forbid_transactions))?;
        let changed = change(connection, room, migration, now);
        connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>)?;
        changed.and_then(|()| connection.execute_batch("COMMIT"))
    });
    applied.map_err(|error| {
        if !connection.is_autocommit() {
            // The error to report is the first one; closing the connection rolls back too.
            let _ = connection.execute_batch("ROLLBACK");
        }
        StorageError::Schema(format!(
            "migration {} (\"{}\") of \"{room}\" failed, and nothing of it was kept: {}",
            migration.version,
            migration.name,
            StorageError::from(error)
        ))
    })
}

fn change(
    connection: &Connection,
    room: &str,
    migration: &Migration,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection.execute_batch(migration.sql)?;
    let Migration { version, name, .. } = *migration;
    connection.execute(
        "INSERT INTO schema_migration (room, version, name, checksum, applied_at) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![room, version, name, migration.checksum(), now.unix()],
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

/// `coffer.db` becomes `coffer.db.before-secrets-3`.
fn copy_name(path: &Path, room: &str, version: u32) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".before-{room}-{version}"));
    PathBuf::from(name)
}

/// How the second half of a migration begins.
const FINISH: &str = "\n-- finish";

impl Migration {
    /// What servers of the version before can live with.
    pub(crate) fn expanding(&self) -> &'static str {
        self.sql.split_once(FINISH).map_or(self.sql, |(expanding, _)| expanding)
    }

    /// What they cannot live with, if there is anything.
    pub(crate) fn finishing(&self) -> Option<&'static str> {
        let (_, rest) = self.sql.split_once(FINISH)?;
        rest.split_once('\n').map(|(_, finishing)| finishing)
    }

    /// What tells whether it was changed after it had been applied.
    pub(crate) fn checksum(&self) -> String {
        let text = [self.name.as_bytes(), &[0], self.sql.as_bytes()].concat();
        format!("{:032x}", fnv1a_128(&text))
    }
}

/// FNV-1a with 128 bits (Fowler, Noll and Vo). It notices accidents; it does not withstand
/// anybody who wants two texts to match, and need not: who can change a migration can change
/// this check.
pub(crate) fn fnv1a_128(bytes: &[u8]) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(BASIS, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::fnv1a_128;

    #[test]
    fn the_checksum_gives_the_published_vectors() {
        assert_eq!(fnv1a_128(b""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(fnv1a_128(b"a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
    }
}
