//! Opening connections, each kind with its settings.

use std::path::Path;
use std::time::Duration;

use coffer_base::limit;
use rusqlite::{Connection, OpenFlags};

use crate::error::{Result, StorageError};

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

/// The connection that checkpoints the write-ahead log.
pub(crate) fn open_checkpointer(path: &Path) -> Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, limit::READER_CACHE_KIB)?;
    connection.execute_batch(WRITING)?;
    Ok(connection)
}

/// A connection that reads.
pub(crate) fn open_reader(path: &Path) -> Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY, limit::READER_CACHE_KIB)?;
    connection.execute_batch("PRAGMA query_only = ON;")?;
    Ok(connection)
}

/// A connection to a copy that is being written: durable, without a write-ahead log.
pub(crate) fn open_for_copy(path: &Path) -> Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, limit::READER_CACHE_KIB)?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;")?;
    Ok(connection)
}

fn open(path: &Path, access: OpenFlags, cache_kib: i64) -> Result<Connection> {
    // One thread at a time uses each connection, so SQLite needs no mutex of its own.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_millis(limit::DATABASE_LOCK_MILLISECONDS))?;
    connection.set_prepared_statement_cache_capacity(limit::PREPARED_STATEMENTS);
    connection.execute_batch(COMMON)?;
    // Negative means KiB instead of pages.
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    Ok(connection)
}
