//! Plans: rules by which a share of each charge is reserved.

use crate::Consumption;
use coffer_base::{Currency, Timestamp, clock::DAY_SECONDS};
use coffer_dialect::Metadata;

/// A plan. Its type never changes; the figures of its terms do while it is active.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Plan {
    /// Its number in the ledger. A smaller one is an older plan, which reserves first and is
    /// consumed first.
    pub(crate) seq: i64,
    /// `resplan_` and random characters.
    pub(crate) id: String,
    /// Charges that were created before it are none of the plan's.
    pub(crate) created: Timestamp,
    /// The currency of the charges that it applies to; `None` for all.
    pub(crate) currency: Option<Currency>,
    /// 1 to 100, of a charge's amount after fees.
    pub(crate) percent: i64,
    pub(crate) terms: Terms,
    pub(crate) state: State,
    /// Whether events about the plan's new date are still to be emitted for some of its holds.
    pub(crate) announcing: bool,
    /// Which money the refunds and disputes of its charges take first; `None` for what the operator
    /// set.
    pub(crate) draw: Option<Consumption>,
    /// Whether it holds of charges that stand for the platform's transfers; it does if nobody said.
    pub(crate) hold_transfers: Option<bool>,
    pub(crate) metadata: Metadata,
}

/// When a plan's holds are released, and when the plan expires.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Terms {
    /// All at the midnight after `release_after`, at which the plan expires.
    Fixed { release_after: Timestamp },
    /// Each hold at the midnight after so many days, 3 to 180, from its charge's creation on; the
    /// plan can expire at any second.
    Rolling { days_after_charge: i64, expires_on: Option<Timestamp> },
    /// When a caller asks for it, or the plan is disabled.
    Manual,
}

/// The life of a plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// It reserves a share of each charge.
    Active,
    /// It was disabled at `since`, and some of its holds are not released yet. Older versions show
    /// it as `disabling`.
    Draining { since: Timestamp },
    /// It was disabled at `since`, and nothing was left of its holds at `drained_at`.
    Disabled { since: Timestamp, drained_at: Timestamp },
    /// Its end came. The holds that had a fixed plan's date are released; any other hold keeps its
    /// own.
    Expired,
}

impl State {
    /// Its name in rows; on the wire it depends on the version.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Draining { .. } => "draining",
            Self::Disabled { .. } => "disabled",
            Self::Expired => "expired",
        }
    }
}

impl Terms {
    /// Their name, in rows and on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Fixed { .. } => "fixed_release",
            Self::Rolling { .. } => "rolling_release",
            Self::Manual => "manual_release",
        }
    }

    /// When a fixed plan's holds are released: the midnight (UTC) after the time that the caller
    /// sent, as Stripe documents it.
    pub(crate) fn scheduled_release(self) -> Option<Timestamp> {
        match self {
            Self::Fixed { release_after } => Some(release_after.midnight_after()),
            Self::Rolling { .. } | Self::Manual => None,
        }
    }

    /// When the plan expires, from which on it applies to no later charge; `None` if only a caller
    /// ends it. The holds of a rolling plan keep their dates.
    pub(crate) fn ends_at(self) -> Option<Timestamp> {
        match self {
            Self::Fixed { .. } => self.scheduled_release(),
            Self::Rolling { expires_on, .. } => expires_on,
            Self::Manual => None,
        }
    }

    /// When a hold on a charge that was created at `created` is released; `None` if these terms
    /// have no date. [`Past`] if the date has come by `now`, as of a charge that is recorded late:
    /// nothing of it is reserved.
    pub(crate) fn release_of(
        self,
        created: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Past> {
        let due = match self {
            Self::Fixed { .. } => self.scheduled_release(),
            Self::Rolling { days_after_charge, .. } => {
                let days = days_after_charge.saturating_mul(DAY_SECONDS);
                Some(created.plus(days).midnight_after())
            }
            Self::Manual => None,
        };
        if due.is_some_and(|due| due <= now) { Err(Past) } else { Ok(due) }
    }
}

/// A hold of that date would be released already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Past;

impl Plan {
    /// Whether it holds of a charge, which stands for a transfer of the platform or not.
    pub(crate) fn holds_of(&self, is_transfer: bool) -> bool {
        !is_transfer || self.hold_transfers.unwrap_or(true)
    }

    /// Whether it applies to a charge that is recorded now and was created before its end: not once
    /// it is disabled, and a fixed plan not once it expired, even if the clock was set back since.
    pub(crate) const fn applies(&self) -> bool {
        match self.state {
            State::Active => true,
            State::Expired => matches!(self.terms, Terms::Rolling { .. }),
            State::Draining { .. } | State::Disabled { .. } => false,
        }
    }

    /// How much the plan reserves of a charge's `net`, of which older plans reserved `reserved`:
    /// its percentage of the whole net, though plans together reserve no more than the net; 0 if it
    /// would be less than `floor`, and for a net that fees made negative.
    pub(crate) fn share(&self, net: i64, reserved: i64, floor: i64) -> i64 {
        let left = net.saturating_sub(reserved).max(0);
        let share = percent_of(net, self.percent).min(left);
        if share < floor { 0 } else { share }
    }
}

/// `percent` of `amount`, rounded to a whole unit, half a unit up, never above `amount`; 0 if
/// `amount` is not positive. It is computed in 128 bits, in which the product always fits.
pub(crate) fn percent_of(amount: i64, percent: i64) -> i64 {
    if amount <= 0 || percent <= 0 {
        return 0;
    }
    let share = (i128::from(amount) * i128::from(percent) + 50) / 100;
    i64::try_from(share).map_or(amount, |share| share.min(amount))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(unix: i64) -> Timestamp {
        Timestamp::from_unix(unix)
    }

    #[test]
    fn the_documented_dates_are_the_midnights_after() {
        // 2025-08-23T18:06:26Z and 2025-09-23T00:42:30Z, from Stripe's documentation.
        for (after, scheduled) in [(1_755_972_386, 1_755_993_600), (1_758_588_150, 1_758_672_000)] {
            let terms = Terms::Fixed { release_after: at(after) };
            assert_eq!(terms.scheduled_release(), Some(at(scheduled)));
            assert_eq!(terms.ends_at(), Some(at(scheduled)));
        }
        // Midnight itself moves a whole day.
        let terms = Terms::Fixed { release_after: at(1_755_993_600) };
        assert_eq!(terms.scheduled_release(), Some(at(1_756_080_000)));
    }

    #[test]
    fn a_rolling_hold_counts_from_its_charge() {
        let terms = Terms::Rolling { days_after_charge: 30, expires_on: None };
        // 1 March 2026, 10:00 UTC: 1 April, 00:00.
        let due = at(1_775_001_600);
        assert_eq!(terms.release_of(at(1_772_359_200), at(1_772_359_200)), Ok(Some(due)));
        assert_eq!(terms.release_of(at(1_772_359_200), due), Err(Past));
        assert_eq!(Terms::Manual.release_of(at(0), due), Ok(None));
    }

    #[test]
    fn shares_are_capped_at_what_other_plans_left() {
        let plan = |percent| Plan {
            seq: 1,
            id: "resplan_1".into(),
            created: at(0),
            currency: None,
            percent,
            terms: Terms::Manual,
            state: State::Active,
            announcing: false,
            draw: None,
            hold_transfers: None,
            metadata: Metadata::default(),
        };
        assert_eq!(plan(60).share(9680, 0, 1), 5808);
        assert_eq!(plan(60).share(9680, 5808, 1), 3872);
        assert_eq!(plan(60).share(9680, 9680, 1), 0);
        assert_eq!(plan(25).share(-5, 0, 1), 0);
        assert_eq!((plan(15).share(100, 0, 15), plan(15).share(99, 0, 16)), (15, 0));
    }

    #[test]
    fn shares_are_rounded_half_up_and_never_above_the_whole() {
        for (amount, percent, share) in [
            (9680, 15, 1452),
            (8000, 25, 2000),
            (9680, 60, 5808),
            (10, 15, 2),
            (10, 14, 1),
            (1, 49, 0),
            (1, 50, 1),
            (3, 100, 3),
            (0, 15, 0),
            (-9680, 15, 0),
            (i64::MAX, 100, i64::MAX),
        ] {
            assert_eq!(percent_of(amount, percent), share, "{percent} % of {amount}");
        }
    }
}
