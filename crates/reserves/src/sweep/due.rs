//! Holds whose own date has come.

use super::{Moment, Sweep, by_owner, failed, held, hold_ledgers, release_alike};
use crate::hold::Hold;
use crate::release::{Because, Reason};
use crate::store::sweep as store;
use crate::turn::Turn;
use coffer_base::{Timestamp, limit};
use coffer_kernel::schedule::is_past_watermark;
use coffer_storage::{StorageError, Store, Tx};

/// Releases what is due at a midnight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReleaseDue;

impl Sweep for ReleaseDue {
    const BETWEEN_MIDNIGHTS: bool = false;

    fn name(self) -> &'static str {
        "reserve.holds_due"
    }

    async fn any(self, store: &Store, due: Timestamp) -> Result<bool, StorageError> {
        store::any_hold_due(store, due).await
    }

    async fn batch(self, tx: &mut Tx<'_>, moment: &Moment) -> Result<bool, StorageError> {
        if !is_past_watermark(tx, self.name(), moment.due).await? {
            return Ok(false);
        }
        let found = store::due_holds(tx, moment.due, limit::SWEEP_HOLDS).await?;
        let owners = hold_ledgers(tx, &found).await?;
        let holds = store::due_holds(tx, moment.due, limit::SWEEP_HOLDS).await?;
        let holds = held(holds, &owners);
        for (owner, holds) in by_owner(holds) {
            let mut turn = Turn::take(tx, &owner, moment.cause()).await?;
            release_alike(&mut turn, holds, kind, because).await.map_err(failed)?;
            turn.finish()?;
        }
        Ok(!found.is_empty())
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
