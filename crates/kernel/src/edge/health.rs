//! What needs no key: the health checks, and metrics on a listener that is for them.

use super::headers::{self, REQUEST_ID};
use crate::kernel::{Kernel, NotReady};
use crate::listener::ListenerRole;
use crate::request_id;
use bytes::Bytes;
use coffer_storage::StorageError;
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use http_body_util::Full;

/// What is said of a clock that may be wrong.
const CLOCK: &str = "the clock may be wrong: see `coffer clock show`\n";

/// What is said of a log of the audit that somebody has changed.
const LOG: &str = "the audit's log does not continue its signed head: see `coffer audit verify`\n";

/// What is said on a listener for metrics about all else.
const NO_METRICS: &str = "only /metrics, /livez and /readyz are served here\n";

/// What is said of a server that has no keys.
const STOPPED: &str = "sealed by an operator: see `coffer unseal`\n";

/// The response to a health check; `None` if the request is none. `/livez`: the process answers.
/// `/readyz`: it can also read its stores, add to them, believes its clock, and has keys, or the
/// response is a 503.
///
/// A listener for metrics answers these and `/metrics`, and nothing else.
pub(super) async fn respond(
    kernel: &Kernel,
    role: ListenerRole,
    parts: &Parts,
) -> Option<Response<Full<Bytes>>> {
    if role == ListenerRole::Metrics {
        return Some(respond_metrics(kernel, parts).await);
    }
    respond_health(kernel, parts).await
}

async fn respond_metrics(kernel: &Kernel, parts: &Parts) -> Response<Full<Bytes>> {
    let is_read = parts.method == http::Method::GET || parts.method == http::Method::HEAD;
    if is_read && parts.uri.path() == "/metrics" {
        return metrics(kernel);
    }
    match respond_health(kernel, parts).await {
        Some(response) => response,
        None => response(kernel, StatusCode::NOT_FOUND, NO_METRICS),
    }
}

/// All figures.
fn metrics(kernel: &Kernel) -> Response<Full<Bytes>> {
    let Some(metrics) = kernel.services.metrics.get() else {
        return response(kernel, StatusCode::SERVICE_UNAVAILABLE, "nothing is measured yet\n");
    };
    let mut response = response(kernel, StatusCode::OK, "");
    let format = HeaderValue::from_static(coffer_metrics::CONTENT_TYPE);
    response.headers_mut().insert(header::CONTENT_TYPE, format);
    *response.body_mut() = Full::new(Bytes::from(metrics.collect()));
    response
}

async fn respond_health(kernel: &Kernel, parts: &Parts) -> Option<Response<Full<Bytes>>> {
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
        Err(NotReady::Log) => response(kernel, StatusCode::SERVICE_UNAVAILABLE, LOG),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            let why = match error {
                NotReady::Storage(StorageError::NoSpace(_)) => {
                    "the disk is nearly full: what adds data is refused\n"
                }
                NotReady::Audit => "the audit cannot be written: nothing is changed\n",
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
