//! What can go wrong with stored rows, in words that hold no stored value.

use std::fmt;

use rusqlite::ErrorCode;

/// The result of a call into the store.
pub type Result<T> = std::result::Result<T, StorageError>;

/// Why the store could not do what was asked.
///
/// No text in here contains the value of a parameter or a column: the database reports names of
/// tables, columns and constraints only, and the SQL texts are constants of this program.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StorageError {
    /// The writer's queue is full (`limit::WRITE_QUEUE`). Nothing was done; try again.
    Busy,
    /// The disk is full or failing, or the database cannot be reached. Nothing was kept of the
    /// unit of work; trying again can succeed once the cause is gone.
    Unavailable(String),
    /// Other transactions held what this one needed for too long, or got into its way again and
    /// again. Nothing was kept; try again.
    LockTimeout,
    /// A statement broke a constraint of the schema. The whole unit of work is lost: this is an
    /// error of the program, never a way to decide something.
    Constraint(String),
    /// Stored data is not what the schema promises.
    Corrupt(String),
    /// The database refused a statement: an error of the program.
    Engine(String),
    /// It cannot be known whether the unit of work was kept. A retry with the same idempotency
    /// key finds the stored answer or nothing.
    UnknownOutcome(String),
    /// The unit of work panicked; nothing of it was kept.
    Panicked,
    /// The unit of work waited for something other than its transaction; nothing was kept.
    Waited,
    /// The store is closed, or was opened for reading only.
    Closed,
    /// The database at this address was never used.
    NoStore(String),
    /// The store's schema does not fit this build, or a migration failed.
    Schema(String),
    /// Another process uses the data directory.
    Locked(String),
    /// A file or directory could not be made, read or moved.
    File(String),
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("too many writes are waiting; try again"),
            Self::LockTimeout => {
                f.write_str("other transactions held what this one needed for too long; try again")
            }
            Self::Unavailable(why) => write!(f, "the database is unavailable: {why}"),
            Self::Constraint(why) => write!(f, "a constraint of the schema was broken: {why}"),
            Self::Corrupt(why) => write!(f, "stored data is damaged: {why}"),
            Self::Engine(why) => write!(f, "the database refused a statement: {why}"),
            Self::UnknownOutcome(why) => {
                write!(f, "it is unknown whether the write was kept: {why}")
            }
            Self::Panicked => f.write_str("a unit of work panicked and was rolled back"),
            Self::Waited => f.write_str(
                "a unit of work waited for something other than its transaction, and was \
                 rolled back",
            ),
            Self::Closed => f.write_str("the store is closed for this"),
            Self::NoStore(place) => {
                write!(f, "there is no store in {place}; make one with `coffer init`")
            }
            Self::Schema(why) | Self::Locked(why) | Self::File(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for StorageError {}

impl StorageError {
    /// A failure of the file system at `path`, which is shown, while doing `what`.
    pub(crate) fn file(what: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::File(format!("cannot {what} {}: {error}", path.display()))
    }

    /// This error with the file or the database that it is about, where somebody must find it.
    pub(crate) fn at(self, place: impl fmt::Display) -> Self {
        let named = |why: String| format!("{place}: {why}");
        match self {
            Self::Unavailable(why) => Self::Unavailable(named(why)),
            Self::Corrupt(why) => Self::Corrupt(named(why)),
            Self::Engine(why) => Self::Engine(named(why)),
            other => other,
        }
    }

    /// This error as the reason why a whole group of units was lost.
    pub(crate) fn of_group(&self) -> Self {
        match self {
            Self::Unavailable(_) | Self::UnknownOutcome(_) => self.clone(),
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl From<rusqlite::Error> for StorageError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error;
        match error {
            Error::SqliteFailure(code, message) => {
                classify(code, message.unwrap_or_else(|| code.to_string()))
            }
            // The driver's own text would repeat the whole statement.
            Error::SqlInputError { error: code, msg, .. } => classify(code, msg),
            Error::Utf8Error(column, _) => {
                Self::Corrupt(format!("column {column} holds text that is not UTF-8"))
            }
            Error::InvalidPath(path) => {
                Self::File(format!("the path {} is not UTF-8", path.display()))
            }
            other => Self::Engine(other.to_string()),
        }
    }
}

fn classify(code: rusqlite::ffi::Error, message: String) -> StorageError {
    match code.code {
        ErrorCode::ConstraintViolation => StorageError::Constraint(message),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StorageError::Corrupt(message),
        ErrorCode::DiskFull
        | ErrorCode::SystemIoFailure
        | ErrorCode::OutOfMemory
        | ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::ReadOnly
        | ErrorCode::CannotOpen
        | ErrorCode::OperationInterrupted
        | ErrorCode::PermissionDenied => StorageError::Unavailable(message),
        _ => StorageError::Engine(message),
    }
}
