//! The SQL of the journal: the ledger's row, entries, postings, balances, balance transactions.
//! Only a [`LedgerTx`](crate::tx::LedgerTx) writes them, which keeps the balances equal to the sums
//! of the postings.

use crate::model::account::{Bucket, SourceType};
use crate::model::balance_transaction::{BalanceTransactionLine, ProcessorLine};
use crate::model::entry::{Balance, Entry, Pool, Posting};
use crate::model::intake::{Intake, IntakeRule};
use crate::sql::{corrupt, currency, of_owner, optional_time, owner_values, time_value};
use coffer_base::{Currency, Owner, Timestamp};
use coffer_storage::{Row, Statement, StorageError, Store, Tx, Value, values};

/// Locks the ledger's row, which the first transaction inserts, and numbers the transaction: one
/// statement, so that a request pays one round trip for the lock and the number. Numbers begin at 1
/// and have no gap among committed transactions. Returns the number, the time at which the history
/// has the transaction (`now`, or that of an earlier one if the clock went back since), and how
/// money is told.
pub(crate) async fn next_tx(
    tx: &mut Tx<'_>,
    owner: &Owner,
    now: Timestamp,
) -> Result<(i64, Timestamp, IntakeRule), StorageError> {
    let rows = tx
        .query(
            "INSERT INTO ledger (mode, platform, account, last_tx, last_at) \
             VALUES (?, ?, ?, 1, ?) ON CONFLICT (mode, platform, account) DO UPDATE SET \
             last_tx = ledger.last_tx + 1, last_at = CASE WHEN ledger.last_at > excluded.last_at \
             THEN ledger.last_at ELSE excluded.last_at END \
             RETURNING last_tx, last_at, intake, since",
            &of_owner(owner, values![now]),
        )
        .await?;
    let row = rows.first().ok_or_else(|| corrupt("a ledger transaction has no number"))?;
    Ok((row.int(0)?, Timestamp::from_unix(row.int(1)?), intake_rule(row, 2)?))
}

/// How money is told, in a row's columns from `first` on.
fn intake_rule(row: &Row, first: usize) -> Result<IntakeRule, StorageError> {
    let intake = row.optional_int(first)?.map(Intake::from_code).transpose()?;
    Ok(IntakeRule { intake, since: optional_time(row, first.saturating_add(1))? })
}

/// How the money of a ledger is told; nothing is set if there is no ledger yet.
pub(crate) async fn read_intake(store: &Store, owner: &Owner) -> Result<IntakeRule, StorageError> {
    let sql = "SELECT intake, since FROM ledger WHERE mode = ? AND platform = ? AND account = ?";
    let rows = store.query(sql, &owner_values(owner)).await?;
    rows.first().map_or(Ok(IntakeRule::default()), |row| intake_rule(row, 0))
}

/// Stores how the money of a ledger is told.
pub(crate) fn set_intake(tx: &mut Tx<'_>, owner: &Owner, rule: IntakeRule) {
    let mut values = Vec::from(values![rule.intake.map(Intake::code), time_value(rule.since)]);
    values.extend(owner_values(owner));
    tx.defer(
        "UPDATE ledger SET intake = ?, since = ? \
         WHERE mode = ? AND platform = ? AND account = ?",
        values,
    );
}

/// Whether anything was ever told to a ledger: a row of its journal or a told transaction.
pub(crate) async fn is_empty(tx: &mut Tx<'_>, owner: &Owner) -> Result<bool, StorageError> {
    let mut values = Vec::from(owner_values(owner));
    values.extend(owner_values(owner));
    let rows = tx
        .query(
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM ledger_entry \
             WHERE mode = ? AND platform = ? AND account = ?) \
             OR EXISTS (SELECT 1 FROM ledger_transaction \
             WHERE mode = ? AND platform = ? AND account = ?)",
            &values,
        )
        .await?;
    Ok(rows.is_empty())
}

/// Locks the ledgers of `owners` until the transaction ends, in one round trip. They come sorted,
/// so that two tasks lock in the same order and never wait for each other.
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
        of_owner(owner, values![number, entry.kind, entry.source, entry.created]),
    );
}

/// Adds a posting to the entry with this `number`; `line` is its place in the entry, from 0 on.
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
            values![
                number,
                line,
                posting.from.code(),
                posting.to.code(),
                posting.amount,
                posting.pool.currency.as_str(),
                posting.pool.source_type.code()
            ],
        ),
    );
}

/// The amounts of a row's columns from `first` on, which are in the order of [`Bucket::ALL`].
fn balance_from(row: &Row, first: usize) -> Result<Balance, StorageError> {
    let mut amounts = [0; Bucket::ALL.len()];
    for (column, amount) in (first..).zip(&mut amounts) {
        *amount = row.int(column)?;
    }
    Ok(Balance::from_amounts(amounts))
}

/// The balance of a pool; `None` if nothing was ever posted to it.
pub(crate) async fn balance(
    tx: &mut Tx<'_>,
    owner: &Owner,
    pool: Pool,
) -> Result<Option<Balance>, StorageError> {
    let which = values![pool.currency.as_str(), pool.source_type.code()];
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

/// Stores the balance of a pool.
pub(crate) fn set_balance(tx: &mut Tx<'_>, owner: &Owner, pool: Pool, balance: &Balance) {
    let which = values![pool.currency.as_str(), pool.source_type.code()];
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

/// The balances of all pools of an owner, by currency.
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

/// A balance transaction that is to be stored.
pub(crate) struct NewBalanceTransaction<'a> {
    /// Its own number in the ledger; `number` below is its entry's.
    pub(crate) seq: i64,
    pub(crate) id: String,
    /// The number of its entry.
    pub(crate) number: i64,
    pub(crate) currency: Currency,
    pub(crate) line: BalanceTransactionLine,
    /// What the processor told of it; `None` for one of the ledger's own.
    pub(crate) told: Option<&'a ProcessorLine<'a>>,
}

/// Adds a balance transaction of an entry. The platform's fee belongs to the payments balance: in
/// the reserved one it is 0.
pub(crate) fn insert_balance_transaction(
    tx: &mut Tx<'_>,
    owner: &Owner,
    entry: &Entry<'_>,
    new: NewBalanceTransaction<'_>,
) {
    // A payout's own entries are about it, whoever told them.
    let own = Some(entry.source).filter(|_| entry.kind.starts_with("payout"));
    tx.defer(
        "INSERT INTO balance_transaction (mode, platform, account, seq, id, entry, kind, source, \
         currency, reserved, pending, amount, fee, application_fee, created, available_on, told, \
         category, exchange_rate, payout) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        of_owner(
            owner,
            values![
                new.seq,
                new.id,
                new.number,
                entry.kind,
                entry.source,
                new.currency.as_str(),
                new.line.reserved,
                new.line.pending,
                new.line.amount,
                new.line.fee,
                if new.line.reserved { 0 } else { entry.application_fee },
                entry.created,
                entry.available_on,
                new.told.is_some(),
                new.told.and_then(|told| told.category),
                new.told.and_then(|told| told.exchange_rate),
                new.told.map_or(own, |told| told.payout)
            ],
        ),
    );
}
