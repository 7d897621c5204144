//! Removes secrets that have expired. Reads have not shown them since the second of their
//! expiry; this takes the rows away within a minute of it (secret store §7, decision 6).

use crate::limits;
use crate::store::DeleteExpired;
use coffer_base::{Timestamp, limit};
use coffer_kernel::{BoxFuture, Job};
use coffer_storage::{StorageError, Store};
use std::time::Duration;

/// The job.
#[derive(Debug)]
pub struct ExpireSecrets;

impl Job for ExpireSecrets {
    fn name(&self) -> &'static str {
        "expire_secrets"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(limits::EXPIRE_EVERY_SECONDS)
    }

    fn run<'a>(
        &'a self,
        store: &'a Store,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(async move {
            let mut expired = 0u64;
            loop {
                let work = DeleteExpired { now, limit: limit::JOB_BATCH };
                let batch = store.write(work).await?;
                expired = expired.saturating_add(batch);
                if batch == 0 {
                    return Ok(expired);
                }
            }
        })
    }
}
