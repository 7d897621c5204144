//! Fixed plans that were moved: their holds moved with them at once, since they read the plan's
//! date, and their events follow here, batch by batch. An update of a plan with many holds so takes
//! no longer than any other.

use super::left_of;
use crate::limits;
use crate::model::hold::{Hold, Schedule};
use crate::model::plan::Plan;
use crate::store::{due as store, hold as holds, plan as plans, release as releases};
use crate::wire;
use coffer_base::Owner;
use coffer_dialect::Object;
use coffer_kernel::Failure;
use coffer_kernel::event::Cause;
use coffer_kernel::schedule::{Due, lock_watermark};
use coffer_ledger::LedgerTx;
use coffer_ledger::tasks::{
    LedgerTask, TaskContext, lock_ledgers, unexpected, with_locked_ledgers,
};
use coffer_storage::{StorageError, Store, Tx};

/// Emits the events about new dates of holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnnounceDates;

impl LedgerTask for AnnounceDates {
    /// An update can move a plan at any time.
    const BETWEEN_MIDNIGHTS: bool = true;

    fn name(&self) -> &'static str {
        "reserve.dates_moved"
    }

    async fn has_work(&self, store: &Store, due: &Due) -> Result<bool, StorageError> {
        store::any_plan_announcing(store, due).await
    }

    /// It locks the watermark without comparing it: what is announced depends on no time. The lock
    /// keeps two servers from announcing the same hold.
    async fn run_batch(&self, tx: &mut Tx<'_>, task: &TaskContext) -> Result<bool, StorageError> {
        lock_watermark(tx, self.name(), task.now).await?;
        let found = store::announcing_plans(tx, &task.due, limits::PLANS_PER_BATCH).await?;
        let owners = lock_ledgers(tx, &found).await?;
        let again = store::announcing_plans(tx, &task.due, limits::PLANS_PER_BATCH).await?;
        let mut budget = limits::HOLDS_PER_BATCH;
        for (owner, plan) in with_locked_ledgers(again, &owners) {
            let cause = task.cause(&owner);
            budget = announce(tx, &owner, cause, plan, budget).await.map_err(unexpected)?;
            if budget == 0 {
                break;
            }
        }
        Ok(!found.is_empty())
    }
}

/// Emits the events of up to `budget` of a plan's holds, and marks the plan as announced once none
/// is left. Returns what is left of the budget.
async fn announce(
    tx: &mut Tx<'_>,
    owner: &Owner,
    cause: Cause<'_>,
    mut plan: Plan,
    budget: i64,
) -> Result<i64, Failure> {
    let mut ledger = LedgerTx::begin(tx, owner, cause).await?;
    let moved = match plan.terms.scheduled_release() {
        Some(to) => store::holds_to_announce(ledger.tx, owner, plan.seq, to, budget).await?,
        None => Vec::new(),
    };
    let left = left_of(budget, &moved);
    for hold in moved {
        announce_hold(&mut ledger, hold).await?;
    }
    if left > 0 {
        plan.announcing = false;
        plans::update(ledger.tx, owner, &plan);
    }
    ledger.finish();
    Ok(left)
}

/// Emits the event of one hold. Its previous date is the one that its last event said, also if the
/// plan was moved twice in between.
async fn announce_hold(ledger: &mut LedgerTx<'_, '_>, mut hold: Hold) -> Result<(), StorageError> {
    let Schedule::Plan { announced } = hold.schedule else { return Ok(()) };
    let date = hold.scheduled_release();
    hold.schedule = Schedule::Plan { announced: date };
    holds::set_announced(ledger.tx, ledger.owner, hold.seq, date);
    let details = match hold.released {
        0 => Vec::new(),
        _ => releases::details(ledger.tx, ledger.owner, hold.seq).await?,
    };
    let object = wire::hold_in_event(&hold, &details, ledger.owner);
    let schedule = wire::release_schedule(None, announced);
    let previous = Object::bare().set("release_schedule", schedule);
    ledger.emit_event("reserve.hold.updated", object, Some(previous)).await
}
