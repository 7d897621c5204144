//! Adjustments: money that comes or goes without a charge, a refund, a dispute or a payout.

use super::account::SourceType;
use super::entry::Pool;
use coffer_base::{Currency, Timestamp};

/// The type of an adjustment that nobody named.
pub const DEFAULT_TYPE: &str = "adjustment";

/// An adjustment: a top-up, a fee of the month, a loan, a tax, money that the platform covers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Adjustment {
    /// Its number in the ledger.
    pub seq: i64,
    /// The processor's id.
    pub id: String,
    /// Signed, in minor units: negative if money goes. Not 0 unless it is all fee.
    pub amount: i64,
    /// What was taken of it, negative if it came back. Only transactions tell one.
    pub fee: i64,
    /// The pool of its money.
    pub pool: Pool,
    /// What the platform or the processor calls it.
    pub word: String,
    /// The processor's category.
    pub category: Option<String>,
    /// The id of the object behind it, as a transaction names it.
    pub source: Option<String>,
    /// The id of the charge that it is about.
    pub charge: Option<String>,
    /// The id of the payout that carried it, or that it is about.
    pub payout: Option<String>,
    /// Whether it takes from its charge's reserve first.
    pub draws: bool,
    /// How much of its charge's reserve it consumed.
    pub consumed: i64,
    /// When it took place.
    pub created: Timestamp,
    /// When it counts in the available balance.
    pub available_on: Timestamp,
    /// What of it waits for `available_on`, signed; 0 once it is settled.
    pub pending: i64,
    /// Whether it counts in the available balance.
    pub settled: bool,
    /// Whether a transaction told it, which then waits for its date itself, and `pending` is 0.
    pub by_transaction: bool,
    /// Whether it waits for its charge, which is not known. Its money is posted.
    pub parked: bool,
    /// What of it was told, as it was told first.
    pub told: FirstTelling,
}

/// What the platform told of an adjustment, as it told it first; `None` is a default that the first
/// telling replaces.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct FirstTelling {
    /// What it is called.
    pub word: Option<String>,
    /// The pool of its money.
    pub source_type: Option<SourceType>,
    /// When it took place.
    pub created: Option<Timestamp>,
    /// When it counts in the available balance.
    pub available_on: Option<Timestamp>,
}

impl Adjustment {
    /// What it does to the balance.
    pub const fn net(&self) -> i64 {
        self.amount.saturating_sub(self.fee)
    }

    /// Its currency.
    pub const fn currency(&self) -> Currency {
        self.pool.currency
    }
}
