//! Transactions and facts that have been parked for long: the platform is told, since what they are
//! about should have come by then.

use super::{LedgerTask, TaskContext, by_owner, lock_ledgers, with_locked_ledgers};
use crate::limits;
use crate::operations::parked::{Waiting, render};
use crate::store::parked as facts;
use crate::store::transaction as transactions;
use crate::tx::LedgerTx;
use coffer_base::Owner;
use coffer_kernel::schedule::{Due, is_past_watermark};
use coffer_storage::{StorageError, Store, Tx};

/// Emits an event for each that has been parked for [`limits::PARKED_SECONDS`].
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
        let before = Self::before(due);
        Ok(transactions::any_to_announce(store, &before).await?
            || facts::any_to_announce(store, &before).await?)
    }

    async fn run_batch(&self, tx: &mut Tx<'_>, task: &TaskContext) -> Result<bool, StorageError> {
        if !is_past_watermark(tx, self.name(), task.due.at).await? {
            return Ok(false);
        }
        let found = found(tx, &task.due).await?;
        let owners = lock_ledgers(tx, &found).await?;
        let again = self::found(tx, &task.due).await?;
        for (owner, waiting) in by_owner(with_locked_ledgers(again, &owners)) {
            let mut ledger = LedgerTx::begin(tx, &owner, task.cause(&owner)).await?;
            for each in waiting {
                let object = render(&each, owner.mode.is_live());
                ledger.emit_event("coffer.ledger.parked", object, None).await?;
                match &each {
                    Waiting::Transaction(it) => transactions::set_announced(ledger.tx, &owner, it),
                    Waiting::Intake(fact) => facts::set_announced(ledger.tx, &owner, fact),
                }
            }
            ledger.finish();
        }
        Ok(!found.is_empty())
    }
}

/// What has been parked for long, transactions and facts, by owner.
async fn found(tx: &mut Tx<'_>, due: &Due) -> Result<Vec<(Owner, Waiting)>, StorageError> {
    let before = AnnounceParked::before(due);
    let most = limits::TRANSACTIONS_PER_BATCH;
    let transactions = transactions::to_announce(tx, &before, most).await?;
    let facts = facts::to_announce(tx, &before, most).await?;
    let transactions =
        transactions.into_iter().map(|(of, it)| (of, Waiting::Transaction(Box::new(it))));
    let facts = facts.into_iter().map(|(of, it)| (of, Waiting::Intake(it)));
    let mut both: Vec<_> = transactions.chain(facts).collect();
    both.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(both)
}
