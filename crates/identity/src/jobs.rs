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
        Box::pin(async move { self.0.erase(&context.store).await.map_err(storage_error) })
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

/// Moves revocations to the key store that no request has moved, since its server died.
pub(crate) struct SettleRevocations(pub(crate) Arc<Eraser>);

impl Job for SettleRevocations {
    fn name(&self) -> &'static str {
        "settle_revocations"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(limits::SETTLE_EVERY_SECONDS)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(async move { self.0.settle(&context.store).await.map_err(storage_error) })
    }
}

/// A key store's error, as jobs report it.
fn storage_error(error: KeyringError) -> StorageError {
    match error {
        KeyringError::Storage(source) => source,
        other => StorageError::Internal(Cause::of(other)),
    }
}

/// Deletes ephemeral keys, and what the key store remembers of them, a day after they expired; until then a request with one is answered that
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
            let before = context.clock.now().plus(-limits::EPHEMERAL_SECONDS_CEILING);
            let keys = context.keyring.store();
            coffer_keyring::prune_revocations(keys, before, limit::JOB_BATCH).await?;
            prune(&context.store, EXPIRED_EPHEMERAL, &values![before]).await
        })
    }
}
