//! Why a batch was not acknowledged.

use std::fmt;

/// Why, in words, which are shown to operators.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct SendError(pub(super) String);

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<std::io::Error> for SendError {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}
