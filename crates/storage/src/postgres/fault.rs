//! What the server's errors mean.

use tokio_postgres::error::{Error, Severity, SqlState};

use crate::error::StorageError;

/// An error, and whether another transaction was in the way, so that trying again helps.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) error: StorageError,
    pub(super) in_the_way: bool,
    /// Whether the server said so: if not, it may have carried out what it was sent.
    pub(super) told: bool,
}

impl Fault {
    pub(super) fn of(error: &Error) -> Self {
        let Some(told) = error.as_db_error() else {
            let why = std::error::Error::source(error).map(ToString::to_string);
            let why = why.unwrap_or_else(|| error.to_string());
            return Self { error: StorageError::Unavailable(why), in_the_way: false, told: false };
        };
        let (code, message) = (told.code(), told.message().to_owned());
        let conflict = [
            &SqlState::T_R_SERIALIZATION_FAILURE,
            &SqlState::T_R_DEADLOCK_DETECTED,
            // Two units wanted to be the first: the other one is done, and will be seen.
            &SqlState::UNIQUE_VIOLATION,
        ];
        Self {
            error: classify(code, message, told.constraint()),
            in_the_way: conflict.contains(&code),
            // What ends the session ends it in the midst of something, also of a commit that is
            // kept: a server that goes down says so, and a pooler that lost its server.
            told: told.parsed_severity() == Some(Severity::Error),
        }
    }

    /// What was wrong, without what it means for whoever asked.
    pub(super) fn why(self) -> String {
        match self.error {
            StorageError::Unavailable(why) | StorageError::Engine(why) => why,
            other => other.to_string(),
        }
    }
}

/// States of a transaction that are not ours to be in, and that can pass: the server takes no
/// writes, or heard nothing of us for too long.
const PASSING: [&SqlState; 2] =
    [&SqlState::READ_ONLY_SQL_TRANSACTION, &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT];

/// The message of a constraint names it and no value; the server's detail, which does, is not
/// read.
fn classify(code: &SqlState, message: String, constraint: Option<&str>) -> StorageError {
    if *code == SqlState::LOCK_NOT_AVAILABLE {
        return StorageError::LockTimeout;
    }
    match code.code().get(..2).unwrap_or_default() {
        "40" => StorageError::LockTimeout,
        "23" => StorageError::Constraint(constraint.unwrap_or("unnamed").to_owned()),
        // Out of something, going down, broken, or read only: it can pass.
        "08" | "53" | "57" | "58" | "XX" => StorageError::Unavailable(message),
        "25" if PASSING.contains(&code) => StorageError::Unavailable(message),
        "28" => StorageError::Unavailable(message),
        _ => StorageError::Engine(message),
    }
}
