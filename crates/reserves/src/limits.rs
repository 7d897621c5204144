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
