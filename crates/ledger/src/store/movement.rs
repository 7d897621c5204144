//! The SQL of what happened to refunds and disputes later.

use crate::model::movement::{Kind, Movement};
use crate::sql::of_owner;
use coffer_base::{Owner, Timestamp};
use coffer_storage::{Row, StorageError, Store, Tx, values};

/// The movement of `parent` with this id.
pub(crate) async fn find(
    tx: &mut Tx<'_>,
    owner: &Owner,
    (kind, parent, id): (Kind, &str, &str),
) -> Result<Option<Movement>, StorageError> {
    let rows = tx
        .query(
            "SELECT seq, id, amount, fee, consumed, created FROM ledger_movement \
             WHERE mode = ? AND platform = ? AND account = ? AND kind = ? AND parent = ? \
             AND id = ?",
            &of_owner(owner, values![kind.code(), parent, id]),
        )
        .await?;
    rows.first().map(|row| movement(row, kind, parent)).transpose()
}

/// The newest movements of `parent`, at most `most`.
pub(crate) async fn newest(
    store: &Store,
    owner: &Owner,
    (kind, parent): (Kind, &str),
    most: i64,
) -> Result<Vec<Movement>, StorageError> {
    let rows = store
        .query(
            "SELECT seq, id, amount, fee, consumed, created FROM ledger_movement WHERE mode = ? \
             AND platform = ? AND account = ? AND kind = ? AND parent = ? \
             ORDER BY seq DESC LIMIT ?",
            &of_owner(owner, values![kind.code(), parent, most]),
        )
        .await?;
    rows.iter().map(|row| movement(row, kind, parent)).collect()
}

fn movement(row: &Row, kind: Kind, parent: &str) -> Result<Movement, StorageError> {
    Ok(Movement {
        seq: row.int(0)?,
        kind,
        parent: parent.to_owned(),
        id: row.text(1)?.to_owned(),
        amount: row.int(2)?,
        fee: row.int(3)?,
        consumed: row.int(4)?,
        created: Timestamp::from_unix(row.int(5)?),
    })
}

/// Adds a movement.
pub(crate) fn insert(tx: &mut Tx<'_>, owner: &Owner, movement: &Movement) {
    tx.defer(
        "INSERT INTO ledger_movement (mode, platform, account, seq, kind, parent, id, amount, \
         fee, consumed, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        of_owner(
            owner,
            values![
                movement.seq,
                movement.kind.code(),
                movement.parent.as_str(),
                movement.id.as_str(),
                movement.amount,
                movement.fee,
                movement.consumed,
                movement.created
            ],
        ),
    );
}
