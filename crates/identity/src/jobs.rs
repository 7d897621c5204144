//! The background jobs of identity.

use crate::directory::Directory;
use crate::erasure::Eraser;
use crate::limits;
use crate::store::{EXPIRED_EPHEMERAL, WriteLastUsed};
use coffer_base::limit;
use coffer_kernel::{BoxFuture, Job, JobContext, prune};
use coffer_keyring::KeyringError;
use coffer_storage::{Cause, StorageError, values};
use std::sync::Arc;
use std::time::Duration;

/// Erases the tenants that are listed for erasure. Their keys are destroyed already as a rule, so
/// what is left is to delete rows that nobody can open.
pub(crate) struct EraseTenants(pub(crate) Arc<Eraser>);

impl Job for EraseTenants {
    fn name(&self) -> &'static str {
        "erase_tenants"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(limits::ERASE_EVERY_SECONDS)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(async move {
            self.0.erase(&context.store).await.map_err(|error| match error {
                KeyringError::Storage(source) => source,
                other => StorageError::Internal(Cause::of(other)),
            })
        })
    }
}

/// Writes the times at which keys were last used, which the directory collects in memory: a write
/// for each request would cost more than the request.
pub(crate) struct FlushLastUsed(pub(crate) Arc<Directory>);

impl Job for FlushLastUsed {
    fn name(&self) -> &'static str {
        "last_used"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(limits::LAST_USED_EVERY_SECONDS)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(async move {
            let mut used = self.0.take_last_used();
            // In one order on all servers, so that two never wait for each other.
            used.sort();
            let batch = usize::try_from(limit::JOB_BATCH).unwrap_or(usize::MAX);
            let mut written = 0u64;
            for chunk in used.chunks(batch) {
                written =
                    written.saturating_add(context.store.write(WriteLastUsed(chunk.into())).await?);
            }
            Ok(written)
        })
    }
}

/// Deletes ephemeral keys a day after they expired; until then a request with one is answered that
/// it has expired, and afterwards that it is unknown.
#[derive(Debug)]
pub(crate) struct PruneEphemeralKeys;

impl Job for PruneEphemeralKeys {
    fn name(&self) -> &'static str {
        "prune_ephemeral_keys"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(limit::PRUNE_EVERY_SECONDS)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(async move {
            let Some(times) = context.due_times().await? else { return Ok(0) };
            let before = times.proven.plus(-limits::EPHEMERAL_SECONDS_CEILING);
            prune(&context.store, EXPIRED_EPHEMERAL, &values![before]).await
        })
    }
}
