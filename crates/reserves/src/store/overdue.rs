//! The SQL of holds that are past their date.

use coffer_base::{Currency, Owner, Timestamp};
use coffer_ledger::sql::{currency, of_owner, owner};
use coffer_storage::{Row, StorageError, Store, Tx, values};

/// A date that came, and at which something is still held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Late {
    pub(crate) date: Timestamp,
    pub(crate) currency: Currency,
}

/// Whether something is held that was to come free at `until` or before, and of which nothing was
/// told yet.
pub(crate) async fn any(store: &Store, until: Timestamp) -> Result<bool, StorageError> {
    let rows = store
        .query_part(
            "SELECT 1 FROM reserve_hold h WHERE h.scheduled_release IS NOT NULL \
             AND h.released < h.amount AND h.scheduled_release <= ? AND NOT EXISTS (SELECT 1 \
             FROM reserve_overdue o WHERE o.mode = h.mode AND o.platform = h.platform \
             AND o.account = h.account AND o.currency = h.currency \
             AND o.scheduled_release = h.scheduled_release) LIMIT 1",
            &values![until],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// The next such dates, at most `most`: by owner, each once.
pub(crate) async fn next(
    tx: &mut Tx<'_>,
    until: Timestamp,
    most: i64,
) -> Result<Vec<(Owner, Late)>, StorageError> {
    let rows = tx
        .query_part(
            "SELECT DISTINCT h.mode, h.platform, h.account, h.currency, h.scheduled_release \
             FROM reserve_hold h WHERE h.scheduled_release IS NOT NULL \
             AND h.released < h.amount AND h.scheduled_release <= ? AND NOT EXISTS (SELECT 1 \
             FROM reserve_overdue o WHERE o.mode = h.mode AND o.platform = h.platform \
             AND o.account = h.account AND o.currency = h.currency \
             AND o.scheduled_release = h.scheduled_release) \
             ORDER BY h.mode, h.platform, h.account, h.scheduled_release, h.currency LIMIT ?",
            &values![until, most],
        )
        .await?;
    let late = |row: &Row| {
        let date = Timestamp::from_unix(row.int(4)?);
        Ok((owner(row, 0)?, Late { date, currency: currency(row, 3)? }))
    };
    rows.iter().map(late).collect()
}

/// How much is held past a date, and of how many holds.
pub(crate) async fn left(
    tx: &mut Tx<'_>,
    owner: &Owner,
    late: &Late,
) -> Result<Option<(i64, i64)>, StorageError> {
    let rows = tx
        .query(
            "SELECT CAST(SUM(amount - released) AS BIGINT), COUNT(*) FROM reserve_hold \
             WHERE mode = ? AND platform = ? AND account = ? AND currency = ? \
             AND scheduled_release = ? AND scheduled_release IS NOT NULL AND released < amount",
            &of_owner(owner, values![late.currency.as_str(), late.date]),
        )
        .await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(row.optional_int(0)?.zip(row.optional_int(1)?))
}

/// Remembers that a date was told of.
pub(crate) fn mark(tx: &mut Tx<'_>, owner: &Owner, late: &Late, now: Timestamp) {
    tx.defer(
        "INSERT INTO reserve_overdue (mode, platform, account, currency, scheduled_release, at) \
         VALUES (?, ?, ?, ?, ?, ?) \
         ON CONFLICT (mode, platform, account, currency, scheduled_release) DO NOTHING",
        of_owner(owner, values![late.currency.as_str(), late.date, now]),
    );
}
