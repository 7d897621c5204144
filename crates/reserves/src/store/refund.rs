//! The SQL of refunds.

use super::{currency, of_owner, page_values, pages};
use crate::refund::Refund;
use coffer_base::{Owner, Timestamp};
use coffer_dialect::CreatedRange;
use coffer_kernel::PagePosition;
use coffer_storage::{Row, StorageError, Store, Tx, Value};

macro_rules! select_refund {
    () => {
        "SELECT seq, id, charge, amount, currency, created, drawn, from_pending, failed \
         FROM ledger_refund"
    };
}

fn refund(row: &Row) -> Result<Refund, StorageError> {
    Ok(Refund {
        seq: row.int(0)?,
        id: row.text(1)?.to_owned(),
        charge: row.text(2)?.to_owned(),
        amount: row.int(3)?,
        currency: currency(row, 4)?,
        created: Timestamp::from_unix(row.int(5)?),
        drawn: row.int(6)?,
        from_pending: row.int(7)?,
        failed: row.int(8)? != 0,
    })
}

/// Adds a refund.
pub(crate) fn insert(tx: &mut Tx<'_>, owner: &Owner, refund: &Refund) {
    tx.defer(
        "INSERT INTO ledger_refund (mode, platform, account, seq, id, charge, amount, currency, \
         created, drawn, from_pending, failed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        of_owner(
            owner,
            [
                Value::Int(refund.seq),
                Value::from(refund.id.as_str()),
                Value::from(refund.charge.as_str()),
                Value::Int(refund.amount),
                Value::from(refund.currency.as_str()),
                Value::Int(refund.created.unix()),
                Value::Int(refund.drawn),
                Value::Int(refund.from_pending),
                Value::from(refund.failed),
            ],
        ),
    );
}

/// Writes down whether a refund failed.
pub(crate) fn set_failed(tx: &mut Tx<'_>, owner: &Owner, refund: &Refund) {
    let mut values = vec![Value::from(refund.failed)];
    values.extend(of_owner(owner, [Value::Int(refund.seq)]));
    tx.defer(
        "UPDATE ledger_refund SET failed = ? \
         WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        values,
    );
}

macro_rules! refund_by_id {
    () => {
        concat!(select_refund!(), " WHERE mode = ? AND platform = ? AND account = ? AND id = ?")
    };
}

/// A refund by its id, as a turn sees it.
pub(crate) async fn find(
    tx: &mut Tx<'_>,
    owner: &Owner,
    id: &str,
) -> Result<Option<Refund>, StorageError> {
    let rows = tx.query(refund_by_id!(), &of_owner(owner, [Value::from(id)])).await?;
    rows.first().map(refund).transpose()
}

/// A refund by its id.
pub(crate) async fn read(
    store: &Store,
    owner: &Owner,
    id: &str,
) -> Result<Option<Refund>, StorageError> {
    let rows = store.query(refund_by_id!(), &of_owner(owner, [Value::from(id)])).await?;
    rows.first().map(refund).transpose()
}

/// What a list of refunds, or of disputes, is narrowed to.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    /// The id of their charge.
    pub(crate) charge: Option<String>,
    pub(crate) created: CreatedRange,
}

impl Filter {
    /// The parameters of a list from `position` on.
    pub(super) fn values(&self, owner: &Owner, position: PagePosition) -> Vec<Value> {
        let mut values = page_values(owner, position);
        values.push(Value::Int(self.created.from.unix()));
        values.push(Value::Int(self.created.to.unix()));
        values.extend(self.charge.as_deref().map(Value::from));
        values
    }
}

/// The refunds from a position on, in the order of reading.
pub(crate) async fn page(
    store: &Store,
    owner: &Owner,
    position: PagePosition,
    filter: &Filter,
) -> Result<Vec<Refund>, StorageError> {
    let (newer, older) = match filter.charge {
        None => pages!(select_refund!(), "AND created BETWEEN ?6 AND ?7"),
        Some(_) => pages!(select_refund!(), "AND created BETWEEN ?6 AND ?7 AND charge = ?8"),
    };
    let sql = if position.newer { newer } else { older };
    let rows = store.query(sql, &filter.values(owner, position)).await?;
    rows.iter().map(refund).collect()
}
