//! Copies of a database, made while it is in use.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::connection::open_for_copy;
use crate::error::{Cause, Result, StorageError};
use crate::files;

/// Copies the database at `from`, which may be in use, to the new file `to` (mode 0600), checks
/// the copy, and returns its size in bytes.
///
/// The copy is written under another name beside `to`, flushed, and renamed, so that `to` is never
/// a partial copy. It is a single file, without a write-ahead log.
///
/// # Errors
/// [`StorageError::File`] if `to` exists or cannot be written; [`StorageError::Corrupt`] if the
/// copy does not pass its check.
pub fn copy_file(from: &Path, to: &Path) -> Result<u64> {
    if fs::symlink_metadata(to).is_ok() {
        let text = format!(
            "{} exists already; a backup never overwrites, so choose another name",
            to.display()
        );
        return Err(StorageError::File(text.into()));
    }
    write_copy(from, to)
}

/// As [`copy_file`], but replaces `to`, and a partial copy that an interrupted attempt left. The
/// caller has locked the directory.
pub(crate) fn replace_copy(from: &Path, to: &Path) -> Result<u64> {
    // If this fails, creating the file anew fails and says why.
    let _ = fs::remove_file(partial_name(to));
    write_copy(from, to)
}

/// Runs SQLite's `quick_check` on the database file at `path`.
///
/// # Errors
/// [`StorageError::Corrupt`] with the first finding; [`StorageError::Unavailable`] if the file
/// cannot be opened.
pub fn check_file(path: &Path) -> Result<()> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    quick_check(&connection, path)
}

fn write_copy(from: &Path, to: &Path) -> Result<u64> {
    let part = partial_name(to);
    files::private().create_new(true).open(&part).map_err(|error| {
        let text = format!(
            "cannot make {}: {error}; if an earlier backup was cut short, remove that file",
            part.display()
        );
        StorageError::File(Cause::with_source(text, error))
    })?;
    let copied = copy_pages(from, &part).and_then(|()| rename_durably(&part, to));
    if copied.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&part);
    }
    copied
}

fn copy_pages(from: &Path, part: &Path) -> Result<()> {
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut copy = open_for_copy(part)?;
    // All pages in one step: a copy in small steps starts over with every write in between.
    let outcome = Backup::new(&source, &mut copy)?.step(-1)?;
    if outcome != StepResult::Done {
        let text = "the database is locked by another process; try the copy again";
        return Err(StorageError::Unavailable(text.into()));
    }
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    quick_check(&copy, part)
}

fn quick_check(connection: &Connection, path: &Path) -> Result<()> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(StorageError::Corrupt(format!("{} is not whole: {verdict}", path.display()).into()))
}

/// Flushes `part`, renames it to `to`, and returns its size.
fn rename_durably(part: &Path, to: &Path) -> Result<u64> {
    let rename = || -> io::Result<u64> {
        let file = File::open(part)?;
        file.sync_all()?;
        fs::rename(part, to)?;
        files::sync_parent(to)?;
        Ok(file.metadata()?.len())
    };
    rename().map_err(|error| StorageError::file("write", to, error))
}

fn partial_name(to: &Path) -> PathBuf {
    files::with_suffix(to, ".part")
}
