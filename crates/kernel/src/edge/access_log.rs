//! The counters and the log line of each request.

use super::trace::RequestTrace;
use crate::call::Reply;
use crate::counters::Counters;
use coffer_base::limit;
use coffer_dialect::ApiError;
use http::request::Parts;
use std::time::Instant;

/// Counts the request, and logs it: failures as errors, refusals for information, the rest for
/// debugging. Neither the query nor the body is ever logged, nor a part of them: even what stands
/// where a parameter's name belongs can be a payload, sent by mistake without its name.
pub(super) fn report(
    counters: &Counters,
    trace: &RequestTrace,
    parts: &Parts,
    result: &Result<Reply, ApiError>,
    started: Instant,
) {
    let count = counters.of(trace.route);
    let line = Line::new(trace, parts, started);
    match result {
        Ok(reply) => {
            count.success(reply.replay_of.is_some());
            line.answered();
        }
        Err(error) => {
            count.failure(error);
            if error.is_fault() { line.failed(error) } else { line.refused(error) }
        }
    }
}

/// What the log says of a request, whatever came of it.
struct Line<'a> {
    request_id: &'a str,
    method: &'a str,
    /// The beginning of the path: see [`clipped`].
    path: &'a str,
    /// The id of the API key; empty if none was found good.
    key: &'a str,
    /// The account whose data the key opens; empty as well then.
    account: &'a str,
    /// Microseconds from the head of the request to its response.
    micros: u64,
}

impl<'a> Line<'a> {
    fn new(trace: &'a RequestTrace, parts: &'a Parts, started: Instant) -> Self {
        let principal = trace.principal.as_ref();
        Self {
            request_id: &trace.request_id,
            method: parts.method.as_str(),
            path: clipped(parts.uri.path()),
            key: principal.map_or("", |principal| &principal.key_id),
            account: principal.map_or("", |principal| principal.tenant.account.name()),
            micros: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        }
    }

    fn answered(&self) {
        let Self { request_id, method, path, key, account, micros } = *self;
        tracing::debug!(request_id, method, path, key, account, micros, "answered");
    }

    fn refused(&self, error: &ApiError) {
        let Self { request_id, method, path, key, account, micros } = *self;
        let (status, code) = (error.status(), error.code().unwrap_or(""));
        tracing::info!(request_id, method, path, key, account, status, code, micros, "refused");
    }

    fn failed(&self, error: &ApiError) {
        let Self { request_id, method, path, key, account, micros } = *self;
        let (status, code) = (error.status(), error.code().unwrap_or(""));
        let cause = error.log_detail().unwrap_or("");
        tracing::error!(
            request_id, method, path, key, account, status, code, cause, micros, "failed"
        );
    }
}

/// The beginning of a path, for the log: a stranger chooses its length.
fn clipped(path: &str) -> &str {
    let end =
        path.char_indices().nth(limit::LOGGED_PATH_CHARACTERS).map_or(path.len(), |(at, _)| at);
    path.get(..end).unwrap_or(path)
}
