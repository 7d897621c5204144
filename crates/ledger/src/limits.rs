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

/// Seconds between the asking for a payout and the report of it, within which the one is taken for
/// the other if nothing else says so: long enough for a processor to carry it out, and short enough
/// that two payouts of the same amount are seldom in it.
pub const PAYOUT_MATCH_SECONDS: i64 = 600;

/// Seconds within which a list of accounts counts what is to be released: a week, in which a
/// platform plans its payouts.
pub const DUE_SOON_SECONDS: i64 = 7 * 86_400;

/// Days, dates or plans that one look into the ledger's history reads of a currency: twice what a
/// report has of days and dates, so that one statement is enough for all but many old plans.
pub const FIGURES_READ: i64 = 400;

/// Charges whose money a scheduled task makes available in one transaction, so that requests get
/// their turn at the writer.
pub const CHARGES_PER_BATCH: i64 = 500;

/// Characters of a processor's word for a type, a category or a balance: twice the longest that
/// Stripe documents.
pub const TYPE_CHARACTERS: usize = 64;

/// Characters of an exchange rate as it is told, which is only shown again.
pub const RATE_CHARACTERS: usize = 32;

/// The earliest time of a told transaction, in Unix seconds: the year in which Stripe began, so
/// that a time that was forgotten or is in another unit is noticed.
pub const EARLIEST_CREATED: i64 = 1_293_840_000;

/// Seconds between a transaction and the time at which it counts: 400 days, more than the longest
/// delay of a payout schedule, so that a time in milliseconds is noticed.
pub const COUNTS_WITHIN_SECONDS: i64 = 400 * 86_400;

/// Transactions whose money a scheduled task makes available in one transaction of the store, so
/// that requests get their turn at the writer.
pub const TRANSACTIONS_PER_BATCH: i64 = 500;

/// Payouts that a scheduled task marks as paid in one transaction of the store.
pub const PAYOUTS_PER_BATCH: i64 = 500;

/// Seconds that a transaction may be parked before an event says so: a day, in which a processor
/// has delivered everything.
pub const PARKED_SECONDS: i64 = 86_400;

/// Longest body of a page of transactions, in bytes: a hundred with their sources expanded are well
/// below a megabyte, and long names and metadata may double that.
pub const PAGE_BYTES: usize = 2 * 1024 * 1024;

/// Movements of a dispute that retrieving it shows, the newest: a dispute has a handful.
pub const MOVEMENTS_SHOWN: i64 = 100;

/// Refusals that the answer to a page shows: enough to see what is wrong, and no page of errors.
pub const REFUSALS_SHOWN: usize = 20;

/// Currencies of a balance that a reconciliation compares: more than any account settles in.
pub const CURRENCIES: usize = 20;

/// Largest sum of an account that a reconciliation takes, in the currency's minor unit, and as much
/// below zero: the largest integer that every reader of JSON has exactly. Sums of many transactions
/// are larger than any of them.
pub const BALANCE_CEILING: i64 = 9_007_199_254_740_991;

/// Seconds for which a reconciliation is kept: a year, so that an audit finds that of any month.
pub const RECONCILIATION_SECONDS: i64 = 365 * 86_400;

/// Seconds for which a difference must stand before an event says so: ten minutes, in which a
/// transaction that was on its way has come.
pub const DRIFT_SECONDS: i64 = 600;

/// Seconds before and after a reconciliation's time within which money may be available here and
/// still pending with the processor, or the reverse: a day.
pub const AVAILABILITY_SECONDS: i64 = 86_400;

/// Transactions that a reconciliation names which the processor's page lacks: a page of them.
pub const LACKING_SHOWN: i64 = 100;
