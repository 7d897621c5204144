//! The SQL of what is measured of the books: sums over all accounts, by mode and currency.

use coffer_kernel::TableFigures;
use coffer_metrics::catalogue::{
    LEDGER_BREACHES, LEDGER_DIFFERENCES, LEDGER_DRIFT, LEDGER_NEGATIVE, LEDGER_NEGATIVE_ACCOUNTS,
    LEDGER_RESERVED,
};

/// What is measured. It is one statement, so that a currency without breaches, or in which nothing
/// differs from the processor's balance, has a figure for them too.
pub const FIGURES: &[TableFigures] = &[TableFigures {
    sql: "WITH figures AS (\
          SELECT mode, currency, reserved_pending + reserved_available AS reserved, \
          CASE WHEN payments_pending + payments_available < 0 \
          THEN -(payments_pending + payments_available) ELSE 0 END AS owed, \
          CASE WHEN payments_pending + payments_available < 0 THEN 1 ELSE 0 END AS negative, \
          payments_pending + payments_available + reserved_pending + reserved_available \
          + clearing + fees + payouts_in_transit AS drift, 0 AS breaches, 0 AS differences \
          FROM ledger_balance \
          UNION ALL SELECT mode, currency, 0, 0, 0, 0, 1, 0 FROM ledger_breach \
          UNION ALL SELECT mode, currency, 0, 0, 0, 0, 0, 1 FROM ledger_drift \
          WHERE announced = 1) \
          SELECT CASE mode WHEN 0 THEN 'test' ELSE 'live' END, currency, \
          CAST(SUM(reserved) AS BIGINT), CAST(SUM(owed) AS BIGINT), \
          CAST(SUM(negative) AS BIGINT), CAST(SUM(ABS(drift)) AS BIGINT), \
          CAST(SUM(breaches) AS BIGINT), CAST(SUM(differences) AS BIGINT) \
          FROM figures GROUP BY mode, currency",
    metrics: &[
        &LEDGER_RESERVED,
        &LEDGER_NEGATIVE,
        &LEDGER_NEGATIVE_ACCOUNTS,
        &LEDGER_DRIFT,
        &LEDGER_BREACHES,
        &LEDGER_DIFFERENCES,
    ],
    is_spread: true,
}];
