//! Fixed plans that were moved: their holds moved with them at once, and are told of here (reserves
//! §11, decision 28).

use super::{Moment, Sweep, count, failed, held, hold_ledgers};
use crate::hold::{Hold, Schedule};
use crate::plan::Plan;
use crate::store::{hold as holds, plan as plans, release as releases, sweep as store};
use crate::turn::Turn;
use crate::wire;
use coffer_base::{Owner, Timestamp, limit};
use coffer_dialect::Object;
use coffer_kernel::event::Cause;
use coffer_kernel::{Failure, schedule::lock_watermark};
use coffer_storage::{StorageError, Store, Tx};

/// Tells of the new dates of holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnnounceDates;

impl Sweep for AnnounceDates {
    const BETWEEN_MIDNIGHTS: bool = true;

    fn name(self) -> &'static str {
        "reserve.dates_moved"
    }

    async fn any(self, store: &Store, _due: Timestamp) -> Result<bool, StorageError> {
        store::any_plan_announcing(store).await
    }

    async fn batch(self, tx: &mut Tx<'_>, moment: &Moment) -> Result<bool, StorageError> {
        lock_watermark(tx, self.name(), moment.now).await?;
        let found = store::announcing_plans(tx, limit::SWEEP_PLANS).await?;
        let owners = hold_ledgers(tx, &found).await?;
        let plans = held(store::announcing_plans(tx, limit::SWEEP_PLANS).await?, &owners);
        let mut budget = limit::SWEEP_HOLDS;
        for (owner, plan) in plans {
            let cause = moment.cause();
            budget = announce(tx, &owner, cause, plan, budget).await.map_err(failed)?;
            if budget == 0 {
                break;
            }
        }
        Ok(!found.is_empty())
    }
}

/// Tells of up to `budget` of a plan's holds, and what is left of the budget.
async fn announce(
    tx: &mut Tx<'_>,
    owner: &Owner,
    cause: Cause<'_>,
    mut plan: Plan,
    budget: i64,
) -> Result<i64, Failure> {
    let mut turn = Turn::take(tx, owner, cause).await?;
    let moved = match plan.terms.scheduled_release() {
        Some(to) => store::holds_to_tell(turn.tx, owner, plan.seq, to, budget).await?,
        None => Vec::new(),
    };
    let left = budget.saturating_sub(count(&moved)).max(0);
    for hold in moved {
        tell(&mut turn, hold).await?;
    }
    if left > 0 {
        plan.announcing = false;
        plans::update(turn.tx, owner, &plan);
    }
    turn.finish()?;
    Ok(left)
}

async fn tell(turn: &mut Turn<'_, '_>, mut hold: Hold) -> Result<(), StorageError> {
    let Schedule::Plans { told } = hold.schedule else { return Ok(()) };
    let date = hold.scheduled_release();
    hold.schedule = Schedule::Plans { told: date };
    holds::set_told(turn.tx, turn.owner, hold.seq, date);
    let details = match hold.released {
        0 => Vec::new(),
        _ => releases::details(turn.tx, turn.owner, hold.seq).await?,
    };
    let object = wire::hold_in_event(&hold, &details, turn.owner);
    let previous = Object::bare().set("release_schedule", wire::release_schedule(None, told));
    turn.tell("reserve.hold.updated", object, Some(previous)).await
}
