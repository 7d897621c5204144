//! Why a secret file was refused. Each message says what to do, and none repeats the content.

use crate::rule::{Facts, Refusal};
use coffer_base::shell;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a file with a secret cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{} {cause}", path.display())]
pub struct SecretFileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub cause: Cause,
}

/// What is wrong with a file, as the end of a sentence that begins with its path.
#[derive(Debug)]
pub enum Cause {
    /// There is nothing at the path.
    Missing,
    /// The system does not let it be read.
    Unreadable(io::Error),
    /// It is a directory.
    Directory,
    /// It is a pipe, a socket or a device.
    NotAFile,
    /// Its owner is neither the user that runs Coffer nor root.
    Owner(String),
    /// Its mode lets others read or write it.
    Open(String),
    /// It is longer than a secret of its kind can be.
    TooLong,
    /// It is no UTF-8 text.
    NotText,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("does not exist"),
            Self::Unreadable(error) => {
                let kind = error.kind();
                write!(f, "cannot be read: {kind}; let the user that runs Coffer read it")
            }
            Self::Directory => f.write_str("is a directory; name the file in it"),
            Self::NotAFile => f.write_str(
                "is no regular file but a pipe, a socket or a device; put the secret into a file",
            ),
            Self::Owner(text) | Self::Open(text) => f.write_str(text),
            Self::TooLong => f.write_str("is too long to be what is wanted here"),
            Self::NotText => f.write_str("is no UTF-8 text"),
        }
    }
}

impl SecretFileError {
    pub(crate) fn new(path: &Path, cause: Cause) -> Self {
        Self { path: path.to_owned(), cause }
    }

    /// An error of the system.
    pub(crate) fn io(path: &Path, error: io::Error) -> Self {
        let cause = match error.kind() {
            io::ErrorKind::NotFound => Cause::Missing,
            io::ErrorKind::IsADirectory => Cause::Directory,
            _ => Cause::Unreadable(error),
        };
        Self::new(path, cause)
    }

    /// A refusal by the rule, with the command or the setting that ends it.
    pub(crate) fn refused(path: &Path, refusal: Refusal, facts: Facts) -> Self {
        let Facts { mode, owner, user, read_only } = facts;
        let word = shell::word(&path.display().to_string()).into_owned();
        let advice = match (refusal, read_only) {
            (Refusal::Owner, true) => {
                format!("let it belong to user {user} or to root where that is mounted from")
            }
            (Refusal::Owner, false) => format!("let root run `chown {user} {word}`"),
            (Refusal::Open, true) => READ_ONLY.to_owned(),
            (Refusal::Open, false) if owner != user => {
                format!("let root run `chmod g-w,o= {word}`")
            }
            (Refusal::Open, false) => format!("run `chmod 600 {word}`"),
        };
        Self::new(
            path,
            match refusal {
                Refusal::Owner => Cause::Owner(format!(
                    "belongs to user {owner}, who can read and replace it, and this is user \
                     {user}; {advice}"
                )),
                Refusal::Open => Cause::Open(format!(
                    "is too open: its mode is {mode:03o}, so others than its owner can reach it; \
                 {advice}"
                )),
            },
        )
    }

    /// Whether there is nothing at the path.
    pub fn is_missing(&self) -> bool {
        matches!(self.cause, Cause::Missing)
    }
}

/// What to do where `chmod` is refused.
const READ_ONLY: &str = "it lies on a read-only mount, so set the mode to 0400 or 0440 where the \
                         mount is declared (Kubernetes: defaultMode: 0440 with an fsGroup; Podman \
                         and Compose: mode: 0400), or of the file that is mounted";
