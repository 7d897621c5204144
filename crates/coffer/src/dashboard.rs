//! What the program does for the dashboard: its own key in developer mode, and the readings of its
//! plot.

use coffer_base::{Clock, Random, Redacted};
use coffer_dashboard::{Dashboard, DashboardOptions, limits};
use coffer_kernel::{BoxFuture, Counters, Job, JobContext, SignIns};
use coffer_storage::StorageError;
use std::sync::Arc;
use std::time::Duration;

/// The dashboard of an installation. In developer mode its link signs in with an admin key of its
/// own, which is made on first use as any other.
pub fn open(
    developer: bool,
    run_key: Option<&Redacted<String>>,
    clock: &Arc<dyn Clock>,
    random: &Arc<dyn Random>,
    sign_ins: Arc<dyn SignIns>,
) -> Arc<Dashboard> {
    let run_key = run_key.map(|key| format!("{}_", key.expose()));
    let key = format!("ak_coffer_{}dashboard", run_key.unwrap_or_default());
    Arc::new(Dashboard::new(DashboardOptions {
        clock: Arc::clone(clock),
        random: Arc::clone(random),
        developer_key: developer.then(|| Redacted::new(key)),
        sign_ins,
    }))
}

/// Reads the counts of requests for the dashboard.
pub struct SampleRequests {
    /// Whom they are for.
    pub dashboard: Arc<Dashboard>,
    /// The counts.
    pub counters: Arc<Counters>,
}

impl Job for SampleRequests {
    fn name(&self) -> &'static str {
        "sample_requests"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(limits::SAMPLE_EVERY_SECONDS)
    }

    fn run<'a>(&'a self, _context: &'a JobContext) -> BoxFuture<'a, Result<u64, StorageError>> {
        self.dashboard.sample(&self.counters);
        Box::pin(std::future::ready(Ok(0)))
    }
}
