//! What the ledger keeps a history of, so that the state at any moment is found and not summed.

use super::account::Bucket;
use super::entry::Pool;
use coffer_base::{Currency, Timestamp};

/// A sum of which the ledger keeps a history beside those of its balances.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Figure {
    /// What is summed.
    pub kind: FigureKind,
    /// In which currency.
    pub currency: Currency,
    /// Of which day, date or plan, by the kind.
    pub item: i64,
}

/// What is summed. Its codes are stored in rows, so they never change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FigureKind {
    /// What can still be disputed of the charges that were created on the day (UTC) that begins at
    /// the item.
    Exposed,
    /// What is held until the item, a midnight.
    HeldUntil,
    /// What is held until the date of a plan, whose number is the item.
    HeldByPlan,
}

impl FigureKind {
    /// Its code in stored rows.
    pub const fn code(self) -> i64 {
        match self {
            Self::Exposed => 0,
            Self::HeldUntil => 1,
            Self::HeldByPlan => 2,
        }
    }
}

/// What an account could see of a pool at some moment, in minor units.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct PoolAt {
    /// In payments, pending. Can be negative.
    pub pending: i64,
    /// In payments, available. Can be negative.
    pub available: i64,
    /// Reserved out of what is pending.
    pub reserved_pending: i64,
    /// Reserved out of what is available.
    pub reserved_available: i64,
    /// On its way to the bank.
    pub in_transit: i64,
}

impl PoolAt {
    /// All that is reserved.
    pub const fn reserved(&self) -> i64 {
        self.reserved_pending.saturating_add(self.reserved_available)
    }

    /// The account's own money with what is reserved of it. Below zero the account owes, whatever
    /// is held.
    pub const fn own(&self) -> i64 {
        self.pending.saturating_add(self.available).saturating_add(self.reserved())
    }

    /// Changes the sum of the bucket with a code, if an account sees it.
    pub(crate) fn change(&mut self, code: i64, by: i64) {
        let sum = match Bucket::ALL.into_iter().find(|bucket| bucket.code() == code) {
            Some(Bucket::PaymentsPending) => &mut self.pending,
            Some(Bucket::PaymentsAvailable) => &mut self.available,
            Some(Bucket::ReservedPending) => &mut self.reserved_pending,
            Some(Bucket::ReservedAvailable) => &mut self.reserved_available,
            Some(Bucket::PayoutsInTransit) => &mut self.in_transit,
            Some(Bucket::Clearing | Bucket::Fees) | None => return,
        };
        *sum = sum.saturating_add(by);
    }
}

/// A row of a pool's history.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PoolRow {
    /// Whose.
    pub pool: Pool,
    /// From when on it holds.
    pub at: Timestamp,
    /// The number of the last transaction that it contains.
    pub last_tx: i64,
    /// What it says.
    pub state: PoolAt,
}
