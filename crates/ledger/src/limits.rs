//! The ledger's bounds, with their reasons.

/// Random letters and digits in an id of the ledger or of reserves, as many as Stripe's documented
/// examples have.
pub const ID_CHARACTERS: usize = 29;

/// Seconds by which the clock of whoever reports a fact may be ahead of the server's.
pub const CLOCK_SKEW_SECONDS: i64 = 60;

/// Seconds after a charge within which its money becomes available: a year, so that a time in
/// milliseconds is noticed.
pub const AVAILABLE_AFTER_SECONDS: i64 = 365 * 86_400;

/// Days after a charge's own day at whose midnight its money is available if the processor does
/// not say: two, as Stripe's is by default.
pub const AVAILABLE_AFTER_DAYS: i64 = 2;

/// Days, dates or plans that one look into the ledger's history reads of a currency: twice what a
/// report has of days and dates, so that nothing is cut but what nobody plans.
pub const FIGURES_READ: i64 = 400;

/// Charges whose money a scheduled task makes available in one transaction, so that requests get
/// their turn at the writer.
pub const CHARGES_PER_BATCH: i64 = 500;
