//! What SQLite's errors mean. Its messages name tables, columns and constraints, and no values.

use rusqlite::{Error, ErrorCode};

use crate::error::{Cause, StorageError};

impl From<Error> for StorageError {
    fn from(error: Error) -> Self {
        match &error {
            Error::SqliteFailure(code, message) => {
                let text = message.clone().unwrap_or_else(|| code.to_string());
                classify(code.code)(Cause::with_source(text, error))
            }
            // The driver's own text would repeat the whole statement.
            Error::SqlInputError { error: code, msg, .. } => {
                classify(code.code)(Cause::with_source(msg.clone(), error))
            }
            Error::Utf8Error(column, _) => {
                let text = format!("column {column} holds text that is not UTF-8");
                Self::Corrupt(Cause::with_source(text, error))
            }
            Error::InvalidPath(path) => {
                let text = format!("the path {} is not UTF-8", path.display());
                Self::File(Cause::with_source(text, error))
            }
            _ => Self::Rejected(Cause::of(error)),
        }
    }
}

fn classify(code: ErrorCode) -> fn(Cause) -> StorageError {
    match code {
        ErrorCode::ConstraintViolation => StorageError::Constraint,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StorageError::Corrupt,
        ErrorCode::DiskFull => StorageError::NoSpace,
        ErrorCode::SystemIoFailure
        | ErrorCode::OutOfMemory
        | ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::ReadOnly
        | ErrorCode::CannotOpen
        | ErrorCode::OperationInterrupted
        | ErrorCode::PermissionDenied => StorageError::Unavailable,
        _ => StorageError::Rejected,
    }
}
