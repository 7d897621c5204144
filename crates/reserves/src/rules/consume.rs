//! What refunds and disputes consume of their charge's reserve. Holds of other charges, and those
//! of callers, are never consumed.

use super::release::release;
use crate::model::hold::Hold;
use crate::model::release::{Allocation, Reason, ReleaseReason, Source};
use crate::store::hold as store;
use crate::{Consumption, Settings};
use coffer_dialect::Object;
use coffer_kernel::Failure;
use coffer_ledger::{Bucket, Charge, LedgerTx, Reserve, Withdrawal};
use coffer_storage::StorageError;

/// Releases what a withdrawal consumes of the charge's reserve, into the payments balance: a
/// release for each hold, the oldest plan's first. It takes the withdrawal's amount, or as much as
/// is left; of a plan that draws by [`Consumption::OnlyIfNeeded`] only what the account's own money
/// does not cover.
pub(crate) async fn consume_reserve(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &Charge,
    withdrawal: &Withdrawal<'_>,
    settings: &Settings,
) -> Result<Reserve, Failure> {
    let (source, amount) = match *withdrawal {
        Withdrawal::Fee => {
            // A fee consumes nothing, and must not take what is reserved of pending money either.
            let pending = store::reserved_pending(ledger.tx, ledger.owner, &charge.id).await?;
            return Ok(Reserve { consumed: 0, pending });
        }
        Withdrawal::Refund { id, amount } => (Some(Source::Refund(id.to_owned())), amount),
        Withdrawal::Dispute { id, amount } => (Some(Source::Dispute(id.to_owned())), amount),
        // There is nothing that Stripe's field could name.
        Withdrawal::Failure { amount } => (None, amount),
    };
    let holds = store::of_charge(ledger.tx, ledger.owner, &charge.id).await?;
    let pending = pending_of(&holds);
    let draws =
        |hold: &Hold| hold.plan().and_then(|plan| plan.draw).unwrap_or(settings.consumption);
    let asks = holds.iter().any(|hold| draws(hold) == Consumption::OnlyIfNeeded);
    let own = if asks { own_money(ledger, charge, pending).await? } else { 0 };
    let mut left = amount;
    let mut shares = Vec::new();
    for hold in holds {
        let wanted = match draws(&hold) {
            Consumption::ReserveFirst => left,
            Consumption::OnlyIfNeeded => left.saturating_sub(own),
        };
        let share = hold.remaining().min(wanted);
        if share > 0 {
            left = left.saturating_sub(share);
            shares.push((hold, share));
        }
    }
    let consumed = consume_holds(ledger, shares, source.as_ref()).await?;
    if let Withdrawal::Dispute { id, amount } = *withdrawal {
        tell_shortfall(ledger, charge, (id, amount), consumed.amount).await?;
    }
    Ok(Reserve { consumed: consumed.amount, pending: pending.saturating_sub(consumed.of_pending) })
}

/// Emits `coffer.reserve.short` if a dispute is larger than what was left of its charge's reserve.
/// A charge of which nothing was ever held has none that could be too small.
async fn tell_shortfall(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &Charge,
    (dispute, amount): (&str, i64),
    consumed: i64,
) -> Result<(), Failure> {
    if consumed >= amount || !store::was_held(ledger.tx, ledger.owner, &charge.id).await? {
        return Ok(());
    }
    let id = ledger.new_id("resalert");
    let object = Object::new(&id, "reserve.alert")
        .set("amount", amount)
        .set("charge", charge.id.clone())
        .set("consumed", consumed)
        .set("created", ledger.now())
        .set("currency", charge.currency.to_string())
        .set("dispute", dispute.to_owned())
        .set("livemode", ledger.owner.mode.is_live())
        .set("missing", amount.saturating_sub(consumed));
    ledger.emit_event("coffer.reserve.short", object, None).await?;
    Ok(())
}

/// How much of a charge's holds was consumed.
#[derive(Default)]
struct Consumed {
    /// Of all of them.
    amount: i64,
    /// Of those that are pending.
    of_pending: i64,
}

/// Releases a share of each hold, in their order. Each has a release of its own, whose event names
/// the refund or the dispute.
async fn consume_holds(
    ledger: &mut LedgerTx<'_, '_>,
    shares: Vec<(Hold, i64)>,
    source: Option<&Source>,
) -> Result<Consumed, Failure> {
    let mut consumed = Consumed::default();
    for (hold, amount) in shares {
        consumed.amount = consumed.amount.saturating_add(amount);
        if hold.pending {
            consumed.of_pending = consumed.of_pending.saturating_add(amount);
        }
        let source = source.cloned();
        let reason = ReleaseReason { source, ..ReleaseReason::of(Reason::HoldReversed) };
        release(ledger, &[Allocation { hold, amount }], reason).await?;
    }
    Ok(consumed)
}

/// How much of pending money is reserved by these holds.
fn pending_of(holds: &[Hold]) -> i64 {
    let pending = holds.iter().filter(|hold| hold.pending).map(Hold::remaining);
    pending.fold(0, i64::saturating_add)
}

/// What the account can pay with: what is available, and what of the charge's pending money is not
/// `reserved`. An available balance below zero counts as 0.
async fn own_money(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &Charge,
    reserved: i64,
) -> Result<i64, Failure> {
    let balance = ledger.balance(charge.pool()).await?;
    let available = balance.of(Bucket::PaymentsAvailable).max(0);
    if charge.settled {
        return Ok(available);
    }
    if charge.by_transaction {
        // What is pending of it is not told apart from other pending money of its pool.
        return Ok(available.saturating_add(balance.of(Bucket::PaymentsPending).max(0)));
    }
    Ok(available.saturating_add(charge.pending.saturating_sub(reserved).max(0)))
}

/// Stores that a charge's holds are available. Returns how much they are, which the ledger moves
/// from reserved pending to reserved available. Of a charge that transactions tell, those of one
/// capture are.
pub(crate) async fn settle_holds(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &Charge,
) -> Result<i64, StorageError> {
    let until = match charge.by_transaction {
        true => charge.available_on.unix(),
        false => i64::MAX,
    };
    let reserved = store::pending_until(ledger.tx, ledger.owner, &charge.id, until).await?;
    store::settle_charge(ledger.tx, ledger.owner, &charge.id, until);
    Ok(reserved)
}
