//! Payouts: money that goes to the account's bank, and breaches, of payouts that took too much.

use super::account::SourceType;
use super::entry::Pool;
use coffer_base::{Currency, Timestamp};
use coffer_storage::StorageError;

/// A payout.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Payout {
    /// Its number in the ledger.
    pub seq: i64,
    /// The id under which it was told, or asked for.
    pub id: String,
    /// The processor's id of a payout that was asked for under another.
    pub processor_id: Option<String>,
    /// Its amount, in minor units.
    pub amount: i64,
    /// Its currency.
    pub currency: Currency,
    /// Which of the currency's pools the money comes from.
    pub source_type: SourceType,
    /// Whether it had taken place before it was recorded, so that it cannot be refused and makes a
    /// a breach if it took too much.
    pub reported: bool,
    /// The processor's fee; `None` until it is told.
    pub fee: Option<i64>,
    /// When it left the balance; when it was recorded if nobody says.
    pub created: Timestamp,
    /// When the money is expected at the bank.
    pub arrival_date: Option<Timestamp>,
    /// Its status.
    pub status: Status,
    /// Whether a transaction of the processor has told its money.
    pub by_transaction: bool,
    /// Whether the processor made it by its schedule; `None` until a page says so.
    pub automatic: Option<bool>,
    /// What of it was told, as it was told first.
    pub told: FirstTelling,
}

/// What the platform told of a payout, as it told it first; `None` is a default that the first
/// telling replaces.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct FirstTelling {
    /// The processor's fee.
    pub fee: Option<i64>,
    /// When it left the balance.
    pub created: Option<Timestamp>,
    /// When the money is expected at the bank.
    pub arrival_date: Option<Timestamp>,
}

/// The status of a payout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// The money is on its way.
    InTransit,
    /// The money arrived.
    Paid,
    /// The money did not arrive, and came back.
    Failed,
    /// The payout was stopped, and the money came back.
    Canceled,
}

impl Status {
    /// All statuses, in the order of their codes.
    pub(crate) const ALL: [Self; 4] = [Self::InTransit, Self::Paid, Self::Failed, Self::Canceled];

    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InTransit => "in_transit",
            Self::Paid => "paid",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// Its code in stored rows.
    pub(crate) const fn code(self) -> i64 {
        match self {
            Self::InTransit => 0,
            Self::Paid => 1,
            Self::Failed => 2,
            Self::Canceled => 3,
        }
    }

    /// The status with this code.
    pub(crate) fn from_code(code: i64) -> Result<Self, StorageError> {
        let mut all = Self::ALL.into_iter();
        all.find(|status| status.code() == code).ok_or_else(|| {
            StorageError::Corrupt(format!("there is no payout status {code}").into())
        })
    }

    /// Whether a payout of this status can become `next`. A bank can still send back one that
    /// arrived.
    pub(crate) const fn can_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::InTransit, Self::Paid | Self::Failed | Self::Canceled)
                | (Self::Paid, Self::Failed)
        )
    }
}

impl Payout {
    /// The pool that its money comes from.
    pub(crate) const fn pool(&self) -> Pool {
        Pool { currency: self.currency, source_type: self.source_type }
    }
}

/// A reported payout that took more than was available.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Breach {
    /// Its number in the ledger, which orders lists.
    pub(crate) seq: i64,
    /// `lbreach_` and random characters: the server makes it.
    pub(crate) id: String,
    /// The id of the payout.
    pub(crate) payout: String,
    /// The payout's whole amount, not only what was missing.
    pub(crate) amount: i64,
    pub(crate) currency: Currency,
    pub(crate) source_type: SourceType,
    /// The available balance of the pool after it: below zero.
    pub(crate) available_after: i64,
    /// When the payout was recorded.
    pub(crate) created: Timestamp,
}
