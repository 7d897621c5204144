//! The SQL of payouts, and of those that took too much.

use super::{currency, of_owner, page_values, pages};
use crate::account::SourceType;
use crate::payout::{Breach, Payout, Status};
use coffer_base::{Currency, Owner, Timestamp};
use coffer_dialect::CreatedRange;
use coffer_kernel::PagePosition;
use coffer_storage::{Row, StorageError, Store, Tx, Value};

macro_rules! select_payout {
    () => {
        "SELECT seq, id, amount, currency, source_type, reported, created, status \
         FROM ledger_payout"
    };
}

fn payout(row: &Row) -> Result<Payout, StorageError> {
    Ok(Payout {
        seq: row.int(0)?,
        id: row.text(1)?.to_owned(),
        amount: row.int(2)?,
        currency: currency(row, 3)?,
        source_type: SourceType::from_code(row.int(4)?)?,
        reported: row.int(5)? != 0,
        created: Timestamp::from_unix(row.int(6)?),
        status: Status::from_code(row.int(7)?)?,
    })
}

/// Adds a payout.
pub(crate) fn insert(tx: &mut Tx<'_>, owner: &Owner, payout: &Payout) {
    tx.defer(
        "INSERT INTO ledger_payout (mode, platform, account, seq, id, amount, currency, \
         source_type, reported, created, status) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        of_owner(
            owner,
            [
                Value::Int(payout.seq),
                Value::from(payout.id.as_str()),
                Value::Int(payout.amount),
                Value::from(payout.currency.as_str()),
                Value::Int(payout.source_type.code()),
                Value::from(payout.reported),
                Value::Int(payout.created.unix()),
                Value::Int(payout.status.code()),
            ],
        ),
    );
}

/// Writes down what became of a payout.
pub(crate) fn set_status(tx: &mut Tx<'_>, owner: &Owner, payout: &Payout) {
    let mut values = vec![Value::Int(payout.status.code())];
    values.extend(of_owner(owner, [Value::Int(payout.seq)]));
    tx.defer(
        "UPDATE ledger_payout SET status = ? \
         WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        values,
    );
}

macro_rules! payout_by_id {
    () => {
        concat!(select_payout!(), " WHERE mode = ? AND platform = ? AND account = ? AND id = ?")
    };
}

/// A payout by its id, as a turn sees it.
pub(crate) async fn find(
    tx: &mut Tx<'_>,
    owner: &Owner,
    id: &str,
) -> Result<Option<Payout>, StorageError> {
    let rows = tx.query(payout_by_id!(), &of_owner(owner, [Value::from(id)])).await?;
    rows.first().map(payout).transpose()
}

/// A payout by its id.
pub(crate) async fn read(
    store: &Store,
    owner: &Owner,
    id: &str,
) -> Result<Option<Payout>, StorageError> {
    let rows = store.query(payout_by_id!(), &of_owner(owner, [Value::from(id)])).await?;
    rows.first().map(payout).transpose()
}

/// What a list of payouts is narrowed to.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub(crate) currency: Option<Currency>,
    pub(crate) status: Option<Status>,
    pub(crate) created: CreatedRange,
}

/// The payouts from a position on, in the order of reading.
pub(crate) async fn page(
    store: &Store,
    owner: &Owner,
    position: PagePosition,
    filter: &Filter,
) -> Result<Vec<Payout>, StorageError> {
    let mut values = page_values(owner, position);
    values.push(Value::from(filter.currency.as_ref().map(Currency::as_str)));
    values.push(Value::from(filter.status.map(Status::code)));
    values.push(Value::Int(filter.created.from.unix()));
    values.push(Value::Int(filter.created.to.unix()));
    let (newer, older) = pages!(
        select_payout!(),
        "AND (currency = ?6 OR ?6 IS NULL) AND (status = ?7 OR ?7 IS NULL) \
         AND created BETWEEN ?8 AND ?9"
    );
    let rows = store.query(if position.newer { newer } else { older }, &values).await?;
    rows.iter().map(payout).collect()
}

macro_rules! select_breach {
    () => {
        "SELECT seq, id, payout, amount, currency, source_type, available_after, created \
         FROM ledger_breach"
    };
}

fn breach(row: &Row) -> Result<Breach, StorageError> {
    Ok(Breach {
        seq: row.int(0)?,
        id: row.text(1)?.to_owned(),
        payout: row.text(2)?.to_owned(),
        amount: row.int(3)?,
        currency: currency(row, 4)?,
        source_type: SourceType::from_code(row.int(5)?)?,
        available_after: row.int(6)?,
        created: Timestamp::from_unix(row.int(7)?),
    })
}

/// Adds a breach.
pub(crate) fn insert_breach(tx: &mut Tx<'_>, owner: &Owner, breach: &Breach) {
    tx.defer(
        "INSERT INTO ledger_breach (mode, platform, account, seq, id, payout, amount, currency, \
         source_type, available_after, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        of_owner(
            owner,
            [
                Value::Int(breach.seq),
                Value::from(breach.id.as_str()),
                Value::from(breach.payout.as_str()),
                Value::Int(breach.amount),
                Value::from(breach.currency.as_str()),
                Value::Int(breach.source_type.code()),
                Value::Int(breach.available_after),
                Value::Int(breach.created.unix()),
            ],
        ),
    );
}

/// A breach by its id.
pub(crate) async fn read_breach(
    store: &Store,
    owner: &Owner,
    id: &str,
) -> Result<Option<Breach>, StorageError> {
    let rows = store
        .query(
            concat!(
                select_breach!(),
                " WHERE mode = ? AND platform = ? AND account = ? AND id = ?"
            ),
            &of_owner(owner, [Value::from(id)]),
        )
        .await?;
    rows.first().map(breach).transpose()
}

/// The breaches from a position on, in the order of reading.
pub(crate) async fn page_of_breaches(
    store: &Store,
    owner: &Owner,
    position: PagePosition,
    created: CreatedRange,
) -> Result<Vec<Breach>, StorageError> {
    let mut values = page_values(owner, position);
    values.extend([Value::Int(created.from.unix()), Value::Int(created.to.unix())]);
    let (newer, older) = pages!(select_breach!(), "AND created BETWEEN ?6 AND ?7");
    let rows = store.query(if position.newer { newer } else { older }, &values).await?;
    rows.iter().map(breach).collect()
}
