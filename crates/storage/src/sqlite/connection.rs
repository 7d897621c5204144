//! Opening connections, each kind with its settings.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use coffer_base::limit;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::own_log;
use crate::error::{Result, StorageError};
use crate::files;
use crate::lock::DirectoryLock;

/// Settings of every connection: damaged pages are detected, functions in a tampered schema do not
/// run, temporary data stays in memory.
const COMMON: &str = "PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF; \
     PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = OFF;";

/// Settings of connections that write: a commit is flushed to the disk before it returns (with
/// `fullfsync` on macOS, whose plain flush stops at the drive), deleted content is overwritten, and
/// checkpoints run on a thread of their own and not within commits.
const WRITING: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON; PRAGMA secure_delete = ON; \
     PRAGMA wal_autocheckpoint = 0;";

/// The level at which a commit to the write-ahead log is not flushed, and its order is kept.
const SYNCHRONOUS_NORMAL: i64 = 1;

/// The connection that writes.
pub(crate) fn open_writer(path: &Path) -> Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, limit::WRITER_CACHE_KIB)?;
    connection.execute_batch(WRITING)?;
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    if mode != "wal" {
        let text = format!(
            "{} cannot have a write-ahead log here (journal mode {mode}); use a local disk",
            path.display()
        );
        return Err(StorageError::Unavailable(text.into()));
    }
    Ok(connection)
}

/// Lets the connection leave flushing to the operating system: a fault that tests inject.
pub(super) fn stop_flushing(connection: &Connection) -> Result<()> {
    Ok(connection.execute_batch("PRAGMA synchronous = OFF;")?)
}

/// Lets commits be flushed by the next one that is, in their order; what to give to
/// [`flush_again`], unless the connection does not flush in any case.
pub(super) fn flush_later(connection: &Connection) -> Result<Option<i64>> {
    let level: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    if level <= SYNCHRONOUS_NORMAL {
        return Ok(None);
    }
    connection.pragma_update(None, "synchronous", SYNCHRONOUS_NORMAL)?;
    Ok(Some(level))
}

/// Has each commit flushed again.
pub(super) fn flush_again(connection: &Connection, level: i64) -> Result<()> {
    Ok(connection.pragma_update(None, "synchronous", level)?)
}

/// The connection that checkpoints the write-ahead log.
pub(crate) fn open_checkpointer(path: &Path) -> Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, limit::READER_CACHE_KIB)?;
    connection.execute_batch(WRITING)?;
    Ok(connection)
}

/// A connection that reads.
pub(crate) fn open_reader(path: &Path) -> Result<Connection> {
    let connection = match frozen_address(path)? {
        None => open(path, OpenFlags::SQLITE_OPEN_READ_ONLY, limit::READER_CACHE_KIB)?,
        Some(address) => {
            let access = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
            open(&address, access, limit::READER_CACHE_KIB)?
        }
    };
    connection.execute_batch("PRAGMA query_only = ON;")?;
    Ok(connection)
}

/// A connection to a copy that is being written: durable, without a write-ahead log.
pub(crate) fn open_for_copy(path: &Path) -> Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, limit::READER_CACHE_KIB)?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;")?;
    Ok(connection)
}

/// The address of a database that nobody can write, such as one in a read-only snapshot: SQLite
/// then needs no index of the log, which it could not make there. `None` for any other.
///
/// # Errors
/// [`StorageError::Unavailable`] if its log has pages that must be replayed first.
fn frozen_address(path: &Path) -> Result<Option<PathBuf>> {
    use rustix::fs::{Access, access};
    let directory = files::parent(path);
    let is_writable = access(directory, Access::WRITE_OK).is_ok();
    if is_writable || !path.exists() || DirectoryLock::is_held(directory) {
        return Ok(None);
    }
    if own_log::has_pages(path) {
        if files::with_suffix(path, "-shm").exists() {
            return Ok(None);
        }
        let text = "its log has changes that must be replayed first, and nothing can be written \
                    there; copy the database and its log to a place that can be written";
        return Err(StorageError::Unavailable(text.into()));
    }
    let absolute =
        std::path::absolute(path).map_err(|error| StorageError::file("find", path, error))?;
    let mut address = OsString::from("file:");
    for byte in absolute.as_os_str().as_encoded_bytes() {
        match byte {
            b'?' | b'#' | b'%' => address.push(format!("%{byte:02X}")),
            byte => address.push(OsStr::from_bytes(&[*byte])),
        }
    }
    address.push("?immutable=1");
    Ok(Some(PathBuf::from(address)))
}

fn open(path: &Path, access: OpenFlags, cache_kib: i64) -> Result<Connection> {
    // One thread at a time uses each connection, so SQLite needs no mutex of its own.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_millis(limit::DATABASE_LOCK_MILLISECONDS))?;
    connection.set_prepared_statement_cache_capacity(limit::PREPARED_STATEMENTS);
    // A plan that depends on the values of parameters is made anew whenever they change: on tables
    // with partial indexes that is each time.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch(COMMON)?;
    // Negative means KiB instead of pages.
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::StatementStatus;

    #[test]
    fn a_statement_with_other_values_is_not_prepared_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        std::fs::write(&path, "").unwrap();
        let connection = open_writer(&path).unwrap();
        let tables = "CREATE TABLE charge (id TEXT PRIMARY KEY, settled INTEGER, day INTEGER); \
                      CREATE INDEX charge_by_day ON charge (day) WHERE settled = 0;";
        connection.execute_batch(tables).unwrap();
        let sql = "SELECT id FROM charge WHERE settled = ? AND day <= ?";
        for settled in [0, 1, 0, 1] {
            let mut statement = connection.prepare_cached(sql).unwrap();
            assert!(statement.query([settled, 5]).unwrap().next().unwrap().is_none());
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
        }
    }
}
