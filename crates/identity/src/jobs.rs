//! The background jobs of identity.

use crate::directory::Directory;
use crate::erasure::Eraser;
use crate::limits;
use crate::objects::ApiKey;
use crate::row_mac::RowMac;
use crate::store::{
    AGED_TOMBSTONES, ENDED_OF_PEOPLE, EXPIRED_EPHEMERAL, WriteLastUsed, find_key_in, revoke_key,
};
use crate::unstored::RevocationRequest;
use coffer_base::{Tenant, Timestamp, limit};
use coffer_kernel::{
    AuditEntry, AuditTarget, BoxFuture, Job, JobContext, append_audit, audit_prune, prune,
};
use coffer_keyring::KeyringError;
use coffer_storage::{Cause, StorageError, Tx, Work, values};
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
            let erased = self.0.erase(&context.store).await;
            let every_request = "";
            let completed = self.0.complete_receipts(&context.store, every_request).await;
            let users = self.0.erase_users(&context.store).await;
            completed.and(users).and(erased).map_err(storage_error)
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

/// Stores revocations that are in force in memory alone, since they could not be stored when they
/// were asked for.
pub(crate) struct StoreRevocations(pub(crate) Arc<Directory>);

impl Job for StoreRevocations {
    fn name(&self) -> &'static str {
        "store_revocations"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(limits::STORE_REVOCATIONS_EVERY_SECONDS)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(async move {
            let (mut stored, mut outcome) = (0u64, Ok(()));
            for (id, asked) in self.0.unstored().all() {
                let (mac, now) = (self.0.mac().clone(), self.0.now());
                let within = asked.within.clone();
                let revoke = StoreRevocation { mac, id: id.clone(), asked, now };
                match context.store.write(revoke).await {
                    Ok(revoked) => {
                        stored = stored.saturating_add(u64::from(revoked));
                        self.0.unstored().remove(&id, within.as_ref());
                    }
                    // A row that cannot be read keeps no other from being stored.
                    Err(error @ StorageError::Corrupt(_)) => outcome = Err(error),
                    Err(error) => return Err(error),
                }
            }
            outcome.map(|()| stored)
        })
    }
}

/// Stores one revocation with its audit entry, unless the key is gone or revoked by now.
pub(crate) struct StoreRevocation {
    pub(crate) mac: RowMac,
    pub(crate) id: String,
    pub(crate) asked: RevocationRequest,
    pub(crate) now: Timestamp,
}

impl Work for StoreRevocation {
    /// Whether there was something to revoke.
    type Out = bool;

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StorageError> {
        let found = find_key_in(tx, &self.mac, &self.id).await?;
        let open = |key: &ApiKey| key.revoked_at.is_none() && self.asked.reaches(key);
        let Some(key) = found.filter(open) else { return Ok(false) };
        revoke_key(tx, &self.mac, &key, self.now).await?;
        let tenant = self.asked.within.clone().unwrap_or_else(Tenant::system);
        let entry = AuditEntry {
            request: Some(Arc::clone(&self.asked.request)),
            actor: self.asked.actor.clone(),
            target: AuditTarget { subject: Some(self.id.clone()), ..AuditTarget::default() },
            ..AuditEntry::of_program(self.asked.operation, tenant, self.now)
        };
        append_audit(tx, &entry);
        Ok(true)
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

/// Deletes ephemeral keys and those of people who have signed in, and what the key store remembers
/// of them, a day after they expired; until then a request with one is answered that it has
/// expired, and afterwards that it is unknown.
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
            let keys = context.keyring.store();
            coffer_keyring::prune_revocations(keys, before).await?;
            let pruned = prune(&context.store, EXPIRED_EPHEMERAL, &values![before]).await?;
            let operation = "program.ephemeral_keys.prune";
            audit_prune(&context.store, operation, pruned, times.now).await?;
            let of_people = prune(&context.store, ENDED_OF_PEOPLE, &values![before]).await?;
            let operation = "program.sign_ins.prune";
            audit_prune(&context.store, operation, of_people, times.now).await?;
            Ok(pruned.saturating_add(of_people))
        })
    }
}

/// Deletes the tombstones of installs a day after they were left: no list is read for longer.
#[derive(Debug)]
pub(crate) struct PruneTombstones;

impl Job for PruneTombstones {
    fn name(&self) -> &'static str {
        "prune_install_tombstones"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(limit::PRUNE_EVERY_SECONDS)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(async move {
            let Some(times) = context.due_times().await? else { return Ok(0) };
            let before = times.proven.plus(-limit::TOMBSTONE_SECONDS);
            prune(&context.store, AGED_TOMBSTONES, &values![before]).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_keyring::{KEY_MIGRATIONS, Revocation, all_floors, prune_revocations, revoke};
    use coffer_storage::{Options, Store};

    #[tokio::test]
    async fn all_revocations_that_have_ended_are_forgotten_in_one_pass() {
        let home = tempfile::TempDir::new().unwrap();
        let now = Timestamp::from_unix(1000);
        let path = home.path().join("keys");
        let opened = Store::open_sqlite(&path, &[KEY_MIGRATIONS], now, Options::default());
        let keys = opened.unwrap().0;
        let ended = |number: i64| Revocation {
            subject: format!("key/{number}"),
            floor: number,
            expires_at: Some(now.plus(-1)),
        };
        let later = Revocation { expires_at: Some(now), ..ended(-1) };
        let ended = (0..=limit::JOB_BATCH).map(ended);
        revoke(&keys, ended.chain([later]).collect()).await.unwrap();
        let pruned = prune_revocations(&keys, now).await.unwrap();
        assert_eq!(i64::try_from(pruned), Ok(limit::JOB_BATCH + 1));
        assert_eq!(all_floors(&keys).await.unwrap().len(), 1);
    }
}
