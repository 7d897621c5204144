//! The SQL of leases: three numbers in a secret's own row.

use super::{FIND_LOCKED, LockedSecret, RowKey, locked};
use crate::lease::LeaseState;
use coffer_base::Timestamp;
use coffer_storage::{Statement, StorageError, Tx, values};

/// The time of day by the database's own clock.
const DATABASE_TIME: &str = "SELECT CAST(floor(extract(epoch FROM clock_timestamp())) AS BIGINT)";

/// Locks a secret's row, and reads it and the store's time: that of the one database that all
/// servers share, since their own clocks may differ, or else `now`.
///
/// # Errors
/// When the row is not free in time, or the store fails.
pub(crate) async fn lock_secret(
    tx: &mut Tx<'_>,
    key: &RowKey,
    now: Timestamp,
) -> Result<(Option<LockedSecret>, Timestamp), StorageError> {
    let locator = key.values();
    let find = Statement { sql: FIND_LOCKED, params: &locator };
    let time = Statement { sql: DATABASE_TIME, params: &[] };
    let results =
        if tx.is_remote() { tx.batch(&[find, time]).await? } else { tx.batch(&[find]).await? };
    let mut results = results.into_iter();
    let found = results.next().and_then(|mut rows| rows.pop()).map(locked).transpose()?;
    let time = results.next().and_then(|mut rows| rows.pop());
    let time = time.map(|row| row.int(0)).transpose()?;
    Ok((found, time.map_or(now, Timestamp::from_unix)))
}

/// Writes down the lease of a secret that is locked.
pub(crate) fn set_lease(tx: &mut Tx<'_>, key: &RowKey, lease: &LeaseState) {
    let [slot, mode, app, account, scope, name_key] = key.values();
    let LeaseState { number, until, spent } = *lease;
    tx.defer(
        "UPDATE secret SET lease = ?, lease_until = ?, lease_spent = ? WHERE slot = ? \
         AND mode = ? AND app = ? AND account = ? AND scope = ? AND name_key = ?",
        values![number, until, spent, slot, mode, app, account, scope, name_key],
    );
}
