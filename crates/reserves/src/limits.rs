//! The bounds of reserves, with their reasons.

/// Fewest days for which a caller or a plan can reserve money, as Stripe has it.
pub const DAYS_FLOOR: i64 = 3;

/// Most days for which a caller or a plan can reserve money, as Stripe has it.
pub const DAYS_CEILING: i64 = 180;

/// Seconds by which the clocks of caller and server may differ at both ends of these days, so that
/// a caller who sends exactly the shortest or longest is not refused.
pub const GRACE_SECONDS: i64 = 60;

/// Most that the smallest hold of a plan can be set to, in minor units: a thousand dollars.
pub const HOLD_FLOOR_CEILING: i64 = 100_000;

/// Plans of one account that are active at a time: each looks at every charge.
pub const ACTIVE_PLANS: i64 = 20;

/// Holds that a scheduled task works on in one transaction, so that requests get their turn: a
/// thousand would keep SQLite's writer for some 40 ms.
pub const HOLDS_PER_BATCH: i64 = 250;

/// Plans that a scheduled task works on in one transaction. The holds of all of them share
/// [`HOLDS_PER_BATCH`].
pub const PLANS_PER_BATCH: i64 = 100;

/// Releases of one hold that callers can create: a hold shows each of them.
pub const RELEASES_PER_HOLD: i64 = 100;

/// Releases that a hold shows, the newest: those of refunds add to those of callers, and are never
/// refused.
pub const DETAILS_PER_HOLD: i64 = 200;

/// Ledgers that one report or simulation reads; the first above is refused. Each is
/// read by itself, and a request has a minute.
pub const LEDGERS_OF_REPORT: i64 = 10_000;

/// Days after a charge within which it can be disputed unless a report is asked otherwise: those
/// of the large card networks.
pub const DISPUTE_DAYS: i64 = 120;

/// Most days that can be asked for, as a year is the longest that a report adds up day by day.
pub const DISPUTE_DAYS_CEILING: i64 = 365;

/// Days ahead of which a report says what comes free, account by account.
pub const DUE_DAYS: i64 = 7;

/// Plans that are simulated side by side: as many as a page has room for.
pub const PROPOSALS: usize = 5;

/// Days that a simulation looks back unless it is asked otherwise.
pub const SINCE_DAYS: i64 = 90;

/// Charges that one simulation reads, each further capture of one and each refund and dispute
/// counted like a charge, so that it ends while somebody waits for it: what it reads of an
/// account's refunds and disputes is in memory together.
pub const CHARGES_SIMULATED: i64 = 2_000_000;

/// Rows that one statement of a simulation reads, so that others get their turn.
pub const CHARGES_READ: i64 = 5_000;

/// Accounts below zero that a simulation names, the lowest.
pub const BELOW_ZERO_SHOWN: usize = 100;

/// Steps, holds and versions of a plan that a story tells: more is a list's business.
pub const STORY_STEPS: i64 = 500;

/// Ledgers that a story's id is looked for in before it must say which: two are enough to ask.
pub const STORY_OWNERS: i64 = 10;

/// Seconds past its date after which a hold that is still there makes an alert: a scheduler that
/// runs is done in minutes.
pub const OVERDUE_SECONDS: i64 = 3_600;

/// Dates that one transaction makes alerts of.
pub const OVERDUE_PER_BATCH: i64 = 100;
