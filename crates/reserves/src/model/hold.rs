//! Holds: money that is reserved until a date.

use crate::Consumption;
use coffer_base::Timestamp;
use coffer_dialect::Metadata;
use coffer_ledger::{Bucket, Figure, FigureKind, Pool};

/// A hold. It is never deleted or canceled; what is left of it only becomes less.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Hold {
    /// Its number in the ledger, which orders lists.
    pub(crate) seq: i64,
    /// `reshold_` and random characters.
    pub(crate) id: String,
    /// When it was recorded, which may be later than its charge was created.
    pub(crate) created: Timestamp,
    /// What was reserved at first, in minor units, above 0; releases do not change it.
    pub(crate) amount: i64,
    /// What of it was released: 0 to `amount`.
    pub(crate) released: i64,
    /// The pool of its money: its charge's, or what a caller chose.
    pub(crate) pool: Pool,
    /// It never changes, unlike the schedule: a plan's hold whose date a caller moved is still the
    /// plan's.
    pub(crate) origin: Origin,
    pub(crate) schedule: Schedule,
    /// Whether the money waits for `available_on`, as its charge's does. A caller's hold never
    /// does: it is taken of what is available.
    pub(crate) pending: bool,
    /// When its charge's money becomes available; of a caller's hold, when it was created.
    pub(crate) available_on: Timestamp,
    pub(crate) metadata: Metadata,
}

/// What made a hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Origin {
    /// A caller. Refunds and disputes never consume such a hold.
    Standalone,
    /// A plan, of the charge with this id.
    Charge { charge: String, plan: PlanOfHold },
}

/// What is read of a hold's plan together with the hold, so that no list asks for plans one by one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PlanOfHold {
    /// The plan's number in the ledger, by which the hold's row refers to it.
    pub(crate) seq: i64,
    /// The plan's id, which the hold shows.
    pub(crate) id: String,
    /// When a fixed plan releases its holds, as of now: it moves if the plan is updated.
    pub(crate) scheduled_release: Option<Timestamp>,
    /// Whether the plan was disabled, so that its holds are being released.
    pub(crate) draining: bool,
    /// Which money is taken first; `None` for what the operator set.
    pub(crate) draw: Option<Consumption>,
}

/// When a hold is released by a scheduled task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Schedule {
    /// At a date of its own; `release_after` is what a caller asked for.
    Own { release_after: Option<Timestamp>, scheduled_release: Timestamp },
    /// At its fixed plan's date, of which the hold's last event said `announced`; never, if its
    /// plan has no date. A caller who moves the hold makes the date its own.
    Plan { announced: Option<Timestamp> },
}

impl Hold {
    /// What is not released: 0 to `amount`.
    pub(crate) const fn remaining(&self) -> i64 {
        self.amount.saturating_sub(self.released)
    }

    /// Its plan; `None` if a caller made it.
    pub(crate) const fn plan(&self) -> Option<&PlanOfHold> {
        match &self.origin {
            Origin::Standalone => None,
            Origin::Charge { plan, .. } => Some(plan),
        }
    }

    /// The id of the charge that it was made of.
    pub(crate) fn charge(&self) -> Option<&str> {
        match &self.origin {
            Origin::Standalone => None,
            Origin::Charge { charge, .. } => Some(charge),
        }
    }

    /// When it is released. A hold without a date of its own reads its plan's, so that moving a
    /// fixed plan moves all of its holds at once.
    pub(crate) fn scheduled_release(&self) -> Option<Timestamp> {
        match self.schedule {
            Schedule::Own { scheduled_release, .. } => Some(scheduled_release),
            Schedule::Plan { .. } => self.plan().and_then(|plan| plan.scheduled_release),
        }
    }

    /// The sum in the ledger's history that what is left of it belongs to: by its own date, or by
    /// its plan, whose date may move.
    pub(crate) fn figure(&self) -> Figure {
        let (kind, item) = match (self.schedule, self.plan()) {
            (Schedule::Own { scheduled_release, .. }, _) => {
                (FigureKind::HeldUntil, scheduled_release.unix())
            }
            (Schedule::Plan { .. }, plan) => {
                (FigureKind::HeldByPlan, plan.map_or(0, |plan| plan.seq))
            }
        };
        Figure { kind, currency: self.pool.currency, item }
    }

    /// What a caller asked for: the time after whose day it is released.
    pub(crate) const fn release_after(&self) -> Option<Timestamp> {
        match self.schedule {
            Schedule::Own { release_after, .. } => release_after,
            Schedule::Plan { .. } => None,
        }
    }

    /// Whether a caller can release some of it: not while its plan's holds are being released.
    pub(crate) fn is_releasable(&self) -> bool {
        self.remaining() > 0 && !self.plan().is_some_and(|plan| plan.draining)
    }

    /// The reserved bucket that its money is in, which changes once, when its charge's money
    /// becomes available.
    pub(crate) const fn bucket(&self) -> Bucket {
        Bucket::reserved(self.pending)
    }
}
