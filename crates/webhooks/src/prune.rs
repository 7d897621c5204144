//! Deletes attempts that have been kept as long as events, and those of endpoints that are gone.

use crate::limits;
use crate::store::attempt::{self, GiveUp};
use coffer_base::limit;
use coffer_kernel::{BoxFuture, Job, JobContext};
use coffer_storage::StorageError;
use std::time::Duration;

/// The job.
#[derive(Debug)]
pub(crate) struct PruneAttempts;

impl Job for PruneAttempts {
    fn name(&self) -> &'static str {
        "prune_webhook_attempts"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(limits::PRUNE_EVERY_SECONDS)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(prune(context))
    }
}

/// Endpoint by endpoint, in batches.
async fn prune(context: &JobContext) -> Result<u64, StorageError> {
    let Some(times) = context.due_times().await? else { return Ok(0) };
    let store = context.store.in_turn();
    let before = times.proven.plus(-limits::KEPT_SECONDS);
    let (mut done, mut after) = (0u64, String::new());
    loop {
        let page =
            attempt::endpoints_with_attempts(&store, &after, limits::ENDPOINTS_AT_ONCE).await?;
        let Some((last, _)) = page.last() else { return Ok(done) };
        after.clone_from(last);
        for (endpoint, is_there) in page {
            let before = is_there.then_some(before);
            loop {
                let (endpoint, most) = (endpoint.clone(), limit::JOB_BATCH);
                let batch = attempt::PruneAttempts { endpoint, before, most };
                let deleted = context.store.write(batch).await?;
                done = done.saturating_add(deleted);
                if deleted == 0 {
                    break;
                }
            }
            done = done.saturating_add(give_up(context, endpoint).await?);
        }
    }
}

/// Gives up what waits for an endpoint beyond its bound, the oldest first.
async fn give_up(context: &JobContext, endpoint: String) -> Result<u64, StorageError> {
    let mut given_up = 0u64;
    loop {
        let work = GiveUp {
            endpoint: endpoint.clone(),
            kept: limits::WAITING_CEILING,
            most: limit::JOB_BATCH,
            now: context.guard.now(),
        };
        let some = context.store.write(work).await?;
        given_up = given_up.saturating_add(some);
        if some == 0 {
            break;
        }
    }
    if given_up > 0 {
        tracing::warn!(%endpoint, given_up, "too much waits for a webhook endpoint");
    }
    Ok(given_up)
}
