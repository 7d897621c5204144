//! The ledger's operations, one file for each kind of objects. They read parameters, call the rules
//! and render objects; what money does is decided in [`rules`](crate::rules) alone.

pub(crate) mod accounts;
mod adjustments;
pub(crate) mod balance;
pub(crate) mod balance_transactions;
pub(crate) mod breaches;
mod charges;
mod disputes;
mod examples;
pub(crate) mod import;
pub(crate) mod intake;
pub(crate) mod movements;
pub(crate) mod parked;
mod payouts;
pub(crate) mod reconciliations;
mod refunds;
pub(crate) mod settings;
pub(crate) mod transactions;
pub(crate) mod warnings;

/// Refusals that pass: what is unknown, or not available yet, may come at any moment, and a webhook
/// that is delivered again is then told under the same idempotency key.
const TRANSIENT: &[&str] = &["resource_missing", "balance_insufficient"];

/// To read what the platform reported, and breaches.
const LEDGER_READ: &str = "ledger_read";
/// To report facts of the processor; it includes `ledger_read`.
const LEDGER_WRITE: &str = "ledger_write";
/// To read balances and balance transactions.
const BALANCE_READ: &str = "balance_read";
