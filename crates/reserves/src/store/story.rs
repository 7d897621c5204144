//! The SQL of stories: where a hold is, the holds of a charge, and what came of them.

use super::hold::select_hold;
use crate::model::hold::Hold;
use crate::model::release::Reason;
use coffer_base::{Owner, Timestamp};
use coffer_ledger::sql::{Record, of_owner, owner};
use coffer_storage::{Row, StorageError, Store, values};

/// Whose the hold with this id is. It looks into one part of the store, with one step for each
/// ledger.
pub(crate) async fn owners(store: &Store, id: &str, most: i64) -> Result<Vec<Owner>, StorageError> {
    let rows = store
        .query_part(
            "SELECT l.mode, l.platform, l.account FROM ledger l JOIN reserve_hold h \
             ON h.mode = l.mode AND h.platform = l.platform AND h.account = l.account \
             AND h.id = ? ORDER BY l.mode, l.platform, l.account LIMIT ?",
            &values![id, most],
        )
        .await?;
    rows.iter().map(|row| owner(row, 0)).collect()
}

/// The holds of a charge, in the order in which they were made, at most `most`.
pub(crate) async fn holds_of_charge(
    store: &Store,
    owner: &Owner,
    charge: &str,
    most: i64,
) -> Result<Vec<Hold>, StorageError> {
    let rows = store
        .query(
            concat!(
                select_hold!(),
                " WHERE h.mode = ? AND h.platform = ? AND h.account = ? AND h.charge = ? \
                 ORDER BY h.seq LIMIT ?"
            ),
            &of_owner(owner, values![charge, most]),
        )
        .await?;
    rows.iter().map(Hold::from_row).collect()
}

/// What a release took of a hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ReleasedPart {
    /// The number of the release.
    pub(crate) seq: i64,
    /// The id of the release.
    pub(crate) id: String,
    pub(crate) created: Timestamp,
    /// What it took of this hold.
    pub(crate) amount: i64,
    /// What it released in all.
    pub(crate) whole: i64,
    pub(crate) reason: Reason,
    /// The refund or dispute for which it was.
    pub(crate) source: Option<(String, String)>,
}

fn released_part(row: &Row) -> Result<ReleasedPart, StorageError> {
    let source = match (row.optional_text(6)?, row.optional_text(7)?) {
        (Some(kind), Some(id)) => Some((kind.to_owned(), id.to_owned())),
        _ => None,
    };
    Ok(ReleasedPart {
        seq: row.int(0)?,
        id: row.text(1)?.to_owned(),
        created: Timestamp::from_unix(row.int(2)?),
        amount: row.int(3)?,
        whole: row.int(4)?,
        reason: Reason::from_row(row.text(5)?)?,
        source,
    })
}

/// What releases took of a hold, oldest first, at most `most`; `hold` is its number.
pub(crate) async fn released_of_hold(
    store: &Store,
    owner: &Owner,
    hold: i64,
    most: i64,
) -> Result<Vec<ReleasedPart>, StorageError> {
    let rows = store
        .query(
            "SELECT r.seq, r.id, r.created, a.amount, r.amount, r.reason, r.source_type, r.source \
             FROM reserve_allocation a JOIN reserve_release r ON r.mode = a.mode \
             AND r.platform = a.platform AND r.account = a.account AND r.seq = a.release \
             WHERE a.mode = ? AND a.platform = ? AND a.account = ? AND a.hold = ? \
             ORDER BY a.release LIMIT ?",
            &of_owner(owner, values![hold, most]),
        )
        .await?;
    rows.iter().map(released_part).collect()
}
