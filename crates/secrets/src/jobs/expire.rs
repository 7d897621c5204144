//! Deletes secrets that have expired. Reads have not shown them since the second of their expiry;
//! this deletes the rows a day later, so that a clock that is wrong for less destroys nothing.

use crate::limits;
use crate::store::DeleteExpired;
use coffer_base::limit;
use coffer_kernel::{BoxFuture, Job, JobContext};
use coffer_storage::StorageError;
use std::time::Duration;

/// The job.
#[derive(Debug)]
pub(crate) struct ExpireSecrets;

impl Job for ExpireSecrets {
    fn name(&self) -> &'static str {
        "expire_secrets"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(limits::EXPIRE_EVERY_SECONDS)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(async move {
            let Some(times) = context.due_times().await? else { return Ok(0) };
            let by = times.proven.plus(-limits::EXPIRED_KEPT_SECONDS);
            let mut expired = 0u64;
            loop {
                let work = DeleteExpired { by, now: times.now, limit: limit::JOB_BATCH };
                let batch = context.store.write(work).await?;
                expired = expired.saturating_add(batch);
                if batch == 0 {
                    return Ok(expired);
                }
            }
        })
    }
}
