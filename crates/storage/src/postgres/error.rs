//! What the driver's errors mean.
//!
//! Of what a server reports, only the code, the message and the name of the constraint are read:
//! its detail holds values.

use tokio_postgres::error::{DbError, Error, Severity, SqlState};

use crate::error::{Cause, StorageError};

/// An error of the driver, and what it means for the transaction.
#[derive(Clone, Debug)]
pub(super) struct DriverError {
    pub(super) error: StorageError,
    /// Whether another transaction caused it, so that running the unit again may succeed.
    pub(super) is_retryable: bool,
    /// Whether the server reported it and the session goes on. If not, the server may have carried
    /// out what it was sent.
    pub(super) server_reported: bool,
}

/// What a server reported, without its detail.
#[derive(Debug, thiserror::Error)]
#[error("{message} (SQLSTATE {code})")]
struct Reported {
    code: String,
    message: String,
}

impl From<Error> for DriverError {
    fn from(error: Error) -> Self {
        let Some(reported) = error.as_db_error() else {
            return Self::unreported(error);
        };
        let code = reported.code();
        let conflict = [
            &SqlState::T_R_SERIALIZATION_FAILURE,
            &SqlState::T_R_DEADLOCK_DETECTED,
            // Another unit inserted the same key first: the next attempt sees its row.
            &SqlState::UNIQUE_VIOLATION,
        ];
        Self {
            error: classify(reported),
            is_retryable: conflict.contains(&code),
            // What ends the session may end it during a commit that is kept: a server that shuts
            // down reports so, and so does a pooler that lost its server.
            server_reported: reported.parsed_severity() == Some(Severity::Error),
        }
    }
}

impl From<Error> for StorageError {
    fn from(error: Error) -> Self {
        DriverError::from(error).error
    }
}

impl From<StorageError> for DriverError {
    /// An error in a result that the server did return.
    fn from(error: StorageError) -> Self {
        Self { error, is_retryable: false, server_reported: true }
    }
}

impl DriverError {
    fn unreported(error: Error) -> Self {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        let text = source.unwrap_or_else(|| error.to_string());
        let error = StorageError::Unavailable(Cause::with_source(text, error));
        Self { error, is_retryable: false, server_reported: false }
    }

    /// What went wrong, without what it means for the caller.
    pub(super) fn into_cause(self) -> Cause {
        match self.error {
            StorageError::Unavailable(cause)
            | StorageError::Rejected(cause)
            | StorageError::NoSpace(cause) => cause,
            other => Cause::of(other),
        }
    }
}

/// States of a transaction that can pass: the server takes no writes, or ended a transaction that
/// was idle for too long.
const PASSING: [&SqlState; 2] =
    [&SqlState::READ_ONLY_SQL_TRANSACTION, &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT];

fn classify(reported: &DbError) -> StorageError {
    let code = reported.code();
    let with_text = |text: &str| {
        let code = code.code().to_owned();
        let source = Reported { code, message: reported.message().to_owned() };
        Cause::with_source(text.to_owned(), source)
    };
    let message = || with_text(reported.message());
    if *code == SqlState::LOCK_NOT_AVAILABLE {
        return StorageError::LockTimeout;
    }
    match code.code().get(..2).unwrap_or_default() {
        _ if *code == SqlState::DISK_FULL => StorageError::NoSpace(message()),
        "40" => StorageError::LockTimeout,
        "23" => StorageError::Constraint(with_text(reported.constraint().unwrap_or("unnamed"))),
        // Connection, resources, operator intervention, system and internal errors can pass.
        "08" | "53" | "57" | "58" | "XX" => StorageError::Unavailable(message()),
        "25" if PASSING.contains(&code) => StorageError::Unavailable(message()),
        "28" => StorageError::Unavailable(message()),
        _ => StorageError::Rejected(message()),
    }
}
