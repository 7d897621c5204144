//! Payouts that should have arrived at the bank: without word of the processor they count as paid
//! from their date on. One that comes back later still does.

use super::{LedgerTask, TaskContext, by_owner, lock_ledgers, unexpected, with_locked_ledgers};
use crate::limits;
use crate::model::payout::Status;
use crate::rules::payout;
use crate::store::payout as store;
use crate::tx::LedgerTx;
use coffer_kernel::schedule::{Due, is_past_watermark};
use coffer_storage::{StorageError, Store, Tx};

/// Marks payouts as paid whose `arrival_date` has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PayoutsArrive;

impl LedgerTask for PayoutsArrive {
    /// A processor's `arrival_date` can be any second.
    const BETWEEN_MIDNIGHTS: bool = true;

    fn name(&self) -> &'static str {
        "ledger.arrivals"
    }

    async fn has_work(&self, store: &Store, due: &Due) -> Result<bool, StorageError> {
        store::any_arriving(store, due).await
    }

    async fn run_batch(&self, tx: &mut Tx<'_>, task: &TaskContext) -> Result<bool, StorageError> {
        if !is_past_watermark(tx, self.name(), task.due.at).await? {
            return Ok(false);
        }
        let found = store::arriving(tx, &task.due, limits::PAYOUTS_PER_BATCH).await?;
        let owners = lock_ledgers(tx, &found).await?;
        let again = store::arriving(tx, &task.due, limits::PAYOUTS_PER_BATCH).await?;
        for (owner, payouts) in by_owner(with_locked_ledgers(again, &owners)) {
            let mut ledger = LedgerTx::begin(tx, &owner, task.cause(&owner)).await?;
            for mut each in payouts {
                let paid = payout::become_status(&mut ledger, &mut each, Status::Paid).await;
                paid.map_err(unexpected)?;
            }
            ledger.finish();
        }
        Ok(!found.is_empty())
    }
}
