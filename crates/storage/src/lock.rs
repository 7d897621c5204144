//! One server for one data directory.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::error::{Result, StorageError};
use crate::place;

const LOCK_FILE: &str = "coffer.lock";

/// The exclusive lock on a data directory, released when dropped.
///
/// The lock is advisory and belongs to the open file: the operating system releases it with the
/// process, however that ends, so no stale lock is ever left behind.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Locks `directory`, which must exist.
    ///
    /// # Errors
    /// [`StorageError::Locked`] if another process has locked it, with that process's number if it
    /// can be read; [`StorageError::File`] if the lock file cannot be created, is a link or
    /// anything else than a file, or lies where others can write.
    pub fn acquire(directory: &Path) -> Result<Self> {
        let path = directory.join(LOCK_FILE);
        let mut file = place::open_own(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(directory, &mut file)),
            Err(TryLockError::Error(error)) => {
                return Err(StorageError::file("lock", &path, error));
            }
        }
        record_process(&mut file)
            .map_err(|error| StorageError::file("write the lock file", &path, error))?;
        Ok(Self { _file: file })
    }
}

fn record_process(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn in_use(directory: &Path, file: &mut File) -> StorageError {
    let mut text = String::new();
    // 20 digits hold any process number.
    let read = file.take(20).read_to_string(&mut text);
    let process = match text.trim().parse::<u32>() {
        Ok(number) if read.is_ok() => format!(" (process {number})"),
        _ => String::new(),
    };
    StorageError::Locked(format!(
        "the data directory {} is in use by another coffer{process}; stop that one, or choose \
         another directory",
        directory.display()
    ))
}
