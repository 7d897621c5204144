//! Refunds: money of a charge that went back to its customer.

use super::account::SourceType;
use super::entry::Pool;
use coffer_base::{Currency, Timestamp};

/// A refund.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refund {
    /// Its number in the ledger.
    pub seq: i64,
    /// The processor's id.
    pub id: String,
    /// The id of its charge; `None` if the transaction that told it names none.
    pub charge: Option<String>,
    /// Its amount, in minor units. It may exceed its charge's. 0 if a transaction told its failure
    /// before it.
    pub amount: i64,
    /// Its currency.
    pub currency: Currency,
    /// The pool of its money: its charge's, or what was told of it while that is not known.
    pub source_type: SourceType,
    /// When it took place.
    pub created: Timestamp,
    /// How much of its charge's reserve it consumed. It stays when the refund fails.
    pub consumed: i64,
    /// How much of its charge's pending money it took, less what came back there: where a refund
    /// that fails brings it back to.
    pub from_pending: i64,
    /// How much of it the processor could not carry out, so that the money came back.
    pub failed_amount: i64,
    /// Whether it waits for its charge, which is not known. Its money is posted.
    pub parked: bool,
    /// When it took place, as it was told first.
    pub told_created: Option<Timestamp>,
}

impl Refund {
    /// Whether all of it came back.
    pub const fn failed(&self) -> bool {
        self.failed_amount > 0 && self.failed_amount >= self.amount
    }

    /// The pool of its money.
    pub const fn pool(&self) -> Pool {
        Pool { currency: self.currency, source_type: self.source_type }
    }

    /// How much of it has not come back.
    pub const fn rest(&self) -> i64 {
        self.amount.saturating_sub(self.failed_amount)
    }
}
