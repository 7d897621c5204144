//! Charges: money that came in, as the platform reports it.

use super::account::SourceType;
use super::entry::Pool;
use crate::limits;
use coffer_base::{Currency, Timestamp, clock::DAY_SECONDS};

/// A charge.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Charge {
    /// Its number in the ledger.
    pub seq: i64,
    /// The processor's id.
    pub id: String,
    /// What the customer paid, in minor units.
    pub amount: i64,
    /// Its currency.
    pub currency: Currency,
    /// The processor's fee, not negative; `None` until it is reported, which may be later.
    pub fee: Option<i64>,
    /// The platform's fee, 0 if it takes none. It may exceed what the processor's fee leaves.
    pub application_fee: i64,
    /// How the customer paid.
    pub source_type: SourceType,
    /// The id of the platform's transfer that the charge stands for.
    pub source_transfer: Option<String>,
    /// When the customer paid.
    pub created: Timestamp,
    /// When its money becomes available.
    pub available_on: Timestamp,
    /// The sum of its refunds, less what of them failed. It may exceed `amount`, since a refund is
    /// converted at the rate of its own day.
    pub refunded: i64,
    /// Whether it was ever disputed. A dispute that is won does not reset it.
    pub disputed: bool,
    /// The part of its money that waits for `available_on`, in the payments balance or reserved;
    /// negative if fees exceed the amount, and 0 once it is settled.
    pub pending: i64,
    /// Whether its money is available. It becomes so once, and stays so.
    pub settled: bool,
    /// Whether transactions told its money: those wait for their dates themselves, and `pending` is
    /// 0.
    pub by_transaction: bool,
    /// What of it was told, as it was told first.
    pub told: FirstTelling,
}

/// What the platform told of a charge, as it told it first; `None` is a default that the first
/// telling replaces. A correction changes the charge and not this, so that the first message can be
/// sent again.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct FirstTelling {
    /// The processor's fee.
    pub fee: Option<i64>,
    /// The platform's fee.
    pub application_fee: Option<i64>,
    /// How the customer paid.
    pub source_type: Option<SourceType>,
    /// When the customer paid.
    pub created: Option<Timestamp>,
    /// When its money becomes available.
    pub available_on: Option<Timestamp>,
}

impl Charge {
    /// The amount less both fees: what the account receives, and the whole of which plans take
    /// their percentage. Negative if the fees exceed the amount.
    pub fn net(&self) -> i64 {
        let fees = self.fee.unwrap_or(0).saturating_add(self.application_fee);
        self.amount.saturating_sub(fees)
    }

    /// What can still be disputed of it, as long as the time for disputes runs: what was not
    /// refunded, and nothing once it is disputed, since processors take one dispute of a charge.
    pub fn exposure(&self) -> i64 {
        if self.disputed { 0 } else { self.amount.saturating_sub(self.shown_refunded()).max(0) }
    }

    /// What was refunded of it. That a refund failed may be told before the refund, or without it,
    /// and is no refund of less than nothing.
    pub fn shown_refunded(&self) -> i64 {
        self.refunded.max(0)
    }

    /// The pool that its money is in.
    pub const fn pool(&self) -> Pool {
        Pool { currency: self.currency, source_type: self.source_type }
    }

    /// How much of `amount` is taken out of the charge's pending money, of which `reserved` is
    /// reserved and stays; the rest comes out of what is available. Money is taken from where the
    /// charge's own money is, so that a refund of a pending charge does not touch what can be paid
    /// out.
    pub(crate) fn share_of_pending(&self, reserved: i64, amount: i64) -> i64 {
        if self.settled { 0 } else { self.pending.saturating_sub(reserved).clamp(0, amount.max(0)) }
    }

    /// When an entry's money is available, of which `pending` is the charge's pending money.
    pub(crate) const fn available_on(&self, pending: i64, now: Timestamp) -> Timestamp {
        if pending > 0 { self.available_on } else { now }
    }
}

/// When the money of a charge becomes available if the processor does not say: at the midnight
/// (UTC) that ends the day after the charge's own.
pub fn default_available_on(created: Timestamp) -> Timestamp {
    created.midnight_after().plus((limits::AVAILABLE_AFTER_DAYS - 1) * DAY_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge(pending: i64, settled: bool) -> Charge {
        Charge {
            seq: 1,
            id: "ch_1".into(),
            amount: 10_000,
            currency: Currency::parse("usd").unwrap(),
            fee: Some(320),
            application_fee: 0,
            source_type: SourceType::Card,
            source_transfer: None,
            created: Timestamp::from_unix(0),
            available_on: Timestamp::from_unix(172_800),
            refunded: 0,
            disputed: false,
            pending,
            settled,
            by_transaction: false,
            told: FirstTelling::default(),
        }
    }

    #[test]
    fn money_is_taken_from_where_the_charge_stands_and_never_from_what_is_reserved() {
        let pending = charge(9680, false);
        assert_eq!(pending.share_of_pending(1452, 3000), 3000);
        assert_eq!(pending.share_of_pending(1452, 10_000), 8228);
        assert_eq!(pending.share_of_pending(0, 10_000), 9680);
        assert_eq!(charge(-5, false).share_of_pending(0, 10), 0);
        assert_eq!(charge(0, true).share_of_pending(0, 10), 0);
    }

    #[test]
    fn net_is_what_fees_leave() {
        let mut charge = charge(0, false);
        assert_eq!(charge.net(), 9680);
        charge.application_fee = 2000;
        charge.fee = None;
        assert_eq!(charge.net(), 8000);
        charge.application_fee = 20_000;
        assert_eq!(charge.net(), -10_000);
    }

    #[test]
    fn money_is_available_at_the_second_midnight_by_default() {
        let at = |unix| default_available_on(Timestamp::from_unix(unix)).unix();
        // 1 March 2026, 10:00 and 00:00 UTC: 3 March.
        assert_eq!(at(1_772_359_200), 1_772_496_000);
        assert_eq!(at(1_772_323_200), 1_772_496_000);
    }
}
