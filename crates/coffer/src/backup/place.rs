//! A place for a while: a directory that nobody else can enter, removed when it is not needed.

use super::{file_error, refused};
use crate::assemble::AssembleError;
use coffer_storage::{DirectoryLock, check_directory};
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// A directory (mode 0700) with a name that depends on its store alone: what a killed program left
/// there is removed by the next, and two at once do not share it.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    _lock: DirectoryLock,
}

impl Place {
    /// Makes it in `parent` for a backup of `store`.
    pub(super) fn make(parent: &Path, store: &str) -> Result<Self, AssembleError> {
        let path = parent.join(format!("coffer-verify-{store}"));
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(file_error(&path)(error));
            }
            _ => {}
        }
        if fs::symlink_metadata(&path).is_ok_and(|about| about.is_symlink()) {
            let path = path.display();
            return Err(refused(format!("{path} is a link, and nothing is verified there")));
        }
        check_directory(&path)?;
        let lock = DirectoryLock::acquire(&path)?;
        let place = Self { path, _lock: lock };
        let _ = fs::remove_dir_all(place.stores());
        DirBuilder::new().mode(0o700).create(place.stores()).map_err(file_error(&place.path))?;
        Ok(place)
    }

    /// Where the stores go: the lock on them is theirs.
    pub(super) fn stores(&self) -> PathBuf {
        self.path.join("data")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // The next one removes what cannot be removed now.
        let _ = fs::remove_dir_all(&self.path);
    }
}
