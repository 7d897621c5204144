//! The SQL of the ledger's verification. Every comparison is one statement, so that it sees one
//! state of the store, also while a server writes to it. It sums both sides by what identifies them
//! and keeps the groups that differ, so that a row that is missing on either side shows as well.

use coffer_kernel::verify::{Check, Comparison};

/// What must hold of every ledger.
pub const CHECK: Check = Check {
    counts: &[
        ("ledgers", "SELECT COUNT(*) FROM ledger"),
        ("entries", "SELECT COUNT(*) FROM ledger_entry"),
        ("postings", "SELECT COUNT(*) FROM ledger_posting"),
        ("charges", "SELECT COUNT(*) FROM ledger_charge"),
    ],
    comparisons: &[
        Comparison {
            rule: "a balance is the sum of its postings",
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
            rule: "what is pending is what charges, adjustments and transactions wait for",
            sql: "WITH both_sides AS (\
                  SELECT mode, platform, account, currency, source_type, pending AS awaited, \
                  0 AS kept FROM ledger_charge UNION ALL \
                  SELECT mode, platform, account, currency, source_type, pending, 0 \
                  FROM ledger_adjustment UNION ALL \
                  SELECT mode, platform, account, currency, source_type, amount - fee, 0 \
                  FROM ledger_transaction WHERE settled = 0 UNION ALL \
                  SELECT mode, platform, account, currency, source_type, 0, \
                  payments_pending + reserved_pending FROM ledger_balance) \
                  SELECT mode, platform, account, currency || ' source ' || source_type, \
                  CAST(SUM(awaited) AS BIGINT), CAST(SUM(kept) AS BIGINT) FROM both_sides \
                  GROUP BY mode, platform, account, currency, source_type \
                  HAVING SUM(awaited) <> SUM(kept) LIMIT ?",
        },
        Comparison {
            rule: "a charge whose money is available waits for none",
            sql: "SELECT mode, platform, account, id, 0, pending FROM ledger_charge \
                  WHERE settled = 1 AND pending <> 0 LIMIT ?",
        },
        Comparison {
            rule: "what is in transit is what payouts carry",
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
            rule: "what is refunded of a charge is what its refunds took",
            sql: "SELECT c.mode, c.platform, c.account, c.id, \
                  CAST(COALESCE(SUM(f.amount - f.failed_amount), 0) AS BIGINT), c.refunded \
                  FROM ledger_charge c \
                  LEFT JOIN ledger_refund f ON f.mode = c.mode AND f.platform = c.platform \
                  AND f.account = c.account AND f.charge = c.id AND f.parked = 0 \
                  AND f.currency = c.currency \
                  GROUP BY c.mode, c.platform, c.account, c.seq, c.id, c.refunded \
                  HAVING COALESCE(SUM(f.amount - f.failed_amount), 0) <> c.refunded LIMIT ?",
        },
        Comparison {
            rule: "a balance is the sum of its balance transactions",
            sql: "WITH both_sides AS (\
                  SELECT mode, platform, account, currency, amount - fee AS told, 0 AS kept \
                  FROM balance_transaction UNION ALL \
                  SELECT mode, platform, account, currency, 0, payments_pending \
                  + payments_available + reserved_pending + reserved_available \
                  FROM ledger_balance) \
                  SELECT mode, platform, account, currency, CAST(SUM(told) AS BIGINT), \
                  CAST(SUM(kept) AS BIGINT) FROM both_sides \
                  GROUP BY mode, platform, account, currency HAVING SUM(told) <> SUM(kept) LIMIT ?",
        },
        Comparison {
            rule: "a told transaction is shown as it was told",
            sql: "SELECT t.mode, t.platform, t.account, t.id, t.amount - t.fee, \
                  COALESCE(b.amount - b.fee, 0) FROM ledger_transaction t \
                  LEFT JOIN balance_transaction b ON b.mode = t.mode \
                  AND b.platform = t.platform AND b.account = t.account AND b.id = t.id \
                  AND b.told = 1 WHERE t.posted = 1 AND (b.id IS NULL \
                  OR b.amount <> t.amount OR b.fee <> t.fee) LIMIT ?",
        },
        Comparison {
            rule: "balance transactions say what was posted",
            sql: "WITH both_sides AS (\
                  SELECT mode, platform, account, entry, \
                  CASE WHEN to_bucket IN (2, 3) THEN 1 ELSE 0 END AS reserved, amount AS posted, \
                  0 AS reported FROM ledger_posting WHERE to_bucket <= 3 UNION ALL \
                  SELECT mode, platform, account, entry, \
                  CASE WHEN from_bucket IN (2, 3) THEN 1 ELSE 0 END, -amount, 0 \
                  FROM ledger_posting WHERE from_bucket <= 3 UNION ALL \
                  SELECT mode, platform, account, entry, reserved, 0, amount - fee \
                  FROM balance_transaction) \
                  SELECT mode, platform, account, 'entry ' || entry || ' reserved ' || reserved, \
                  CAST(SUM(posted) AS BIGINT), CAST(SUM(reported) AS BIGINT) FROM both_sides \
                  GROUP BY mode, platform, account, entry, reserved \
                  HAVING SUM(posted) <> SUM(reported) LIMIT ?",
        },
        Comparison {
            rule: "the newest of a balance's history is the balance",
            sql: "WITH newest AS (SELECT h.* FROM ledger_balance b JOIN ledger_balance_at h \
                  ON h.mode = b.mode AND h.platform = b.platform AND h.account = b.account \
                  AND h.currency = b.currency AND h.source_type = b.source_type \
                  AND h.at = (SELECT MAX(n.at) FROM ledger_balance_at n WHERE n.mode = b.mode \
                  AND n.platform = b.platform AND n.account = b.account \
                  AND n.currency = b.currency AND n.source_type = b.source_type)), \
                  both_sides AS ( \
                  SELECT mode, platform, account, currency, source_type, 0 AS bucket, \
                  payments_pending AS posted, 0 AS kept FROM ledger_balance UNION ALL \
                  SELECT h.mode, h.platform, h.account, h.currency, h.source_type, 0, 0, \
                  h.payments_pending FROM newest h UNION ALL \
                  SELECT mode, platform, account, currency, source_type, 1 AS bucket, \
                  payments_available AS posted, 0 AS kept FROM ledger_balance UNION ALL \
                  SELECT h.mode, h.platform, h.account, h.currency, h.source_type, 1, 0, \
                  h.payments_available FROM newest h UNION ALL \
                  SELECT mode, platform, account, currency, source_type, 2 AS bucket, \
                  reserved_pending AS posted, 0 AS kept FROM ledger_balance UNION ALL \
                  SELECT h.mode, h.platform, h.account, h.currency, h.source_type, 2, 0, \
                  h.reserved_pending FROM newest h UNION ALL \
                  SELECT mode, platform, account, currency, source_type, 3 AS bucket, \
                  reserved_available AS posted, 0 AS kept FROM ledger_balance UNION ALL \
                  SELECT h.mode, h.platform, h.account, h.currency, h.source_type, 3, 0, \
                  h.reserved_available FROM newest h UNION ALL \
                  SELECT mode, platform, account, currency, source_type, 6 AS bucket, \
                  payouts_in_transit AS posted, 0 AS kept FROM ledger_balance UNION ALL \
                  SELECT h.mode, h.platform, h.account, h.currency, h.source_type, 6, 0, \
                  h.payouts_in_transit FROM newest h ) \
                  SELECT mode, platform, account, currency || ' source ' || source_type || \
                  ' bucket ' || bucket, CAST(SUM(posted) AS BIGINT), CAST(SUM(kept) AS BIGINT) \
                  FROM both_sides GROUP BY mode, platform, account, currency, source_type, bucket \
                  HAVING SUM(posted) <> SUM(kept) LIMIT ?",
        },
        Comparison {
            rule: "what can still be disputed is what charges leave of it",
            sql: "WITH both_sides AS (\
                  SELECT mode, platform, account, currency, created - created % 86400 AS day, \
                  CASE WHEN disputed = 1 OR refunded >= amount THEN 0 \
                  WHEN refunded < 0 THEN amount ELSE amount - refunded END \
                  AS exposed, 0 AS kept FROM ledger_charge UNION ALL \
                  SELECT f.mode, f.platform, f.account, f.currency, f.item, 0, f.amount \
                  FROM ledger_figure_at f WHERE f.figure = 0 AND NOT EXISTS (SELECT 1 \
                  FROM ledger_figure_at n WHERE n.mode = f.mode AND n.platform = f.platform \
                  AND n.account = f.account AND n.figure = 0 AND n.currency = f.currency \
                  AND n.item = f.item AND n.at > f.at)) \
                  SELECT mode, platform, account, currency || ' day ' || day, \
                  CAST(SUM(exposed) AS BIGINT), CAST(SUM(kept) AS BIGINT) FROM both_sides \
                  GROUP BY mode, platform, account, currency, day \
                  HAVING SUM(exposed) <> SUM(kept) LIMIT ?",
        },
    ],
};
