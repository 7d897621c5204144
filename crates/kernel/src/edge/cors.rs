//! What lets the pages of allowed origins call the server: the browser's question before it sends a
//! request, and what each response says to the page's origin. Without an allowed origin there is
//! none of it.

use super::headers::{self, REQUEST_ID};
use crate::kernel::Kernel;
use crate::request_id;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::Full;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, DELETE");

/// What a page may read of a response.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Request-Id, Stripe-Version, Stripe-Account, Stripe-Should-Retry, Stripe-Rate-Limited-Reason, \
     Idempotency-Key, Idempotent-Replayed, Original-Request, Coffer-Version",
);

/// Seconds for which a browser may remember the answer, as at Stripe.
const MAX_AGE: HeaderValue = HeaderValue::from_static("300");

/// The response to a browser that asks whether a page may send a request; `None` if the request is
/// no such question, or of a page that may not.
pub(super) fn preflight(kernel: &Kernel, parts: &Parts) -> Option<Response<Full<Bytes>>> {
    if parts.method != Method::OPTIONS || kernel.web.check(&parts.headers).is_err() {
        return None;
    }
    parts.headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
    kernel.web.allowed_origin(&parts.headers)?;
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    let answer = response.headers_mut();
    answer.insert(REQUEST_ID, headers::value(&request_id::new(&*kernel.services.random)));
    answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    // The origin is trusted, so whatever headers its pages want to send are fine.
    if let Some(asked) = parts.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    answer.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    add_headers(kernel, parts, answer);
    Some(response)
}

/// Lets an allowed page read the response. Saved credentials are not let through: a page sends its
/// key itself.
pub(super) fn add_headers(kernel: &Kernel, parts: &Parts, answer: &mut HeaderMap) {
    if !kernel.web.has_origins() {
        return;
    }
    answer.insert(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = kernel.web.allowed_origin(&parts.headers) {
        answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}
