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
    /// What they left as it was told first, which is what plans hold of: a fee that is told later
    /// corrects no hold.
    pub told_net: i64,
    /// Where its money is.
    pub pool: Pool,
    /// When the customer paid.
    pub created: Timestamp,
    /// The same as it was told first, by which the dates of holds are counted.
    pub told_created: Timestamp,
    /// When its money becomes available, as it was told first.
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

/// A charge that facts tell was first told as its balance transaction says, which is numbered right
/// after it. That nothing is added to its source says nothing of a row; it has SQLite go along the
/// numbers, where it would else look up each charge's.
const CHARGES: &str = "SELECT c.seq, c.id, c.amount - COALESCE(c.fee, 0) - c.application_fee, \
    c.currency, c.source_type, c.created, COALESCE(b.available_on, c.available_on), \
    c.source_transfer, c.by_transaction, 1, 0, \
    COALESCE(b.amount - b.fee, c.amount - COALESCE(c.fee, 0) - c.application_fee), \
    COALESCE(b.created, c.created) FROM ledger_charge c \
    LEFT JOIN balance_transaction b ON b.mode = c.mode AND b.platform = c.platform \
    AND b.account = c.account AND b.seq > c.seq AND b.seq < c.seq + 5 \
    AND b.source || '' = c.id AND b.kind = 'charge' AND c.by_transaction = 0 \
    WHERE c.mode = ? AND c.platform = ? AND c.account = ? AND c.seq >= ? \
    ORDER BY c.seq LIMIT ?";

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
    let rows = store.query(CHARGES, &of_owner(owner, values![seq, most])).await?;
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
             CASE WHEN t.amount < c.amount THEN 1 ELSE 0 END, t.amount - t.fee, t.created \
             FROM ledger_transaction t \
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
        told_net: row.int(11)?,
        pool: Pool { currency: currency(row, 3)?, source_type },
        created: Timestamp::from_unix(row.int(5)?),
        told_created: Timestamp::from_unix(row.int(12)?),
        available_on: Timestamp::from_unix(row.int(6)?),
        is_transfer: row.optional_text(7)?.is_some(),
        by_transaction: row.int(8)? != 0,
        is_first: row.int(9)? != 0,
        has_others: row.int(10)? != 0,
    })
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
    async fn charges_and_what_was_told_first_of_them_are_read_along_their_numbers() {
        let kept = tempfile::TempDir::new().unwrap();
        let sets = [coffer_kernel::MIGRATIONS, crate::MIGRATIONS];
        let path = kept.path().join("coffer.db");
        let opened = Store::open_sqlite(&path, &sets, Timestamp::from_unix(1), Options::default());
        let steps = plan(&opened.unwrap().0, CHARGES, 5).await.unwrap();
        let told = |step: &&String| step.contains("SEARCH b USING PRIMARY KEY");
        let seq = |step: &String| step.contains("seq>? AND seq<?");
        assert!(steps.iter().find(told).is_some_and(seq), "{steps:#?}");
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:#?}");
    }
}
