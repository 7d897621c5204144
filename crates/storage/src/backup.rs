//! Copies of a database, made while it is in use.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use crate::error::{Result, StorageError};
use crate::sqlite::open_for_copy;

/// Copies the database at `from`, which may be in use, to the new file `to` (mode 0600), checks
/// the copy, and answers its size in bytes.
///
/// The copy is written beside `to` under another name, flushed, and renamed: what stands at `to`
/// is whole. It is a single file, without a write-ahead log.
///
/// # Errors
/// [`StorageError::File`] if `to` exists or cannot be written; [`StorageError::Corrupt`] if the
/// copy does not pass its check.
pub fn copy_file(from: &Path, to: &Path) -> Result<u64> {
    if fs::symlink_metadata(to).is_ok() {
        return Err(StorageError::File(format!(
            "{} exists already; a backup never overwrites, so choose another name",
            to.display()
        )));
    }
    write_copy(from, to)
}

/// As [`copy_file`], but replaces what stands at `to`, and what a copy there that was cut short
/// left behind; only whoever holds the directory's lock may.
pub(crate) fn replace_copy(from: &Path, to: &Path) -> Result<u64> {
    // If something is there and stays, the next step says so.
    let _ = fs::remove_file(partial_name(to));
    write_copy(from, to)
}

/// Checks that the database file at `path` is whole, as SQLite's own quick check sees it.
///
/// # Errors
/// [`StorageError::Corrupt`] with the first complaint.
pub fn check_file(path: &Path) -> Result<()> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    quick_check(&connection, path)
}

fn write_copy(from: &Path, to: &Path) -> Result<u64> {
    let part = partial_name(to);
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part).map_err(|error| {
        StorageError::File(format!(
            "cannot make {}: {error}; if an earlier backup was cut short, remove that file",
            part.display()
        ))
    })?;
    let copied = fill(from, &part).and_then(|()| put_in_place(&part, to));
    if copied.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&part);
    }
    copied
}

fn fill(from: &Path, part: &Path) -> Result<()> {
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut copy = open_for_copy(part)?;
    // All pages in one step: a copy in small steps starts over with every write in between.
    let outcome = Backup::new(&source, &mut copy)?.step(-1)?;
    if outcome != StepResult::Done {
        return Err(StorageError::Unavailable(
            "the database is locked by another process; try the copy again".to_owned(),
        ));
    }
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    quick_check(&copy, part)
}

fn quick_check(connection: &Connection, path: &Path) -> Result<()> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(StorageError::Corrupt(format!("{} is not whole: {verdict}", path.display())))
}

fn put_in_place(part: &Path, to: &Path) -> Result<u64> {
    let written = |error: std::io::Error| StorageError::file("write", to, &error);
    let file = File::open(part).map_err(written)?;
    file.sync_all().map_err(written)?;
    let size = file.metadata().map_err(written)?.len();
    fs::rename(part, to).map_err(written)?;
    let directory = match to.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // The new name is durable only when its directory is.
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(written)?;
    Ok(size)
}

fn partial_name(to: &Path) -> PathBuf {
    let mut name = OsString::from(to);
    name.push(".part");
    PathBuf::from(name)
}
