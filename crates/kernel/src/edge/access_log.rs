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
/// successes for information, the rest for debugging. When there are more of a kind than the log
/// has room for, the others are counted. Neither the query nor the body is ever logged, nor a part
/// of them: even what stands where a parameter's name belongs can be a payload, sent by mistake
/// without its name.
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
            let traffic = &kernel.traffic;
            let is_wanted = traffic.log_requests() == LogRequests::All;
            let admit = || traffic.lines.admit(LineKind::Answer, trace.peer.key(), trace.started);
            Line::new(kernel, trace, parts, micros).answered(status, is_wanted && admit());
        }
        Err(error) => {
            kernel.counters.failure(trace.route, error, micros);
            if has_line(&kernel.traffic, trace.peer, trace.started, error) {
                Line::new(kernel, trace, parts, micros).told(error);
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
    let kind = kind_of(error);
    if kind == LineKind::Refusal && traffic.log_requests() == LogRequests::Off {
        return false;
    }
    traffic.lines.admit(kind, peer.key(), now)
}

/// What the log calls it. Too much at once is the caller's doing, with whatever status it is told.
fn kind_of(error: &ApiError) -> LineKind {
    if error.is_fault() { LineKind::Failure } else { LineKind::Refusal }
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
    /// The id of its span in that.
    span: Option<String>,
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
            span: trace.span.as_ref().map(|span| span.span_id()),
            micros,
        }
    }

    fn answered(&self, status: u16, is_shown: bool) {
        let Self { request_id, peer, method, path, key, app, account, micros, .. } = *self;
        let (trace, span) = (self.trace.as_deref(), self.span.as_deref());
        if is_shown {
            tracing::info!(
                request_id, %peer, method, path, key, app, account, status, micros, trace, span,
                "answered"
            );
        } else {
            tracing::debug!(
                request_id, %peer, method, path, key, app, account, status, micros, trace, span,
                "answered"
            );
        }
    }

    fn told(&self, error: &ApiError) {
        match kind_of(error) {
            LineKind::Failure => self.failed(error),
            _ => self.refused(error),
        }
    }

    fn refused(&self, error: &ApiError) {
        let Self { request_id, peer, method, path, key, app, account, micros, .. } = *self;
        let (trace, span) = (self.trace.as_deref(), self.span.as_deref());
        let (status, code) = (error.status(), error.code().unwrap_or(""));
        tracing::info!(
            request_id, %peer, method, path, key, app, account, status, code, micros, trace, span,
            "refused"
        );
    }

    fn failed(&self, error: &ApiError) {
        let Self { request_id, peer, method, path, key, app, account, micros, .. } = *self;
        let (trace, span) = (self.trace.as_deref(), self.span.as_deref());
        let (status, code) = (error.status(), error.code().unwrap_or(""));
        let cause = error.log_detail().unwrap_or("");
        tracing::error!(
            request_id, %peer, method, path, key, app, account, status, code, cause, micros, trace,
            span, "failed"
        );
    }
}

/// The beginning of a path, for the log: a stranger chooses its length.
fn clipped(path: &str) -> &str {
    let end =
        path.char_indices().nth(limit::LOGGED_PATH_CHARACTERS).map_or(path.len(), |(at, _)| at);
    path.get(..end).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_dialect::LimitReason;
    use std::fmt::{Debug, Write};
    use std::sync::{Arc, Mutex};
    use tracing::field::{Field, Visit};
    use tracing::span;
    use tracing::{Event, Metadata, Subscriber};

    /// Writes down each event: its level, and its fields.
    #[derive(Clone, Default)]
    struct Recorder(Arc<Mutex<String>>);

    struct Fields<'a>(&'a mut String);

    impl Visit for Fields<'_> {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            write!(self.0, " {}={value:?}", field.name()).unwrap();
        }
    }

    impl Subscriber for Recorder {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

        fn event(&self, event: &Event<'_>) {
            let mut written = self.0.lock().unwrap();
            write!(written, "{}", event.metadata().level()).unwrap();
            event.record(&mut Fields(&mut written));
        }

        fn enter(&self, _: &span::Id) {}

        fn exit(&self, _: &span::Id) {}
    }

    /// The line of a request that ended so.
    fn line(error: &ApiError) -> String {
        let recorder = Recorder::default();
        let line = Line {
            request_id: "req_1",
            peer: Peer::Unix,
            method: "GET",
            path: "/v1/apps/secrets/find",
            key: "key_1",
            app: "app_1",
            account: "acct_1",
            trace: None,
            span: None,
            micros: 7,
        };
        tracing::subscriber::with_default(recorder.clone(), || line.told(error));
        let written = recorder.0.lock().unwrap();
        written.clone()
    }

    /// Who asks too much can be many times a second, and nothing of it is the server's fault.
    #[test]
    fn what_a_caller_brings_about_is_no_error_of_the_server() {
        let of_rate = ApiError::rate_limited(LimitReason::GlobalRate, "Too many.");
        let of_store = crate::error::storage_failure(&coffer_storage::StorageError::Busy);
        for (error, status) in [
            (ApiError::busy(), 503),
            (of_store, 503),
            (of_rate, 429),
            (ApiError::invalid("No."), 400),
            (ApiError::not_found("secret", "n", "name"), 404),
        ] {
            assert_eq!((kind_of(&error), error.status()), (LineKind::Refusal, status));
            let line = line(&error);
            assert!(line.starts_with("INFO message=refused "), "{line}");
            assert!(line.contains(&format!("status={status} ")), "{line}");
        }
        let error = ApiError::unknown_outcome("the disk went away");
        assert_eq!(kind_of(&error), LineKind::Failure);
        let line = line(&error);
        assert!(line.starts_with("ERROR message=failed "), "{line}");
        assert!(line.contains("cause=\"the disk went away\""), "{line}");
    }
}
