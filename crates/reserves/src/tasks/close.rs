//! Plans whose end has come, and plans that were disabled: their holds are released, and then they
//! are expired or disabled. A plan with more holds than a batch stays as it is in between, and the
//! next batch goes on.

use super::{left_of, release_groups};
use crate::limits;
use crate::model::hold::Hold;
use crate::model::plan::{Plan, State, Terms};
use crate::model::release::{Reason, ReleaseReason};
use crate::store::due::{self as store, Which};
use crate::store::{plan as plans, plan_version};
use crate::wire;
use coffer_base::{Owner, Timestamp};
use coffer_kernel::Failure;
use coffer_kernel::event::Cause;
use coffer_kernel::schedule::{Due, lock_watermark};
use coffer_ledger::LedgerTx;
use coffer_ledger::tasks::{
    LedgerTask, TaskContext, lock_ledgers, unexpected, with_locked_ledgers,
};
use coffer_storage::{StorageError, Store, Tx};

/// Why plans are closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Closing {
    /// Their end has come: fixed plans release the holds that have their date, rolling ones none.
    Ended,
    /// They were disabled, and release all of their holds.
    Disabled,
}

/// Closes plans.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClosePlans(pub(crate) Closing);

impl LedgerTask for ClosePlans {
    /// A rolling plan's end can be any second, and a plan can be disabled at any.
    const BETWEEN_MIDNIGHTS: bool = true;

    fn name(&self) -> &'static str {
        match self.0 {
            Closing::Ended => "reserve.plans_ended",
            Closing::Disabled => "reserve.plans_disabled",
        }
    }

    /// A plan that was disabled waits for no time.
    async fn has_work(&self, store: &Store, due: &Due) -> Result<bool, StorageError> {
        match self.0 {
            Closing::Ended => store::any_plan_ending(store, due).await,
            Closing::Disabled => store::any_plan_draining(store, due).await,
        }
    }

    /// Finds the plans twice: without the locks, to learn which ledgers to lock, and with them,
    /// since a request may have changed a plan in between.
    async fn run_batch(&self, tx: &mut Tx<'_>, task: &TaskContext) -> Result<bool, StorageError> {
        let watermark = lock_watermark(tx, self.name(), task.now).await?;
        if self.0 == Closing::Ended && watermark > task.due.at {
            return Ok(false);
        }
        let found = self.0.next(tx, &task.due).await?;
        let owners = lock_ledgers(tx, &found).await?;
        let again = self.0.next(tx, &task.due).await?;
        let mut budget = limits::HOLDS_PER_BATCH;
        for (owner, plan) in with_locked_ledgers(again, &owners) {
            let cause = task.cause(&owner);
            budget = self.0.close(tx, &owner, cause, plan, budget).await.map_err(unexpected)?;
            if budget == 0 {
                break;
            }
        }
        Ok(!found.is_empty())
    }
}

impl Closing {
    /// The plans that are to be closed next.
    async fn next(self, tx: &mut Tx<'_>, due: &Due) -> Result<Vec<(Owner, Plan)>, StorageError> {
        match self {
            Self::Ended => store::ending_plans(tx, due, limits::PLANS_PER_BATCH).await,
            Self::Disabled => store::draining_plans(tx, due, limits::PLANS_PER_BATCH).await,
        }
    }

    /// Releases up to `budget` of a plan's holds, one release for each currency, and closes it once
    /// none remains. Returns what is left of the budget.
    async fn close(
        self,
        tx: &mut Tx<'_>,
        owner: &Owner,
        cause: Cause<'_>,
        mut plan: Plan,
        budget: i64,
    ) -> Result<i64, Failure> {
        let mut ledger = LedgerTx::begin(tx, owner, cause).await?;
        let mut holds = self.holds(&mut ledger, &plan, budget).await?;
        let left = left_of(budget, &holds);
        // A release is of one currency, and the query orders by announced date first.
        holds.sort_by_key(|hold| hold.pool.currency);
        let (id, reason) = (plan.id.clone(), self.reason());
        let reason = |_: &_| ReleaseReason { plan: Some(id.clone()), ..ReleaseReason::of(reason) };
        release_groups(&mut ledger, holds, |hold| hold.pool.currency, reason).await?;
        if left > 0 {
            let event = self.end(&mut plan, ledger.now());
            plans::update(ledger.tx, owner, &plan);
            plan_version::record(&mut ledger, &plan)?;
            ledger.emit_event(event, wire::plan_in_event(&plan, owner), None).await?;
        }
        ledger.finish();
        Ok(left)
    }

    /// The holds that the plan is to release before it is closed, at most `most`.
    async fn holds(
        self,
        ledger: &mut LedgerTx<'_, '_>,
        plan: &Plan,
        most: i64,
    ) -> Result<Vec<Hold>, StorageError> {
        let which = match (self, plan.terms) {
            // The holds of a rolling plan keep their dates when it expires.
            (Self::Ended, Terms::Rolling { .. }) => return Ok(Vec::new()),
            (Self::Ended, _) => Which::WithPlansDate,
            (Self::Disabled, _) => Which::All,
        };
        store::holds_left(ledger.tx, ledger.owner, plan.seq, which, most).await
    }

    /// What the releases of a plan's holds say.
    const fn reason(self) -> Reason {
        match self {
            Self::Ended => Reason::HoldExpired,
            Self::Disabled => Reason::PlanDisabled,
        }
    }

    /// Closes a plan that has no holds left to release; a rolling plan that expires keeps those
    /// that it has. Returns the type of its event.
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
