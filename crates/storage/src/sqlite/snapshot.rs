//! A state of a database that is held while it is copied, whatever is written meanwhile.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::backup::{QUICK, check, claim};
use super::connection::{open_for_copy, open_reader};
use super::own_log;
use crate::error::{Result, StorageError};

/// Pages of one step of a copy: 16 MiB, after which somebody is told how far it is.
const STEP_PAGES: i32 = 4096;

/// A state of the database at a path. While it lives, the write-ahead log of a server that writes
/// only grows.
#[derive(Debug)]
pub struct Snapshot {
    connection: Connection,
}

impl Snapshot {
    /// Holds the state that the database has now.
    ///
    /// # Errors
    /// [`StorageError::File`] if the log beside it is another database's,
    /// [`StorageError::Unavailable`] if it cannot be opened.
    pub fn hold(path: &Path) -> Result<Self> {
        let hold = || -> Result<Self> {
            own_log::require_own_log(path)?;
            let connection = open_reader(path)?;
            // The transaction's first read decides which state it sees.
            connection.execute_batch("BEGIN")?;
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            Ok(Self { connection })
        };
        hold().map_err(|error| error.at(path.display()))
    }

    /// Runs a statement on it that gives one number.
    ///
    /// # Errors
    /// [`StorageError::Rejected`] if it has no such table.
    pub fn number(&self, sql: &'static str) -> Result<i64> {
        Ok(self.connection.query_row(sql, [], |row| row.get(0))?)
    }

    /// Copies it to `to` (mode 0600), a single file without a write-ahead log, checks the copy, and
    /// tells `on_step` how many of how many bytes there are so far. What a killed copy left at `to`
    /// is taken over.
    ///
    /// # Errors
    /// [`StorageError::File`] if `to` cannot be written, or with the text of `on_step`'s error;
    /// [`StorageError::Corrupt`] if the copy does not pass its check.
    pub fn copy(self, to: &Path, on_step: OnStep<'_>) -> Result<DatabaseCopy> {
        let claimed = claim(to)?;
        let copy = DatabaseCopy { path: to.to_owned(), _claimed: claimed };
        let mut connection = open_for_copy(to)?;
        let backup = Backup::new(&self.connection, &mut connection)?;
        loop {
            let outcome = backup.step(STEP_PAGES)?;
            let progress = backup.progress();
            let bytes = |pages: i32| u64::try_from(pages).unwrap_or(0).saturating_mul(PAGE_BYTES);
            let done = progress.pagecount.saturating_sub(progress.remaining);
            on_step(bytes(done), bytes(progress.pagecount))
                .map_err(|why| StorageError::File(why.into()))?;
            match outcome {
                StepResult::Done => break,
                StepResult::More => {}
                _ => {
                    let text = "the database is locked by another process; try the copy again";
                    return Err(StorageError::Unavailable(text.into()));
                }
            }
        }
        drop(backup);
        connection.pragma_update(None, "journal_mode", "DELETE")?;
        check(&connection, to, QUICK)?;
        Ok(copy)
    }
}

/// Bytes of a page, as far as progress goes: SQLite's default, which this program leaves alone.
const PAGE_BYTES: u64 = 4096;

/// Is told how many of how many bytes are copied; the copy ends with the text of its error.
pub type OnStep<'s> = &'s mut dyn FnMut(u64, u64) -> std::result::Result<(), &'static str>;

/// A copy of a database for a short while: it is removed when this is dropped.
#[derive(Debug)]
pub struct DatabaseCopy {
    path: PathBuf,
    _claimed: File,
}

impl DatabaseCopy {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for DatabaseCopy {
    fn drop(&mut self) {
        // The next copy takes over what cannot be removed.
        let _ = fs::remove_file(&self.path);
    }
}

/// How many rows each table of the database at `path` has.
///
/// # Errors
/// [`StorageError::Unavailable`] if it cannot be read, [`StorageError::Corrupt`] if it is damaged.
pub fn count_rows(path: &Path) -> Result<BTreeMap<String, u64>> {
    let count = || -> Result<BTreeMap<String, u64>> {
        own_log::require_own_log(path)?;
        let connection = open_reader(path)?;
        let names = "SELECT name FROM sqlite_schema WHERE type = 'table' \
             AND name NOT LIKE 'sqlite%' ORDER BY name";
        let mut statement = connection.prepare(names)?;
        let names: Vec<String> =
            statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        let mut counts = BTreeMap::new();
        for name in names {
            let sql = format!("SELECT count(*) FROM \"{}\"", name.replace('"', "\"\""));
            let rows: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
            counts.insert(name, rows.unsigned_abs());
        }
        Ok(counts)
    };
    count().map_err(|error| error.at(path.display()))
}
