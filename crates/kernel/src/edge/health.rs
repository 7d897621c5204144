//! The health checks, which need no key.

use super::headers::{self, REQUEST_ID};
use crate::kernel::{Kernel, NotReady};
use crate::request_id;
use bytes::Bytes;
use coffer_storage::StorageError;
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use http_body_util::Full;

/// What is said of a clock that may be wrong.
const CLOCK: &str = "the clock may be wrong: see `coffer clock show`\n";

/// What is said of a server that has no keys.
const STOPPED: &str = "sealed by an operator: see `coffer unseal`\n";

/// The response to a health check; `None` if the request is none. `/livez`: the process answers.
/// `/readyz`: it can also read its stores, add to them, believes its clock, and has keys, or the
/// response is a 503.
pub(super) async fn respond(kernel: &Kernel, parts: &Parts) -> Option<Response<Full<Bytes>>> {
    if parts.method != http::Method::GET && parts.method != http::Method::HEAD {
        return None;
    }
    match parts.uri.path() {
        "/livez" => Some(response(kernel, StatusCode::OK, "ok\n")),
        "/readyz" => Some(readiness(kernel).await),
        _ => None,
    }
}

async fn readiness(kernel: &Kernel) -> Response<Full<Bytes>> {
    match kernel.ready().await {
        Ok(()) => response(kernel, StatusCode::OK, "ready\n"),
        // The log has said why, once.
        Err(NotReady::Clock) => response(kernel, StatusCode::SERVICE_UNAVAILABLE, CLOCK),
        Err(NotReady::Stopped) => response(kernel, StatusCode::SERVICE_UNAVAILABLE, STOPPED),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            let why = match error {
                NotReady::Storage(StorageError::NoSpace(_)) => {
                    "the disk is nearly full: what adds data is refused\n"
                }
                _ => "a store does not reply\n",
            };
            response(kernel, StatusCode::SERVICE_UNAVAILABLE, why)
        }
    }
}

fn response(kernel: &Kernel, status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, headers::value(&request_id::new(&*kernel.services.random)));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
