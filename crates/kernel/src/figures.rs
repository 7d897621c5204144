//! What is measured beside requests: passes of jobs, and sums over tables.

use coffer_base::Timestamp;
use coffer_metrics::{Histogram, Metric, Recorded};
use coffer_storage::{Row, StorageError, Store};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// What all jobs did since the server started, by name, and what they counted.
#[derive(Default, Debug)]
pub struct JobFigures {
    jobs: Mutex<BTreeMap<&'static str, Arc<JobFigure>>>,
    counts: Mutex<BTreeMap<Series, u64>>,
}

/// The name of a metric, and the values of its two labels.
type Series = (&'static str, [&'static str; 2]);

/// What one job did.
#[derive(Default, Debug)]
pub struct JobFigure {
    succeeded: AtomicU64,
    failed: AtomicU64,
    done: AtomicU64,
    durations: Histogram,
    /// In Unix time; 0 if none has succeeded yet.
    last_success: AtomicI64,
    /// In milliseconds.
    every: AtomicU64,
}

impl JobFigures {
    /// The figures of the job of this name. Jobs of one name share them.
    pub fn of(&self, name: &'static str, every: Duration) -> Arc<JobFigure> {
        let mut all = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let figure = Arc::clone(all.entry(name).or_default());
        let millis = u64::try_from(every.as_millis()).unwrap_or(u64::MAX);
        figure.every.store(millis, Ordering::Relaxed);
        figure
    }

    /// All of them, by name.
    pub fn all(&self) -> Vec<(&'static str, Arc<JobFigure>)> {
        let all = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(name, figure)| (*name, Arc::clone(figure))).collect()
    }

    /// Counts one more of what a job has a counter of its own for.
    pub fn count(&self, metric: &'static Metric, labels: [&'static str; 2]) {
        self.count_all(metric, labels, 1);
    }

    /// Counts so many more.
    pub fn count_all(&self, metric: &'static Metric, labels: [&'static str; 2], more: u64) {
        let mut all = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry((metric.name, labels)).or_default();
        *count = count.saturating_add(more);
    }

    /// How often that was counted.
    pub fn counted(&self, metric: &'static Metric, labels: [&'static str; 2]) -> u64 {
        let all = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&(metric.name, labels)).copied().unwrap_or(0)
    }
}

impl JobFigure {
    /// Counts a pass that took so long and ended at `now`.
    pub fn record(&self, pass: &Result<u64, StorageError>, took: Duration, now: Timestamp) {
        self.durations.record(took);
        match pass {
            Ok(done) => {
                self.succeeded.fetch_add(1, Ordering::Relaxed);
                self.done.fetch_add(*done, Ordering::Relaxed);
                self.last_success.store(now.unix(), Ordering::Relaxed);
            }
            Err(_) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Passes that succeeded.
    pub fn succeeded(&self) -> u64 {
        self.succeeded.load(Ordering::Relaxed)
    }

    /// Passes that failed.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// How much they did together.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// How long they took.
    pub fn durations(&self) -> Recorded {
        self.durations.read()
    }

    /// When a pass last succeeded, in Unix time; `None` if none has.
    pub fn last_success(&self) -> Option<i64> {
        Some(self.last_success.load(Ordering::Relaxed)).filter(|at| *at > 0)
    }

    /// The pause between two passes.
    pub fn every(&self) -> Duration {
        Duration::from_millis(self.every.load(Ordering::Relaxed))
    }
}

/// What a family has measured of its tables now and then: sums over rows of all tenants together.
#[derive(Clone, Copy, Debug)]
pub struct TableFigures {
    /// A statement over all rows, grouped by the labels: their values first, as texts, and then
    /// a number for each metric.
    pub sql: &'static str,
    /// The metrics, which have the same labels, in the order of the statement's numbers.
    pub metrics: &'static [&'static Metric],
    /// Whether the tables are spread over the parts of a store, so that each part has its sums.
    pub is_spread: bool,
}

/// The figures of a metric by its labels' values.
pub type Sums = BTreeMap<Vec<String>, i64>;

impl TableFigures {
    /// Measures the store, part by part if its tables are spread; one map for each metric, in
    /// their order.
    ///
    /// # Errors
    /// When a part does not answer: a sum without it would be wrong.
    pub async fn measure(&self, store: &Store) -> Result<Vec<Sums>, StorageError> {
        let mut all = vec![Sums::new(); self.metrics.len()];
        let parts = if self.is_spread { store.parts().await? } else { vec![store.clone()] };
        for part in parts {
            for row in part.scan(self.sql, &[]).await? {
                self.add(&mut all, &row)?;
            }
        }
        Ok(all)
    }

    fn add(&self, all: &mut [Sums], row: &Row) -> Result<(), StorageError> {
        let width = self.metrics.first().map_or(0, |metric| metric.labels.len());
        let labels: Result<Vec<String>, StorageError> =
            (0..width).map(|at| row.text(at).map(str::to_owned)).collect();
        let labels = labels?;
        for (at, sums) in all.iter_mut().enumerate() {
            let sum = sums.entry(labels.clone()).or_default();
            *sum = sum.saturating_add(row.int(width.saturating_add(at))?);
        }
        Ok(())
    }
}

/// How full a cache is, and how often it had no answer.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct CacheFigures {
    /// Entries now.
    pub entries: u64,
    /// Look-ups that had to read a store.
    pub misses: u64,
}

/// Who has all figures. Reading them asks no store, so that it does not fail or wait when a
/// store does: just then they are needed.
pub trait Collect: Send + Sync + 'static {
    /// All of them, in Prometheus' text format.
    fn collect(&self) -> String;
}

/// The collector, once there is one.
pub(crate) type Collector = Arc<OnceLock<Arc<dyn Collect>>>;
