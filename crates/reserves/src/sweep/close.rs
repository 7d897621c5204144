//! Plans that end by themselves, and plans that were disabled: what they hold is given back, and
//! then they are what they are to be.

use super::{Moment, count, failed, release_alike};
use crate::plan::{Plan, State, Terms};
use crate::release::{Because, Reason};
use crate::store::plan as plans;
use crate::store::sweep::{self as store, Which};
use crate::turn::Turn;
use crate::wire;
use coffer_base::{Owner, Random, Timestamp, limit};
use coffer_kernel::event::Cause;
use coffer_kernel::{BoxFuture, Failure, Scheduled, schedule::take_turn};
use coffer_storage::{StorageError, Store, Tx, Work};
use std::sync::Arc;

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

impl Scheduled for ClosePlans {
    fn name(&self) -> &'static str {
        match self.0 {
            Closing::Ended => "reserve.plans_ended",
            Closing::Disabled => "reserve.plans_disabled",
        }
    }

    fn between_midnights(&self) -> bool {
        true
    }

    fn step<'a>(
        &'a self,
        store: &'a Store,
        due: Timestamp,
        now: Timestamp,
        random: &'a Arc<dyn Random>,
    ) -> BoxFuture<'a, Result<bool, StorageError>> {
        Box::pin(async move {
            let any = match self.0 {
                Closing::Ended => store::any_plan_ending(store, due).await?,
                Closing::Disabled => store::any_plan_draining(store).await?,
            };
            if !any {
                return Ok(false);
            }
            let moment = Moment { name: self.name(), due, now, random: Arc::clone(random) };
            store.write(Batch { closing: self.0, moment }).await
        })
    }
}

struct Batch {
    closing: Closing,
    moment: Moment,
}

impl Work for Batch {
    type Out = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StorageError> {
        let Moment { name, due, now, random } = &self.moment;
        let done = take_turn(tx, name, *now).await?;
        let plans = match self.closing {
            Closing::Ended if done > *due => return Ok(false),
            Closing::Ended => store::ending_plans(tx, *due, limit::SWEEP_PLANS).await?,
            Closing::Disabled => store::draining_plans(tx, limit::SWEEP_PLANS).await?,
        };
        let found = !plans.is_empty();
        let mut budget = limit::SWEEP_HOLDS;
        for (owner, plan) in plans {
            let cause = Cause::automatic(*now, &**random);
            budget = self.close(tx, &owner, cause, plan, budget).await.map_err(failed)?;
            if budget == 0 {
                break;
            }
        }
        Ok(found)
    }
}

impl Batch {
    /// Releases up to `budget` of what a plan holds, and closes it once nothing is left. Answers
    /// what is left of the budget.
    async fn close(
        &self,
        tx: &mut Tx<'_>,
        owner: &Owner,
        cause: Cause<'_>,
        mut plan: Plan,
        budget: i64,
    ) -> Result<i64, Failure> {
        let (reason, which) = match self.closing {
            Closing::Ended => (Reason::HoldExpired, Which::WithPlansDate),
            Closing::Disabled => (Reason::PlanDisabled, Which::All),
        };
        let mut turn = Turn::take(tx, owner, cause).await?;
        let mut holds = match plan.terms {
            Terms::Rolling { .. } if self.closing == Closing::Ended => Vec::new(),
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
    fn end(&self, plan: &mut Plan, now: Timestamp) -> &'static str {
        plan.announcing = false;
        if let (Closing::Disabled, State::Draining { since }) = (self.closing, plan.state) {
            plan.state = State::Disabled { since, drained_at: now };
            return "reserve.plan.disabled";
        }
        plan.state = State::Expired;
        "reserve.plan.expired"
    }
}
