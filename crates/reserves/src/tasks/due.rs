//! Holds whose own date has come: those of rolling plans, those of callers, and those that a caller
//! has moved. The others are released with their plan.

use super::release_groups;
use crate::limits;
use crate::model::hold::Hold;
use crate::model::release::{Reason, ReleaseReason};
use crate::store::due as store;
use coffer_kernel::schedule::{Due, is_past_watermark};
use coffer_ledger::LedgerTx;
use coffer_ledger::tasks::{
    LedgerTask, TaskContext, by_owner, lock_ledgers, unexpected, with_locked_ledgers,
};
use coffer_storage::{StorageError, Store, Tx};

/// Releases the holds that are due at a midnight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReleaseDue;

impl LedgerTask for ReleaseDue {
    /// The date of every hold is a midnight.
    const BETWEEN_MIDNIGHTS: bool = false;

    fn name(&self) -> &'static str {
        "reserve.holds_due"
    }

    async fn has_work(&self, store: &Store, due: &Due) -> Result<bool, StorageError> {
        store::any_hold_due(store, due).await
    }

    /// Finds the holds twice: without the locks, to learn which ledgers to lock, and with them,
    /// since a refund may have consumed a hold in between.
    async fn run_batch(&self, tx: &mut Tx<'_>, task: &TaskContext) -> Result<bool, StorageError> {
        if !is_past_watermark(tx, self.name(), task.due.at).await? {
            return Ok(false);
        }
        let found = store::due_holds(tx, &task.due, limits::HOLDS_PER_BATCH).await?;
        let owners = lock_ledgers(tx, &found).await?;
        let again = store::due_holds(tx, &task.due, limits::HOLDS_PER_BATCH).await?;
        for (owner, holds) in by_owner(with_locked_ledgers(again, &owners)) {
            let mut ledger = LedgerTx::begin(tx, &owner, task.cause(&owner)).await?;
            release_groups(&mut ledger, holds, group, reason).await.map_err(unexpected)?;
            ledger.finish();
        }
        Ok(!found.is_empty())
    }
}

/// What the holds of one release have in common: date, currency and plan. It owns nothing of the
/// hold, so that the hold can be moved into an allocation.
fn group(hold: &Hold) -> impl PartialEq + Send + use<> {
    (hold.scheduled_release(), hold.pool.currency, hold.plan().map(|plan| plan.seq))
}

/// The date came; a plan is named if the holds are of one.
fn reason(hold: &Hold) -> ReleaseReason {
    let plan = hold.plan().map(|plan| plan.id.clone());
    ReleaseReason { plan, ..ReleaseReason::of(Reason::HoldExpired) }
}
