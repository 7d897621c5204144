//! Why there is no root key. Each message says what to do about it, and none shows the key.

use coffer_secretfile::SecretFileError;
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
    /// Its file exists and cannot be read, or others than its owner can reach it.
    #[error("the root key {0}")]
    File(#[from] SecretFileError),
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
    /// A new key cannot be put there by the program.
    #[error("a new root key cannot be put into {place}: {advice}")]
    NotStored {
        /// Where it cannot be put.
        place: &'static str,
        /// What to do instead.
        advice: &'static str,
    },
    /// What it takes to open the root is missing: the passphrase, the PIN or the token.
    #[error(
        "{what} is missing: give the path of a file with it as --root-secret or \
         COFFER_ROOT_SECRET_FILE, or run this on a terminal, which asks for it"
    )]
    NoSecret {
        /// What is missing.
        what: &'static str,
    },
    /// The passphrase, the PIN or the token cannot be used.
    #[error("{what} cannot be used: {why}")]
    Secret {
        /// What cannot be used.
        what: &'static str,
        /// Why, without it.
        why: String,
    },
    /// The passphrase is not the one under which the root key was kept.
    #[error(
        "the passphrase does not open the root key: it is another one, or what is stored beside \
         the keys was changed; nothing was changed by this attempt"
    )]
    WrongPassphrase,
    /// Nothing answers there, or it says that it cannot now.
    #[error(
        "the root of trust cannot be reached: {place}: {why}; start again once it answers, or give \
         another root that this store accepts"
    )]
    Unreachable {
        /// Where it is.
        place: String,
        /// What was seen.
        why: String,
    },
    /// It answers, and says no.
    #[error("the root of trust refuses: {place}: {why}")]
    Refused {
        /// Where it is.
        place: String,
        /// What it said, and what to do.
        why: String,
    },
    /// It answers with something else than was asked for.
    #[error(
        "the root of trust gave no usable answer: {place}: {why}; check that the address is the \
         right one, and what stands between"
    )]
    Answer {
        /// Where it is.
        place: String,
        /// What is wrong with the answer.
        why: String,
    },
    /// What was kept beside the keys, or what opening it gave, is no root key.
    #[error(
        "the root key that {place} gives is damaged: restore the key store from a backup, or open \
         it with another root that it accepts"
    )]
    Damaged {
        /// What gave it.
        place: String,
    },
    /// The store's keys are not wrapped for a root of this kind.
    #[error(
        "this store does not accept {place} as its root of trust: it accepts {accepted}; name one \
         of these (root), and move to another with `coffer keyring root migrate --to …`"
    )]
    NotAccepted {
        /// The root that was given.
        place: String,
        /// Those that would do.
        accepted: String,
    },
    /// The text that names a root cannot be understood.
    #[error("{0}")]
    Spec(String),
}

impl RootError {
    /// Whether another attempt may succeed.
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    /// Whether the root is kept by something that did not give it, be it out of reach or unwilling.
    pub const fn is_withheld(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Refused { .. } | Self::Answer { .. })
    }
}

/// The paths as a sentence lists them.
fn joined(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    paths.join(" and at ")
}
