//! Parameters that several operations on ledgers read.

use crate::model::account::SourceType;
use crate::reasons;
use coffer_base::{Currency, Timestamp, limit};
use coffer_dialect::{ApiError, Fields, limits};

/// A required id of the processor: 1 to [`limit::PROCESSOR_ID_CHARACTERS`] characters that need no
/// escape in a URL, since ids are parts of paths.
pub(crate) fn processor_id(fields: &Fields<'_>, name: &str) -> Result<String, ApiError> {
    let id = fields.required_plain(name, limit::PROCESSOR_ID_CHARACTERS)?;
    check_processor_id(&fields.path(name), &id)?;
    Ok(id)
}

/// An optional id of the processor.
pub(crate) fn optional_processor_id(
    fields: &Fields<'_>,
    name: &str,
) -> Result<Option<String>, ApiError> {
    let id = fields.optional_plain(name, limit::PROCESSOR_ID_CHARACTERS)?;
    if let Some(id) = &id {
        check_processor_id(&fields.path(name), id)?;
    }
    Ok(id)
}

/// Refuses an id with a character outside the unreserved set of URLs (RFC 3986).
pub(crate) fn check_processor_id(name: &str, id: &str) -> Result<(), ApiError> {
    let unreserved = |sign: char| sign.is_ascii_alphanumeric() || "-._~".contains(sign);
    // Alone, dots are no name in a path but a direction.
    if id.chars().all(unreserved) && !matches!(id, "." | "..") {
        return Ok(());
    }
    let shown: String = id.chars().take(limits::ECHO_CHARACTERS).collect();
    Err(ApiError::invalid_param(
        name,
        format!(
            "Invalid {name}: '{shown}'. Ids are made of the letters A to Z and a to z, of digits, \
             and of '-', '.', '_' and '~'."
        ),
    )
    .because(&reasons::PROCESSOR_ID))
}

/// The optional `source_type`.
///
/// # Errors
/// 400 if it is none of [`SourceType::CHOICES`].
pub fn source_type(fields: &Fields<'_>) -> Result<Option<SourceType>, ApiError> {
    fields.optional_choice("source_type", &SourceType::CHOICES)
}

/// An optional time in Unix seconds.
///
/// # Errors
/// 400 if it is no integer, negative, or beyond [`limit::CLOCK_CEILING`].
pub fn optional_time(fields: &Fields<'_>, name: &str) -> Result<Option<Timestamp>, ApiError> {
    let seconds = fields.optional_integer_within(name, 0..=limit::CLOCK_CEILING)?;
    Ok(seconds.map(Timestamp::from_unix))
}

/// The currency of a fact: of the list in large or small letters, or any code of three or four
/// letters in small ones, since what a processor counts in is not ours to refuse.
pub(crate) fn optional_currency(
    fields: &Fields<'_>,
    name: &str,
) -> Result<Option<Currency>, ApiError> {
    let listed = fields.optional_currency(name);
    match listed {
        Ok(currency) => Ok(currency),
        Err(_) => fields.optional_currency_code(name),
    }
}

/// As [`optional_currency`], but it must be there.
pub(crate) fn required_currency(fields: &Fields<'_>, name: &str) -> Result<Currency, ApiError> {
    let currency = optional_currency(fields, name)?;
    fields.required(name, currency)
}

/// The required amount of a payout, from 1 to [`limits::TOLD_AMOUNT_CEILING`].
pub(crate) fn told_amount(fields: &Fields<'_>, name: &str) -> Result<i64, ApiError> {
    let amount = fields.optional_integer_within(name, 1..=limits::TOLD_AMOUNT_CEILING)?;
    fields.required(name, amount)
}

/// A required amount with a sign, up to [`limits::TOLD_AMOUNT_CEILING`] either way.
pub(crate) fn signed_amount(fields: &Fields<'_>, name: &str) -> Result<i64, ApiError> {
    let most = limits::TOLD_AMOUNT_CEILING;
    let amount = fields.optional_integer_within(name, -most..=most)?;
    fields.required(name, amount)
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_dialect::Params;

    #[test]
    fn ids_need_no_escape_in_a_url() {
        let read = |id: &str| {
            let params = Params::decode(Some(&format!("id={id}")), b"").unwrap();
            processor_id(&params.only(&["id"]).unwrap(), "id").is_ok()
        };
        assert!(read("ch_3MmlLrLkdIwHu7ix0snN0B15") && read("a-b.c_d~9"));
        assert!(!read("a%20b") && !read("a%2Fb") && !read("%C3%A4") && !read("a%0A"));
        assert!(!read("") && !read(".") && !read("..") && read("..."));
        assert!(read(&"a".repeat(limit::PROCESSOR_ID_CHARACTERS)));
        assert!(!read(&"a".repeat(limit::PROCESSOR_ID_CHARACTERS + 1)));
    }
}
