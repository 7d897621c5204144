//! From an operation's reply, or an error, to an HTTP response.

use super::cors;
use super::headers::{
    COFFER_VERSION, IDEMPOTENCY_KEY, IDEMPOTENT_REPLAYED, ORIGINAL_REQUEST, RATE_LIMITED_REASON,
    REQUEST_ID, SHOULD_RETRY, STRIPE_ACCOUNT, STRIPE_VERSION, value,
};
use super::trace::RequestTrace;
use crate::call::Reply;
use crate::definition::JSON;
use crate::kernel::Kernel;
use bytes::Bytes;
use coffer_dialect::{ApiError, ApiVersion};
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use http_body_util::Full;

/// Headers that a response has at most, so that their map never grows.
const HEADERS: usize = 16;

/// Writes the response, with its headers in the order in which they are sent.
pub(super) fn respond(
    kernel: &Kernel,
    trace: &RequestTrace,
    parts: &Parts,
    result: Result<Reply, ApiError>,
) -> Response<Full<Bytes>> {
    let content_type = result.as_ref().map_or(JSON, |reply| reply.content_type);
    let mut headers = common_headers(trace, parts, content_type);
    if let Err(error) = &result {
        add_error_headers(&mut headers, error, kernel.web.challenge());
    }
    if parts.method == http::Method::POST {
        let replay_of = result.as_ref().ok().and_then(|reply| reply.replay_of.as_deref());
        add_replay_headers(&mut headers, trace, parts, replay_of);
    }
    if let Some(version) = result.as_ref().ok().and_then(|reply| reply.version.as_deref()) {
        headers.insert(COFFER_VERSION, value(version));
    }
    cors::add_headers(kernel, parts, &mut headers);
    let (status, body) = match result {
        Ok(reply) => (reply.status.unwrap_or(StatusCode::OK.as_u16()), reply.body),
        Err(error) => (error.status(), error.body()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    response
}

/// What every response has, whatever came of the request.
fn common_headers(trace: &RequestTrace, parts: &Parts, content_type: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(HEADERS);
    headers.insert(REQUEST_ID, value(&trace.request_id));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let version = trace.version.as_ref().map_or(ApiVersion::LATEST, ApiVersion::as_str);
    headers.insert(STRIPE_VERSION, value(version));
    if let Some(account) = parts.headers.get(STRIPE_ACCOUNT) {
        headers.insert(STRIPE_ACCOUNT, account.clone());
    }
    headers
}

/// Whether to send the request again, and, as HTTP asks of a 401, how to authenticate.
fn add_error_headers(headers: &mut HeaderMap, error: &ApiError, challenge: &'static str) {
    if let Some(retry) = error.should_retry() {
        let retry = if retry { "true" } else { "false" };
        headers.insert(SHOULD_RETRY, HeaderValue::from_static(retry));
    }
    if let Some(reason) = error.limit_reason() {
        headers.insert(RATE_LIMITED_REASON, HeaderValue::from_static(reason.as_str()));
    }
    if error.is_authentication_failure() {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
}

/// The idempotency key of a POST, and which request its response was made for: `replay_of` if that
/// is an earlier one, and else this one.
fn add_replay_headers(
    headers: &mut HeaderMap,
    trace: &RequestTrace,
    parts: &Parts,
    replay_of: Option<&str>,
) {
    if let Some(key) = parts.headers.get(IDEMPOTENCY_KEY) {
        headers.insert(IDEMPOTENCY_KEY, key.clone());
    }
    headers.insert(ORIGINAL_REQUEST, value(replay_of.unwrap_or(&trace.request_id)));
    if replay_of.is_some() {
        headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
}
