//! The file that says that a server serves.

use crate::cli::exit::Failure;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A file that is there while the server serves.
pub struct ReadyFile(PathBuf);

impl ReadyFile {
    /// Takes away what an earlier server has left at `path`.
    ///
    /// # Errors
    /// If there is something there that cannot be removed.
    pub fn new(path: &Path) -> Result<Self, Failure> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(cannot(path, &error)),
            _ => Ok(Self(path.to_owned())),
        }
    }

    /// Writes it: whoever sees it sees all of it. Only its owner can read it, since it has keys.
    ///
    /// # Errors
    /// If its directory cannot be written.
    pub fn write(&self, text: &str) -> Result<(), Failure> {
        let directory = self.0.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new("."));
        let written = tempfile::NamedTempFile::new_in(directory).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            Ok(file.persist(&self.0)?)
        });
        written.map(drop).map_err(|error| cannot(&self.0, &error))
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        // Whoever waits for its end has waited for the process.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn cannot(path: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!(
        "the ready file {} cannot be written: {error}; name a file in a directory that this user \
         may write",
        path.display()
    ))
}
