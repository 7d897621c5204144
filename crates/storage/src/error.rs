//! What can go wrong in the store. No text in here holds the value of a parameter or of a column.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// The result of a call into the store.
pub type Result<T> = std::result::Result<T, StorageError>;

/// Why the store could not do what was asked.
///
/// No message and no source contains the value of a parameter or a column, or a password: the
/// databases report names of tables, columns and constraints, and SQL texts are constants of this
/// program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// Too much that is asked for on the same account waits already (`limit::WRITE_QUEUE`,
    /// `limit::WAITING_PER_APP`), or its turn did not come in time. Nothing was done; try again.
    #[error("too many requests are waiting; try again")]
    Busy,
    /// The disk is full or failing, or the database cannot be reached. The unit of work was rolled
    /// back; a retry can succeed once the cause is gone.
    #[error("the database is unavailable: {0}")]
    Unavailable(#[source] Cause),
    /// There is no room on the disk, or what is left is kept for writes that take data away. The
    /// unit of work was rolled back; a retry can succeed once there is room.
    #[error("there is no room: {0}")]
    NoSpace(#[source] Cause),
    /// Another transaction kept a lock for too long, or conflicts outlasted all retries. The unit
    /// of work was rolled back; try again.
    #[error("other transactions held what this one needed for too long; try again")]
    LockTimeout,
    /// A statement broke a constraint of the schema. The unit of work was rolled back: this is an
    /// error of the program, never a way to decide something.
    #[error("a constraint of the schema was broken: {0}")]
    Constraint(#[source] Cause),
    /// Stored data is damaged, or is not what the program writes.
    #[error("stored data is damaged: {0}")]
    Corrupt(#[source] Cause),
    /// The database refused a statement.
    #[error("the database refused a statement: {0}")]
    Rejected(#[source] Cause),
    /// A fault of this program: the store was misused, or a result has a shape that the program
    /// did not expect. The unit of work was rolled back.
    #[error("a fault of the program: {0}")]
    Internal(#[source] Cause),
    /// The commit was sent and its outcome is unknown. A retry with the same idempotency key finds
    /// the stored response, or nothing.
    #[error("it is unknown whether the write was kept: {0}")]
    UnknownOutcome(#[source] Cause),
    /// The unit of work panicked and was rolled back.
    #[error("a unit of work panicked and was rolled back")]
    Panicked,
    /// The unit of work awaited something other than its transaction, and was rolled back.
    #[error("a unit of work waited for something other than its transaction, and was rolled back")]
    Waited,
    /// The store is closed, or was opened for reading only.
    #[error("the store is closed for this")]
    Closed,
    /// The database at this address has no schema yet.
    #[error("there is no store in {0}; make one with `coffer init` and these databases")]
    NoStore(String),
    /// The store's schema does not fit this build, a migration failed, or the address of a
    /// database cannot be used.
    #[error("{0}")]
    Schema(#[source] Cause),
    /// Another process uses the data directory.
    #[error("{0}")]
    Locked(String),
    /// A file or directory could not be created, read or moved.
    #[error("{0}")]
    File(#[source] Cause),
}

impl StorageError {
    /// A failure of the file system at `path`, which is shown, while doing `what`.
    pub(crate) fn file(what: &str, path: &Path, error: std::io::Error) -> Self {
        let text = format!("cannot {what} {}: {error}", path.display());
        Self::File(Cause::with_source(text, error))
    }

    /// This error with the file or the database that it is about, for the variants whose text does
    /// not name it.
    pub(crate) fn at(self, target: impl fmt::Display) -> Self {
        match self {
            Self::Unavailable(cause) => Self::Unavailable(cause.at(target)),
            Self::NoSpace(cause) => Self::NoSpace(cause.at(target)),
            Self::Corrupt(cause) => Self::Corrupt(cause.at(target)),
            Self::Rejected(cause) => Self::Rejected(cause.at(target)),
            other => other,
        }
    }
}

/// Why something failed: a text that says it whole, and the error of the driver or of the
/// operating system behind it, if there is one. Two causes are equal if their texts are.
#[derive(Clone, Debug)]
pub struct Cause {
    text: Cow<'static, str>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl Cause {
    /// The cause that `error` is, in its own words.
    pub fn of(error: impl Error + Send + Sync + 'static) -> Self {
        Self::with_source(error.to_string(), error)
    }

    /// A text for what `source` caused.
    pub fn with_source(
        text: impl Into<Cow<'static, str>>,
        source: impl Error + Send + Sync + 'static,
    ) -> Self {
        Self { text: text.into(), source: Some(Arc::new(source)) }
    }

    fn at(self, target: impl fmt::Display) -> Self {
        Self { text: format!("{target}: {}", self.text).into(), ..self }
    }
}

impl From<&'static str> for Cause {
    fn from(text: &'static str) -> Self {
        Self { text: text.into(), source: None }
    }
}

impl From<String> for Cause {
    fn from(text: String) -> Self {
        Self { text: text.into(), source: None }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

impl PartialEq for Cause {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Cause {}
