//! Why there is no root key. Each message says what to do about it, and none shows the key.

use std::io;
use std::path::PathBuf;

/// Why the root key could not be used or kept.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// None of the files that may hold it exists.
    #[error(
        "the root key is missing: it was looked for at {places}; put it back from where you keep \
         your copy, or say where it is with --root-key",
        places = joined(.looked)
    )]
    Missing {
        /// The paths that were tried, in this order.
        looked: Vec<PathBuf>,
    },
    /// Its file exists, and the system does not let it be read.
    #[error(
        "the root key {path} cannot be read: {kind}; let it be a file that the user who runs Coffer \
         owns and may read",
        path = .path.display(),
        kind = .source.kind()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Others than its owner may read or write its file.
    #[error(
        "the root key {path} is too open: its mode is {mode:03o}, so others than its owner can \
         reach it; run `chmod 600 {path}`",
        path = .path.display()
    )]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is not one line of the right form.
    #[error(
        "the root key in {place} is malformed: one line 'coffer-root-1 <store id> <64 hexadecimal \
         digits>' was expected; put it back from where you keep your copy"
    )]
    Malformed {
        /// The file, or the name of the variable.
        place: String,
    },
    /// It is a root key of another store.
    #[error(
        "the root key belongs to another store: it is the key of {key}, and this store is {store}; \
         say where the key of {store} is with --root-key"
    )]
    OtherStore {
        /// The store that the key belongs to.
        key: String,
        /// The store that is to be opened.
        store: String,
    },
    /// A new key was to be written to a path that exists, which is never overwritten.
    #[error(
        "{path} exists already and is not overwritten: without the key in it, the store that it \
         belongs to can never be opened; choose another place",
        path = .path.display()
    )]
    Exists {
        /// The existing file.
        path: PathBuf,
    },
    /// A new key could not be written.
    #[error(
        "the root key {path} cannot be written: {kind}; choose another place, or let the user that \
         runs Coffer write there",
        path = .path.display(),
        kind = .source.kind()
    )]
    NotWritten {
        /// The file that was to be created.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The id of the store has other characters than letters, digits, `_` and `-`, or too many,
    /// so no file can be named after it.
    #[error(
        "the store's id is damaged: letters, digits, '_' and '-' were expected; restore the store \
         from a backup"
    )]
    StoreId,
}

/// The paths as a sentence lists them.
fn joined(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    paths.join(" and at ")
}
