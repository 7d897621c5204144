//! Database files and their directories: created for the owner alone, named and flushed.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Result, StorageError};

/// Creates the directory (mode 0700) of `path` if it does not exist.
pub(crate) fn create_parent(path: &Path) -> Result<()> {
    let directory = parent(path);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| StorageError::file("make the directory", directory, error))
}

/// The directory of `path`.
pub(crate) fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// How a file is opened for writing that only its owner may read.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

/// Flushes the directory entry of `path`: a new name is durable only when its directory is.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    File::open(parent(path))?.sync_all()
}

/// `path` with `suffix` after its last letter.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// Where the copy of the database at `path` is kept that is made before a migration:
/// `coffer.db` becomes `coffer.db.before-secrets-3`.
pub(crate) fn copy_before_migration(path: &Path, component: &str, version: u32) -> PathBuf {
    with_suffix(path, &format!(".before-{component}-{version}"))
}
