//! The SQL of the bookkeeping: turns, entries, postings, balances, balance transactions.

use super::{corrupt, currency, of_owner, owner_values, page_values, pages};
use crate::account::{Bucket, SourceType};
use crate::ledger::{Balance, Entry, Pool, Posting, Side};
use coffer_base::{Currency, Owner, Timestamp};
use coffer_dialect::CreatedRange;
use coffer_kernel::PagePosition;
use coffer_storage::{Row, Statement, StorageError, Store, Tx, Value};

/// Takes the ledger's row, and makes it if it is the first turn; the turn's number.
pub(crate) async fn take(tx: &mut Tx<'_>, owner: &Owner) -> Result<i64, StorageError> {
    let rows = tx
        .query(
            "INSERT INTO ledger (mode, platform, account, turn) VALUES (?, ?, ?, 1) \
             ON CONFLICT (mode, platform, account) DO UPDATE SET turn = ledger.turn + 1 \
             RETURNING turn",
            &owner_values(owner),
        )
        .await?;
    rows.first().ok_or_else(|| corrupt("a turn at a ledger has no number"))?.int(0)
}

/// Holds the ledgers of `owners` against other writers until the transaction ends.
pub(crate) async fn lock(tx: &mut Tx<'_>, owners: &[&Owner]) -> Result<(), StorageError> {
    let sql = "SELECT 1 FROM ledger WHERE mode = ? AND platform = ? AND account = ? FOR UPDATE";
    let values: Vec<_> = owners.iter().map(|owner| owner_values(owner)).collect();
    let locks: Vec<_> = values.iter().map(|params| Statement { sql, params }).collect();
    tx.batch(&locks).await.map(drop)
}

/// Adds an entry.
pub(crate) fn insert_entry(tx: &mut Tx<'_>, owner: &Owner, number: i64, entry: &Entry<'_>) {
    tx.defer(
        "INSERT INTO ledger_entry (mode, platform, account, seq, kind, source, created) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
        of_owner(
            owner,
            [
                Value::Int(number),
                Value::from(entry.kind),
                Value::from(entry.source),
                Value::Int(entry.created.unix()),
            ],
        ),
    );
}

/// Adds a posting to an entry.
pub(crate) fn insert_posting(
    tx: &mut Tx<'_>,
    owner: &Owner,
    number: i64,
    line: i64,
    posting: &Posting,
) {
    tx.defer(
        "INSERT INTO ledger_posting (mode, platform, account, entry, line, from_bucket, \
         to_bucket, amount, currency, source_type) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        of_owner(
            owner,
            [
                Value::Int(number),
                Value::Int(line),
                Value::Int(posting.from.code()),
                Value::Int(posting.to.code()),
                Value::Int(posting.amount),
                Value::from(posting.pool.currency.as_str()),
                Value::Int(posting.pool.source_type.code()),
            ],
        ),
    );
}

fn balance_from(row: &Row, first: usize) -> Result<Balance, StorageError> {
    let mut amounts = [0; Bucket::ALL.len()];
    for (column, amount) in (first..).zip(&mut amounts) {
        *amount = row.int(column)?;
    }
    Ok(Balance::from_amounts(amounts))
}

/// What a pool's buckets hold; `None` if nothing was ever posted to it.
pub(crate) async fn balance(
    tx: &mut Tx<'_>,
    owner: &Owner,
    pool: Pool,
) -> Result<Option<Balance>, StorageError> {
    let which = [Value::from(pool.currency.as_str()), Value::Int(pool.source_type.code())];
    let rows = tx
        .query(
            "SELECT payments_pending, payments_available, reserved_pending, reserved_available, \
             clearing, fees, payouts_in_transit FROM ledger_balance WHERE mode = ? \
             AND platform = ? AND account = ? AND currency = ? AND source_type = ?",
            &of_owner(owner, which),
        )
        .await?;
    rows.first().map(|row| balance_from(row, 0)).transpose()
}

/// Writes down what a pool's buckets hold.
pub(crate) fn set_balance(tx: &mut Tx<'_>, owner: &Owner, pool: Pool, balance: &Balance) {
    let which = [Value::from(pool.currency.as_str()), Value::Int(pool.source_type.code())];
    let mut values = of_owner(owner, which);
    values.extend(balance.amounts().iter().copied().map(Value::Int));
    tx.defer(
        "INSERT INTO ledger_balance (mode, platform, account, currency, source_type, \
         payments_pending, payments_available, reserved_pending, reserved_available, clearing, \
         fees, payouts_in_transit) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (mode, platform, account, currency, source_type) DO UPDATE SET \
         payments_pending = excluded.payments_pending, \
         payments_available = excluded.payments_available, \
         reserved_pending = excluded.reserved_pending, \
         reserved_available = excluded.reserved_available, \
         clearing = excluded.clearing, fees = excluded.fees, \
         payouts_in_transit = excluded.payouts_in_transit",
        values,
    );
}

/// All that an owner's buckets hold, by currency.
pub(crate) async fn balances(
    store: &Store,
    owner: &Owner,
) -> Result<Vec<(Pool, Balance)>, StorageError> {
    let rows = store
        .query(
            "SELECT currency, source_type, payments_pending, payments_available, \
             reserved_pending, reserved_available, clearing, fees, payouts_in_transit \
             FROM ledger_balance WHERE mode = ? AND platform = ? AND account = ? \
             ORDER BY currency, source_type",
            &owner_values(owner),
        )
        .await?;
    let pool = |row: &Row| -> Result<Pool, StorageError> {
        let source_type = SourceType::from_code(row.int(1)?)?;
        Ok(Pool { currency: currency(row, 0)?, source_type })
    };
    rows.iter().map(|row| Ok((pool(row)?, balance_from(row, 2)?))).collect()
}

/// A balance transaction that is not written yet.
pub(crate) struct NewBalanceTransaction {
    pub(crate) seq: i64,
    pub(crate) id: String,
    /// The number of its entry.
    pub(crate) number: i64,
    pub(crate) currency: Currency,
    pub(crate) side: Side,
}

/// Adds what an entry did to one of the account's balances.
pub(crate) fn insert_balance_transaction(
    tx: &mut Tx<'_>,
    owner: &Owner,
    entry: &Entry<'_>,
    new: NewBalanceTransaction,
) {
    tx.defer(
        "INSERT INTO balance_transaction (mode, platform, account, seq, id, entry, kind, source, \
         currency, reserved, pending, amount, fee, application_fee, created, available_on) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        of_owner(
            owner,
            [
                Value::Int(new.seq),
                Value::Text(new.id),
                Value::Int(new.number),
                Value::from(entry.kind),
                Value::from(entry.source),
                Value::from(new.currency.as_str()),
                Value::from(new.side.reserved),
                Value::from(new.side.pending),
                Value::Int(new.side.amount),
                Value::Int(new.side.fee),
                Value::Int(if new.side.reserved { 0 } else { entry.application_fee }),
                Value::Int(entry.created.unix()),
                Value::Int(entry.available_on.unix()),
            ],
        ),
    );
}

/// A balance transaction as it was written.
#[derive(Clone, Debug)]
pub(crate) struct BalanceTransaction {
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) source: String,
    pub(crate) currency: Currency,
    pub(crate) side: Side,
    /// The part of the fee that the platform took.
    pub(crate) application_fee: i64,
    pub(crate) created: Timestamp,
    pub(crate) available_on: Timestamp,
}

macro_rules! select_balance_transaction {
    () => {
        "SELECT seq, id, kind, source, currency, reserved, pending, amount, fee, created, \
         available_on, application_fee FROM balance_transaction"
    };
}

fn balance_transaction(row: &Row) -> Result<BalanceTransaction, StorageError> {
    let side = Side {
        reserved: row.int(5)? != 0,
        pending: row.int(6)? != 0,
        amount: row.int(7)?,
        fee: row.int(8)?,
    };
    Ok(BalanceTransaction {
        seq: row.int(0)?,
        id: row.text(1)?.to_owned(),
        kind: row.text(2)?.to_owned(),
        source: row.text(3)?.to_owned(),
        currency: currency(row, 4)?,
        side,
        created: Timestamp::from_unix(row.int(9)?),
        available_on: Timestamp::from_unix(row.int(10)?),
        application_fee: row.int(11)?,
    })
}

/// A balance transaction by its id.
pub(crate) async fn find_balance_transaction(
    store: &Store,
    owner: &Owner,
    id: &str,
) -> Result<Option<BalanceTransaction>, StorageError> {
    let rows = store
        .query(
            concat!(
                select_balance_transaction!(),
                " WHERE mode = ? AND platform = ? AND account = ? AND id = ?"
            ),
            &of_owner(owner, [Value::from(id)]),
        )
        .await?;
    rows.first().map(balance_transaction).transpose()
}

/// What a list of balance transactions is narrowed to.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub(crate) kind: Option<String>,
    pub(crate) currency: Option<Currency>,
    /// The id of the object that they came from.
    pub(crate) source: Option<String>,
    /// Whether that object is a payout.
    pub(crate) of_payout: bool,
    pub(crate) created: CreatedRange,
}

/// The balance transactions from a position on, in the order of reading.
pub(crate) async fn page_of_balance_transactions(
    store: &Store,
    owner: &Owner,
    position: PagePosition,
    filter: &Filter,
) -> Result<Vec<BalanceTransaction>, StorageError> {
    let mut values = page_values(owner, position);
    values.push(Value::from(filter.kind.as_deref()));
    values.push(Value::from(filter.currency.as_ref().map(Currency::as_str)));
    values.push(Value::Int(filter.created.from.unix()));
    values.push(Value::Int(filter.created.to.unix()));
    // Asking for one source is asking for few rows, which an index finds.
    let (newer, older) = match &filter.source {
        None => pages!(
            select_balance_transaction!(),
            "AND (kind = ?6 OR ?6 IS NULL) AND (currency = ?7 OR ?7 IS NULL) \
             AND created BETWEEN ?8 AND ?9"
        ),
        Some(source) => {
            values.push(Value::from(source.as_str()));
            values.push(Value::from(filter.of_payout));
            pages!(
                select_balance_transaction!(),
                "AND (kind = ?6 OR ?6 IS NULL) AND (currency = ?7 OR ?7 IS NULL) \
                 AND created BETWEEN ?8 AND ?9 AND source = ?10 \
                 AND (?11 = 0 OR kind LIKE 'payout%')"
            )
        }
    };
    let rows = store.query(if position.newer { newer } else { older }, &values).await?;
    rows.iter().map(balance_transaction).collect()
}
