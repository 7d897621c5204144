//! Traces go out by OTLP over HTTP, as JSON: the one format of OpenTelemetry that needs neither
//! protocol buffers nor another HTTP client (decision 0074).
//!
//! A job sends what waits every few seconds. A receiver that is away loses spans and nothing else:
//! they are not kept, and no request waits for them.

mod encode;
mod settings;

pub use settings::TraceSettings;

use crate::limits::{SPANS_AT_ONCE, SPANS_WAITING, TRACES_SECONDS};
use coffer_kernel::{BoxFuture, HttpClient, Job, JobContext, Span, Tracer};
use coffer_outbound::HttpRequest;
use coffer_storage::StorageError;
use http::{HeaderValue, Method, header};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Sends spans to a receiver.
pub struct ExportTraces {
    tracer: Arc<Tracer>,
    settings: TraceSettings,
    http: HttpClient,
    /// Whether the last attempt failed: that is logged once.
    is_failing: AtomicBool,
}

impl ExportTraces {
    /// What sends the spans of `settings`' sampler, over `http`.
    pub fn new(settings: TraceSettings, http: HttpClient) -> Arc<Self> {
        let tracer = Arc::new(Tracer::new(settings.sampler, SPANS_WAITING));
        Arc::new(Self { tracer, settings, http, is_failing: AtomicBool::new(false) })
    }

    /// What keeps the spans.
    pub fn tracer(&self) -> Arc<Tracer> {
        Arc::clone(&self.tracer)
    }

    /// Sends all that waits, or until the receiver fails.
    pub async fn flush(&self) {
        loop {
            let spans = self.tracer.take(SPANS_AT_ONCE);
            if spans.is_empty() {
                return;
            }
            let sent = self.send(&spans).await;
            self.tracer.count(spans.len(), sent.is_ok());
            self.report(sent.as_ref().err());
            if sent.is_err() {
                return;
            }
        }
    }

    async fn send(&self, spans: &[Span]) -> Result<(), String> {
        let body = encode::request(spans, &self.settings.resource).into();
        let mut headers = self.settings.headers.clone();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let uri = self.settings.endpoint.clone();
        let sent = self.http.send(HttpRequest { method: Method::POST, uri, headers, body });
        match tokio::time::timeout(self.settings.timeout, sent).await {
            Ok(Ok(answer)) if answer.status.is_success() => Ok(()),
            Ok(Ok(answer)) => Err(format!("it answered {}", answer.status.as_u16())),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_elapsed) => Err("it did not answer in time".to_owned()),
        }
    }

    /// Logs that the receiver fails, or takes spans again, once.
    fn report(&self, error: Option<&String>) {
        let was_failing = self.is_failing.swap(error.is_some(), Ordering::Relaxed);
        // What follows the host may be a secret of the receiver's.
        let receiver = self.settings.endpoint.host().unwrap_or_default();
        match error {
            Some(why) if !was_failing => {
                tracing::warn!(receiver, why, "traces are not taken, and are lost meanwhile");
            }
            None if was_failing => tracing::info!(receiver, "traces are taken again"),
            _ => {}
        }
    }
}

/// The job over it.
pub struct ExportJob(pub Arc<ExportTraces>);

impl Job for ExportJob {
    fn name(&self) -> &'static str {
        "traces"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(TRACES_SECONDS)
    }

    fn run<'a>(&'a self, _context: &'a JobContext) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(async move {
            self.0.flush().await;
            // That spans were sent is no news.
            Ok(0)
        })
    }
}
