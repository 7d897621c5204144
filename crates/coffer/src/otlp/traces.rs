//! Traces: the spans of sampled requests.

use super::sender::{Outcome, Sender};
use super::{Exporter, encode};
use crate::limits::{SPANS_AT_ONCE, SPANS_WAITING, TRACES_SECONDS};
use coffer_kernel::{BoxFuture, Sampler, Tracer};
use std::sync::Arc;
use std::time::Duration;

/// Sends spans to a receiver. Those that it does not take are lost.
pub(super) struct ExportTraces {
    tracer: Arc<Tracer>,
    sender: Sender,
}

impl ExportTraces {
    pub(super) fn new(sender: Sender, sampler: Sampler) -> Self {
        Self { tracer: Arc::new(Tracer::new(sampler, SPANS_WAITING)), sender }
    }

    /// What keeps the spans.
    pub(super) fn tracer(&self) -> Arc<Tracer> {
        Arc::clone(&self.tracer)
    }
}

impl Exporter for ExportTraces {
    fn name(&self) -> &'static str {
        "traces"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(TRACES_SECONDS)
    }

    fn flush(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            loop {
                let spans = self.tracer.take(SPANS_AT_ONCE);
                if spans.is_empty() {
                    return;
                }
                let is_taken = self.sender.send(&encode::spans(&spans)).await == Outcome::Accepted;
                self.tracer.count(spans.len(), is_taken);
                if !is_taken {
                    return;
                }
            }
        })
    }
}
