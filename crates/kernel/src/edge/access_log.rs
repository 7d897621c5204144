//! The counters and the log line of each request.

use super::trace::RequestTrace;
use crate::call::Reply;
use crate::kernel::Kernel;
use crate::peer::Peer;
use crate::rate::LineKind;
use crate::traffic::{LogRequests, Traffic};
use coffer_base::limit;
use coffer_dialect::ApiError;
use http::request::Parts;
use std::time::Instant;

/// Counts the request, and logs it: failures as errors, refusals and, if the operator wants it,
/// successes for information, the rest for debugging. When there are more refusals or failures than
/// the log has room for, the others are counted. Neither the query nor the body is ever logged, nor
/// a part of them: even what stands where a parameter's name belongs can be a payload, sent by
/// mistake without its name.
pub(super) fn report(
    kernel: &Kernel,
    trace: &RequestTrace,
    parts: &Parts,
    result: &Result<Reply, ApiError>,
) {
    let micros = u64::try_from(trace.started.elapsed().as_micros()).unwrap_or(u64::MAX);
    match result {
        Ok(reply) => {
            kernel.counters.of(trace.route).success(reply.replay_of.is_some(), micros);
            let status = status_of(result);
            let is_shown = kernel.traffic.log_requests() == LogRequests::All;
            Line::new(kernel, trace, parts, micros).answered(status, is_shown);
        }
        Err(error) => {
            kernel.counters.failure(trace.route, error, micros);
            if has_line(&kernel.traffic, trace.peer, trace.started, error) {
                let line = Line::new(kernel, trace, parts, micros);
                if error.is_fault() {
                    line.failed(error);
                } else {
                    line.refused(error);
                }
            }
        }
    }
}

/// The status of the response.
pub(super) fn status_of(result: &Result<Reply, ApiError>) -> u16 {
    match result {
        Ok(reply) => reply.status.unwrap_or(http::StatusCode::OK.as_u16()),
        Err(error) => error.status(),
    }
}

/// Whether a refusal or a failure has a line of its own.
fn has_line(traffic: &Traffic, peer: Peer, now: Instant, error: &ApiError) -> bool {
    let kind = if error.is_fault() { LineKind::Failure } else { LineKind::Refusal };
    if kind == LineKind::Refusal && traffic.log_requests() == LogRequests::Off {
        return false;
    }
    traffic.lines.admit(kind, peer.key(), now)
}

/// Counts and logs what was no valid HTTP, as other refusals are.
pub(super) fn report_invalid(kernel: &Kernel, peer: Peer, request_id: &str, error: &ApiError) {
    kernel.counters.failure(None, error, 0);
    if has_line(&kernel.traffic, peer, Instant::now(), error) {
        tracing::info!(request_id, %peer, status = error.status(), "rejected: no valid HTTP");
    }
}

/// What the log says of a request, whatever came of it.
struct Line<'a> {
    request_id: &'a str,
    peer: Peer,
    method: &'a str,
    /// The path of the operation, with names for its open segments; of a request that reached none,
    /// the beginning of its path: see [`clipped`].
    path: &'a str,
    /// The id of the API key; empty if none was found good.
    key: &'a str,
    /// The app of the key; empty as well then.
    app: &'a str,
    /// The account whose data the key opens; empty as well then.
    account: &'a str,
    /// The id of its trace, if it is sampled.
    trace: Option<String>,
    /// Microseconds from the head of the request to its response.
    micros: u64,
}

impl<'a> Line<'a> {
    fn new(kernel: &'a Kernel, trace: &'a RequestTrace, parts: &'a Parts, micros: u64) -> Self {
        let principal = trace.principal.as_ref();
        let template = trace.route.and_then(|number| kernel.routes.template(number));
        Self {
            request_id: &trace.request_id,
            peer: trace.peer,
            method: parts.method.as_str(),
            path: template.unwrap_or_else(|| clipped(parts.uri.path())),
            key: principal.map_or("", |principal| &principal.key_id),
            app: principal.map_or("", |principal| principal.tenant.app.as_str()),
            account: principal.map_or("", |principal| principal.tenant.account.name()),
            trace: trace.span.as_ref().map(|span| span.trace_id()),
            micros,
        }
    }

    fn answered(&self, status: u16, is_shown: bool) {
        let Self { request_id, peer, method, path, key, app, account, micros, .. } = *self;
        let trace = self.trace.as_deref();
        if is_shown {
            tracing::info!(
                request_id, %peer, method, path, key, app, account, status, micros, trace,
                "answered"
            );
        } else {
            tracing::debug!(
                request_id, %peer, method, path, key, app, account, status, micros, trace,
                "answered"
            );
        }
    }

    fn refused(&self, error: &ApiError) {
        let Self { request_id, peer, method, path, key, app, account, micros, .. } = *self;
        let trace = self.trace.as_deref();
        let (status, code) = (error.status(), error.code().unwrap_or(""));
        tracing::info!(
            request_id, %peer, method, path, key, app, account, status, code, micros, trace,
            "refused"
        );
    }

    fn failed(&self, error: &ApiError) {
        let Self { request_id, peer, method, path, key, app, account, micros, .. } = *self;
        let trace = self.trace.as_deref();
        let (status, code) = (error.status(), error.code().unwrap_or(""));
        let cause = error.log_detail().unwrap_or("");
        tracing::error!(
            request_id, %peer, method, path, key, app, account, status, code, cause, micros, trace,
            "failed"
        );
    }
}

/// The beginning of a path, for the log: a stranger chooses its length.
fn clipped(path: &str) -> &str {
    let end =
        path.char_indices().nth(limit::LOGGED_PATH_CHARACTERS).map_or(path.len(), |(at, _)| at);
    path.get(..end).unwrap_or(path)
}
