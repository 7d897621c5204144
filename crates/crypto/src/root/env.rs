//! The root key in an environment variable, for platforms that give a service nothing else.

use super::{RootError, RootKey, text};

/// The variable's name.
pub const VARIABLE: &str = "COFFER_ROOT_KEY";

/// Parses the variable's value. The caller reads the variable, and should remove it from the
/// environment, which child processes inherit.
///
/// # Errors
/// [`RootError::Malformed`] if it is not one line of the right form.
pub fn parse(text: &str) -> Result<RootKey, RootError> {
    let malformed = || RootError::Malformed { place: VARIABLE.to_owned() };
    text::parse(text.as_bytes()).ok_or_else(malformed)
}
