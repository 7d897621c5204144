//! Told transactions whose money becomes available: what is pending of each moves to available, in
//! payments and reserved alike.

use super::{LedgerTask, TaskContext, by_owner, lock_ledgers, unexpected, with_locked_ledgers};
use crate::limits;
use crate::rules::{ReserveRules, transaction};
use crate::store::transaction as store;
use crate::tx::LedgerTx;
use coffer_kernel::schedule::{Due, is_past_watermark};
use coffer_storage::{StorageError, Store, Tx};

/// Makes the money of transactions available whose `available_on` has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SettleTransactions<R>(pub(crate) R);

impl<R: ReserveRules> LedgerTask for SettleTransactions<R> {
    /// A processor's `available_on` can be any second.
    const BETWEEN_MIDNIGHTS: bool = true;

    fn name(&self) -> &'static str {
        "ledger.transactions"
    }

    async fn has_work(&self, store: &Store, due: &Due) -> Result<bool, StorageError> {
        store::any_due(store, due).await
    }

    /// Finds the transactions twice, as [`super::available::MakeAvailable`] does charges.
    async fn run_batch(&self, tx: &mut Tx<'_>, task: &TaskContext) -> Result<bool, StorageError> {
        if !is_past_watermark(tx, self.name(), task.due.at).await? {
            return Ok(false);
        }
        let found = store::due(tx, &task.due, limits::TRANSACTIONS_PER_BATCH).await?;
        let owners = lock_ledgers(tx, &found).await?;
        let again = store::due(tx, &task.due, limits::TRANSACTIONS_PER_BATCH).await?;
        for (owner, transactions) in by_owner(with_locked_ledgers(again, &owners)) {
            let mut ledger = LedgerTx::begin(tx, &owner, task.cause(&owner)).await?;
            for mut each in transactions {
                let settled = transaction::settle(&mut ledger, &mut each, &self.0).await;
                settled.map_err(unexpected)?;
            }
            ledger.finish();
        }
        Ok(!found.is_empty())
    }
}
