//! The SQL of facts that wait for a charge.

use crate::model::parked::{Kind, ParkedFact};
use crate::sql::of_owner;
use coffer_base::{Owner, Timestamp};
use coffer_storage::{Row, StorageError, Tx, values};

/// A fact that waits, in the order of columns that [`from_row`] reads.
macro_rules! select_parked {
    () => {
        "SELECT seq, kind, id, charge, created, recorded FROM ledger_parked"
    };
}

fn from_row(row: &Row) -> Result<ParkedFact, StorageError> {
    Ok(ParkedFact {
        seq: row.int(0)?,
        kind: Kind::from_code(row.int(1)?)?,
        id: row.text(2)?.to_owned(),
        charge: row.text(3)?.to_owned(),
        created: Timestamp::from_unix(row.int(4)?),
        recorded: Timestamp::from_unix(row.int(5)?),
    })
}

/// Adds a fact that waits.
pub(crate) fn insert(tx: &mut Tx<'_>, owner: &Owner, fact: &ParkedFact) {
    tx.defer(
        "INSERT INTO ledger_parked (mode, platform, account, seq, kind, id, charge, created, \
         recorded, announced) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
        of_owner(
            owner,
            values![
                fact.seq,
                fact.kind.code(),
                fact.id.as_str(),
                fact.charge.as_str(),
                fact.created,
                fact.recorded
            ],
        ),
    );
}

/// Removes a fact that waits no longer.
pub(crate) fn remove(tx: &mut Tx<'_>, owner: &Owner, fact: &ParkedFact) {
    tx.defer(
        "DELETE FROM ledger_parked WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        of_owner(owner, values![fact.seq]),
    );
}

/// The facts that wait for this charge, in the order in which they happened.
pub(crate) async fn of_charge(
    tx: &mut Tx<'_>,
    owner: &Owner,
    charge: &str,
) -> Result<Vec<ParkedFact>, StorageError> {
    let rows = tx
        .query(
            concat!(
                select_parked!(),
                " WHERE mode = ? AND platform = ? AND account = ? AND charge = ? \
                 ORDER BY created, seq"
            ),
            &of_owner(owner, values![charge]),
        )
        .await?;
    rows.iter().map(from_row).collect()
}
