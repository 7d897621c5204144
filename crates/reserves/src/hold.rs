//! Holds: money that is held back (reserves §3).

use crate::account::Bucket;
use crate::ledger::Pool;
use coffer_base::Timestamp;
use coffer_dialect::Metadata;

/// A hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Hold {
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) created: Timestamp,
    /// What was held at first; it stays so (reserves §11, decision 2).
    pub(crate) amount: i64,
    /// What of it was given back: 0 to `amount`.
    pub(crate) released: i64,
    pub(crate) pool: Pool,
    pub(crate) origin: Origin,
    pub(crate) schedule: Schedule,
    /// Whether the money waits for `available_on`, as its charge's does.
    pub(crate) pending: bool,
    pub(crate) available_on: Timestamp,
    pub(crate) metadata: Metadata,
}

/// What made a hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Origin {
    /// A caller.
    Standalone,
    /// A plan, of a charge.
    Charge { charge: String, plan: PlanOfHold },
}

/// What a hold knows of its plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PlanOfHold {
    pub(crate) seq: i64,
    pub(crate) id: String,
    /// The date of a fixed plan.
    pub(crate) scheduled_release: Option<Timestamp>,
    /// Whether the plan was disabled, so that its holds are being released.
    pub(crate) draining: bool,
}

/// When a hold is released by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Schedule {
    /// At a date of its own; `release_after` is what a caller asked for.
    Own { release_after: Option<Timestamp>, scheduled_release: Timestamp },
    /// At its fixed plan's date, of which it was last told `told`; never, if its plan has none.
    Plans { told: Option<Timestamp> },
}

impl Hold {
    /// What is still held.
    pub(crate) const fn remaining(&self) -> i64 {
        self.amount.saturating_sub(self.released)
    }

    /// Its plan.
    pub(crate) const fn plan(&self) -> Option<&PlanOfHold> {
        match &self.origin {
            Origin::Standalone => None,
            Origin::Charge { plan, .. } => Some(plan),
        }
    }

    /// The charge that it was made of.
    pub(crate) fn charge(&self) -> Option<&str> {
        match &self.origin {
            Origin::Standalone => None,
            Origin::Charge { charge, .. } => Some(charge),
        }
    }

    /// When it is released by itself (reserves §11, decision 28).
    pub(crate) fn scheduled_release(&self) -> Option<Timestamp> {
        match self.schedule {
            Schedule::Own { scheduled_release, .. } => Some(scheduled_release),
            Schedule::Plans { .. } => self.plan().and_then(|plan| plan.scheduled_release),
        }
    }

    /// What a caller asked for: the date after whose day it is released.
    pub(crate) const fn release_after(&self) -> Option<Timestamp> {
        match self.schedule {
            Schedule::Own { release_after, .. } => release_after,
            Schedule::Plans { .. } => None,
        }
    }

    /// Whether a caller can release some of it: not while its plan's holds are being released.
    pub(crate) fn is_releasable(&self) -> bool {
        self.remaining() > 0 && !self.plan().is_some_and(|plan| plan.draining)
    }

    /// Where the money stands.
    pub(crate) const fn bucket(&self) -> Bucket {
        Bucket::reserved(self.pending)
    }
}
