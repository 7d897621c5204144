//! The headers of requests and responses: their names, and what the edge reads from them.

use crate::conditions::{self, Conditions};
use crate::definition::{Definition, Method};
use crate::limits;
use crate::reasons;
use crate::simulation::SIMULATE;
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

/// The version that a change depends on.
const IF_VERSION: HeaderName = HeaderName::from_static(conditions::IF_VERSION);
/// The lease that a change depends on.
const LEASE: HeaderName = HeaderName::from_static(conditions::LEASE);
/// Which version of its object a response shows.
pub(super) const COFFER_VERSION: HeaderName = HeaderName::from_static("coffer-version");

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
            .because(&reasons::HEADER_NOT_ASCII)
            .with_about(name.to_string())
    })
}

/// Headers that say one thing: those that the server reads, and those by which browsers, proxies
/// and clients say where a request comes from. Of two, a proxy may have believed the other one.
/// hyper compares two lengths itself.
static SINGLE: [HeaderName; 20] = [
    header::AUTHORIZATION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::EXPECT,
    header::HOST,
    header::ORIGIN,
    header::PROXY_AUTHORIZATION,
    header::REFERER,
    header::TRANSFER_ENCODING,
    header::USER_AGENT,
    HeaderName::from_static("sec-fetch-mode"),
    HeaderName::from_static("sec-fetch-site"),
    IDEMPOTENCY_KEY,
    IF_VERSION,
    LEASE,
    SIMULATE,
    STRIPE_ACCOUNT,
    STRIPE_CONTEXT,
    STRIPE_VERSION,
];

/// Refuses a header that came twice and says one thing, even if it says the same twice.
///
/// # Errors
/// A 400 that names the header.
pub(super) fn check_single(headers: &HeaderMap) -> Result<(), ApiError> {
    // Nearly all requests repeat no header at all.
    if headers.len() == headers.keys_len() {
        return Ok(());
    }
    let twice = |name: &&HeaderName| headers.get_all(*name).iter().nth(1).is_some();
    match SINGLE.iter().find(twice) {
        None => Ok(()),
        Some(name) => Err(ApiError::invalid(format!(
            "The header '{name}' was sent more than once; send it once."
        ))
        .because(&reasons::HEADER_TWICE)
        .with_about(name.to_string())),
    }
}

/// The account that the request is for. `Stripe-Context` that names one means the same as
/// `Stripe-Account`.
///
/// # Errors
/// A 400 if one of them is there without a value, or both name different accounts: guessing whose
/// data is meant would show it to somebody else.
pub(super) fn account_of(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    match (named(headers, &STRIPE_ACCOUNT)?, named(headers, &STRIPE_CONTEXT)?) {
        (Some(account), Some(context)) if account != context => Err(ApiError::invalid(
            "The headers 'stripe-account' and 'stripe-context' name different accounts; send one \
             of them.",
        )
        .because(&reasons::ACCOUNT_HEADERS_DIFFER)),
        (account, context) => Ok(account.or(context)),
    }
}

/// The account that a header names.
fn named<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ApiError> {
    match text(headers, name)? {
        Some(account) if account.trim().is_empty() => Err(ApiError::invalid(format!(
            "The header '{name}' is empty. Give it the id of an account, or leave it out to act on \
             the account of the API key."
        ))
        .because(&reasons::ACCOUNT_HEADER_EMPTY)
        .with_about(name.to_string())),
        account => Ok(account),
    }
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
        let error = ApiError::invalid("Idempotency Key must be a non-empty string.");
        return Err(error.because(&reasons::IDEMPOTENCY_HEADER));
    }
    if key.len() > limit::IDEMPOTENCY_KEY_CHARACTERS {
        return Err(ApiError::invalid(format!(
            "The Idempotency-Key header is {} characters long; at most {} are allowed.",
            key.len(),
            limit::IDEMPOTENCY_KEY_CHARACTERS
        ))
        .because(&reasons::IDEMPOTENCY_HEADER));
    }
    Ok(Some(key.to_owned()))
}

/// What a request depends on.
///
/// # Errors
/// A 400 that names the header if the call takes none such, or if it is empty or too long.
pub(super) fn conditions(
    headers: &HeaderMap,
    definition: &Definition,
) -> Result<Conditions, ApiError> {
    let if_version = condition(headers, &IF_VERSION, definition)?;
    Ok(Conditions { if_version, lease: condition(headers, &LEASE, definition)? })
}

fn condition(
    headers: &HeaderMap,
    name: &HeaderName,
    definition: &Definition,
) -> Result<Option<String>, ApiError> {
    let Some(value) = text(headers, name)? else { return Ok(None) };
    let most = limits::CONDITION_CHARACTERS;
    let refused = if !definition.conditions.contains(&name.as_str()) {
        format!("This call does not take the header '{name}'. Leave it out.")
    } else if value.is_empty() || value.len() > most {
        format!(
            "The header '{name}' has 1 to {most} characters: send it as a response of the server \
             had it."
        )
    } else {
        return Ok(Some(value.to_owned()));
    };
    Err(ApiError::invalid(refused).because(&reasons::CONDITION).with_about(name.to_string()))
}

/// `text` as a header's value; empty if it has characters that no header can have.
pub(super) fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_header_names_an_account() {
        let read = |lines: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, HeaderValue::from_static(value));
            }
            account_of(&headers).map(|account| account.map(str::to_owned))
        };
        let (account, context) = ("stripe-account", "stripe-context");
        assert_eq!(read(&[]).unwrap(), None);
        assert_eq!(read(&[(context, "acct_1")]).unwrap(), Some("acct_1".into()));
        assert_eq!(read(&[(account, "a"), (context, "a")]).unwrap(), Some("a".into()));
        for lines in [
            &[(account, "")][..],
            &[(account, " \t")],
            &[(context, "")],
            &[(account, "acct_1"), (context, "")],
            &[(account, ""), (context, "acct_1")],
            &[(account, "acct_1"), (context, "acct_2")],
        ] {
            let error = read(lines).unwrap_err();
            assert_eq!((error.status(), error.param()), (400, None), "{lines:?}");
            assert!(error.message().contains("stripe-"), "{error}");
        }
    }

    #[test]
    fn what_says_one_thing_comes_once() {
        let check = |name: &HeaderName| {
            let mut headers = HeaderMap::new();
            headers.append(name, HeaderValue::from_static("a"));
            check_single(&headers).unwrap();
            headers.append(name, HeaderValue::from_static("a"));
            check_single(&headers)
        };
        for name in &SINGLE {
            assert!(check(name).unwrap_err().message().contains(name.as_str()), "{name}");
        }
        for name in [header::ACCEPT, header::VIA, header::CONNECTION, header::COOKIE] {
            check(&name).unwrap();
        }
    }
}
