//! What is held of a charge when it comes in (reserves §4.4), and what callers ask to hold.

use crate::account::Bucket;
use crate::charge::Charge;
use crate::hold::{Hold, Origin, PlanOfHold, Schedule};
use crate::ledger::Entry;
use crate::plan::{Plan, Terms};
use crate::store::{hold as store, plan as plans};
use crate::turn::Turn;
use crate::{Settings, wire};
use coffer_base::Timestamp;
use coffer_dialect::Metadata;
use coffer_kernel::Failure;

/// Holds what the account's plans ask for, each of the original net, in the order of their
/// creation (reserves §11, decisions 7 and 26). The charge is recorded already.
///
/// # Errors
/// As [`Turn::post`].
pub(crate) async fn reserve_for_charge(
    turn: &mut Turn<'_, '_>,
    charge: &Charge,
    settings: &Settings,
) -> Result<(), Failure> {
    let mut held = 0i64;
    for plan in plans::applying(turn.tx, turn.owner, charge.pool(), charge.created).await? {
        let amount = plan.share(charge.net(), held, settings.hold_floor.max(1));
        let due = plan.terms.release_of(charge.created, turn.now());
        let (Ok(due), true) = (due, amount > 0 && plan.applies()) else { continue };
        held = held.saturating_add(amount);
        let new = of_charge(turn, charge, &plan, amount, due)?;
        add(turn, &new).await?;
    }
    Ok(())
}

fn of_charge(
    turn: &mut Turn<'_, '_>,
    charge: &Charge,
    plan: &Plan,
    amount: i64,
    due: Option<Timestamp>,
) -> Result<Hold, Failure> {
    let schedule = match (plan.terms, due) {
        (Terms::Rolling { .. }, Some(scheduled_release)) => {
            Schedule::Own { release_after: None, scheduled_release }
        }
        _ => Schedule::Plans { told: due },
    };
    let plan = PlanOfHold {
        seq: plan.seq,
        id: plan.id.clone(),
        scheduled_release: plan.terms.scheduled_release(),
        draining: false,
    };
    Ok(Hold {
        seq: turn.next_seq()?,
        id: turn.new_id("reshold"),
        created: turn.now(),
        amount,
        released: 0,
        pool: charge.pool(),
        origin: Origin::Charge { charge: charge.id.clone(), plan },
        schedule,
        pending: !charge.settled,
        available_on: charge.available_on,
        metadata: Metadata::default(),
    })
}

/// Adds a hold: its row, its posting, its event.
///
/// # Errors
/// As [`Turn::post`].
pub(crate) async fn add(turn: &mut Turn<'_, '_>, hold: &Hold) -> Result<(), Failure> {
    store::insert(turn.tx, turn.owner, hold);
    let entry = Entry {
        kind: "reserve_hold",
        source: &hold.id,
        created: hold.created,
        available_on: if hold.pending { hold.available_on } else { hold.created },
        application_fee: 0,
        postings: &[hold.pool.posting(Bucket::payments(hold.pending), hold.bucket(), hold.amount)],
    };
    turn.post(&entry).await?;
    let object = wire::hold_in_event(hold, &[], turn.owner);
    turn.tell("reserve.hold.created", object, None).await?;
    Ok(())
}
