//! The story of a hold, of a charge, or of a payout: what happened, in the order in which the books
//! were told, and why.

use crate::limits;
use crate::model::hold::Hold;
use crate::model::plan::{Plan, Terms};
use crate::model::release::Reason;
use crate::store::plan_version::{self, PlanVersion};
use crate::store::story::{ReleasedPart, holds_of_charge, released_of_hold};
use coffer_base::civil::readable;
use coffer_base::{Owner, Timestamp};
use coffer_ledger::history::{PoolAt, pool_around};
use coffer_ledger::model::payout::Payout;
use coffer_ledger::stories::{Cause, Kind, Movement, movements};
use coffer_ledger::{Pool, sql};
use coffer_storage::{StorageError, Store};

/// Something that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Step {
    /// Its number in the ledger, by which steps are ordered.
    pub(crate) seq: i64,
    pub(crate) at: Timestamp,
    /// What it was, in one word.
    pub(crate) what: &'static str,
    /// The id of what it was: a charge, a hold, a release, a refund, a dispute, a payout.
    pub(crate) id: String,
    /// How much it was about, in minor units; negative if it left the account.
    pub(crate) amount: i64,
    /// What happened and why, for people.
    pub(crate) text: String,
}

/// A hold and what made it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct HoldOrigin {
    pub(crate) hold: Hold,
    /// The plan, as it was when it made the hold, and all that it was.
    pub(crate) plan: Option<PlanOrigin>,
}

/// A plan as it was when it made a hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PlanOrigin {
    pub(crate) plan: Plan,
    pub(crate) version: Option<PlanVersion>,
    pub(crate) versions: Vec<PlanVersion>,
}

/// Reads what made a hold.
pub(crate) async fn origin(
    store: &Store,
    owner: &Owner,
    hold: Hold,
) -> Result<HoldOrigin, StorageError> {
    let Some(of) = hold.plan() else { return Ok(HoldOrigin { hold, plan: None }) };
    let plan = sql::read::<Plan>(store, owner, &of.id).await?;
    let version = plan_version::of_hold(store, owner, of.seq, hold.seq).await?;
    let versions = plan_version::all(store, owner, of.seq, limits::STORY_STEPS).await?;
    let plan = plan.map(|plan| PlanOrigin { plan, version, versions });
    Ok(HoldOrigin { hold, plan })
}

/// The story of a hold: its charge, the hold, what was refunded and disputed of the charge, and
/// every release of the hold.
pub(crate) async fn of_hold(
    store: &Store,
    owner: &Owner,
    origin: &HoldOrigin,
) -> Result<Vec<Step>, StorageError> {
    let mut steps = match origin.hold.charge() {
        None => Vec::new(),
        Some(charge) => charge_steps(store, owner, charge).await?,
    };
    hold_steps(store, owner, origin, &mut steps).await?;
    Ok(sorted(steps))
}

/// The story of a charge: what moved because of it, its holds, and what came of them.
pub(crate) async fn of_charge(
    store: &Store,
    owner: &Owner,
    charge: &str,
) -> Result<(Vec<HoldOrigin>, Vec<Step>), StorageError> {
    let mut steps = charge_steps(store, owner, charge).await?;
    let mut origins = Vec::new();
    for hold in holds_of_charge(store, owner, charge, limits::STORY_STEPS).await? {
        let origin = origin(store, owner, hold).await?;
        hold_steps(store, owner, &origin, &mut steps).await?;
        origins.push(origin);
    }
    Ok((origins, sorted(steps)))
}

/// The story of a payout: when the money left, and whether it came back; and what its pool was
/// before and after it left, as the books had it, which may have been told of it much later.
pub(crate) async fn of_payout(
    store: &Store,
    owner: &Owner,
    payout: &Payout,
) -> Result<(Vec<Step>, [PoolAt; 2]), StorageError> {
    let id = payout.id.as_str();
    let found = movements(store, owner, Kind::Payout, id, limits::STORY_STEPS).await?;
    let pool = Pool { currency: payout.currency, source_type: payout.source_type };
    let around = match found.first() {
        Some(left) => pool_around(store, owner, pool, left.entry, left.created).await?,
        None => [PoolAt::default(); 2],
    };
    let step = |movement: &Movement| {
        let (what, text) = if movement.amount < 0 {
            ("payout", "left the available balance for the bank")
        } else {
            ("returned", "came back: the bank did not take it, or it was stopped")
        };
        let amount = money(movement.amount.saturating_abs(), movement);
        step_of(movement, what, format!("{amount} {text}"))
    };
    Ok((found.iter().map(step).collect(), around))
}

fn sorted(mut steps: Vec<Step>) -> Vec<Step> {
    steps.sort_by_key(|step| step.seq);
    steps
}

fn money(amount: i64, movement: &Movement) -> String {
    format!("{amount} {}", movement.currency)
}

fn step_of(movement: &Movement, what: &'static str, text: String) -> Step {
    Step {
        seq: movement.seq,
        at: movement.created,
        what,
        id: movement.source.clone(),
        amount: movement.amount.saturating_sub(movement.fee),
        text,
    }
}

/// What moved because of a charge, its refunds and its disputes.
async fn charge_steps(
    store: &Store,
    owner: &Owner,
    charge: &str,
) -> Result<Vec<Step>, StorageError> {
    let found = movements(store, owner, Kind::Charge, charge, limits::STORY_STEPS).await?;
    Ok(found.iter().map(charge_step).collect())
}

fn charge_step(movement: &Movement) -> Step {
    let amount = money(movement.amount.saturating_abs(), movement);
    let fee = match movement.fee {
        0 => String::new(),
        fee if fee < 0 => format!(", and a fee of {} came back", fee.saturating_neg()),
        fee => format!(", with a fee of {fee}"),
    };
    let out = movement.amount < 0;
    let id = &movement.source;
    let (what, text) = match (movement.cause, out) {
        (Cause::Itself, false) if movement.amount > 0 => {
            let on = readable(movement.available_on);
            ("charge", format!("charge {id}: {amount} came in{fee}, available on {on}"))
        }
        (Cause::Itself, false) => ("fee", format!("the fee of charge {id} was corrected{fee}")),
        (Cause::Itself, true) => {
            ("failure", format!("charge {id} failed: {amount} went back{fee}"))
        }
        (Cause::Refund, true) => ("refund", format!("refund {id}: {amount} went back{fee}")),
        (Cause::Refund, false) => {
            ("refund_failure", format!("refund {id} failed: {amount} came back{fee}"))
        }
        (Cause::Dispute, true) => ("dispute", format!("dispute {id}: {amount} was withdrawn{fee}")),
        (Cause::Dispute, false) => {
            ("reinstatement", format!("dispute {id}: {amount} was reinstated{fee}"))
        }
    };
    step_of(movement, what, text)
}

/// That a hold was made, and every release of it.
async fn hold_steps(
    store: &Store,
    owner: &Owner,
    origin: &HoldOrigin,
    steps: &mut Vec<Step>,
) -> Result<(), StorageError> {
    let hold = &origin.hold;
    let currency = hold.pool.currency;
    let why = match &origin.plan {
        None => "a caller asked for it".to_owned(),
        Some(plan) => by_plan(plan),
    };
    let until = hold.scheduled_release().map_or_else(
        || "until somebody releases it".to_owned(),
        |at| format!("until {}", readable(at)),
    );
    steps.push(Step {
        seq: hold.seq,
        at: hold.created,
        what: "hold",
        id: hold.id.clone(),
        amount: hold.amount.saturating_neg(),
        text: format!("{} {currency} were held as {}, {until}: {why}", hold.amount, hold.id),
    });
    let mut left = hold.amount;
    for taken in released_of_hold(store, owner, hold.seq, limits::STORY_STEPS).await? {
        left = left.saturating_sub(taken.amount);
        let part = match left {
            0 => "all that was left".to_owned(),
            left => format!("{left} stay held"),
        };
        let why = release_reason(&taken, origin);
        steps.push(Step {
            seq: taken.seq,
            at: taken.created,
            what: "release",
            id: taken.id.clone(),
            amount: taken.amount,
            text: format!("{} {currency} of {} came free ({part}): {why}", taken.amount, hold.id),
        });
    }
    Ok(())
}

/// By which plan, in which version, and what that said.
fn by_plan(origin: &PlanOrigin) -> String {
    let id = &origin.plan.id;
    match &origin.version {
        None => format!("plan {id}"),
        Some(version) => format!("plan {id}, version {}, {}", version.version, terms(version)),
    }
}

/// What a version of a plan says.
pub(crate) fn terms(version: &PlanVersion) -> String {
    let percent = version.percent;
    match version.terms {
        Terms::Rolling { days_after_charge, .. } => {
            format!("which held {percent} % of a charge for {days_after_charge} days")
        }
        Terms::Fixed { .. } => {
            let date = version.terms.scheduled_release().map(readable).unwrap_or_default();
            format!("which held {percent} % of a charge until {date}")
        }
        Terms::Manual => format!("which held {percent} % of a charge until it is released by hand"),
    }
}

/// Why a part of a hold came free.
fn release_reason(taken: &ReleasedPart, origin: &HoldOrigin) -> String {
    match taken.reason {
        Reason::HoldReleasedEarly => "a caller asked for it before its date".to_owned(),
        Reason::HoldReversed => match &taken.source {
            Some((kind, id)) => format!("{kind} {id} took it"),
            None => "money of its charge went back".to_owned(),
        },
        Reason::PlanDisabled => match &origin.plan {
            Some(plan) => format!("plan {} was disabled, which releases all of it", plan.plan.id),
            None => "its plan was disabled".to_owned(),
        },
        Reason::HoldExpired => {
            let date = origin.hold.scheduled_release();
            let late = date.map_or(0, |date| taken.created.unix().saturating_sub(date.unix()));
            let date = date.map(readable).unwrap_or_default();
            if late > limits::OVERDUE_SECONDS {
                format!("its date had come, {date}; it was released {late} seconds late")
            } else {
                format!("its date had come, {date}")
            }
        }
    }
}
