//! Transactions that have been parked for long: the platform is told, since what they are about
//! should have come by then.

use super::{LedgerTask, TaskContext, by_owner, lock_ledgers, with_locked_ledgers};
use crate::limits;
use crate::operations::transactions::render;
use crate::store::transaction as store;
use crate::tx::LedgerTx;
use coffer_kernel::schedule::{Due, is_past_watermark};
use coffer_storage::{StorageError, Store, Tx};

/// Emits an event for each transaction that has been parked for [`limits::PARKED_SECONDS`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnnounceParked;

impl AnnounceParked {
    /// What was parked before is due at `due`.
    fn before(due: &Due) -> Due {
        Due { at: due.at.plus(-limits::PARKED_SECONDS), ..due.clone() }
    }
}

impl LedgerTask for AnnounceParked {
    const BETWEEN_MIDNIGHTS: bool = true;

    fn name(&self) -> &'static str {
        "ledger.parked"
    }

    async fn has_work(&self, store: &Store, due: &Due) -> Result<bool, StorageError> {
        store::any_to_announce(store, &Self::before(due)).await
    }

    async fn run_batch(&self, tx: &mut Tx<'_>, task: &TaskContext) -> Result<bool, StorageError> {
        if !is_past_watermark(tx, self.name(), task.due.at).await? {
            return Ok(false);
        }
        let before = Self::before(&task.due);
        let found = store::to_announce(tx, &before, limits::TRANSACTIONS_PER_BATCH).await?;
        let owners = lock_ledgers(tx, &found).await?;
        let again = store::to_announce(tx, &before, limits::TRANSACTIONS_PER_BATCH).await?;
        for (owner, transactions) in by_owner(with_locked_ledgers(again, &owners)) {
            let mut ledger = LedgerTx::begin(tx, &owner, task.cause(&owner)).await?;
            for each in transactions {
                let object = render(&each, owner.mode.is_live(), task.now);
                ledger.emit_event("coffer.ledger.parked", object, None).await?;
                store::set_announced(ledger.tx, &owner, &each);
            }
            ledger.finish();
        }
        Ok(!found.is_empty())
    }
}
