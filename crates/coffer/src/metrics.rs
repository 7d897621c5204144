//! All figures of a server: `/metrics`, for Prometheus, and what is sent elsewhere.
//!
//! Whoever asks is answered from memory: counters are read where they are, and what has to be
//! looked up in a store was measured by a job (`metrics/measure.rs`) some seconds before. So the
//! answer comes at once, also while a database is away.

mod expose;
mod measure;
mod process;

pub use measure::MeasureFigures;

use crate::audit::AuditLog;
use crate::ship::Shipping;
use coffer_base::{Clock, Timestamp};
use coffer_kernel::{Collect, Connections, JobContext, Kernel, Scheduler, TableFigures};
use coffer_metrics::{Figures, exposition};
use expose::Exposing;
use measure::Measured;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Where the figures come from.
pub struct MetricsSources {
    /// The kernel: requests, and the audit that waits. It holds these figures, and is not to be
    /// held by them.
    pub kernel: Weak<Kernel>,
    /// What jobs run on, and what they did.
    pub context: JobContext,
    /// The server's clock.
    pub clock: Arc<dyn Clock>,
    /// What runs at given times.
    pub scheduler: Arc<Scheduler>,
    /// The audit's log.
    pub audit: Arc<AuditLog>,
    /// What sends the audit out.
    pub shipping: Arc<Shipping>,
    /// What is measured of the families' tables.
    pub figures: Vec<TableFigures>,
    /// Whether this is developer mode.
    pub developer: bool,
}

/// All figures of a server.
pub struct Metrics {
    sources: MetricsSources,
    started: Timestamp,
    measured: Mutex<Measured>,
    /// The connections of each listener, by its name.
    listeners: Mutex<Vec<(&'static str, Arc<Connections>)>>,
}

impl Metrics {
    /// The figures of a server that starts now.
    pub fn new(sources: MetricsSources) -> Arc<Self> {
        let started = sources.clock.now();
        let (measured, listeners) = (Mutex::default(), Mutex::default());
        Arc::new(Self { sources, started, measured, listeners })
    }

    /// Counts the connections of a listener too.
    pub fn watch(&self, listener: &'static str, connections: Arc<Connections>) {
        self.listeners().push((listener, connections));
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<(&'static str, Arc<Connections>)>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn measured(&self) -> MutexGuard<'_, Measured> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All figures, as they are now.
    pub fn figures(&self) -> Figures {
        let (sources, figures) = (&self.sources, Figures::default());
        let Some(kernel) = sources.kernel.upgrade() else { return figures };
        let mut exposing = Exposing { kernel: &kernel, sources, figures };
        exposing.program(self.started);
        exposing.requests();
        for (name, connections) in &*self.listeners() {
            exposing.connections(name, connections);
        }
        exposing.stores();
        exposing.caches();
        exposing.jobs();
        exposing.webhooks();
        exposing.clock();
        exposing.audit();
        exposing.otlp();
        exposing.measured(&self.measured());
        exposing.figures
    }
}

impl Collect for Metrics {
    fn collect(&self) -> String {
        exposition(&self.figures())
    }
}
