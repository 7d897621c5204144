//! The root key in a file: the operator's own, or a credential of the service manager.

use super::{Kind, Root, RootError, RootKey, default_path, text};
use crate::limits;
use coffer_base::Random;
use coffer_secretfile::{self as secretfile, Cause};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The root key in a file.
pub enum RootFile {
    /// At this path.
    At(PathBuf),
    /// At the [`default_path`] in this directory.
    In(PathBuf),
}

impl RootFile {
    fn file(&self, store_id: &str) -> PathBuf {
        match self {
            Self::At(path) => path.clone(),
            Self::In(config_home) => default_path(config_home, store_id),
        }
    }
}

impl Root for RootFile {
    fn kind(&self) -> Kind {
        Kind::Key
    }

    fn place(&self, store_id: &str) -> String {
        self.file(store_id).display().to_string()
    }

    fn path(&self, store_id: &str) -> Option<PathBuf> {
        Some(self.file(store_id))
    }

    fn keep(&self, key: &RootKey, _random: &dyn Random) -> Result<Vec<u8>, RootError> {
        text::check_store_id(key.store_id())?;
        create(&self.file(key.store_id()), key)?;
        Ok(Vec::new())
    }

    fn open(&self, store_id: &str, _kept: &[u8]) -> Result<RootKey, RootError> {
        text::check_store_id(store_id)?;
        let key = load(&self.file(store_id))?;
        key.belongs_to(store_id)?;
        Ok(key)
    }
}

/// Reads the root key from the file `path`: the operator's own, or a credential of the service
/// manager.
///
/// # Errors
/// [`RootError::Missing`] if there is no such file, [`RootError::File`] if the system refuses to
/// read it, or if its owner or mode would let others reach it, [`RootError::Malformed`] if it is
/// not one line of the right form.
pub fn load(path: &Path) -> Result<RootKey, RootError> {
    let malformed = || RootError::Malformed { place: path.display().to_string() };
    let bytes =
        secretfile::read(path, limits::ROOT_KEY_BYTES).map_err(|error| match error.cause {
            Cause::Missing => RootError::Missing { looked: vec![path.to_owned()] },
            // No key is as long.
            Cause::TooLong => malformed(),
            _ => RootError::File(error),
        })?;
    text::parse(&bytes).ok_or_else(malformed)
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
