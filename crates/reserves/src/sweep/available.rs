//! Charges whose money becomes available (reserves §11, decisions 13 and 27).

use super::{Moment, by_owner, failed};
use crate::charge::settle;
use crate::store::charge as store;
use crate::turn::Turn;
use coffer_base::{Random, Timestamp, limit};
use coffer_kernel::event::Cause;
use coffer_kernel::{BoxFuture, Scheduled, schedule::still_due};
use coffer_storage::{StorageError, Store, Tx, Work};
use std::sync::Arc;

/// Makes money available whose day has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MakeAvailable;

impl Scheduled for MakeAvailable {
    fn name(&self) -> &'static str {
        "ledger.available"
    }

    /// A processor's `available_on` can be any second.
    fn between_midnights(&self) -> bool {
        true
    }

    fn step<'a>(
        &'a self,
        store: &'a Store,
        due: Timestamp,
        now: Timestamp,
        random: &'a Arc<dyn Random>,
    ) -> BoxFuture<'a, Result<bool, StorageError>> {
        Box::pin(async move {
            if !store::any_due(store, due).await? {
                return Ok(false);
            }
            let moment = Moment { name: self.name(), due, now, random: Arc::clone(random) };
            store.write(Batch(moment)).await
        })
    }
}

struct Batch(Moment);

impl Work for Batch {
    type Out = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StorageError> {
        let Moment { name, due, now, random } = &self.0;
        if !still_due(tx, name, *due).await? {
            return Ok(false);
        }
        let charges = store::due(tx, *due, limit::SWEEP_CHARGES).await?;
        let found = !charges.is_empty();
        for (owner, charges) in by_owner(charges) {
            let mut turn = Turn::take(tx, &owner, Cause::automatic(*now, &**random)).await?;
            for mut charge in charges {
                settle(&mut turn, &mut charge).await.map_err(failed)?;
            }
            turn.finish()?;
        }
        Ok(found)
    }
}
