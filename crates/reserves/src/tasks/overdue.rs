//! Holds that are still there past their date: whoever waits for the money learns of it, also while
//! the release itself fails.

use crate::limits;
use crate::store::overdue as store;
use coffer_dialect::Object;
use coffer_kernel::schedule::{Due, lock_watermark};
use coffer_ledger::LedgerTx;
use coffer_ledger::tasks::{LedgerTask, TaskContext, by_owner, lock_ledgers};
use coffer_storage::{StorageError, Store, Tx};

/// Emits `coffer.reserve.overdue`, once for each date and currency of an account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnnounceOverdue;

impl LedgerTask for AnnounceOverdue {
    const BETWEEN_MIDNIGHTS: bool = true;

    fn name(&self) -> &'static str {
        "reserve.overdue"
    }

    /// A platform whose clock was moved on purpose is late in no way that matters.
    async fn has_work(&self, store: &Store, due: &Due) -> Result<bool, StorageError> {
        if due.platform.is_some() {
            return Ok(false);
        }
        store::any(store, due.at).await
    }

    /// It runs before the release of what is due, so that what an outage has delayed is told, too.
    async fn run_batch(&self, tx: &mut Tx<'_>, task: &TaskContext) -> Result<bool, StorageError> {
        lock_watermark(tx, self.name(), task.now).await?;
        let until = task.due.at.min(task.now.plus(-limits::OVERDUE_SECONDS));
        let found = store::next(tx, until, limits::OVERDUE_PER_BATCH).await?;
        let is_empty = found.is_empty();
        lock_ledgers(tx, &found).await?;
        for (owner, dates) in by_owner(found) {
            let mut ledger = LedgerTx::begin(tx, &owner, task.cause(&owner)).await?;
            for late in dates {
                // What a request released meanwhile is late no more.
                let left = store::left(ledger.tx, &owner, &late).await?;
                store::mark(ledger.tx, &owner, &late, ledger.now());
                let Some((amount, holds)) = left.filter(|(amount, _)| *amount > 0) else {
                    continue;
                };
                let id = ledger.new_id("resalert");
                let object = Object::new(&id, "reserve.alert")
                    .set("amount", amount)
                    .set("created", ledger.now())
                    .set("currency", late.currency.to_string())
                    .set("holds", holds)
                    .set("livemode", owner.mode.is_live())
                    .set("scheduled_release", late.date);
                ledger.emit_event("coffer.reserve.overdue", object, None).await?;
            }
            ledger.finish();
        }
        Ok(!is_empty)
    }
}
