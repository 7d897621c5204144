//! Plans that end by themselves, and plans that were disabled: what they hold is given back, and
//! then they are what they are to be.

use super::{Moment, Sweep, count, failed, held, hold_ledgers, release_alike};
use crate::plan::{Plan, State, Terms};
use crate::release::{Because, Reason};
use crate::store::plan as plans;
use crate::store::sweep::{self as store, Which};
use crate::turn::Turn;
use crate::wire;
use coffer_base::{Owner, Timestamp, limit};
use coffer_kernel::event::Cause;
use coffer_kernel::{Failure, schedule::lock_watermark};
use coffer_storage::{StorageError, Store, Tx};

/// Why plans are closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Closing {
    /// Their end has come: fixed plans release what has their date, rolling ones nothing
    /// (reserves §11, decision 6).
    Ended,
    /// They were disabled, and release everything.
    Disabled,
}

/// Closes plans.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClosePlans(pub(crate) Closing);

impl Sweep for ClosePlans {
    const BETWEEN_MIDNIGHTS: bool = true;

    fn name(self) -> &'static str {
        match self.0 {
            Closing::Ended => "reserve.plans_ended",
            Closing::Disabled => "reserve.plans_disabled",
        }
    }

    async fn any(self, store: &Store, due: Timestamp) -> Result<bool, StorageError> {
        match self.0 {
            Closing::Ended => store::any_plan_ending(store, due).await,
            Closing::Disabled => store::any_plan_draining(store).await,
        }
    }

    async fn batch(self, tx: &mut Tx<'_>, moment: &Moment) -> Result<bool, StorageError> {
        let done = lock_watermark(tx, self.name(), moment.now).await?;
        if self.0 == Closing::Ended && done > moment.due {
            return Ok(false);
        }
        let found = self.0.next(tx, moment.due).await?;
        let owners = hold_ledgers(tx, &found).await?;
        let mut budget = limit::SWEEP_HOLDS;
        for (owner, plan) in held(self.0.next(tx, moment.due).await?, &owners) {
            let cause = moment.cause();
            budget = self.0.close(tx, &owner, cause, plan, budget).await.map_err(failed)?;
            if budget == 0 {
                break;
            }
        }
        Ok(!found.is_empty())
    }
}

impl Closing {
    /// The plans that are to be closed next.
    async fn next(
        self,
        tx: &mut Tx<'_>,
        due: Timestamp,
    ) -> Result<Vec<(Owner, Plan)>, StorageError> {
        match self {
            Self::Ended => store::ending_plans(tx, due, limit::SWEEP_PLANS).await,
            Self::Disabled => store::draining_plans(tx, limit::SWEEP_PLANS).await,
        }
    }

    /// Releases up to `budget` of what a plan holds, and closes it once nothing is left. Answers
    /// what is left of the budget.
    async fn close(
        self,
        tx: &mut Tx<'_>,
        owner: &Owner,
        cause: Cause<'_>,
        mut plan: Plan,
        budget: i64,
    ) -> Result<i64, Failure> {
        let (reason, which) = match self {
            Self::Ended => (Reason::HoldExpired, Which::WithPlansDate),
            Self::Disabled => (Reason::PlanDisabled, Which::All),
        };
        let mut turn = Turn::take(tx, owner, cause).await?;
        let mut holds = match plan.terms {
            Terms::Rolling { .. } if self == Self::Ended => Vec::new(),
            _ => store::holds_left(turn.tx, owner, plan.seq, which, budget).await?,
        };
        let left = budget.saturating_sub(count(&holds)).max(0);
        holds.sort_by_key(|hold| hold.pool.currency);
        let id = plan.id.clone();
        let because = |_: &_| Because { plan: Some(id.clone()), ..Because::of(reason) };
        release_alike(&mut turn, holds, |hold| hold.pool.currency, because).await?;
        if left > 0 {
            let event = self.end(&mut plan, turn.now());
            plans::update(turn.tx, owner, &plan);
            turn.tell(event, wire::plan_in_event(&plan, owner), None).await?;
        }
        turn.finish()?;
        Ok(left)
    }

    /// What a plan is once it holds nothing, and the word for that.
    fn end(self, plan: &mut Plan, now: Timestamp) -> &'static str {
        plan.announcing = false;
        if let (Self::Disabled, State::Draining { since }) = (self, plan.state) {
            plan.state = State::Disabled { since, drained_at: now };
            return "reserve.plan.disabled";
        }
        plan.state = State::Expired;
        "reserve.plan.expired"
    }
}
