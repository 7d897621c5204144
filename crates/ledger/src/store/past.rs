//! The SQL that reads what came in and went out, page by page, for whoever computes what else would
//! have become of it.

use crate::model::account::{Bucket, SourceType};
use crate::model::entry::Pool;
use crate::model::kind::Kind;
use crate::sql::{PLACE_BITS, currency, of_owner};
use coffer_base::{Owner, Timestamp};
use coffer_storage::{Row, StorageError, Store, values};

/// A charge, or one capture of it, as far as plans look at it: each capture has its own money, its
/// own date and its own holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PastCharge {
    /// Its number in the ledger, or that of the capture's transaction.
    pub seq: i64,
    /// The processor's id.
    pub id: String,
    /// What fees leave of it.
    pub net: i64,
    /// Where its money is.
    pub pool: Pool,
    /// When the customer paid.
    pub created: Timestamp,
    /// When its money becomes available.
    pub available_on: Timestamp,
    /// Whether it stands for a transfer of the platform.
    pub is_transfer: bool,
    /// Whether transactions tell its money.
    pub by_transaction: bool,
    /// Whether it is the charge's first capture, or all of it.
    pub is_first: bool,
    /// Whether the charge has other captures.
    pub has_others: bool,
}

/// What a refund or a dispute took of a charge, or a part of it that was told by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PastDebit {
    /// Its number in the ledger, or that of the transaction. Its postings have higher ones.
    pub seq: i64,
    /// The id of its charge.
    pub charge: String,
    /// What it took, without its fee.
    pub amount: i64,
    /// Whether it is a dispute.
    pub is_dispute: bool,
}

/// By what debits were told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DebitsOf {
    /// Facts of refunds.
    Refunds,
    /// Facts of disputes, each with all that was ever withdrawn.
    Disputes,
    /// Transactions, each of which takes by itself: refunds, charges that failed, disputes.
    Transactions,
}

impl DebitsOf {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Refunds, Self::Disputes, Self::Transactions];
}

/// What one posting did to the account's own money, with what is reserved of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PastMove {
    /// The number of its entry, and its place in it.
    pub place: (i64, i64),
    /// Whose money it is of.
    pub pool: Pool,
    /// By how much what is pending changed.
    pub pending: i64,
    /// By how much what is available changed.
    pub available: i64,
    /// What its entry is about: a charge, a refund, a dispute, or anything else.
    pub source: String,
    /// If it made that charge's money available: of the captures whose date is this or earlier.
    pub settles: Option<Timestamp>,
}

/// The number of the ledger transaction that a row's number belongs to.
pub const fn transaction_of(seq: i64) -> i64 {
    seq >> PLACE_BITS
}

/// The lowest row number behind the last transaction at or before a time: where to begin to read
/// what was recorded after it.
///
/// # Errors
/// If the database does not answer.
pub async fn first_seq_after(
    store: &Store,
    owner: &Owner,
    at: Timestamp,
) -> Result<i64, StorageError> {
    let rows = store
        .query(
            "SELECT MAX(h.last_tx) FROM ledger_balance b JOIN ledger_balance_at h \
             ON h.mode = b.mode AND h.platform = b.platform AND h.account = b.account \
             AND h.currency = b.currency AND h.source_type = b.source_type \
             AND h.at = (SELECT MAX(n.at) FROM ledger_balance_at n WHERE n.mode = ?1 \
             AND n.platform = ?2 AND n.account = ?3 AND n.currency = b.currency \
             AND n.source_type = b.source_type AND n.at <= ?4) \
             WHERE b.mode = ?1 AND b.platform = ?2 AND b.account = ?3",
            &of_owner(owner, values![at]),
        )
        .await?;
    let last = rows.first().map_or(Ok(None), |row| row.optional_int(0))?;
    Ok(last.map_or(0, |last| last.saturating_add(1).saturating_mul(1 << PLACE_BITS)))
}

/// The next charges from a row number on, in the order in which they were recorded, at most `most`:
/// those that facts tell and transactions alike, though of the latter it says the sum of all
/// captures.
///
/// # Errors
/// If the database does not answer.
pub async fn charges_from(
    store: &Store,
    owner: &Owner,
    seq: i64,
    most: i64,
) -> Result<Vec<PastCharge>, StorageError> {
    let rows = store
        .query(
            "SELECT seq, id, amount - COALESCE(fee, 0) - application_fee, currency, source_type, \
             created, available_on, source_transfer, by_transaction, 1, 0 FROM ledger_charge \
             WHERE mode = ? AND platform = ? AND account = ? AND seq >= ? ORDER BY seq LIMIT ?",
            &of_owner(owner, values![seq, most]),
        )
        .await?;
    rows.iter().map(past_charge).collect()
}

/// The next captures from a row number on that transactions have told, in the order in which they
/// were recorded, at most `most`. Charges of the time before the ledger, whose money it never had,
/// are not among them.
///
/// # Errors
/// If the database does not answer.
pub async fn captures_from(
    store: &Store,
    owner: &Owner,
    seq: i64,
    most: i64,
) -> Result<Vec<PastCharge>, StorageError> {
    let rows = store
        .query(
            "SELECT t.seq, t.record, t.amount - t.fee, t.currency, t.source_type, t.created, \
             t.available_on, t.source_transfer, 1, CASE WHEN t.seq < c.seq THEN 1 ELSE 0 END, \
             CASE WHEN t.amount < c.amount THEN 1 ELSE 0 END FROM ledger_transaction t \
             JOIN ledger_charge c ON c.mode = t.mode AND c.platform = t.platform \
             AND c.account = t.account AND c.id = t.record \
             WHERE t.mode = ? AND t.platform = ? AND t.account = ? \
             AND t.seq >= ? AND t.kind = ? AND t.posted = 1 ORDER BY t.seq LIMIT ?",
            &of_owner(owner, values![seq, Kind::Charge.code(), most]),
        )
        .await?;
    rows.iter().map(past_charge).collect()
}

fn past_charge(row: &Row) -> Result<PastCharge, StorageError> {
    let source_type = SourceType::from_code(row.int(4)?)?;
    Ok(PastCharge {
        seq: row.int(0)?,
        id: row.text(1)?.to_owned(),
        net: row.int(2)?,
        pool: Pool { currency: currency(row, 3)?, source_type },
        created: Timestamp::from_unix(row.int(5)?),
        available_on: Timestamp::from_unix(row.int(6)?),
        is_transfer: row.optional_text(7)?.is_some(),
        by_transaction: row.int(8)? != 0,
        is_first: row.int(9)? != 0,
        has_others: row.int(10)? != 0,
    })
}

/// Facts about charges, from a row number on, that no transaction tells. That `created` is not
/// negative says nothing of a row; it has SQLite use the index by charge, where it would else read
/// all of the account's transactions for each fact.
macro_rules! facts {
    ($table:literal, $amount:literal, $is_dispute:literal) => {
        concat!(
            "SELECT f.seq, f.charge, f.",
            $amount,
            ", ",
            $is_dispute,
            " FROM ",
            $table,
            " f JOIN ledger_charge c ON c.mode = f.mode AND c.platform = f.platform \
             AND c.account = f.account AND c.id = f.charge AND c.currency = f.currency \
             WHERE f.mode = ?1 AND f.platform = ?2 AND f.account = ?3 AND f.seq >= ?4 \
             AND NOT EXISTS (SELECT 1 FROM ledger_transaction t WHERE t.mode = ?1 \
             AND t.platform = ?2 AND t.account = ?3 AND t.charge = f.charge \
             AND t.created >= 0 AND t.record = f.id) ORDER BY f.seq LIMIT ?5"
        )
    };
}

const REFUNDS: &str = facts!("ledger_refund", "amount", 0);
const DISPUTES: &str = facts!("ledger_dispute", "withdrawn", 1);

/// The next debits from a row number on, in the order in which they were recorded, at most `most`.
/// Those in another currency than their charge's take of no reserve, and are none of them.
///
/// # Errors
/// If the database does not answer.
pub async fn debits_from(
    store: &Store,
    owner: &Owner,
    (of, seq): (DebitsOf, i64),
    most: i64,
) -> Result<Vec<PastDebit>, StorageError> {
    let kinds = [Kind::Refund, Kind::Failure, Kind::Dispute].map(Kind::code);
    let [refund, failure, dispute] = kinds;
    let (sql, values) = match of {
        DebitsOf::Refunds => (REFUNDS, of_owner(owner, values![seq, most])),
        DebitsOf::Disputes => (DISPUTES, of_owner(owner, values![seq, most])),
        DebitsOf::Transactions => (
            "SELECT t.seq, t.charge, ABS(t.amount), CASE WHEN t.kind = ?8 THEN 1 ELSE 0 END \
             FROM ledger_transaction t JOIN ledger_charge c ON c.mode = t.mode \
             AND c.platform = t.platform AND c.account = t.account AND c.id = t.charge \
             AND c.currency = t.currency WHERE t.mode = ?1 AND t.platform = ?2 \
             AND t.account = ?3 AND t.seq >= ?4 AND t.kind IN (?6, ?7, ?8) AND t.posted = 1 \
             ORDER BY t.seq LIMIT ?5",
            of_owner(owner, values![seq, most, refund, failure, dispute]),
        ),
    };
    let rows = store.query(sql, &values).await?;
    let debit = |row: &Row| {
        Ok(PastDebit {
            seq: row.int(0)?,
            charge: row.text(1)?.to_owned(),
            amount: row.int(2)?,
            is_dispute: row.int(3)? != 0,
        })
    };
    rows.iter().map(debit).collect()
}

/// The next postings behind a place, in the order in which they were recorded, at most `most`.
///
/// # Errors
/// If the database does not answer.
pub async fn moves_after(
    store: &Store,
    owner: &Owner,
    (entry, line): (i64, i64),
    most: i64,
) -> Result<Vec<PastMove>, StorageError> {
    let rows = store
        .query(
            "SELECT p.entry, p.line, p.from_bucket, p.to_bucket, p.amount, p.currency, \
             p.source_type, e.kind, COALESCE(t.record, e.source), t.available_on \
             FROM ledger_posting p \
             JOIN ledger_entry e ON e.mode = p.mode AND e.platform = p.platform \
             AND e.account = p.account AND e.seq = p.entry \
             LEFT JOIN ledger_transaction t ON t.mode = p.mode AND t.platform = p.platform \
             AND t.account = p.account AND t.id = e.source AND e.kind = 'availability' \
             WHERE p.mode = ?1 AND p.platform = ?2 AND p.account = ?3 AND p.entry >= ?4 \
             AND (p.entry > ?4 OR p.line > ?5) ORDER BY p.entry, p.line LIMIT ?6",
            &of_owner(owner, values![entry, line, most]),
        )
        .await?;
    rows.iter().map(past_move).collect()
}

fn past_move(row: &Row) -> Result<PastMove, StorageError> {
    let (from, to, amount) = (row.int(2)?, row.int(3)?, row.int(4)?);
    let change = |buckets: [Bucket; 2]| {
        let has = |code: i64| i64::from(buckets.iter().any(|bucket| bucket.code() == code));
        amount.saturating_mul(has(to).saturating_sub(has(from)))
    };
    let source_type = SourceType::from_code(row.int(6)?)?;
    // A charge that facts tell has one date for all of its money.
    let until = row.optional_int(9)?.unwrap_or(i64::MAX);
    let settles = row.text(7)? == "availability";
    Ok(PastMove {
        place: (row.int(0)?, row.int(1)?),
        pool: Pool { currency: currency(row, 5)?, source_type },
        pending: change([Bucket::PaymentsPending, Bucket::ReservedPending]),
        available: change([Bucket::PaymentsAvailable, Bucket::ReservedAvailable]),
        source: row.text(8)?.to_owned(),
        settles: settles.then_some(Timestamp::from_unix(until)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_kernel::testing::plan;
    use coffer_storage::Options;

    #[tokio::test]
    async fn whether_a_transaction_tells_a_fact_is_looked_up_by_its_charge() {
        let kept = tempfile::TempDir::new().unwrap();
        let sets = [coffer_kernel::MIGRATIONS, crate::MIGRATIONS];
        let path = kept.path().join("coffer.db");
        let opened = Store::open_sqlite(&path, &sets, Timestamp::from_unix(1), Options::default());
        let store = opened.unwrap().0;
        for sql in [REFUNDS, DISPUTES] {
            let steps = plan(&store, sql, 5).await.unwrap();
            let by_charge = |step: &String| {
                step.contains("ledger_transaction_by_charge") && step.contains("charge=?")
            };
            assert!(steps.iter().any(by_charge), "{steps:?}");
        }
    }
}
