//! Refunds: money of a charge that went back to its customer.

use coffer_base::{Currency, Timestamp};

/// A refund.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refund {
    /// Its number in the ledger.
    pub seq: i64,
    /// The processor's id.
    pub id: String,
    /// The id of its charge.
    pub charge: String,
    /// Its amount, in minor units.
    pub amount: i64,
    /// Its currency.
    pub currency: Currency,
    /// When it took place.
    pub created: Timestamp,
    /// How much of its charge's reserve it consumed: 0 to `amount`. It stays when the refund fails.
    pub consumed: i64,
    /// How much of its charge's pending money it took: where a refund that fails brings it back to.
    pub from_pending: i64,
    /// Whether the processor could not carry it out, so that the money came back.
    pub failed: bool,
}
