//! Deletes secrets that have expired. Reads have not shown them since the second of their expiry;
//! this deletes the rows a day later, so that a clock that is wrong for less destroys nothing.

use crate::announced::Announced;
use crate::limits;
use crate::store::DeleteExpired;
use coffer_base::{Timestamp, limit};
use coffer_kernel::{BoxFuture, Job, JobContext, Tally};
use coffer_storage::{StorageError, Store};
use std::time::Duration;

/// The job.
#[derive(Debug)]
pub(crate) struct ExpireSecrets {
    /// Whether events announce what has expired: then nothing goes before it was announced, however
    /// long the server was down.
    pub(crate) announces: bool,
}

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
            let deleted = if self.announces { &[Announced::Expired][..] } else { &Announced::ALL };
            let mut done = Tally::default();
            for part in context.store.parts().await? {
                done.add(expire(&part, deleted, by, times.now).await);
            }
            done.end()
        })
    }
}

/// Deletes what has expired in one part of a store, of which so much was announced.
async fn expire(
    part: &Store,
    deleted: &[Announced],
    by: Timestamp,
    now: Timestamp,
) -> Result<u64, StorageError> {
    let mut expired = 0u64;
    for &announced in deleted {
        loop {
            let work = DeleteExpired { announced, by, now, limit: limit::JOB_BATCH };
            let batch = part.write(work).await?;
            expired = expired.saturating_add(batch);
            if batch == 0 {
                break;
            }
        }
    }
    Ok(expired)
}
