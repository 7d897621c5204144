//! What plans reserve of a charge when it comes in.

use super::hold;
use crate::Settings;
use crate::model::hold::{Hold, Origin, PlanOfHold, Schedule};
use crate::model::plan::{Plan, Terms};
use crate::store::plan as plans;
use coffer_base::Timestamp;
use coffer_dialect::Metadata;
use coffer_kernel::Failure;
use coffer_ledger::{Charge, LedgerTx};
use coffer_storage::StorageError;

/// Makes a hold for each plan that applies to the charge, oldest plan first: each takes its share
/// of the charge's whole net, together they take no more than the net. A share below the operator's
/// smallest hold, or one whose date has passed, makes none and leaves its money to the next plan.
pub(crate) async fn reserve_charge(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &Charge,
    settings: &Settings,
) -> Result<(), Failure> {
    if !may_reserve(ledger, charge).await? {
        return Ok(());
    }
    let mut reserved = 0i64;
    for plan in plans::applying(ledger.tx, ledger.owner, charge.pool(), charge.created).await? {
        // The floor is at least 1, so that no hold is of nothing.
        let amount = plan.share(charge.net(), reserved, settings.hold_floor.max(1));
        let due = plan.terms.release_of(charge.created, ledger.now());
        let is_transfer = charge.source_transfer.is_some();
        let applies = plan.applies() && plan.holds_of(is_transfer);
        let (Ok(due), true) = (due, amount > 0 && applies) else { continue };
        reserved = reserved.saturating_add(amount);
        let hold = hold_of(ledger, charge, &plan, amount, due)?;
        hold::record(ledger, &hold).await?;
    }
    Ok(())
}

/// Whether any plan may apply to charges of this one's pool. In a page of many it is read once.
async fn may_reserve(ledger: &mut LedgerTx<'_, '_>, charge: &Charge) -> Result<bool, StorageError> {
    if !ledger.is_page() {
        return Ok(true);
    }
    if let Some(noted) = ledger.reserves_of(charge.pool()) {
        return Ok(noted);
    }
    let any = plans::are_any(ledger.tx, ledger.owner, charge.pool()).await?;
    ledger.note_reserves_of(charge.pool(), any);
    Ok(any)
}

/// The hold of a plan on a charge, of `amount`, that is released at `due`.
fn hold_of(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &Charge,
    plan: &Plan,
    amount: i64,
    due: Option<Timestamp>,
) -> Result<Hold, Failure> {
    Ok(Hold {
        seq: ledger.next_seq()?,
        id: ledger.new_id("reshold"),
        created: ledger.now(),
        amount,
        released: 0,
        pool: charge.pool(),
        origin: Origin::Charge { charge: charge.id.clone(), plan: plan_of_hold(plan) },
        schedule: schedule(plan.terms, due),
        pending: !charge.settled,
        available_on: charge.available_on,
        metadata: Metadata::default(),
    })
}

/// When a hold is released. That of a rolling plan has a date of its own; that of a fixed one
/// follows the plan's, so that one update moves all of them.
const fn schedule(terms: Terms, due: Option<Timestamp>) -> Schedule {
    match (terms, due) {
        (Terms::Rolling { .. }, Some(scheduled_release)) => {
            Schedule::Own { release_after: None, scheduled_release }
        }
        _ => Schedule::Plan { announced: due },
    }
}

/// A hold's view of the plan that makes it. It is not draining: such a plan applies to no charge.
fn plan_of_hold(plan: &Plan) -> PlanOfHold {
    PlanOfHold {
        seq: plan.seq,
        id: plan.id.clone(),
        scheduled_release: plan.terms.scheduled_release(),
        draining: false,
        draw: plan.draw,
    }
}
