//! Proofs that others can check: that an entry is in the log, and that a log continues an older
//! one.

use crate::error::LogError;
use crate::store::log;
use crate::tile::{Tiles, tiles_for};
use crate::tree::{Tree, consistency_path, inclusion_path};
use coffer_crypto::Hash;
use coffer_storage::Store;
use std::ops::Range;

/// The hashes that prove that the log of `size` entries has the entry with the number `id`.
///
/// # Errors
/// [`LogError::Broken`] if there is no such entry in it, or a tile is missing.
pub async fn inclusion(store: &Store, id: u64, size: u64) -> Result<Vec<Hash>, LogError> {
    if id == 0 || id > size {
        return Err(LogError::Broken(format!("the log of {size} entries has no entry {id}")));
    }
    let path = inclusion_path(id.saturating_sub(1), size);
    tiles_of(store, &path).await?.path(&path).ok_or_else(missing)
}

/// The hashes that prove that the log of `size` entries begins with the `old` entries that it had
/// before.
///
/// # Errors
/// [`LogError::Broken`] if it has fewer, or a tile is missing.
pub async fn consistency(store: &Store, old: u64, size: u64) -> Result<Vec<Hash>, LogError> {
    if old > size {
        return Err(LogError::Broken(format!("the log has {size} entries, and had {old} before")));
    }
    let path = consistency_path(old, size);
    tiles_of(store, &path).await?.path(&path).ok_or_else(missing)
}

/// The tree of the first `size` entries, from its tiles.
///
/// # Errors
/// [`LogError::Broken`] if a tile is missing.
pub async fn tree_of(store: &Store, size: u64) -> Result<Tree, LogError> {
    let whole = 0..size;
    tiles_of(store, std::slice::from_ref(&whole)).await?.tree(size).ok_or_else(missing)
}

async fn tiles_of(store: &Store, subtrees: &[Range<u64>]) -> Result<Tiles, LogError> {
    Ok(log::tiles(store, &tiles_for(subtrees)).await?)
}

fn missing() -> LogError {
    LogError::Broken("a tile of the audit's log is missing or damaged".to_owned())
}
