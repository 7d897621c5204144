//! Charges whose money becomes available (reserves §11, decisions 13 and 27).

use super::{Moment, Sweep, by_owner, failed, held, hold_ledgers};
use crate::charge::settle;
use crate::store::charge as store;
use crate::turn::Turn;
use coffer_base::{Timestamp, limit};
use coffer_kernel::schedule::is_past_watermark;
use coffer_storage::{StorageError, Store, Tx};

/// Makes money available whose day has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MakeAvailable;

impl Sweep for MakeAvailable {
    /// A processor's `available_on` can be any second.
    const BETWEEN_MIDNIGHTS: bool = true;

    fn name(self) -> &'static str {
        "ledger.available"
    }

    async fn any(self, store: &Store, due: Timestamp) -> Result<bool, StorageError> {
        store::any_due(store, due).await
    }

    async fn batch(self, tx: &mut Tx<'_>, moment: &Moment) -> Result<bool, StorageError> {
        if !is_past_watermark(tx, self.name(), moment.due).await? {
            return Ok(false);
        }
        let found = store::due(tx, moment.due, limit::SWEEP_CHARGES).await?;
        let owners = hold_ledgers(tx, &found).await?;
        let charges = held(store::due(tx, moment.due, limit::SWEEP_CHARGES).await?, &owners);
        for (owner, charges) in by_owner(charges) {
            let mut turn = Turn::take(tx, &owner, moment.cause()).await?;
            for mut charge in charges {
                settle(&mut turn, &mut charge).await.map_err(failed)?;
            }
            turn.finish()?;
        }
        Ok(!found.is_empty())
    }
}
