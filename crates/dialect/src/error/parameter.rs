//! Failures of parameters: the refusals that readers of [`Fields`](crate::Fields) give.

use super::ApiError;
use crate::reasons;
use crate::wording::{alternatives, clipped, elided, no_such_message};
use coffer_base::Currency;
use std::borrow::Cow;

/// Constructors of parameter errors: all 400 and `invalid_request_error`.
impl ApiError {
    /// A request that is wrong as a whole, so that no single parameter is to blame.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::request(400, &reasons::REQUEST_INVALID, message)
    }

    /// A parameter that is wrong; `param` is its bracket path.
    pub fn invalid_param(param: impl Into<String>, message: impl Into<Cow<'static, str>>) -> Self {
        let param = param.into();
        let about = declared(&param).to_owned();
        Self::invalid(message)
            .because(&reasons::PARAMETER_INVALID)
            .with_param(param)
            .with_about(about)
    }

    /// A required parameter that was not sent.
    pub fn parameter_missing(path: impl Into<String>) -> Self {
        let path = path.into();
        let message = format!("Missing required param: {path}.");
        Self::invalid_param(path, message)
            .because(&reasons::PARAMETER_MISSING)
            .with_code("parameter_missing")
    }

    /// An empty value for a parameter that cannot be unset.
    pub fn parameter_empty(path: impl Into<String>) -> Self {
        let path = path.into();
        let message = format!(
            "'{path}' was sent as an empty string. An empty value asks to unset a parameter, \
             and '{path}' cannot be unset: leave it out, or give it a value."
        );
        Self::invalid_param(path, message)
            .because(&reasons::PARAMETER_EMPTY)
            .with_code("parameter_invalid_empty")
    }

    /// Parameters that the operation does not know; `param` is the first of them.
    pub fn parameters_unknown(paths: &[String]) -> Self {
        let plural = if paths.len() == 1 { "" } else { "s" };
        let message = format!("Received unknown parameter{plural}: {}", paths.join(", "));
        let error = Self::invalid(message)
            .because(&reasons::PARAMETER_UNKNOWN)
            .with_code("parameter_unknown");
        match paths.first() {
            Some(first) => error.with_param(first),
            None => error,
        }
    }

    /// A value that is no integer; at most
    /// [`ECHO_CHARACTERS`](crate::limits::ECHO_CHARACTERS) of `shown` are shown.
    pub fn invalid_integer(path: impl Into<String>, shown: &str) -> Self {
        let message = format!("Invalid integer: {}", clipped(shown));
        Self::invalid_param(path, message)
            .because(&reasons::PARAMETER_INTEGER)
            .with_code("parameter_invalid_integer")
    }

    /// An integer below the smallest that is allowed.
    pub fn integer_below(path: impl Into<String>, least: i64) -> Self {
        let message = format!("This value must be greater than or equal to {least}.");
        Self::invalid_param(path, message)
            .because(&reasons::PARAMETER_RANGE)
            .with_code("parameter_invalid_integer")
    }

    /// An integer above the largest that is allowed.
    pub fn integer_above(path: impl Into<String>, most: i64) -> Self {
        let message = format!("This value must be less than or equal to {most}.");
        Self::invalid_param(path, message)
            .because(&reasons::PARAMETER_RANGE)
            .with_code("parameter_invalid_integer")
    }

    /// A value that is neither `true` nor `false`; shown as far as an integer is.
    pub fn invalid_boolean(path: impl Into<String>, shown: &str) -> Self {
        Self::invalid_param(path, format!("Invalid boolean: {}", clipped(shown)))
            .because(&reasons::PARAMETER_TYPE)
    }

    /// Plain text, or a list, where an object belongs.
    pub fn invalid_object(path: impl Into<String>) -> Self {
        Self::invalid_param(path, "Invalid object").because(&reasons::PARAMETER_TYPE)
    }

    /// Plain text where a list belongs.
    pub fn invalid_array(path: impl Into<String>) -> Self {
        Self::invalid_param(path, "Invalid array").because(&reasons::PARAMETER_TYPE)
    }

    /// An object or a list where plain text belongs that is no secret; `shown` as far as an integer
    /// is.
    pub fn invalid_string(path: impl Into<String>, shown: &str) -> Self {
        Self::invalid_param(path, format!("Invalid string: {}", clipped(shown)))
            .because(&reasons::PARAMETER_TYPE)
    }

    /// An object or a list where secret text belongs: nothing of it is shown.
    pub fn secret_not_text(path: impl Into<String>) -> Self {
        Self::invalid_param(path, "Invalid string").because(&reasons::PARAMETER_TYPE)
    }

    /// A list whose explicit keys are not 0, 1, 2 and so on.
    pub fn array_keys<'k>(
        path: impl Into<String>,
        keys: impl IntoIterator<Item = &'k str>,
    ) -> Self {
        let path = path.into();
        let keys: Vec<String> = keys.into_iter().map(|key| format!("[{key}]")).collect();
        let message = format!(
            "Invalid array: the keys of '{path}' must be [0], [1], [2] and so on, from [0] and \
             without a gap, or all be []. Received: {}",
            keys.join(", ")
        );
        Self::invalid_param(path, message).because(&reasons::PARAMETER_INDEXES)
    }

    /// A code of no currency; the message lists those that there are.
    pub fn invalid_currency(path: impl Into<String>, shown: &str) -> Self {
        let codes: Vec<String> = Currency::all().map(|each| each.to_string()).collect();
        let message = format!(
            "Invalid currency: {}. It must be one of these codes: {}",
            clipped(shown),
            codes.join(", ")
        );
        Self::invalid_param(path, message).because(&reasons::PARAMETER_CURRENCY)
    }

    /// A value that is none of `choices`, which are listed as a sentence lists them.
    pub fn invalid_choice<'c>(
        path: impl Into<String>,
        choices: impl IntoIterator<Item = &'c str>,
    ) -> Self {
        let path = path.into();
        let message = format!("Invalid {path}: must be one of {}", alternatives(choices));
        Self::invalid_param(path, message).because(&reasons::PARAMETER_CHOICE)
    }

    /// Text longer than `most` characters, shown by its first and last four. Not for secrets.
    pub fn too_long(path: impl Into<String>, value: &str, most: usize) -> Self {
        let message =
            format!("Invalid string: {}; must be at most {most} characters", elided(value, 4, 8));
        Self::invalid_param(path, message).because(&reasons::PARAMETER_TOO_LONG)
    }

    /// A secret value longer than `most` characters; the message has its length, and none of it.
    pub fn secret_too_long(path: impl Into<String>, length: usize, most: usize) -> Self {
        let message = format!(
            "Invalid string: the value has {length} characters; must be at most {most} characters"
        );
        Self::invalid_param(path, message).because(&reasons::PARAMETER_TOO_LONG)
    }

    /// Text with a NUL character in it, which PostgreSQL cannot store.
    pub fn nul_character(path: impl Into<String>) -> Self {
        Self::invalid_param(path, "Invalid string: it must not contain the NUL character")
            .because(&reasons::PARAMETER_NUL)
    }

    /// An object that a parameter or a cursor refers to and that does not exist.
    pub fn no_such(kind: &str, id: &str, param: &str) -> Self {
        Self::invalid_param(param, no_such_message(kind, id))
            .because(&reasons::REFERENCE_MISSING)
            .with_code("resource_missing")
    }

    /// Both cursors of a list; no single parameter is to blame.
    pub fn both_cursors() -> Self {
        Self::invalid(
            "'starting_after' and 'ending_before' are mutually exclusive: send one of them.",
        )
        .because(&reasons::CURSORS_BOTH)
    }
}

/// The part of a parameter's path that operations declare: keys of metadata are callers' own.
fn declared(path: &str) -> &str {
    if path.starts_with("metadata[") { "metadata" } else { path }
}
