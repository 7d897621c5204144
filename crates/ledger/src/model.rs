//! What the ledger is about, as types that know neither requests nor SQL. Of storage they know its
//! error, for codes in rows that no type has.

pub(crate) mod account;
pub mod adjustment;
pub(crate) mod balance_transaction;
pub mod charge;
pub mod dispute;
pub(crate) mod entry;
pub mod history;
pub(crate) mod intake;
pub(crate) mod kind;
pub(crate) mod movement;
pub(crate) mod parked;
pub mod payout;
pub(crate) mod reconciliation;
pub mod refund;
pub(crate) mod transaction;
pub(crate) mod warning;
