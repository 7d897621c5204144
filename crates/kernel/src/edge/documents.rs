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

/// What a page may load, which is a style and pictures of this server: no script, nothing of
/// another server. A form leads to this server as well: it searches the pages.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; \
                      frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// The response to a request for a document or a page; `None` if it is neither.
pub(super) fn respond(
    kernel: &Kernel,
    role: ListenerRole,
    parts: &Parts,
) -> Option<Response<Full<Bytes>>> {
    if parts.method != Method::GET && parts.method != Method::HEAD {
        return None;
    }
    let (content_type, text) = document(kernel, role, parts).or_else(|| page(kernel, parts))?;
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

fn document(kernel: &Kernel, role: ListenerRole, parts: &Parts) -> Option<(&'static str, Bytes)> {
    let number = kernel.documents.find(parts.uri.path())?;
    kernel.web.check(&parts.headers).ok()?;
    kernel.documents.read(number, role, &kernel.routes)
}

/// A page, also for who follows a link from elsewhere: it says the same to everybody.
fn page(kernel: &Kernel, parts: &Parts) -> Option<(&'static str, Bytes)> {
    let page = (kernel.pages)(parts.uri.path(), parts.uri.query())?;
    kernel.web.check_host(&parts.headers).ok()?;
    Some(page)
}
