//! Reading entries that are in the log, in its order, to which nothing is added but at its end.

use super::log::{entries, head};
use crate::stored::StoredEntry;
use coffer_storage::{Result, Store};

/// The entries with numbers from `from` to `to`, both included, that are in the log: in their
/// order, and at most `most`.
///
/// # Errors
/// When the store cannot be read.
pub async fn entries_between(
    store: &Store,
    from: u64,
    to: u64,
    most: i64,
) -> Result<Vec<StoredEntry>> {
    let size = head(store).await?.map_or(0, |head| head.size);
    if from > to.min(size) {
        return Ok(Vec::new());
    }
    let rows = entries(&store.parts().await?, from, to.min(size), most).await?;
    rows.into_iter().map(|row| StoredEntry::of(row, 0)).collect()
}

/// The entry with a number, if it is in the log.
///
/// # Errors
/// When the store cannot be read.
pub async fn find_entry(store: &Store, id: u64) -> Result<Option<StoredEntry>> {
    Ok(entries_between(store, id, id, 1).await?.pop())
}
