//! The SQL of disputes.

use super::refund::Filter;
use super::{currency, of_owner, pages};
use crate::dispute::{Dispute, Status};
use coffer_base::{Owner, Timestamp};
use coffer_kernel::PagePosition;
use coffer_storage::{Row, StorageError, Store, Tx, Value};

macro_rules! select_dispute {
    () => {
        "SELECT seq, id, charge, amount, currency, fee, created, drawn, from_pending, status, \
         fee_returned FROM ledger_dispute"
    };
}

fn dispute(row: &Row) -> Result<Dispute, StorageError> {
    Ok(Dispute {
        seq: row.int(0)?,
        id: row.text(1)?.to_owned(),
        charge: row.text(2)?.to_owned(),
        amount: row.int(3)?,
        currency: currency(row, 4)?,
        fee: row.int(5)?,
        created: Timestamp::from_unix(row.int(6)?),
        drawn: row.int(7)?,
        from_pending: row.int(8)?,
        status: Status::from_code(row.int(9)?)?,
        fee_returned: row.int(10)? != 0,
    })
}

/// Adds a dispute.
pub(crate) fn insert(tx: &mut Tx<'_>, owner: &Owner, dispute: &Dispute) {
    tx.defer(
        "INSERT INTO ledger_dispute (mode, platform, account, seq, id, charge, amount, currency, \
         fee, created, drawn, from_pending, status, fee_returned) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        of_owner(
            owner,
            [
                Value::Int(dispute.seq),
                Value::from(dispute.id.as_str()),
                Value::from(dispute.charge.as_str()),
                Value::Int(dispute.amount),
                Value::from(dispute.currency.as_str()),
                Value::Int(dispute.fee),
                Value::Int(dispute.created.unix()),
                Value::Int(dispute.drawn),
                Value::Int(dispute.from_pending),
                Value::Int(dispute.status.code()),
                Value::from(dispute.fee_returned),
            ],
        ),
    );
}

/// Writes down what became of a dispute.
pub(crate) fn set_status(tx: &mut Tx<'_>, owner: &Owner, dispute: &Dispute) {
    let mut values = vec![Value::Int(dispute.status.code()), Value::from(dispute.fee_returned)];
    values.extend(of_owner(owner, [Value::Int(dispute.seq)]));
    tx.defer(
        "UPDATE ledger_dispute SET status = ?, fee_returned = ? \
         WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        values,
    );
}

macro_rules! dispute_by_id {
    () => {
        concat!(select_dispute!(), " WHERE mode = ? AND platform = ? AND account = ? AND id = ?")
    };
}

/// A dispute by its id, as a turn sees it.
pub(crate) async fn find(
    tx: &mut Tx<'_>,
    owner: &Owner,
    id: &str,
) -> Result<Option<Dispute>, StorageError> {
    let rows = tx.query(dispute_by_id!(), &of_owner(owner, [Value::from(id)])).await?;
    rows.first().map(dispute).transpose()
}

/// A dispute by its id.
pub(crate) async fn read(
    store: &Store,
    owner: &Owner,
    id: &str,
) -> Result<Option<Dispute>, StorageError> {
    let rows = store.query(dispute_by_id!(), &of_owner(owner, [Value::from(id)])).await?;
    rows.first().map(dispute).transpose()
}

/// The disputes from a position on, in the order of reading.
pub(crate) async fn page(
    store: &Store,
    owner: &Owner,
    position: PagePosition,
    filter: &Filter,
) -> Result<Vec<Dispute>, StorageError> {
    let (newer, older) = match filter.charge {
        None => pages!(select_dispute!(), "AND created BETWEEN ?6 AND ?7"),
        Some(_) => pages!(select_dispute!(), "AND created BETWEEN ?6 AND ?7 AND charge = ?8"),
    };
    let sql = if position.newer { newer } else { older };
    let rows = store.query(sql, &filter.values(owner, position)).await?;
    rows.iter().map(dispute).collect()
}
