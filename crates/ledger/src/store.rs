//! The SQL of the ledger, one file for each kind of rows.

pub(crate) mod balance_transaction;
pub(crate) mod charge;
pub(crate) mod dispute;
pub(crate) mod journal;
pub(crate) mod payout;
pub(crate) mod refund;
pub(crate) mod verify;
