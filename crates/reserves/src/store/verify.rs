//! The SQL of the reserves' verification. Every comparison is one statement, so that it sees one
//! state of the store, also while a server writes to it. It compares holds with the ledger's
//! reserved balances, and holds and releases with the allocations between them.

use coffer_kernel::verify::{Check, Comparison};

/// What must hold of the reserves of every ledger.
pub(crate) const CHECK: Check = Check {
    counts: &[
        ("holds", "SELECT COUNT(*) FROM reserve_hold"),
        ("releases", "SELECT COUNT(*) FROM reserve_release"),
    ],
    comparisons: &[
        Comparison {
            rule: "what is reserved is what the holds have left",
            sql: "WITH both_sides AS (\
                  SELECT mode, platform, account, currency, source_type, pending, \
                  amount - released AS remaining, 0 AS kept FROM reserve_hold UNION ALL \
                  SELECT mode, platform, account, currency, source_type, 1, 0, reserved_pending \
                  FROM ledger_balance UNION ALL \
                  SELECT mode, platform, account, currency, source_type, 0, 0, reserved_available \
                  FROM ledger_balance) \
                  SELECT mode, platform, account, currency || ' source ' || source_type || \
                  ' pending ' || pending, CAST(SUM(remaining) AS BIGINT), \
                  CAST(SUM(kept) AS BIGINT) \
                  FROM both_sides GROUP BY mode, platform, account, currency, source_type, pending \
                  HAVING SUM(remaining) <> SUM(kept) LIMIT ?",
        },
        Comparison {
            rule: "what a hold has released is what releases took of it",
            sql: "SELECT h.mode, h.platform, h.account, h.id, \
                  CAST(COALESCE(SUM(p.amount), 0) AS BIGINT), h.released FROM reserve_hold h \
                  LEFT JOIN reserve_allocation p ON p.mode = h.mode AND p.platform = h.platform \
                  AND p.account = h.account AND p.hold = h.seq \
                  GROUP BY h.mode, h.platform, h.account, h.seq, h.id, h.released \
                  HAVING COALESCE(SUM(p.amount), 0) <> h.released LIMIT ?",
        },
        Comparison {
            rule: "a release is the sum of its parts",
            sql: "SELECT r.mode, r.platform, r.account, r.id, \
                  CAST(COALESCE(SUM(p.amount), 0) AS BIGINT), r.amount FROM reserve_release r \
                  LEFT JOIN reserve_allocation p ON p.mode = r.mode AND p.platform = r.platform \
                  AND p.account = r.account AND p.release = r.seq \
                  GROUP BY r.mode, r.platform, r.account, r.seq, r.id, r.amount \
                  HAVING COALESCE(SUM(p.amount), 0) <> r.amount LIMIT ?",
        },
        Comparison {
            rule: "what is due at a date is what the holds until then have left",
            sql: "WITH both_sides AS (\
                  SELECT mode, platform, account, currency, \
                  CASE WHEN scheduled_release IS NULL THEN 2 ELSE 1 END AS figure, \
                  CASE WHEN scheduled_release IS NULL THEN plan ELSE scheduled_release END \
                  AS item, amount - released AS remaining, 0 AS kept FROM reserve_hold UNION ALL \
                  SELECT f.mode, f.platform, f.account, f.currency, f.figure, f.item, 0, f.amount \
                  FROM ledger_figure_at f WHERE f.figure IN (1, 2) AND NOT EXISTS (SELECT 1 \
                  FROM ledger_figure_at n WHERE n.mode = f.mode AND n.platform = f.platform \
                  AND n.account = f.account AND n.figure = f.figure \
                  AND n.currency = f.currency AND n.item = f.item AND n.at > f.at)) \
                  SELECT mode, platform, account, currency || ' ' || \
                  CASE figure WHEN 1 THEN 'date ' ELSE 'plan ' END || item, \
                  CAST(SUM(remaining) AS BIGINT), CAST(SUM(kept) AS BIGINT) FROM both_sides \
                  GROUP BY mode, platform, account, currency, figure, item \
                  HAVING SUM(remaining) <> SUM(kept) LIMIT ?",
        },
    ],
};
