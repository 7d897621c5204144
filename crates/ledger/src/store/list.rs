//! Lists: the pages of any kind of records.

use crate::sql::{PLACE_BITS, Record, of_owner, owner_values};
use coffer_base::{Owner, limit};
use coffer_kernel::PagePosition;
use coffer_storage::{StorageError, Store, values};

/// The records from a position on, in the order of reading: in one statement if it looks at no more
/// rows than it shows, otherwise window by window.
///
/// # Errors
/// If the database does not answer, or a row is corrupt.
pub async fn page<R: Record>(
    store: &Store,
    owner: &Owner,
    position: PagePosition,
    filter: &R::Filter,
) -> Result<Vec<R>, StorageError> {
    let (last, width) = if R::looks_further(filter) {
        let transactions = last_tx(store, owner).await?;
        (first_seq(transactions.saturating_add(1)).saturating_sub(1), first_seq(limit::WINDOW_ROWS))
    } else {
        (i64::MAX, i64::MAX)
    };
    let mut records = Vec::new();
    for window in position.windows(0, last, width) {
        let found = i64::try_from(records.len()).unwrap_or(i64::MAX);
        let fetch = position.fetch.saturating_sub(found);
        if fetch <= 0 {
            break;
        }
        let mut values = of_owner(owner, values![window.from, fetch, window.to]);
        let (newer, older) = R::pages(filter, &mut values);
        for row in store.query(if position.newer { newer } else { older }, &values).await? {
            records.push(R::from_row(&row)?);
        }
    }
    Ok(records)
}

/// The lowest number of a row of the transaction `number`.
const fn first_seq(number: i64) -> i64 {
    number.saturating_mul(1 << PLACE_BITS)
}

/// The number of a ledger's last transaction; 0 if it has none.
async fn last_tx(store: &Store, owner: &Owner) -> Result<i64, StorageError> {
    let sql = "SELECT last_tx FROM ledger WHERE mode = ? AND platform = ? AND account = ?";
    store.query(sql, &owner_values(owner)).await?.first().map_or(Ok(0), |row| row.int(0))
}
