//! What the ledger is about, as types that know neither requests nor SQL. Of storage they know its
//! error, for codes in rows that no type has.

pub(crate) mod account;
pub(crate) mod balance_transaction;
pub mod charge;
pub mod dispute;
pub(crate) mod entry;
pub mod history;
pub mod payout;
pub mod refund;
