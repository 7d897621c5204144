//! Traces, metrics and logs go out by OTLP over HTTP, as JSON: the one format of OpenTelemetry that
//! needs neither protocol buffers nor another HTTP client (decisions 0074 and 0130).
//!
//! For each signal a job sends what there is every now and then. A receiver that is away costs what
//! it misses and nothing else: no request waits for it.

mod encode;
mod logs;
mod metrics;
mod sender;
mod settings;
mod traces;

pub use logs::{KeepLines, LogLines};
pub use settings::{Export, MetricSettings, OtlpSettings, Signal, TraceSettings};

use crate::limits::LAST_EXPORT_SECONDS;
use crate::metrics::Metrics;
use coffer_kernel::{BoxFuture, Job, JobContext, Tracer};
use coffer_storage::StorageError;
use logs::ExportLogs;
use metrics::ExportMetrics;
use sender::Sender;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use traces::ExportTraces;

/// Time for what is left when the server stops.
const LAST_EXPORT: Duration = Duration::from_secs(LAST_EXPORT_SECONDS);

/// What sends one signal away.
trait Exporter: Send + Sync + 'static {
    /// The name of its job.
    fn name(&self) -> &'static str;

    /// Time between two times that it sends.
    fn every(&self) -> Duration;

    /// Sends what there is, or until the receiver fails.
    fn flush(&self) -> BoxFuture<'_, ()>;
}

/// What goes out by OTLP: nothing, unless somebody wants it.
#[derive(Clone, Default)]
pub struct Otlp {
    exporters: Vec<Arc<dyn Exporter>>,
    tracer: Option<Arc<Tracer>>,
}

impl Otlp {
    /// What sends the signals of `settings`: of the log, what is kept in `lines`.
    pub fn new(
        settings: OtlpSettings,
        lines: &Arc<LogLines>,
        metrics: &Arc<Metrics>,
        context: &JobContext,
    ) -> Self {
        let OtlpSettings { traces, metrics: of_metrics, logs } = settings;
        let sender = |export| Sender::new(export, context);
        let mut otlp = Self::default();
        if let Some(TraceSettings { export, sampler }) = traces {
            let traces = ExportTraces::new(sender(export), sampler);
            otlp.tracer = Some(traces.tracer());
            otlp.exporters.push(Arc::new(traces));
        }
        if let Some(MetricSettings { export, every }) = of_metrics {
            let metrics = ExportMetrics::new(sender(export), Arc::clone(metrics), every);
            otlp.exporters.push(Arc::new(metrics));
        }
        if let Some(export) = logs {
            otlp.exporters.push(Arc::new(ExportLogs::new(sender(export), Arc::clone(lines))));
        }
        otlp
    }

    /// What keeps the spans of requests, if traces are wanted.
    pub fn tracer(&self) -> Option<Arc<Tracer>> {
        self.tracer.clone()
    }

    /// The jobs that send, one for each signal.
    pub fn jobs(&self) -> impl Iterator<Item = Arc<dyn Job>> {
        let exporters = self.exporters.iter().cloned();
        exporters.map(|exporter| Arc::new(ExportJob(exporter)) as Arc<dyn Job>)
    }

    /// Sends the last of all signals, at the same time and within `LAST_EXPORT_SECONDS`: a receiver
    /// that is slow does not keep the server from its end. The jobs have ended by then.
    pub async fn flush(&self) {
        let mut running = JoinSet::new();
        for exporter in &self.exporters {
            let exporter = Arc::clone(exporter);
            running.spawn(async move { exporter.flush().await });
        }
        let all = async { while running.join_next().await.is_some() {} };
        if tokio::time::timeout(LAST_EXPORT, all).await.is_err() {
            let seconds = LAST_EXPORT_SECONDS;
            tracing::warn!(seconds, "not all of what was left to go out by OTLP was taken in time");
        }
    }
}

/// The job of a signal.
struct ExportJob(Arc<dyn Exporter>);

impl Job for ExportJob {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn every(&self) -> Duration {
        self.0.every()
    }

    fn run<'a>(&'a self, _context: &'a JobContext) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(async move {
            self.0.flush().await;
            // That something was sent is no news.
            Ok(0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A signal whose receiver takes for ever, or not at all.
    struct Signal {
        takes: Duration,
    }

    impl Exporter for Signal {
        fn name(&self) -> &'static str {
            "test"
        }

        fn every(&self) -> Duration {
            Duration::from_secs(1)
        }

        fn flush(&self) -> BoxFuture<'_, ()> {
            Box::pin(tokio::time::sleep(self.takes))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_receiver_that_is_slow_does_not_keep_the_server_from_its_end() {
        for (seconds, within) in [(1, 1), (LAST_EXPORT_SECONDS * 100, LAST_EXPORT_SECONDS)] {
            let signals =
                [0, seconds].map(|seconds| Signal { takes: Duration::from_secs(seconds) });
            let exporters = signals.map(|signal| Arc::new(signal) as Arc<dyn Exporter>);
            let otlp = Otlp { exporters: exporters.to_vec(), tracer: None };
            let began = tokio::time::Instant::now();
            otlp.flush().await;
            assert_eq!(began.elapsed().as_secs(), within);
        }
    }
}
