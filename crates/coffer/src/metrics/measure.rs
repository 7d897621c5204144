//! What has to be looked up in a store: measured now and then, beside the other jobs.

use super::{Metrics, MetricsSources};
use crate::limits::{MEASURE_SECONDS, MEASURE_TABLES_SECONDS};
use crate::ship::ShippingProgress;
use coffer_kernel::{BoxFuture, Job, JobContext, Progress, Sums};
use coffer_keyring::{KeyCounts, LastRun, Rotation, RunKind};
use coffer_metrics::Metric;
use coffer_storage::StorageError;
use std::sync::Arc;
use std::time::Duration;

/// What was measured last.
#[derive(Default)]
pub(super) struct Measured {
    pub(super) schedule: Vec<Progress>,
    pub(super) shipments: Vec<ShippingProgress>,
    /// What came of the last backup and the last drill.
    pub(super) runs: Vec<(RunKind, LastRun)>,
    pub(super) keys: Option<KeyCounts>,
    pub(super) rotation: Option<Rotation>,
    /// Entries in the audit's log, and when its head was signed.
    pub(super) audit_head: Option<(u64, i64)>,
    pub(super) tables: Vec<(&'static Metric, Sums)>,
    /// When tables were last read as a whole, in monotonic time.
    tables_at: Option<Duration>,
}

/// The job.
pub struct MeasureFigures(Arc<Metrics>);

impl MeasureFigures {
    /// The job that measures for `metrics`.
    pub const fn new(metrics: Arc<Metrics>) -> Self {
        Self(metrics)
    }

    /// Reads some rows by their keys.
    async fn measure(&self) -> Result<(), StorageError> {
        let MetricsSources { context, scheduler, shipping, clock, .. } = &self.0.sources;
        let (store, keys, now) = (&context.store, context.keyring.store(), clock.now());
        let schedule = scheduler.progress(store, now).await?;
        let shipments = shipping.progress(store, now).await?;
        let rotation = coffer_keyring::last_rotation(store).await?;
        let head = coffer_audit::head(store).await?;
        let mut runs = Vec::new();
        for kind in [RunKind::Backup, RunKind::Drill] {
            runs.extend(coffer_keyring::last_run(keys, kind).await?.map(|run| (kind, run)));
        }
        let mut measured = self.0.measured();
        measured.schedule = schedule;
        measured.shipments = shipments;
        measured.rotation = rotation;
        measured.audit_head = head.map(|head| (head.size, head.at.unix()));
        measured.runs = runs;
        Ok(())
    }

    /// Reads whole tables.
    async fn measure_tables(&self) -> Result<(), StorageError> {
        let MetricsSources { context, figures, .. } = &self.0.sources;
        let keys = coffer_keyring::key_counts(context.keyring.store()).await?;
        let mut tables = Vec::new();
        for figure in figures {
            let sums = figure.measure(&context.store).await?;
            tables.extend(figure.metrics.iter().copied().zip(sums));
        }
        let mut measured = self.0.measured();
        measured.keys = Some(keys);
        measured.tables = tables;
        measured.tables_at = Some(self.0.sources.clock.monotonic());
        Ok(())
    }

    /// Whether it is time to read whole tables again.
    fn are_tables_due(&self) -> bool {
        let every = Duration::from_secs(MEASURE_TABLES_SECONDS);
        let now = self.0.sources.clock.monotonic();
        self.0.measured().tables_at.is_none_or(|at| now.saturating_sub(at) >= every)
    }
}

impl Job for MeasureFigures {
    fn name(&self) -> &'static str {
        "metrics"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(MEASURE_SECONDS)
    }

    fn run<'a>(&'a self, _context: &'a JobContext) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(async move {
            self.measure().await?;
            if self.are_tables_due() {
                self.measure_tables().await?;
            }
            // That figures were measured is no news.
            Ok(0)
        })
    }
}
