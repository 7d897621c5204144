//! Plans: rules by which a part of each charge is held back (reserves §4).

use crate::money;
use coffer_base::{Currency, Timestamp, clock::DAY_SECONDS};
use coffer_dialect::Metadata;

/// A plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Plan {
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) created: Timestamp,
    /// The currency of the charges that it looks at; `None` for all.
    pub(crate) currency: Option<Currency>,
    /// 1 to 100.
    pub(crate) percent: i64,
    pub(crate) terms: Terms,
    pub(crate) state: State,
    /// Whether holds remain that were not yet told of the plan's new date.
    pub(crate) announcing: bool,
    pub(crate) metadata: Metadata,
}

/// When what a plan holds is released, and when the plan ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Terms {
    /// All at one date, at which the plan ends.
    Fixed { release_after: Timestamp },
    /// Each hold so many days after its charge; the plan may end at any second.
    Rolling { days_after_charge: i64, expires_on: Option<Timestamp> },
    /// When it is asked for, or the plan is disabled.
    Manual,
}

/// What became of a plan (reserves §11, decision 24).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// It holds back.
    Active,
    /// It was disabled, and some of its holds are not released yet.
    Draining { since: Timestamp },
    /// It was disabled, and its holds are released.
    Disabled { since: Timestamp, drained_at: Timestamp },
    /// It ended by itself.
    Expired,
}

impl State {
    /// The word for it in rows.
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
    /// The word for them, in rows and on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Fixed { .. } => "fixed_release",
            Self::Rolling { .. } => "rolling_release",
            Self::Manual => "manual_release",
        }
    }

    /// When a fixed plan releases what it holds.
    pub(crate) fn scheduled_release(self) -> Option<Timestamp> {
        match self {
            Self::Fixed { release_after } => Some(release_after.midnight_after()),
            Self::Rolling { .. } | Self::Manual => None,
        }
    }

    /// When the plan ends by itself (reserves §11, decision 6).
    pub(crate) fn ends_at(self) -> Option<Timestamp> {
        match self {
            Self::Fixed { .. } => self.scheduled_release(),
            Self::Rolling { expires_on, .. } => expires_on,
            Self::Manual => None,
        }
    }

    /// When a hold on a charge of `created` is released if only this says so; `None` if nothing
    /// does. An `Err` says that this time is past (reserves §11, decision 26).
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

/// What would have been held is released already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Past;

impl Plan {
    /// Whether it looks at a charge that is recorded now and was created before its end: not once
    /// it is disabled, and if it was a fixed plan, not once its date has come, whatever the clock
    /// says by then.
    pub(crate) const fn applies(&self) -> bool {
        match self.state {
            State::Active => true,
            State::Expired => matches!(self.terms, Terms::Rolling { .. }),
            State::Draining { .. } | State::Disabled { .. } => false,
        }
    }

    /// What the plan holds of a charge's `net`, of which `held` is held already (reserves §11,
    /// decisions 1 and 7); 0 if that is less than `floor`.
    pub(crate) fn share(&self, net: i64, held: i64, floor: i64) -> i64 {
        let left = net.saturating_sub(held).max(0);
        let share = money::percent_of(net, self.percent).min(left);
        if share < floor { 0 } else { share }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(unix: i64) -> Timestamp {
        Timestamp::from_unix(unix)
    }

    #[test]
    fn the_documented_dates_are_the_midnights_after() {
        // 2025-08-23T18:06:26Z and 2025-09-23T00:42:30Z (reserves §3.3).
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
            metadata: Metadata::default(),
        };
        assert_eq!(plan(60).share(9680, 0, 1), 5808);
        assert_eq!(plan(60).share(9680, 5808, 1), 3872);
        assert_eq!(plan(60).share(9680, 9680, 1), 0);
        assert_eq!(plan(25).share(-5, 0, 1), 0);
        assert_eq!((plan(15).share(100, 0, 15), plan(15).share(99, 0, 16)), (15, 0));
    }
}
