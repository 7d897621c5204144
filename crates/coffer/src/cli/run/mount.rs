//! A file with secrets that is on no disk and that only one command and what it starts can read.
//!
//! The text is in memory that has no name, which the command inherits open; the file is a link to
//! that as `/proc/self/fd` shows it, so whoever else opens it looks among its own open files.

use crate::cli::exit::Failure;
use rustix::fs::{MemfdFlags, Mode, SealFlags, fchmod, fcntl_add_seals, memfd_create};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// What links of ours lead to.
const OPEN_FILES: &str = "/proc/self/fd/";

/// The file; it goes when this is dropped.
pub struct Mount {
    path: PathBuf,
    target: PathBuf,
    _memory: File,
}

impl Mount {
    /// Makes the file at `path`. Commands that are started as long as it lives can read it.
    ///
    /// # Errors
    /// If something is at `path` that no earlier run has left, or the system refuses.
    pub fn make(path: &Path, text: &str) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| {
            Failure::failed(format!("{} cannot be made (--mount): {error}", path.display()))
        };
        let memory = memory(text).map_err(failed)?;
        let target = PathBuf::from(format!("{OPEN_FILES}{}", memory.as_raw_fd()));
        if is_left_over(path) {
            std::fs::remove_file(path).map_err(failed)?;
        }
        std::os::unix::fs::symlink(&target, path).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Failure::usage(format!(
                "{} is there already (--mount): name a file that is not",
                path.display()
            )),
            _ => failed(error),
        })?;
        Ok(Self { path: path.to_owned(), target, _memory: memory })
    }
}

/// Memory that commands inherit, and nobody can change any more.
fn memory(text: &str) -> std::io::Result<File> {
    let memory: OwnedFd = memfd_create("coffer-secrets", MemfdFlags::ALLOW_SEALING)?;
    let mut file = File::from(memory);
    file.write_all(text.as_bytes())?;
    fchmod(&file, Mode::RUSR)?;
    fcntl_add_seals(
        &file,
        SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL,
    )?;
    Ok(file)
}

/// Whether a run that was killed has left this link.
fn is_left_over(path: &Path) -> bool {
    std::fs::read_link(path).is_ok_and(|target| target.starts_with(OPEN_FILES))
}

impl Drop for Mount {
    fn drop(&mut self) {
        if std::fs::read_link(&self.path).is_ok_and(|target| target == self.target) {
            // Without the link nothing is left; with it, nobody can read through it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
