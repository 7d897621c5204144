//! The SQL of what is measured of webhooks: all endpoints that are enabled, by mode. What waits for
//! one that is not rests, and is late for nobody.

use coffer_kernel::TableFigures;
use coffer_metrics::catalogue::{WEBHOOK_FAILING, WEBHOOK_OLDEST_DUE, WEBHOOK_WAITING};

/// What is measured. Counts have a row for each mode, also when there is nothing; what is oldest
/// has none then.
pub const FIGURES: &[TableFigures] = &[
    TableFigures {
        sql: "WITH figures AS (\
              SELECT 0 AS mode, 0 AS waiting, 0 AS failing UNION ALL SELECT 1, 0, 0 \
              UNION ALL SELECT attempt.mode, 1, 0 FROM webhook_attempt AS attempt \
              JOIN webhook_endpoint AS endpoint ON endpoint.id = attempt.endpoint \
              WHERE attempt.status = 0 AND endpoint.enabled = 1 \
              UNION ALL SELECT mode, 0, 1 FROM webhook_endpoint \
              WHERE enabled = 1 AND failing_since IS NOT NULL) \
              SELECT CASE mode WHEN 0 THEN 'test' ELSE 'live' END, \
              CAST(SUM(waiting) AS BIGINT), CAST(SUM(failing) AS BIGINT) \
              FROM figures GROUP BY mode",
        metrics: &[&WEBHOOK_WAITING, &WEBHOOK_FAILING],
        is_spread: false,
    },
    TableFigures {
        // A first attempt is due at once, since it was written.
        sql: "SELECT CASE attempt.mode WHEN 0 THEN 'test' ELSE 'live' END, \
              MIN(CASE attempt.due WHEN 0 THEN attempt.at ELSE attempt.due END) \
              FROM webhook_attempt AS attempt \
              JOIN webhook_endpoint AS endpoint ON endpoint.id = attempt.endpoint \
              WHERE attempt.status = 0 AND endpoint.enabled = 1 GROUP BY attempt.mode",
        metrics: &[&WEBHOOK_OLDEST_DUE],
        is_spread: false,
    },
];
