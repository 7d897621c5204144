//! The root key in a file: the operator's own, or a credential of the service manager.

use super::{RootError, RootKey, text};
use crate::limits;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// Group and others may do nothing with an operator's file.
const OWNER_ONLY: u32 = 0o077;
/// A credential's group may read: the service manager grants the service its access so.
const NOT_FOR_THE_WORLD: u32 = 0o027;

/// Reads the root key from the operator's file `path`.
///
/// # Errors
/// [`RootError::Missing`] if there is no such file, [`RootError::Unreadable`] if the system refuses
/// to read it, [`RootError::TooOpen`] if group or others have any permission,
/// [`RootError::Malformed`] if it is not one line of the right form.
pub fn load(path: &Path) -> Result<RootKey, RootError> {
    read(path, OWNER_ONLY)
}

/// Reads the root key from `path` in the directory of the service manager's credentials, where
/// files belong to the system and the group may read them.
///
/// # Errors
/// As [`load`], but [`RootError::TooOpen`] only if the group may write or others have any
/// permission.
pub fn load_credential(path: &Path) -> Result<RootKey, RootError> {
    read(path, NOT_FOR_THE_WORLD)
}

fn read(path: &Path, forbidden: u32) -> Result<RootKey, RootError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => RootError::Missing { looked: vec![path.to_owned()] },
        _ => RootError::Unreadable { path: path.to_owned(), source: error },
    };
    // A link may lead to the file, as in directories that a service manager swaps as a whole; but
    // opening a pipe would wait for somebody at its other end.
    let kind = fs::metadata(path).map_err(failed)?.file_type();
    if !kind.is_file() {
        return Err(failed(io::ErrorKind::InvalidInput.into()));
    }
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & forbidden != 0 {
        return Err(RootError::TooOpen { path: path.to_owned(), mode });
    }
    let mut buffer = Zeroizing::new([0u8; limits::ROOT_KEY_BYTES]);
    let length = read_start(file, &mut *buffer).map_err(failed)?;
    // A longer file fills the buffer and is malformed, since no key is as long.
    let text = buffer.get(..length).unwrap_or_default();
    text::parse(text, &path.display().to_string())
}

/// Reads until `buffer` is full or the file ends, without another buffer that would not be wiped.
fn read_start(mut file: File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(rest) = buffer.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// Writes `key` to the new file `path` with mode 0600, durable when this returns. Missing
/// directories are created with mode 0700.
///
/// # Errors
/// [`RootError::Exists`] if the path exists, [`RootError::NotWritten`] if the system
/// refuses, [`RootError::StoreId`] if the key's store has no proper id.
pub fn create(path: &Path, key: &RootKey) -> Result<(), RootError> {
    let line = text::write(key)?;
    let failed = |source| RootError::NotWritten { path: path.to_owned(), source };
    let directory = directory_of(path);
    make_directories(directory).map_err(failed)?;
    let mut options = OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(0o600).open(path);
    let mut file = opened.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => RootError::Exists { path: path.to_owned() },
        _ => failed(error),
    })?;
    let written = file
        .write_all(line.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| File::open(directory)?.sync_all());
    written.map_err(|error| {
        // An incomplete file would make the next attempt fail with `Exists`. If it cannot be
        // removed either, the first error matters more.
        let _ = fs::remove_file(path);
        failed(error)
    })
}

/// Creates `directory` and its parents for their owner only, and syncs them to the disk.
fn make_directories(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let above = directory_of(directory);
    make_directories(above)?;
    match DirBuilder::new().mode(0o700).create(directory) {
        // Another process may have made it meanwhile.
        Err(error) if !directory.is_dir() => Err(error),
        _ => File::open(above)?.sync_all(),
    }
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        Some(_) => Path::new("."),
        None => Path::new("/"),
    }
}
