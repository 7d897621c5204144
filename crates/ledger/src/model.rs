//! What the ledger is about, as types that know neither storage nor requests.

pub(crate) mod account;
pub(crate) mod balance_transaction;
pub mod charge;
pub mod dispute;
pub(crate) mod entry;
pub mod payout;
pub mod refund;
