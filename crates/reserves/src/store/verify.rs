//! The SQL of the check of the books. Every comparison is one statement, so that it sees one state
//! of the store, also while a server writes to it.

use super::{corrupt, owner};
use coffer_base::{Owner, limit};
use coffer_storage::{StorageError, Store, Value};

/// Two figures that must be equal, and are not.
#[derive(Clone, Debug)]
pub(crate) struct Unequal {
    pub(crate) owner: Owner,
    /// Which pool, bucket or object.
    pub(crate) subject: String,
    pub(crate) expected: i64,
    pub(crate) found: i64,
}

/// A comparison: it answers mode, platform, account, subject, and the two figures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comparison {
    /// What must be equal, in words.
    pub(crate) what: &'static str,
    sql: &'static str,
}

/// What must hold of every ledger (reserves §7, §10).
pub(crate) const COMPARISONS: [Comparison; 9] = [
    Comparison {
        what: "a balance is the sum of its postings",
        sql: "WITH both_sides AS (\
              SELECT mode, platform, account, currency, source_type, from_bucket AS bucket, \
              -amount AS posted, 0 AS kept FROM ledger_posting UNION ALL \
              SELECT mode, platform, account, currency, source_type, to_bucket, amount, 0 \
              FROM ledger_posting UNION ALL \
              SELECT mode, platform, account, currency, source_type, 0, 0, payments_pending \
              FROM ledger_balance UNION ALL \
              SELECT mode, platform, account, currency, source_type, 1, 0, payments_available \
              FROM ledger_balance UNION ALL \
              SELECT mode, platform, account, currency, source_type, 2, 0, reserved_pending \
              FROM ledger_balance UNION ALL \
              SELECT mode, platform, account, currency, source_type, 3, 0, reserved_available \
              FROM ledger_balance UNION ALL \
              SELECT mode, platform, account, currency, source_type, 4, 0, clearing \
              FROM ledger_balance UNION ALL \
              SELECT mode, platform, account, currency, source_type, 5, 0, fees \
              FROM ledger_balance UNION ALL \
              SELECT mode, platform, account, currency, source_type, 6, 0, payouts_in_transit \
              FROM ledger_balance) \
              SELECT mode, platform, account, currency || ' source ' || source_type || \
              ' bucket ' || bucket, CAST(SUM(posted) AS BIGINT), CAST(SUM(kept) AS BIGINT) \
              FROM both_sides GROUP BY mode, platform, account, currency, source_type, bucket \
              HAVING SUM(posted) <> SUM(kept) LIMIT ?",
    },
    Comparison {
        what: "what is reserved is what the holds have left",
        sql: "WITH both_sides AS (\
              SELECT mode, platform, account, currency, source_type, pending, \
              amount - released AS held, 0 AS kept FROM reserve_hold UNION ALL \
              SELECT mode, platform, account, currency, source_type, 1, 0, reserved_pending \
              FROM ledger_balance UNION ALL \
              SELECT mode, platform, account, currency, source_type, 0, 0, reserved_available \
              FROM ledger_balance) \
              SELECT mode, platform, account, currency || ' source ' || source_type || \
              ' pending ' || pending, CAST(SUM(held) AS BIGINT), CAST(SUM(kept) AS BIGINT) \
              FROM both_sides GROUP BY mode, platform, account, currency, source_type, pending \
              HAVING SUM(held) <> SUM(kept) LIMIT ?",
    },
    Comparison {
        what: "what is pending is what charges wait for",
        sql: "WITH both_sides AS (\
              SELECT mode, platform, account, currency, source_type, pending AS awaited, \
              0 AS kept FROM ledger_charge UNION ALL \
              SELECT mode, platform, account, currency, source_type, 0, \
              payments_pending + reserved_pending FROM ledger_balance) \
              SELECT mode, platform, account, currency || ' source ' || source_type, \
              CAST(SUM(awaited) AS BIGINT), CAST(SUM(kept) AS BIGINT) FROM both_sides \
              GROUP BY mode, platform, account, currency, source_type \
              HAVING SUM(awaited) <> SUM(kept) LIMIT ?",
    },
    Comparison {
        what: "a charge whose money is available waits for none",
        sql: "SELECT mode, platform, account, id, 0, pending FROM ledger_charge \
              WHERE settled = 1 AND pending <> 0 LIMIT ?",
    },
    Comparison {
        what: "what is in transit is what payouts carry",
        sql: "WITH both_sides AS (\
              SELECT mode, platform, account, currency, source_type, amount AS carried, \
              0 AS kept FROM ledger_payout WHERE status = 0 UNION ALL \
              SELECT mode, platform, account, currency, source_type, 0, payouts_in_transit \
              FROM ledger_balance) \
              SELECT mode, platform, account, currency || ' source ' || source_type, \
              CAST(SUM(carried) AS BIGINT), CAST(SUM(kept) AS BIGINT) FROM both_sides \
              GROUP BY mode, platform, account, currency, source_type \
              HAVING SUM(carried) <> SUM(kept) LIMIT ?",
    },
    Comparison {
        what: "what a hold has released is what releases took of it",
        sql: "SELECT h.mode, h.platform, h.account, h.id, \
              CAST(COALESCE(SUM(p.amount), 0) AS BIGINT), h.released FROM reserve_hold h \
              LEFT JOIN reserve_release_part p ON p.mode = h.mode AND p.platform = h.platform \
              AND p.account = h.account AND p.hold = h.seq \
              GROUP BY h.mode, h.platform, h.account, h.seq, h.id, h.released \
              HAVING COALESCE(SUM(p.amount), 0) <> h.released LIMIT ?",
    },
    Comparison {
        what: "a release is the sum of its parts",
        sql: "SELECT r.mode, r.platform, r.account, r.id, \
              CAST(COALESCE(SUM(p.amount), 0) AS BIGINT), r.amount FROM reserve_release r \
              LEFT JOIN reserve_release_part p ON p.mode = r.mode AND p.platform = r.platform \
              AND p.account = r.account AND p.release = r.seq \
              GROUP BY r.mode, r.platform, r.account, r.seq, r.id, r.amount \
              HAVING COALESCE(SUM(p.amount), 0) <> r.amount LIMIT ?",
    },
    Comparison {
        what: "what is refunded of a charge is what its refunds took",
        sql: "SELECT c.mode, c.platform, c.account, c.id, \
              CAST(COALESCE(SUM(f.amount), 0) AS BIGINT), c.refunded FROM ledger_charge c \
              LEFT JOIN ledger_refund f ON f.mode = c.mode AND f.platform = c.platform \
              AND f.account = c.account AND f.charge = c.id AND f.failed = 0 \
              GROUP BY c.mode, c.platform, c.account, c.seq, c.id, c.refunded \
              HAVING COALESCE(SUM(f.amount), 0) <> c.refunded LIMIT ?",
    },
    Comparison {
        what: "balance transactions say what was posted",
        sql: "WITH both_sides AS (\
              SELECT mode, platform, account, entry, \
              CASE WHEN to_bucket IN (2, 3) THEN 1 ELSE 0 END AS reserved, amount AS posted, \
              0 AS told FROM ledger_posting WHERE to_bucket <= 3 UNION ALL \
              SELECT mode, platform, account, entry, \
              CASE WHEN from_bucket IN (2, 3) THEN 1 ELSE 0 END, -amount, 0 \
              FROM ledger_posting WHERE from_bucket <= 3 UNION ALL \
              SELECT mode, platform, account, entry, reserved, 0, amount - fee \
              FROM balance_transaction) \
              SELECT mode, platform, account, 'entry ' || entry || ' reserved ' || reserved, \
              CAST(SUM(posted) AS BIGINT), CAST(SUM(told) AS BIGINT) FROM both_sides \
              GROUP BY mode, platform, account, entry, reserved \
              HAVING SUM(posted) <> SUM(told) LIMIT ?",
    },
];

/// Runs a comparison: at most [`limit::VERIFY_FINDINGS`] differences.
pub(crate) async fn compare(
    store: &Store,
    comparison: Comparison,
) -> Result<Vec<Unequal>, StorageError> {
    let rows = store.scan(comparison.sql, &[Value::Int(limit::VERIFY_FINDINGS)]).await?;
    rows.iter()
        .map(|row| {
            Ok(Unequal {
                owner: owner(row, 0)?,
                subject: row.text(3)?.to_owned(),
                expected: row.int(4)?,
                found: row.int(5)?,
            })
        })
        .collect()
}

/// How many rows there are: ledgers, entries, postings, charges, holds and releases.
pub(crate) async fn counts(store: &Store) -> Result<[u64; 6], StorageError> {
    let rows = store
        .scan(
            "SELECT (SELECT COUNT(*) FROM ledger), (SELECT COUNT(*) FROM ledger_entry), \
             (SELECT COUNT(*) FROM ledger_posting), (SELECT COUNT(*) FROM ledger_charge), \
             (SELECT COUNT(*) FROM reserve_hold), (SELECT COUNT(*) FROM reserve_release)",
            &[],
        )
        .await?;
    let row = rows.first().ok_or_else(|| corrupt("a count gave no row"))?;
    let mut counts = [0; 6];
    for (column, count) in counts.iter_mut().enumerate() {
        *count = u64::try_from(row.int(column)?).unwrap_or(0);
    }
    Ok(counts)
}
