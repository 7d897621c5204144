//! One signal's way to its receiver.

use super::encode;
use super::settings::Export;
use bytes::Bytes;
use coffer_kernel::{HttpClient, JobContext, JobFigures};
use coffer_metrics::catalogue::OTLP_RECORDS;
use coffer_outbound::HttpRequest;
use http::{HeaderValue, Method, StatusCode, header};
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What came of sending.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// The receiver has it.
    Accepted,
    /// The receiver does not want it, and would not want it later.
    Rejected,
    /// The receiver is away or has too much to do.
    Unavailable,
}

/// What sends one signal.
pub(super) struct Sender {
    export: Export,
    http: HttpClient,
    figures: Arc<JobFigures>,
    /// Whether the last attempt failed: that is logged once.
    is_failing: AtomicBool,
}

impl Sender {
    pub(super) fn new(export: Export, context: &JobContext) -> Self {
        let (http, figures) = (context.http.clone(), Arc::clone(&context.figures));
        Self { export, http, figures, is_failing: AtomicBool::new(false) }
    }

    /// Sends records, each as its JSON.
    pub(super) async fn send(&self, records: &[impl AsRef<str>]) -> Outcome {
        let Export { signal, resource, .. } = &self.export;
        let (outcome, why) = self.post(encode::request(*signal, resource, records)).await;
        self.report(why);
        outcome
    }

    /// Counts what became of so many records.
    pub(super) fn count(&self, outcome: &'static str, records: usize) {
        let records = u64::try_from(records).unwrap_or(u64::MAX);
        let labels = [self.export.signal.as_str(), outcome];
        self.figures.count_all(&OTLP_RECORDS, labels, records);
    }

    /// What came of it, and why it was not taken, if it was not.
    async fn post(&self, body: String) -> (Outcome, Option<String>) {
        let Export { endpoint, headers, timeout, .. } = &self.export;
        let (uri, mut headers, body) = (endpoint.clone(), headers.clone(), Bytes::from(body));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let sent = self.http.send(HttpRequest { method: Method::POST, uri, headers, body });
        match tokio::time::timeout(*timeout, sent).await {
            Ok(Ok(answer)) if answer.status.is_success() => (Outcome::Accepted, None),
            Ok(Ok(answer)) => {
                let is_retryable = is_retryable(answer.status);
                let outcome = if is_retryable { Outcome::Unavailable } else { Outcome::Rejected };
                (outcome, Some(format!("it answered {}", answer.status.as_u16())))
            }
            Ok(Err(error)) => (Outcome::Unavailable, Some(error.to_string())),
            Err(_elapsed) => (Outcome::Unavailable, Some("it did not answer in time".to_owned())),
        }
    }

    /// Logs that the receiver fails, or takes what it is sent again, once: where the log itself is
    /// sent, that is one line more and not one for each attempt.
    fn report(&self, why: Option<impl Display>) {
        let was_failing = self.is_failing.swap(why.is_some(), Ordering::Relaxed);
        let signal = self.export.signal.as_str();
        // What follows the host may be a secret of the receiver's.
        let receiver = self.export.endpoint.host().unwrap_or_default();
        match why {
            Some(why) if !was_failing => {
                tracing::warn!(signal, receiver, %why, "what goes out by OTLP is not taken");
            }
            None if was_failing => {
                tracing::info!(signal, receiver, "what goes out by OTLP is taken again");
            }
            _ => {}
        }
    }
}

/// Whether the specification has whoever sends try again after this status.
fn is_retryable(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}
