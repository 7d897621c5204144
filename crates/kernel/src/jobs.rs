//! What happens in the background: jobs that run again and again, in small transactions.

use crate::context::BoxFuture;
use crate::store::{PruneOldRecords, PruneRecordsOfApp, PruneTombstones, apps_over_cap};
use coffer_base::{Clock, Timestamp, limit};
use coffer_storage::{StorageError, Store};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Work that comes back. A pass does all that is due, in transactions of at most
/// [`limit::JOB_BATCH`] rows, and may be cut anywhere: the next one goes on.
pub trait Job: Send + Sync + 'static {
    /// The word for it in logs.
    fn name(&self) -> &'static str;

    /// Time between two passes.
    fn every(&self) -> Duration;

    /// One pass; the number of things done.
    fn run<'a>(
        &'a self,
        store: &'a Store,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<u64, StorageError>>;
}

/// Runs one job until `stop` changes. A pass that fails is logged, and the next one tries again.
pub async fn run_jobs(
    job: Arc<dyn Job>,
    store: Store,
    clock: Arc<dyn Clock>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        match job.run(&store, clock.now()).await {
            Ok(0) => tracing::debug!(job = job.name(), "nothing due"),
            Ok(done) => tracing::info!(job = job.name(), done, "pass done"),
            Err(error) => tracing::error!(job = job.name(), %error, "pass failed"),
        }
        tokio::select! {
            () = tokio::time::sleep(job.every()) => {}
            _ = stop.changed() => return,
        }
    }
}

/// Prunes stored answers and tombstones that have served their time (conventions §13,
/// decisions 4 and 17).
#[derive(Debug)]
pub struct PruneRecords;

impl Job for PruneRecords {
    fn name(&self) -> &'static str {
        "prune"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(limit::PRUNE_EVERY_SECONDS)
    }

    fn run<'a>(
        &'a self,
        store: &'a Store,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(async move {
            let aged = prune_aged(store, now).await?;
            let capped = prune_over_cap(store, limit::IDEMPOTENCY_RECORDS_PER_APP).await?;
            Ok(aged.saturating_add(capped))
        })
    }
}

async fn prune_aged(store: &Store, now: Timestamp) -> Result<u64, StorageError> {
    let mut pruned = 0u64;
    loop {
        let before = now.plus(-limit::IDEMPOTENCY_SECONDS);
        let records = store.write(PruneOldRecords { before, limit: limit::JOB_BATCH }).await?;
        let before = now.plus(-limit::TOMBSTONE_SECONDS);
        let tombstones = store.write(PruneTombstones { before, limit: limit::JOB_BATCH }).await?;
        if records == 0 && tombstones == 0 {
            return Ok(pruned);
        }
        pruned = pruned.saturating_add(records).saturating_add(tombstones);
    }
}

async fn prune_over_cap(store: &Store, cap: i64) -> Result<u64, StorageError> {
    let mut pruned = 0u64;
    for (mode, app, count) in apps_over_cap(store, cap).await? {
        tracing::warn!(app, count, cap, "more stored answers than the cap: the oldest go first");
        let mut excess = count.saturating_sub(cap);
        while excess > 0 {
            let limit = excess.min(limit::JOB_BATCH);
            let rows = store.write(PruneRecordsOfApp { mode, app: app.clone(), limit }).await?;
            if rows == 0 {
                break;
            }
            pruned = pruned.saturating_add(rows);
            excess = excess.saturating_sub(limit);
        }
    }
    Ok(pruned)
}
