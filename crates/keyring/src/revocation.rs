//! Revocations: from which place in the order of rows on a subject's rows are believed.
//!
//! They lie in the key store. Whoever can write to the data could otherwise put back a row from
//! before a revocation, with the MAC that it had.

use crate::error::KeyringError;
use crate::store::{self, InsertRevocations, PruneRevocations};
use coffer_base::{Timestamp, limit};
use coffer_storage::{StorageError, Store};
use std::collections::HashMap;

/// The end of everything that a subject had up to a place in the order in which rows are made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revocation {
    /// Whose rows end: a key, an app, an account, or what an app has on an account.
    pub subject: String,
    /// The last place whose row is not believed any more.
    pub floor: i64,
    /// From when on those rows are refused without it, so that it can be forgotten; `None` if
    /// never.
    pub expires_at: Option<Timestamp>,
}

/// Records revocations, durably. A higher floor of the same subject stays.
///
/// # Errors
/// [`KeyringError::Storage`] if the key store cannot be written.
pub async fn revoke(keys: &Store, revocations: Vec<Revocation>) -> Result<(), KeyringError> {
    let rows = revocations.into_iter().map(|one| (one.subject, one.floor, one.expires_at));
    Ok(keys.write(InsertRevocations(rows.collect())).await?)
}

/// The floors of up to [`FLOORS_AT_ONCE`] subjects; one that was never revoked is not among them.
///
/// # Errors
/// When the key store cannot be read.
pub async fn floors(
    keys: &Store,
    subjects: &[String; FLOORS_AT_ONCE],
) -> Result<HashMap<String, i64>, StorageError> {
    store::floors(keys, subjects).await
}

/// How many subjects [`floors`] looks up: all that a request can depend on.
pub const FLOORS_AT_ONCE: usize = 11;

/// The floors of all subjects: for a check of the whole store.
///
/// # Errors
/// When the key store cannot be read.
pub async fn all_floors(keys: &Store) -> Result<HashMap<String, i64>, StorageError> {
    store::all_floors(keys).await
}

/// The highest floor of all; 0 if nothing was ever revoked. New rows need places above it.
///
/// # Errors
/// When the key store cannot be read.
pub async fn highest_floor(keys: &Store) -> Result<i64, StorageError> {
    store::highest_floor(keys).await
}

/// Forgets the revocations that ended before `before`; returns how many.
///
/// # Errors
/// When the key store cannot be written.
pub async fn prune_revocations(keys: &Store, before: Timestamp) -> Result<u64, StorageError> {
    let mut pruned = 0u64;
    loop {
        let batch = keys.write(PruneRevocations { before, limit: limit::JOB_BATCH }).await?;
        if batch == 0 {
            return Ok(pruned);
        }
        pruned = pruned.saturating_add(batch);
    }
}
