//! Documents, which need no key.

use super::headers::{self, REQUEST_ID};
use crate::kernel::Kernel;
use crate::listener::ListenerRole;
use crate::request_id;
use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Response};
use http_body_util::Full;

/// What a page may load, which is nothing but the style that is a document too: no script, no
/// picture, nothing of another server.
const POLICY: &str = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; \
                      base-uri 'none'; form-action 'none'";

/// The response to a request for a document; `None` if it is none.
pub(super) fn respond(
    kernel: &Kernel,
    role: ListenerRole,
    parts: &Parts,
) -> Option<Response<Full<Bytes>>> {
    let number = kernel.documents.find(parts.uri.path())?;
    if parts.method != Method::GET && parts.method != Method::HEAD {
        return None;
    }
    kernel.web.check(&parts.headers).ok()?;
    let (content_type, text) = kernel.documents.read(number, role, &kernel.routes)?;
    let mut response = Response::new(Full::new(text));
    let request_id = request_id::new(&*kernel.services.random);
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, headers::value(&request_id));
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Some(response)
}
