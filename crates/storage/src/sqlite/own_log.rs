//! Whether the write-ahead log beside a database is that database's own.
//!
//! SQLite replays whatever log lies beside a database. If somebody puts a backup in the place of a
//! database whose server was killed, the log of the old one is replayed over the backup: the
//! restore is undone, or the result is neither the one nor the other.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::error::{Result, StorageError};
use crate::files;

/// Bytes of a log's own header; a log that is no longer holds no pages.
const LOG_HEADER_BYTES: u64 = 32;
/// Where a database's header says how it is written: 1 with a journal, 2 with a write-ahead log.
const FORMAT_AT: usize = 18;
const WITH_LOG: u8 = 2;
const HEADER_BYTES: usize = 100;

/// The log beside the database at `path`.
pub(super) fn log_of(path: &Path) -> PathBuf {
    files::with_suffix(path, "-wal")
}

/// Whether the log beside the database at `path` holds pages, as after a server that was killed or
/// beside one that runs.
pub(super) fn has_pages(path: &Path) -> bool {
    std::fs::metadata(log_of(path)).is_ok_and(|meta| meta.len() > LOG_HEADER_BYTES)
}

/// Refuses a database that lies beside the log of another: a backup is written without one, and
/// says so in its header, until a server opens it.
///
/// # Errors
/// [`StorageError::File`] with what to do; also if the database cannot be read.
pub(super) fn require_own_log(path: &Path) -> Result<()> {
    if !has_pages(path) {
        return Ok(());
    }
    let failed = |error| StorageError::file("read", path, error);
    let mut header = Vec::with_capacity(HEADER_BYTES);
    let file = File::open(path).map_err(failed)?;
    let most = u64::try_from(HEADER_BYTES).unwrap_or(u64::MAX);
    file.take(most).read_to_end(&mut header).map_err(failed)?;
    if header.get(FORMAT_AT).is_some_and(|format| *format == WITH_LOG) {
        return Ok(());
    }
    let (path, log) = (path.display(), log_of(path));
    let text = format!(
        "{log} is not the log of {path}, which was put there while the log of another database \
         was left behind; replayed, it would undo the restore or damage the data. If {path} is \
         what you want to keep, remove {log} and {path}-shm; if not, put the database back that \
         they belong to",
        log = log.display(),
    );
    Err(StorageError::File(text.into()))
}
