//! The headers of requests and responses: their names, and what the edge reads from them.

use crate::definition::Method;
use coffer_base::limit;
use coffer_dialect::ApiError;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// The id that every response has, also one that refuses the request.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
/// The version in which a request wants its response, and a response is rendered.
pub(super) const STRIPE_VERSION: HeaderName = HeaderName::from_static("stripe-version");
/// The account that a request is for; the response repeats it.
pub(super) const STRIPE_ACCOUNT: HeaderName = HeaderName::from_static("stripe-account");
const STRIPE_CONTEXT: HeaderName = HeaderName::from_static("stripe-context");
/// The caller's name for a write; the response repeats it.
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The id of the request that a response was made for: an earlier one if the response is a replay.
pub(super) const ORIGINAL_REQUEST: HeaderName = HeaderName::from_static("original-request");
/// Says that a response is a replay.
pub(super) const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// The limit that a 429 has met.
pub(super) const RATE_LIMITED_REASON: HeaderName =
    HeaderName::from_static("stripe-rate-limited-reason");
/// Tells the SDKs whether sending a failed request again can help.
pub(super) const SHOULD_RETRY: HeaderName = HeaderName::from_static("stripe-should-retry");

/// The value of a header as text.
///
/// # Errors
/// A 400 that names the header if its value is not plain ASCII.
pub(super) fn text<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a str>, ApiError> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    value.to_str().map(Some).map_err(|_| {
        ApiError::invalid(format!("The header '{name}' holds characters other than plain ASCII."))
    })
}

/// The account that the request is for. `Stripe-Context` that names one means the same as
/// `Stripe-Account`.
pub(super) fn account_of(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    if let Some(account) = text(headers, &STRIPE_ACCOUNT)?.filter(|account| !account.is_empty()) {
        return Ok(Some(account));
    }
    Ok(text(headers, &STRIPE_CONTEXT)?.filter(|context| !context.is_empty()))
}

/// Bounds the headers of a request, names and values together.
///
/// # Errors
/// A 431 beyond [`limit::HEADER_BYTES`].
pub(super) fn check_header_bytes(headers: &HeaderMap) -> Result<(), ApiError> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > limit::HEADER_BYTES { Err(ApiError::headers_too_large()) } else { Ok(()) }
}

/// The idempotency key of a POST; on other verbs the header is ignored.
///
/// # Errors
/// A 400 if it is empty or longer than [`limit::IDEMPOTENCY_KEY_CHARACTERS`].
pub(super) fn idempotency_key(
    method: Method,
    headers: &HeaderMap,
) -> Result<Option<String>, ApiError> {
    if method != Method::Post {
        return Ok(None);
    }
    let Some(key) = text(headers, &IDEMPOTENCY_KEY)? else { return Ok(None) };
    if key.is_empty() {
        return Err(ApiError::invalid("Idempotency Key must be a non-empty string."));
    }
    if key.len() > limit::IDEMPOTENCY_KEY_CHARACTERS {
        return Err(ApiError::invalid(format!(
            "The Idempotency-Key header is {} characters long; at most {} are allowed.",
            key.len(),
            limit::IDEMPOTENCY_KEY_CHARACTERS
        )));
    }
    Ok(Some(key.to_owned()))
}

/// Accepts a form, or no type at all. JSON belongs to the real API's `/v2`; taking it here would
/// let a client pass that fails against Stripe.
///
/// # Errors
/// A 400 for any other content type.
pub(super) fn check_content_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    if essence.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
        return Ok(());
    }
    Err(ApiError::invalid(
        "The request's body must be form-encoded: send it as name=value pairs with \
         'Content-Type: application/x-www-form-urlencoded'.",
    ))
}

/// `text` as a header's value; empty if it has characters that no header can have.
pub(super) fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_forms_are_accepted() {
        let mut headers = HeaderMap::new();
        assert!(check_content_type(&headers).is_ok());
        let form = "application/x-www-form-urlencoded; charset=utf-8";
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(form));
        assert!(check_content_type(&headers).is_ok());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        assert!(check_content_type(&headers).is_err());
    }
}
