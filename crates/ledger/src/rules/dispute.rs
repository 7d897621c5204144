//! What a dispute does to its charge's money. Its money and its outcome are apart: movements tell
//! the one, words the other.

use super::absorb::{self, ParkedDebit};
use super::charge::{self, Debit, signed_posting};
use super::warning::look_at_charge;
use super::{MoneyBack, ReserveRules, Taker, Withdrawal};
use crate::model::account::Bucket;
use crate::model::charge::Charge;
use crate::model::dispute::{Dispute, FirstTelling, Status};
use crate::model::entry::Entry;
use crate::model::movement::{self, Movement};
use crate::model::parked::{Kind, ParkedIntake};
use crate::money::sum;
use crate::sql;
use crate::store::{charge as charges, dispute as store, movement as movements};
use crate::tx::LedgerTx;
use coffer_base::Timestamp;
use coffer_kernel::Failure;

/// Records a dispute, whose funds are withdrawn. It consumes its charge's reserve first, though not
/// for its fee.
pub async fn record<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &mut Charge,
    mut dispute: Dispute,
    rules: &R,
) -> Result<Dispute, Failure> {
    let money = (dispute.created, dispute.amount, dispute.fee);
    withdraw(ledger, charge, &mut dispute, money, rules).await?;
    store::insert(ledger.tx, ledger.owner, &dispute);
    Ok(dispute)
}

/// Records a dispute of a charge that is not known, out of what is available. It waits for the
/// charge.
pub(crate) async fn record_parked(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &str,
    mut dispute: Dispute,
) -> Result<Dispute, Failure> {
    dispute.parked = true;
    move_available(ledger, &dispute, (dispute.created, dispute.amount, dispute.fee)).await?;
    store::insert(ledger.tx, ledger.owner, &dispute);
    let fact = ParkedIntake {
        seq: dispute.seq,
        kind: Kind::Dispute,
        id: dispute.id.clone(),
        charge: charge.to_owned(),
        created: dispute.created,
        recorded: ledger.now(),
    };
    absorb::park(ledger, &fact);
    Ok(dispute)
}

/// The charge of a dispute that was parked is known now.
pub(super) async fn take_up<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &mut Charge,
    id: &str,
    rules: &R,
) -> Result<(), Failure> {
    let Some(mut dispute) = sql::find::<Dispute>(ledger.tx, ledger.owner, id).await? else {
        return Ok(());
    };
    dispute.parked = false;
    charge.disputed = true;
    if dispute.currency == charge.currency {
        let amount = dispute.out();
        let fee = if dispute.fee_returned { 0 } else { dispute.fee };
        let taken = ParkedDebit { id, pool: dispute.pool(), amount, fee };
        let withdrawal = Withdrawal::Dispute { id, amount: amount.max(0) };
        let found = absorb::absorb(ledger, charge, taken, &withdrawal, rules).await?;
        (dispute.consumed, dispute.from_pending) = found;
        dispute.source_type = charge.source_type;
    }
    store::update(ledger.tx, ledger.owner, &dispute);
    Ok(())
}

/// Money of a dispute that was withdrawn or reinstated.
#[derive(Clone, Debug)]
pub struct Move {
    /// Its own id.
    pub id: String,
    /// Negative if it was withdrawn.
    pub amount: i64,
    /// Positive if it was taken.
    pub fee: i64,
    /// When it took place.
    pub created: Timestamp,
}

/// Records a movement of a dispute's money. `charge` is `None` while it is not known.
pub async fn move_money<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    charge: Option<&mut Charge>,
    dispute: &mut Dispute,
    moved: &Move,
    rules: &R,
) -> Result<(), Failure> {
    let consumed = dispute.consumed;
    let money = (moved.created, moved.amount.saturating_neg(), moved.fee);
    match charge.filter(|charge| charge.currency == dispute.currency) {
        None => move_available(ledger, dispute, money).await?,
        Some(charge) if moved.amount > 0 => {
            reinstate(ledger, charge, dispute, money, rules).await?
        }
        Some(charge) => withdraw(ledger, charge, dispute, money, rules).await?,
    }
    if moved.amount > 0 {
        dispute.reinstated = sum(dispute.reinstated, moved.amount)?;
    } else {
        dispute.withdrawn = sum(dispute.withdrawn, moved.amount.saturating_neg())?;
    }
    dispute.fee = sum(dispute.fee, moved.fee)?;
    dispute.moved = true;
    dispute.created = dispute.created.min(moved.created);
    let movement = Movement {
        seq: ledger.next_seq()?,
        kind: movement::Kind::Dispute,
        parent: dispute.id.clone(),
        id: moved.id.clone(),
        amount: moved.amount,
        fee: moved.fee,
        consumed: dispute.consumed.saturating_sub(consumed),
        created: moved.created,
    };
    movements::insert(ledger.tx, ledger.owner, &movement);
    store::update(ledger.tx, ledger.owner, dispute);
    Ok(())
}

/// Records that a dispute was won, of which no movement tells the money: what is still out comes
/// back, and its fee if the processor returned it. `charge` is `None` while it is not known.
pub async fn win<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    charge: Option<&mut Charge>,
    dispute: &mut Dispute,
    fee_returned: bool,
    rules: &R,
) -> Result<(), Failure> {
    let back = dispute.out().max(0);
    let returns = fee_returned && !dispute.fee_returned;
    let fee = if returns { dispute.fee.saturating_neg() } else { 0 };
    let money = (ledger.now(), back.saturating_neg(), fee);
    match charge.filter(|charge| charge.currency == dispute.currency) {
        None => move_available(ledger, dispute, money).await?,
        Some(charge) => reinstate(ledger, charge, dispute, money, rules).await?,
    }
    dispute.reinstated = sum(dispute.reinstated, back)?;
    dispute.fee_returned |= fee_returned;
    dispute.status = Status::Won;
    store::update(ledger.tx, ledger.owner, dispute);
    Ok(())
}

/// Records a word about a dispute's outcome, which moves nothing.
pub fn say(ledger: &mut LedgerTx<'_, '_>, dispute: &mut Dispute, status: Status) {
    dispute.status = status;
    store::update(ledger.tx, ledger.owner, dispute);
}

/// Adds what was not told with a dispute: its fee is posted, and what of it movements told stays.
pub(crate) async fn tell_late(
    ledger: &mut LedgerTx<'_, '_>,
    dispute: &mut Dispute,
    late: &FirstTelling,
) -> Result<(), Failure> {
    let (now, fee) = (ledger.now(), late.fee.unwrap_or(0));
    move_available(ledger, dispute, (now, 0, fee)).await?;
    dispute.fee = sum(dispute.fee, fee)?;
    dispute.told.fee = dispute.told.fee.or(late.fee);
    if let Some(created) = late.created {
        // Movements may have told an earlier time.
        dispute.created = if dispute.moved { dispute.created.min(created) } else { created };
        dispute.told.created = Some(created);
    }
    store::update(ledger.tx, ledger.owner, dispute);
    Ok(())
}

/// The movement of a dispute with this id, if it was told.
pub(crate) async fn find_movement(
    ledger: &mut LedgerTx<'_, '_>,
    dispute: &Dispute,
    id: &str,
) -> Result<Option<Movement>, Failure> {
    let which = (movement::Kind::Dispute, dispute.id.as_str(), id);
    Ok(movements::find(ledger.tx, ledger.owner, which).await?)
}

/// The time, the amount and the fee of money that leaves; negative if it comes back.
type Money = (Timestamp, i64, i64);

/// Takes money of a dispute out of its charge, whose reserve it consumes first.
async fn withdraw<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &mut Charge,
    dispute: &mut Dispute,
    (created, amount, fee): Money,
    rules: &R,
) -> Result<(), Failure> {
    let withdrawal = Withdrawal::Dispute { id: &dispute.id, amount };
    let reserve = rules.money_out(ledger, charge, &withdrawal).await?;
    dispute.consumed = sum(dispute.consumed, reserve.consumed)?;
    let debit = Debit { kind: "adjustment", source: &dispute.id, created, amount, fee };
    let pending = charge::withdraw(ledger, charge, &debit, reserve.pending).await?;
    dispute.from_pending = sum(dispute.from_pending, pending)?;
    charge.disputed = true;
    charges::update(ledger.tx, ledger.owner, charge);
    look_at_charge(ledger, charge)
}

/// Brings money of a dispute back to its charge. What the dispute released of the reserve stays
/// released, unless the rules reserve it again.
async fn reinstate<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &mut Charge,
    dispute: &mut Dispute,
    (created, amount, fee): Money,
    rules: &R,
) -> Result<(), Failure> {
    let amount = amount.saturating_neg();
    let debit = Debit { kind: "adjustment", source: &dispute.id, created, amount, fee };
    let to_pending = dispute.from_pending.min(amount);
    charge::reinstate(ledger, charge, &debit, to_pending).await?;
    dispute.from_pending = dispute.from_pending.saturating_sub(to_pending);
    charges::update(ledger.tx, ledger.owner, charge);
    let taker = Taker::Dispute(&dispute.id);
    let back = MoneyBack::of(taker, dispute.consumed, dispute.reinstated, amount);
    if let Some(back) = back {
        rules.money_back(ledger, charge, &back).await?;
    }
    Ok(())
}

/// Takes money of a dispute out of what is available, or brings it back there.
async fn move_available(
    ledger: &mut LedgerTx<'_, '_>,
    dispute: &Dispute,
    (created, amount, fee): Money,
) -> Result<(), Failure> {
    let pool = dispute.pool();
    let entry = Entry {
        kind: "adjustment",
        source: &dispute.id,
        created,
        available_on: created,
        application_fee: 0,
        postings: &[
            signed_posting(pool, (Bucket::PaymentsAvailable, Bucket::Clearing), amount),
            charge::fee_posting(pool, Bucket::PaymentsAvailable, fee),
        ],
    };
    ledger.post(&entry).await
}
