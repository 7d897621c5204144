//! Holds whose own date has come.

use super::{Moment, by_owner, failed, release_alike};
use crate::hold::Hold;
use crate::release::{Because, Reason};
use crate::store::sweep as store;
use crate::turn::Turn;
use coffer_base::{Random, Timestamp, limit};
use coffer_kernel::event::Cause;
use coffer_kernel::{BoxFuture, Scheduled, schedule::still_due};
use coffer_storage::{StorageError, Store, Tx, Work};
use std::sync::Arc;

/// Releases what is due at a midnight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReleaseDue;

impl Scheduled for ReleaseDue {
    fn name(&self) -> &'static str {
        "reserve.holds_due"
    }

    fn step<'a>(
        &'a self,
        store: &'a Store,
        due: Timestamp,
        now: Timestamp,
        random: &'a Arc<dyn Random>,
    ) -> BoxFuture<'a, Result<bool, StorageError>> {
        Box::pin(async move {
            if !store::any_hold_due(store, due).await? {
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
        let holds = store::due_holds(tx, *due, limit::SWEEP_HOLDS).await?;
        let found = !holds.is_empty();
        for (owner, holds) in by_owner(holds) {
            let mut turn = Turn::take(tx, &owner, Cause::automatic(*now, &**random)).await?;
            release_alike(&mut turn, holds, kind, because).await.map_err(failed)?;
            turn.finish()?;
        }
        Ok(found)
    }
}

/// What the holds of one release have in common (reserves §11, decision 25).
fn kind(hold: &Hold) -> impl PartialEq + Send + use<> {
    (hold.scheduled_release(), hold.pool.currency, hold.plan().map(|plan| plan.seq))
}

fn because(hold: &Hold) -> Because {
    let plan = hold.plan().map(|plan| plan.id.clone());
    Because { plan, ..Because::of(Reason::HoldExpired) }
}
