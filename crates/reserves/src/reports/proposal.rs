//! A plan that is tried: what it would hold of a charge.

use crate::Consumption;
use crate::model::plan::{Terms, percent_of};
use coffer_base::{Currency, Timestamp};
use coffer_ledger::history::PastCharge;

/// A plan that there is not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Proposal {
    /// 1 to 100, of a charge's amount after fees.
    pub(crate) percent: i64,
    pub(crate) terms: Terms,
    /// Of which charges; `None` for all.
    pub(crate) currency: Option<Currency>,
    /// Which money the refunds and disputes of its charges take first.
    pub(crate) draw: Consumption,
    /// Whether it holds of charges that stand for the platform's transfers.
    pub(crate) hold_transfers: bool,
}

impl Proposal {
    /// Whether what it gives depends on what else the account has.
    pub(super) fn asks(&self) -> bool {
        self.draw == Consumption::OnlyIfNeeded
    }

    /// What it holds of a charge that was recorded at a time, and until when; `None` if nothing.
    pub(super) fn hold_of(
        &self,
        charge: &PastCharge,
        at: i64,
        floor: i64,
    ) -> Option<(i64, Option<Timestamp>)> {
        let other = self.currency.is_some_and(|currency| currency != charge.pool.currency);
        if other || (charge.is_transfer && !self.hold_transfers) {
            return None;
        }
        let amount = percent_of(charge.told_net, self.percent);
        let due = self.terms.release_of(charge.told_created, Timestamp::from_unix(at)).ok()?;
        (amount >= floor.max(1)).then_some((amount, due))
    }
}
