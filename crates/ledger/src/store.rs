//! The SQL of the ledger, one file for each kind of rows. It turns rows into types of the model and
//! back, and decides nothing. Writes are deferred: they are sent with the next query of their
//! transaction, or with its commit.

pub(crate) mod account;
pub(crate) mod adjustment;
pub(crate) mod ahead;
pub(crate) mod balance_transaction;
pub(crate) mod charge;
pub(crate) mod dispute;
pub(crate) mod figures;
pub(crate) mod history;
pub(crate) mod journal;
pub(crate) mod list;
pub(crate) mod movement;
pub(crate) mod parked;
pub(crate) mod past;
pub(crate) mod past_debits;
pub(crate) mod payout;
pub(crate) mod reconciliation;
pub(crate) mod refund;
pub(crate) mod story;
pub(crate) mod transaction;
pub(crate) mod verify;
pub(crate) mod warning;
