//! Metrics: all figures that `/metrics` shows, at one moment.

use super::encode::Clocks;
use super::sender::{Outcome, Sender};
use super::{Exporter, encode};
use crate::metrics::Metrics;
use coffer_kernel::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// Sends the figures to a receiver. They are sums since the start, so that what one time is lost
/// comes the next.
pub(super) struct ExportMetrics {
    sender: Sender,
    metrics: Arc<Metrics>,
    every: Duration,
    /// When counters began at 0.
    started: Clocks,
}

impl ExportMetrics {
    pub(super) fn new(sender: Sender, metrics: Arc<Metrics>, every: Duration) -> Self {
        Self { sender, metrics, every, started: Clocks::now() }
    }
}

impl Exporter for ExportMetrics {
    fn name(&self) -> &'static str {
        "export_metrics"
    }

    fn every(&self) -> Duration {
        self.every
    }

    fn flush(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let metrics = encode::metrics(&self.metrics.figures(), self.started);
            let is_taken = self.sender.send(&metrics).await == Outcome::Accepted;
            self.sender.count(if is_taken { "exported" } else { "failed" }, 1);
        })
    }
}
