//! Charges whose money becomes available: what is pending moves to available, in payments and
//! reserved alike.

use super::{LedgerTask, TaskContext, by_owner, lock_ledgers, unexpected, with_locked_ledgers};
use crate::limits;
use crate::rules::ReserveRules;
use crate::rules::{adjustment, charge::settle};
use crate::store::{adjustment as adjustments, charge as store};
use crate::tx::LedgerTx;
use coffer_kernel::schedule::{Due, is_past_watermark};
use coffer_storage::{StorageError, Store, Tx};

/// Makes the money of charges available whose `available_on` has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MakeAvailable<R>(pub(crate) R);

impl<R: ReserveRules> LedgerTask for MakeAvailable<R> {
    /// A processor's `available_on` can be any second.
    const BETWEEN_MIDNIGHTS: bool = true;

    fn name(&self) -> &'static str {
        "ledger.available"
    }

    async fn has_work(&self, store: &Store, due: &Due) -> Result<bool, StorageError> {
        store::any_due(store, due).await
    }

    /// Finds the charges twice: without the locks, to learn which ledgers to lock, and with them,
    /// since a request may have changed a charge in between.
    async fn run_batch(&self, tx: &mut Tx<'_>, task: &TaskContext) -> Result<bool, StorageError> {
        if !is_past_watermark(tx, self.name(), task.due.at).await? {
            return Ok(false);
        }
        let found = store::due(tx, &task.due, limits::CHARGES_PER_BATCH).await?;
        let owners = lock_ledgers(tx, &found).await?;
        let again = store::due(tx, &task.due, limits::CHARGES_PER_BATCH).await?;
        for (owner, charges) in by_owner(with_locked_ledgers(again, &owners)) {
            let mut ledger = LedgerTx::begin(tx, &owner, task.cause(&owner)).await?;
            for mut charge in charges {
                settle(&mut ledger, &mut charge, &self.0).await.map_err(unexpected)?;
            }
            ledger.finish();
        }
        Ok(!found.is_empty())
    }
}

/// Makes the money of adjustments available, or takes it out of what is available, whose
/// `available_on` has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SettleAdjustments;

impl LedgerTask for SettleAdjustments {
    /// A processor's `available_on` can be any second.
    const BETWEEN_MIDNIGHTS: bool = true;

    fn name(&self) -> &'static str {
        "ledger.adjustments"
    }

    async fn has_work(&self, store: &Store, due: &Due) -> Result<bool, StorageError> {
        adjustments::any_due(store, due).await
    }

    /// Finds them twice, as [`MakeAvailable`] does.
    async fn run_batch(&self, tx: &mut Tx<'_>, task: &TaskContext) -> Result<bool, StorageError> {
        if !is_past_watermark(tx, self.name(), task.due.at).await? {
            return Ok(false);
        }
        let found = adjustments::due(tx, &task.due, limits::CHARGES_PER_BATCH).await?;
        let owners = lock_ledgers(tx, &found).await?;
        let again = adjustments::due(tx, &task.due, limits::CHARGES_PER_BATCH).await?;
        for (owner, due) in by_owner(with_locked_ledgers(again, &owners)) {
            let mut ledger = LedgerTx::begin(tx, &owner, task.cause(&owner)).await?;
            for mut each in due {
                adjustment::settle(&mut ledger, &mut each).await.map_err(unexpected)?;
            }
            ledger.finish();
        }
        Ok(!found.is_empty())
    }
}
