//! The SQL of charges.

use super::{currency, of_owner, owner, page_values, pages};
use crate::account::SourceType;
use crate::charge::Charge;
use coffer_base::{Currency, Owner, Timestamp};
use coffer_dialect::CreatedRange;
use coffer_kernel::PagePosition;
use coffer_storage::{Row, StorageError, Store, Tx, Value};

/// A charge, with its owner at the end.
macro_rules! select_charge {
    () => {
        "SELECT seq, id, amount, currency, fee, application_fee, source_type, source_transfer, \
         created, available_on, refunded, disputed, pending, settled, mode, platform, account \
         FROM ledger_charge"
    };
}

/// Where the owner stands in a row of [`select_charge`].
const OWNER_OF_CHARGE: usize = 14;

fn charge(row: &Row) -> Result<Charge, StorageError> {
    Ok(Charge {
        seq: row.int(0)?,
        id: row.text(1)?.to_owned(),
        amount: row.int(2)?,
        currency: currency(row, 3)?,
        fee: row.optional_int(4)?,
        application_fee: row.int(5)?,
        source_type: SourceType::from_code(row.int(6)?)?,
        source_transfer: row.optional_text(7)?.map(str::to_owned),
        created: Timestamp::from_unix(row.int(8)?),
        available_on: Timestamp::from_unix(row.int(9)?),
        refunded: row.int(10)?,
        disputed: row.int(11)? != 0,
        pending: row.int(12)?,
        settled: row.int(13)? != 0,
    })
}

/// Adds a charge.
pub(crate) fn insert(tx: &mut Tx<'_>, owner: &Owner, charge: &Charge) {
    tx.defer(
        "INSERT INTO ledger_charge (mode, platform, account, seq, id, amount, currency, fee, \
         application_fee, source_type, source_transfer, created, available_on, refunded, \
         disputed, pending, settled) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        of_owner(
            owner,
            [
                Value::Int(charge.seq),
                Value::from(charge.id.as_str()),
                Value::Int(charge.amount),
                Value::from(charge.currency.as_str()),
                Value::from(charge.fee),
                Value::Int(charge.application_fee),
                Value::Int(charge.source_type.code()),
                Value::from(charge.source_transfer.as_deref()),
                Value::Int(charge.created.unix()),
                Value::Int(charge.available_on.unix()),
                Value::Int(charge.refunded),
                Value::from(charge.disputed),
                Value::Int(charge.pending),
                Value::from(charge.settled),
            ],
        ),
    );
}

/// Writes down what of a charge may change.
pub(crate) fn update(tx: &mut Tx<'_>, owner: &Owner, charge: &Charge) {
    let mut values = vec![
        Value::from(charge.fee),
        Value::Int(charge.refunded),
        Value::from(charge.disputed),
        Value::Int(charge.pending),
        Value::from(charge.settled),
    ];
    values.extend(of_owner(owner, [Value::Int(charge.seq)]));
    tx.defer(
        "UPDATE ledger_charge SET fee = ?, refunded = ?, disputed = ?, pending = ?, settled = ? \
         WHERE mode = ? AND platform = ? AND account = ? AND seq = ?",
        values,
    );
}

macro_rules! charge_by_id {
    () => {
        concat!(select_charge!(), " WHERE mode = ? AND platform = ? AND account = ? AND id = ?")
    };
}

/// A charge by its id, as a turn sees it.
pub(crate) async fn find(
    tx: &mut Tx<'_>,
    owner: &Owner,
    id: &str,
) -> Result<Option<Charge>, StorageError> {
    let rows = tx.query(charge_by_id!(), &of_owner(owner, [Value::from(id)])).await?;
    rows.first().map(charge).transpose()
}

/// A charge by its id.
pub(crate) async fn read(
    store: &Store,
    owner: &Owner,
    id: &str,
) -> Result<Option<Charge>, StorageError> {
    let rows = store.query(charge_by_id!(), &of_owner(owner, [Value::from(id)])).await?;
    rows.first().map(charge).transpose()
}

/// What a list of charges is narrowed to.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub(crate) currency: Option<Currency>,
    pub(crate) created: CreatedRange,
}

/// The charges from a position on, in the order of reading.
pub(crate) async fn page(
    store: &Store,
    owner: &Owner,
    position: PagePosition,
    filter: &Filter,
) -> Result<Vec<Charge>, StorageError> {
    let mut values = page_values(owner, position);
    values.push(Value::from(filter.currency.as_ref().map(Currency::as_str)));
    values.push(Value::Int(filter.created.from.unix()));
    values.push(Value::Int(filter.created.to.unix()));
    let (newer, older) =
        pages!(select_charge!(), "AND (currency = ?6 OR ?6 IS NULL) AND created BETWEEN ?7 AND ?8");
    let rows = store.query(if position.newer { newer } else { older }, &values).await?;
    rows.iter().map(charge).collect()
}

/// Whether a charge's money is due to become available.
pub(crate) async fn any_due(store: &Store, due: Timestamp) -> Result<bool, StorageError> {
    let rows = store
        .query(
            "SELECT 1 FROM ledger_charge WHERE settled = 0 AND available_on <= ? LIMIT 1",
            &[Value::Int(due.unix())],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// The next charges whose money is due, by owner and then by date.
pub(crate) async fn due(
    tx: &mut Tx<'_>,
    due: Timestamp,
    most: i64,
) -> Result<Vec<(Owner, Charge)>, StorageError> {
    let rows = tx
        .query(
            concat!(
                "SELECT * FROM (",
                select_charge!(),
                " WHERE settled = 0 AND available_on <= ? \
                 ORDER BY available_on, mode, platform, account, seq LIMIT ?) AS next \
                 ORDER BY mode, platform, account, available_on, seq"
            ),
            &[Value::Int(due.unix()), Value::Int(most)],
        )
        .await?;
    rows.iter().map(|row| Ok((owner(row, OWNER_OF_CHARGE)?, charge(row)?))).collect()
}
