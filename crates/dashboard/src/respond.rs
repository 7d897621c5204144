//! Responses, with what they tell the browser to forbid.

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use maud::Markup;

/// Only the dashboard's own files are loaded, nothing is executed or styled that stands in a page,
/// and no other site's page may show one.
pub(crate) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// What every response says besides.
const HEADERS: [(&str, &str); 7] = [
    ("content-security-policy", POLICY),
    ("x-frame-options", "DENY"),
    ("x-content-type-options", "nosniff"),
    // With `no-referrer` a browser would hide from the server that a form is its own.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

const HTML: &str = "text/html; charset=utf-8";

/// What is answered.
pub(crate) type Answer = Response<Bytes>;

/// A response with a body that no cache keeps.
fn of(status: StatusCode, kind: &'static str, body: Bytes) -> Answer {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

/// A page.
pub(crate) fn page(markup: Markup) -> Answer {
    of(StatusCode::OK, HTML, markup.into_string().into())
}

/// That there is nothing newer than what the page has.
pub(crate) fn nothing_new() -> Answer {
    of(StatusCode::NO_CONTENT, HTML, Bytes::new())
}

/// A page that says what went wrong, with the status that the API gave it.
pub(crate) fn failed(status: u16, markup: Markup) -> Answer {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    of(status, HTML, markup.into_string().into())
}

/// A page for somebody who may not do this.
pub(crate) fn forbidden(markup: Markup) -> Answer {
    of(StatusCode::FORBIDDEN, HTML, markup.into_string().into())
}

/// A page for somebody who has tried too often.
pub(crate) fn too_many(markup: Markup) -> Answer {
    of(StatusCode::TOO_MANY_REQUESTS, HTML, markup.into_string().into())
}

/// A page for what cannot be done now.
pub(crate) fn unavailable(markup: Markup) -> Answer {
    of(StatusCode::SERVICE_UNAVAILABLE, HTML, markup.into_string().into())
}

/// A page for what does not exist.
pub(crate) fn missing(markup: Markup) -> Answer {
    of(StatusCode::NOT_FOUND, HTML, markup.into_string().into())
}

/// Plain text, for the script.
pub(crate) fn text(text: String) -> Answer {
    of(StatusCode::OK, "text/plain; charset=utf-8", text.into())
}

/// Plain text that says why there is none.
pub(crate) fn failed_text(status: u16, text: String) -> Answer {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    of(status, "text/plain; charset=utf-8", text.into())
}

/// A file of the dashboard's own, whose name changes with it.
pub(crate) fn file(kind: &'static str, body: &'static [u8]) -> Answer {
    let mut response = of(StatusCode::OK, kind, Bytes::from_static(body));
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    response.headers_mut().insert(header::CACHE_CONTROL, forever);
    response
}

/// Another page, to be read by GET.
pub(crate) fn redirect(to: &str) -> Answer {
    let mut response = of(StatusCode::SEE_OTHER, HTML, Bytes::new());
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static(crate::links::HOME));
    response.headers_mut().insert(header::LOCATION, to);
    response
}

/// The same response with one cookie more.
pub(crate) fn with_cookie(mut response: Answer, cookie: &str) -> Answer {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}
