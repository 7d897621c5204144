//! How a verb ends.

use coffer::assemble::AssembleError;
use std::process::ExitCode;

/// The exit codes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Done.
    Done,
    /// Failed, for a reason that has no code of its own.
    Failed,
    /// Wrong arguments or settings.
    Usage,
    /// What was named does not exist.
    NotFound,
    /// The key is missing, unknown, or lacks the permission.
    Refused,
    /// The server cannot be reached, or cannot answer now.
    Unavailable,
    /// The root of trust cannot be reached, or refuses.
    Root,
    /// A second signal ended the server.
    Interrupted,
    /// As the command of `coffer run` or `coffer dev` did.
    Child(u8),
}

/// Every code and its meaning, for `coffer help` and the documents.
pub const CODES: [(Exit, u8, &str); 8] = [
    (Exit::Done, 0, "done"),
    (
        Exit::Failed,
        1,
        "failed, or a check of `coffer doctor`, `health`, `ledger verify` or `audit verify` did",
    ),
    (Exit::Usage, 2, "wrong arguments or settings; nothing was tried"),
    (Exit::NotFound, 3, "what was named does not exist"),
    (Exit::Refused, 4, "the key is missing, unknown, or may not do this"),
    (Exit::Unavailable, 5, "the server cannot be reached or cannot answer now; try again"),
    (Exit::Root, 6, "the root of trust cannot be reached, or refuses; the store stays shut"),
    (Exit::Interrupted, 130, "a second signal ended the server before its requests"),
];

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        if let Exit::Child(code) = exit {
            return Self::from(code);
        }
        let code = CODES.iter().find(|(known, ..)| *known == exit);
        code.map_or(Self::FAILURE, |(_, code, _)| Self::from(*code))
    }
}

/// Why a verb failed. The message is for a person, and holds no secret.
#[derive(Debug)]
pub struct Failure {
    /// The code to end with.
    pub exit: Exit,
    /// What to print; nothing if it is empty.
    pub message: String,
    /// The parameter that the server refused, if it named one.
    pub param: Option<String>,
}

impl Failure {
    /// A failure that ends with `exit`.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), param: None }
    }

    /// A failure without a code of its own.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// Arguments or settings that cannot be used.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }
}

/// Errors of stores, keyring and root key too, since each converts into an [`AssembleError`].
impl<E: Into<AssembleError>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        let exit = match &error {
            AssembleError::Root(root) if root.is_withheld() => Exit::Root,
            _ => Exit::Failed,
        };
        Self::new(exit, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_these_codes() {
        let row = |(_, code, meaning): &(Exit, u8, &str)| format!("| {code} | {meaning} |\n");
        let rows: String = CODES.iter().map(row).collect();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains(&rows), "docs/cli.md must have these rows:\n\n{rows}");
    }
}
