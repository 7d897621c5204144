//! Copies of a database, made while it is in use.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use coffer_base::limit;
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use rustix::fs::OFlags;

use super::connection::{open_for_copy, open_reader};
use super::own_log;
use crate::error::{Result, StorageError};
use crate::files;

/// Copies the database at `from`, which may be in use, to the new file `to` (mode 0600), checks
/// the copy, and returns its size in bytes.
///
/// The copy is written under another name beside `to`, flushed, and renamed, so that `to` is never
/// a partial copy. What a killed copy left under that name is taken over. It is a single file,
/// without a write-ahead log.
///
/// # Errors
/// [`StorageError::File`] if `to` exists or cannot be written; [`StorageError::Corrupt`] if the
/// copy does not pass its check, [`StorageError::Unavailable`] if the database is locked.
pub fn copy_file(from: &Path, to: &Path) -> Result<u64> {
    if to.is_dir() {
        let text = format!("{} is a directory; name a file in it", to.display());
        return Err(StorageError::File(text.into()));
    }
    if fs::symlink_metadata(to).is_ok() {
        let text = format!(
            "{} exists already; a backup never overwrites, so choose another name",
            to.display()
        );
        return Err(StorageError::File(text.into()));
    }
    write_copy(from, to)
}

/// As [`copy_file`], but replaces `to`. The caller has locked the directory.
pub(crate) fn replace_copy(from: &Path, to: &Path) -> Result<u64> {
    write_copy(from, to)
}

/// Runs SQLite's `integrity_check` on the database file at `path`, which reads all of it.
///
/// # Errors
/// [`StorageError::Corrupt`] with the first finding; [`StorageError::File`] if the log beside it is
/// another database's; [`StorageError::Unavailable`] if the file cannot be opened.
pub fn check_file(path: &Path) -> Result<()> {
    let checked = own_log::require_own_log(path)
        .and_then(|()| check(&open_reader(path)?, path, "integrity_check"));
    checked.map_err(|error| error.at(path.display()))
}

/// Checks a database whose last server was killed, within the bound up to which that takes no time
/// to speak of.
///
/// # Errors
/// [`StorageError::Corrupt`] with the first finding.
pub(super) fn check_after_crash(connection: &Connection, path: &Path) -> Result<()> {
    let is_small = fs::metadata(path).is_ok_and(|meta| meta.len() <= limit::CHECKED_AT_START_BYTES);
    if is_small { check(connection, path, QUICK) } else { Ok(()) }
}

/// As `integrity_check`, without comparing the indexes with their tables.
pub(super) const QUICK: &str = "quick_check";

fn write_copy(from: &Path, to: &Path) -> Result<u64> {
    own_log::require_own_log(from)?;
    let part = partial_name(to);
    let claimed = claim(&part)?;
    let copied = copy_pages(from, &part).and_then(|()| rename_durably(&part, to));
    if copied.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&part);
    }
    drop(claimed);
    copied
}

/// Opens the file that the copy is written to, empty and locked against other backups. What a
/// backup left there that was killed is taken over: its lock ended with it.
pub(super) fn claim(part: &Path) -> Result<File> {
    let refused = |why: &str| {
        let text = format!("{} {why}", part.display());
        StorageError::File(text.into())
    };
    let follow_no_link = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
    let mut options = files::private();
    options.read(true).create(true).truncate(false).custom_flags(follow_no_link);
    let failed = |error| StorageError::file("make", part, error);
    let mut file = options.open(part).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(refused("is being written by another backup; wait for it"));
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    // The backup that held the lock may have renamed the file in between.
    let at_path = fs::symlink_metadata(part).map_err(failed)?;
    let opened = file.metadata().map_err(failed)?;
    if (at_path.dev(), at_path.ino()) != (opened.dev(), opened.ino()) {
        return Err(refused("was in use by another backup; try again"));
    }
    if !looks_like_a_copy(&mut file).map_err(failed)? {
        return Err(refused("is in the way, and is no copy that was cut short; remove it"));
    }
    for companion in ["-journal", "-wal", "-shm"] {
        // What a killed backup left would be replayed over the new copy.
        let _ = fs::remove_file(files::with_suffix(part, companion));
    }
    file.set_len(0).map_err(failed)?;
    Ok(file)
}

/// Whether a file is empty, or begins as a copy does whose writing was cut.
fn looks_like_a_copy(file: &mut File) -> io::Result<bool> {
    const MAGIC: &[u8] = b"SQLite format 3\0";
    let mut start = Vec::new();
    file.take(16).read_to_end(&mut start)?;
    Ok(start == MAGIC || start.iter().all(|byte| *byte == 0))
}

fn copy_pages(from: &Path, part: &Path) -> Result<()> {
    let source = open_reader(from)?;
    let mut copy = open_for_copy(part)?;
    // All pages in one step: a copy in small steps starts over with every write in between.
    let outcome = Backup::new(&source, &mut copy)?.step(-1)?;
    if outcome != StepResult::Done {
        let text = "the database is locked by another process; try the copy again";
        return Err(StorageError::Unavailable(text.into()));
    }
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    check(&copy, part, QUICK)
}

pub(super) fn check(connection: &Connection, path: &Path, how: &str) -> Result<()> {
    let verdict: String =
        connection.query_row(&format!("PRAGMA {how}(1)"), [], |row| row.get(0))?;
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
