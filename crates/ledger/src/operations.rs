//! The ledger's operations, one file for each kind of objects.

pub(crate) mod balance;
pub(crate) mod balance_transactions;
pub(crate) mod breaches;
mod charges;
mod disputes;
mod examples;
pub(crate) mod intake;
mod payouts;
mod refunds;

/// The permissions of the ledger. A `_write` includes its `_read`.
const LEDGER_READ: &str = "ledger_read";
const LEDGER_WRITE: &str = "ledger_write";
const BALANCE_READ: &str = "balance_read";
