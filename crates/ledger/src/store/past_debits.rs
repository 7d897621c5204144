//! The SQL that reads what refunds, disputes and adjustments took of charges and what came back of
//! it, page by page and movement by movement, for whoever computes what else would have become of
//! it.

use super::past::transaction_of;
use crate::model::kind::Kind;
use crate::sql::{PLACE_BITS, of_owner};
use coffer_base::{Owner, Timestamp};
use coffer_storage::{Row, StorageError, Store, values};

/// What was taken of a charge at one moment, or came back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PastDebit {
    /// Its number in the ledger; no other debit has it. The postings of what was taken have none
    /// that is lower.
    pub seq: i64,
    /// The number of the fact that it is of: one of a refund, a dispute or an adjustment is of all
    /// that was told of that as facts. A transaction is one by itself.
    pub fact: i64,
    /// The id of its charge.
    pub charge: String,
    /// What it took, without its fee; negative if it came back.
    pub amount: i64,
    /// When the refund, the dispute, the adjustment or the transaction took place.
    pub created: Timestamp,
    /// Whether it is a dispute.
    pub is_dispute: bool,
    /// By what it was told.
    pub of: DebitsOf,
}

/// By what debits were told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DebitsOf {
    /// Facts of refunds.
    Refunds,
    /// Failures of such refunds.
    Failures,
    /// Facts of disputes: what each withdrew when it was told, and what came back of it when it was
    /// won.
    Disputes,
    /// Movements of such disputes.
    Movements,
    /// Adjustments that draw.
    Adjustments,
    /// Transactions, each of which takes by itself: refunds, charges that failed, disputes.
    Transactions,
}

impl DebitsOf {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Refunds,
        Self::Failures,
        Self::Disputes,
        Self::Movements,
        Self::Adjustments,
        Self::Transactions,
    ];
}

/// The charge `c` of a fact `f`, if both have one currency.
macro_rules! charge_of_fact {
    () => {
        "ledger_charge c ON c.mode = f.mode AND c.platform = f.platform \
         AND c.account = f.account AND c.id = f.charge AND c.currency = f.currency"
    };
}

/// What transactions of one kind told of a fact `f`, of which the rest was told by itself. That
/// `created` is not negative says nothing of a row; it has SQLite use the index by charge, where it
/// would else read all of the account's transactions for each fact.
macro_rules! by_transactions {
    ($kind:literal) => {
        concat!(
            "COALESCE((SELECT CAST(SUM(ABS(t.amount)) AS BIGINT) FROM ledger_transaction t \
             WHERE t.mode = ?1 AND t.platform = ?2 AND t.account = ?3 AND t.charge = f.charge \
             AND t.created >= 0 AND t.record = f.id AND t.posted = 1 AND t.kind = ",
            $kind,
            "), 0)"
        )
    };
}

/// What movements of one sign told of a dispute `f`. That their ids are texts has SQLite use the
/// index by parent.
macro_rules! by_movements {
    ($sign:literal) => {
        concat!(
            "COALESCE((SELECT CAST(SUM(ABS(m.amount)) AS BIGINT) FROM ledger_movement m \
             WHERE m.mode = ?1 AND m.platform = ?2 AND m.account = ?3 AND m.kind = 1 \
             AND m.parent = f.id AND m.id >= '' AND m.amount ",
            $sign,
            " 0), 0)"
        )
    };
}

const REFUNDS: &str = concat!(
    "SELECT f.seq, f.seq, f.charge, f.amount - ",
    by_transactions!("?6"),
    " - ",
    by_transactions!("?7"),
    ", f.created, 0, 0, 0 FROM ledger_refund f JOIN ",
    charge_of_fact!(),
    " WHERE f.mode = ?1 AND f.platform = ?2 AND f.account = ?3 AND f.seq >= ?4 \
     ORDER BY f.seq LIMIT ?5"
);

/// One that was won without a movement that says what came back of it has a balance transaction of
/// that, the first of a transaction of the ledger after the dispute's own.
const DISPUTES: &str = concat!(
    "SELECT f.seq, f.seq, f.charge, f.withdrawn - ",
    by_transactions!("?6"),
    " - ",
    by_movements!("<"),
    ", f.created, 1, f.reinstated - ",
    by_transactions!("?7"),
    " - ",
    by_movements!(">"),
    ", COALESCE((SELECT MIN(b.seq) FROM balance_transaction b WHERE b.mode = ?1 \
     AND b.platform = ?2 AND b.account = ?3 AND b.source = f.id \
     AND b.seq >= (f.seq / 65536 + 1) * 65536), 0) FROM ledger_dispute f JOIN ",
    charge_of_fact!(),
    " WHERE f.mode = ?1 AND f.platform = ?2 AND f.account = ?3 AND f.seq >= ?4 \
     ORDER BY f.seq LIMIT ?5"
);

/// What was told of facts later, each as a movement of its own.
macro_rules! movements {
    ($table:literal, $kind:literal) => {
        concat!(
            "SELECT m.seq, f.seq, f.charge, -m.amount, f.created, ",
            $kind,
            ", 0, 0 FROM ledger_movement m JOIN ",
            $table,
            " f ON f.mode = m.mode AND f.platform = m.platform AND f.account = m.account \
             AND f.id = m.parent JOIN ",
            charge_of_fact!(),
            " WHERE m.mode = ?1 AND m.platform = ?2 AND m.account = ?3 AND f.account = ?3 \
             AND m.seq >= ?4 AND m.kind = ",
            $kind,
            " ORDER BY m.seq LIMIT ?5"
        )
    };
}

const FAILURES: &str = movements!("ledger_refund", "0");
const MOVEMENTS: &str = movements!("ledger_dispute", "1");

/// Most adjustments are about no charge. They are read all the same, so that no statement looks for
/// few among many.
const ADJUSTMENTS: &str = concat!(
    "SELECT f.seq, f.seq, COALESCE(c.id, ''), CASE WHEN c.id IS NULL THEN 0 ELSE -f.amount END, \
     f.created, 0, 0, 0 FROM ledger_adjustment f LEFT JOIN ",
    charge_of_fact!(),
    " AND f.draws = 1 WHERE f.mode = ?1 AND f.platform = ?2 AND f.account = ?3 AND f.seq >= ?4 \
     ORDER BY f.seq LIMIT ?5"
);

const TRANSACTIONS: &str = "SELECT t.seq, t.seq, t.charge, ABS(t.amount), t.created, \
    CASE WHEN t.kind = ?8 THEN 1 ELSE 0 END, 0, 0 \
    FROM ledger_transaction t JOIN ledger_charge c ON c.mode = t.mode \
    AND c.platform = t.platform AND c.account = t.account AND c.id = t.charge \
    AND c.currency = t.currency WHERE t.mode = ?1 AND t.platform = ?2 \
    AND t.account = ?3 AND t.seq >= ?4 AND t.kind IN (?6, ?7, ?8) AND t.posted = 1 \
    ORDER BY t.seq LIMIT ?5";

/// The debits in the next `most` rows from a row number on, in the order of the rows, and from
/// which number on there may be more. Those in another currency than their charge's take of no
/// reserve, and are none of them.
///
/// # Errors
/// If the database does not answer.
pub async fn debits_from(
    store: &Store,
    owner: &Owner,
    (of, seq): (DebitsOf, i64),
    most: i64,
) -> Result<(Vec<PastDebit>, Option<i64>), StorageError> {
    let [refund, failure] = [Kind::Refund, Kind::Failure].map(Kind::code);
    let [dispute, back] = [Kind::Dispute, Kind::Reinstatement].map(Kind::code);
    let (sql, more) = match of {
        DebitsOf::Refunds => (REFUNDS, Vec::from(values![refund, failure])),
        DebitsOf::Failures => (FAILURES, Vec::new()),
        DebitsOf::Disputes => (DISPUTES, Vec::from(values![dispute, back])),
        DebitsOf::Movements => (MOVEMENTS, Vec::new()),
        DebitsOf::Adjustments => (ADJUSTMENTS, Vec::new()),
        DebitsOf::Transactions => (TRANSACTIONS, Vec::from(values![refund, failure, dispute])),
    };
    let mut values = of_owner(owner, values![seq, most]);
    values.extend(more);
    let rows = store.query(sql, &values).await?;
    let mut debits = Vec::new();
    for row in &rows {
        debits.extend(debits_of(row, of)?);
    }
    let last = rows.last().map(|row| row.int(0)).transpose()?;
    Ok((debits, last.map(|last| last.saturating_add(1))))
}

/// What a row says: of a dispute that was won also what came back.
fn debits_of(row: &Row, of: DebitsOf) -> Result<Vec<PastDebit>, StorageError> {
    let seq = row.int(0)?;
    let first = PastDebit {
        // A movement is numbered after its postings. It has a transaction of its own.
        seq: match of {
            DebitsOf::Failures | DebitsOf::Movements => transaction_of(seq) << PLACE_BITS,
            _ => seq,
        },
        fact: row.int(1)?,
        charge: row.text(2)?.to_owned(),
        amount: row.int(3)?,
        created: Timestamp::from_unix(row.int(4)?),
        is_dispute: row.int(5)? != 0,
        of,
    };
    let back = row.int(6)?.saturating_neg();
    let won = PastDebit { seq: row.int(7)?, amount: back, ..first.clone() };
    Ok([first, won].into_iter().filter(|debit| debit.amount != 0).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_kernel::testing::plan;
    use coffer_storage::Options;

    #[tokio::test]
    async fn what_a_debit_is_of_is_looked_up_by_what_it_names() {
        let kept = tempfile::TempDir::new().unwrap();
        let sets = [coffer_kernel::MIGRATIONS, crate::MIGRATIONS];
        let path = kept.path().join("coffer.db");
        let opened = Store::open_sqlite(&path, &sets, Timestamp::from_unix(1), Options::default());
        let store = opened.unwrap().0;
        for (sql, values, expected) in [
            (REFUNDS, 7, &["ledger_transaction_by_charge|charge=?"][..]),
            (
                DISPUTES,
                7,
                &[
                    "ledger_transaction_by_charge|charge=?",
                    "ledger_movement_by_id|parent=?",
                    "balance_transaction_by_source|source=?",
                ],
            ),
            (FAILURES, 5, &["ledger_refund_by_id|id=?"]),
            (MOVEMENTS, 5, &["ledger_dispute_by_id|id=?"]),
            (ADJUSTMENTS, 5, &["ledger_charge_by_id|id=?"]),
            (TRANSACTIONS, 8, &["ledger_charge_by_id|id=?"]),
        ] {
            let steps = plan(&store, sql, values).await.unwrap();
            for index in expected {
                let parts: Vec<&str> = index.split('|').collect();
                let is_it = |step: &String| parts.iter().all(|part| step.contains(part));
                assert!(steps.iter().any(is_it), "{index}: {steps:#?}");
            }
            let is_scan = |step: &&String| step.starts_with("SCAN");
            assert_eq!(steps.iter().find(is_scan), None, "{steps:#?}");
            let is_sorted = |step: &&String| step.contains("TEMP B-TREE");
            assert_eq!(steps.iter().find(is_sorted), None, "{steps:#?}");
        }
    }
}
