//! Why there is no root key. Each message says what to do about it, and none shows the key.

use std::path::PathBuf;
use std::{fmt, io};

/// Why the root key could not be used or kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RootError {
    /// None of the files that may hold it exists.
    Missing {
        /// The paths that were tried, in this order.
        looked: Vec<PathBuf>,
    },
    /// Its file exists, and the system does not let it be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        kind: io::ErrorKind,
    },
    /// Others than its owner may read or write its file.
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is not one line of the right form.
    Malformed {
        /// The file, or the name of the variable.
        place: String,
    },
    /// It is a root key of another store.
    OtherStore {
        /// The store that the key belongs to.
        key: String,
        /// The store that is to be opened.
        store: String,
    },
    /// A new key was to be written to a path that exists, which is never overwritten.
    Exists {
        /// The existing file.
        path: PathBuf,
    },
    /// A new key could not be written.
    NotWritten {
        /// The file that was to be created.
        path: PathBuf,
        /// The system's error.
        kind: io::ErrorKind,
    },
    /// The id of the store has other characters than letters, digits, `_` and `-`, or too many,
    /// so no file can be named after it.
    StoreId,
}

impl fmt::Display for RootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { looked } => {
                f.write_str("the root key is missing: it was looked for at ")?;
                for (at, path) in looked.iter().enumerate() {
                    write!(f, "{}{}", if at == 0 { "" } else { " and at " }, path.display())?;
                }
                f.write_str(
                    "; put it back from where you keep your copy, or say where it is with \
                     --root-key",
                )
            }
            Self::Unreadable { path, kind } => write!(
                f,
                "the root key {path} cannot be read: {kind}; let the user that runs Coffer own \
                 and read it",
                path = path.display()
            ),
            Self::TooOpen { path, mode } => write!(
                f,
                "the root key {path} is too open: its mode is {mode:03o}, so others than its \
                 owner can reach it; run `chmod 600 {path}`",
                path = path.display()
            ),
            Self::Malformed { place } => write!(
                f,
                "the root key in {place} is malformed: one line 'coffer-root-1 <store id> \
                 <64 hexadecimal digits>' was expected; put it back from where you keep your copy"
            ),
            Self::OtherStore { key, store } => write!(
                f,
                "the root key belongs to another store: it is the key of {key}, and this store \
                 is {store}; say where the key of {store} is with --root-key"
            ),
            Self::Exists { path } => write!(
                f,
                "{path} exists already and is not overwritten: without the key in it, the store \
                 that it belongs to can never be opened; choose another place",
                path = path.display()
            ),
            Self::NotWritten { path, kind } => write!(
                f,
                "the root key {path} cannot be written: {kind}; choose another place, or let the \
                 user that runs Coffer write there",
                path = path.display()
            ),
            Self::StoreId => f.write_str(
                "the store's id is damaged: letters, digits, '_' and '-' were expected; restore \
                 the store from a backup",
            ),
        }
    }
}

impl std::error::Error for RootError {}
