//! What is reserved of a charge follows what is told of it later: its fees, its pool, and money
//! that comes back.

use super::hold;
use super::release::release;
use crate::model::hold::{Hold, Origin, Schedule};
use crate::model::plan::Plan;
use crate::model::release::{Allocation, Reason, ReleaseReason, Source};
use crate::store::{hold as store, release as releases};
use crate::{Restore, Settings};
use coffer_base::Timestamp;
use coffer_dialect::Metadata;
use coffer_kernel::Failure;
use coffer_ledger::{Charge, LedgerTx, MoneyBack, SourceType, Taker, sql};
use coffer_storage::StorageError;

/// Shrinks the holds of a charge to their shares of its new net, those that were made today (UTC):
/// a fee that comes late is then as good as one that came in time. No hold grows.
pub(crate) async fn follow_fees(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &Charge,
    settings: &Settings,
) -> Result<(), Failure> {
    if !settings.follow_fee {
        return Ok(());
    }
    let mut reserved = 0i64;
    for hold in store::of_charge(ledger.tx, ledger.owner, &charge.id).await? {
        let Some(plan) = plan_of(ledger, &hold).await? else { continue };
        let share = plan.share(charge.net(), reserved, settings.hold_floor.max(1));
        reserved = reserved.saturating_add(share);
        let keeps = share.saturating_sub(hold.released).max(0);
        let excess = hold.remaining().saturating_sub(keeps);
        if excess > 0 && ledger.now() < hold.created.midnight_after() {
            let reason = ReleaseReason::of(Reason::HoldReversed);
            release(ledger, &[Allocation { hold, amount: excess }], reason).await?;
        }
    }
    Ok(())
}

/// Moves the holds of a charge to another pool. Returns how much they are, pending and available,
/// which the ledger moves.
pub(crate) async fn change_pool(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &Charge,
    source_type: SourceType,
) -> Result<[i64; 2], StorageError> {
    let reserved = store::reserved(ledger.tx, ledger.owner, &charge.id).await?;
    store::set_pool(ledger.tx, ledger.owner, &charge.id, source_type);
    Ok(reserved)
}

/// Holds again what came back of what a refund or a dispute took of holds, as far as the operator
/// wants it: hold by hold in the order in which they gave, each until its own date.
pub(crate) async fn restore(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &Charge,
    back: &MoneyBack<'_>,
    settings: &Settings,
) -> Result<(), Failure> {
    if settings.restore == Restore::Never {
        return Ok(());
    }
    let source = match back.of {
        Taker::Refund(id) => Source::Refund(id.to_owned()),
        Taker::Dispute(id) => Source::Dispute(id.to_owned()),
    };
    let mut before = back.before;
    let mut left = back.after.saturating_sub(back.before);
    for (id, taken) in releases::taken_by(ledger.tx, ledger.owner, &source).await? {
        let came_before = taken.min(before);
        before = before.saturating_sub(came_before);
        let amount = taken.saturating_sub(came_before).min(left);
        left = left.saturating_sub(amount);
        let hold = sql::find::<Hold>(ledger.tx, ledger.owner, &id).await?;
        if let (Some(hold), true) = (hold, amount > 0) {
            hold_again(ledger, charge, &hold, (amount, back.available_on)).await?;
        }
    }
    Ok(())
}

/// Makes a hold like one that gave, until its date, if that still lies ahead and its plan still
/// reserves. `available_on` is when what came back becomes available, if it has a date of its own.
async fn hold_again(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &Charge,
    gave: &Hold,
    (amount, available_on): (i64, Option<Timestamp>),
) -> Result<(), Failure> {
    let date = gave.scheduled_release();
    let is_past = date.is_some_and(|date| date <= ledger.now());
    let plan = plan_of(ledger, gave).await?;
    let (Origin::Charge { .. }, Some(plan)) = (&gave.origin, plan) else { return Ok(()) };
    if is_past || !plan.applies() {
        return Ok(());
    }
    let reserved = store::reserved_pending(ledger.tx, ledger.owner, &charge.id).await?;
    // What came back is pending where the charge's own money is, as far as there is enough of it.
    let of_charge = !charge.settled && charge.pending.saturating_sub(reserved) >= amount;
    let available_on = available_on.or_else(|| of_charge.then_some(charge.available_on));
    let schedule = match gave.schedule {
        Schedule::Own { scheduled_release, .. } => {
            Schedule::Own { release_after: None, scheduled_release }
        }
        Schedule::Plan { .. } => Schedule::Plan { announced: date },
    };
    let again = Hold {
        seq: ledger.next_seq()?,
        id: ledger.new_id("reshold"),
        created: ledger.now(),
        amount,
        released: 0,
        pool: charge.pool(),
        origin: gave.origin.clone(),
        schedule,
        pending: available_on.is_some(),
        available_on: available_on.unwrap_or(ledger.now()),
        metadata: Metadata::default(),
    };
    hold::record(ledger, &again).await
}

/// The plan of a hold.
async fn plan_of(ledger: &mut LedgerTx<'_, '_>, hold: &Hold) -> Result<Option<Plan>, Failure> {
    let Some(plan) = hold.plan() else { return Ok(None) };
    Ok(sql::find(ledger.tx, ledger.owner, &plan.id).await?)
}
