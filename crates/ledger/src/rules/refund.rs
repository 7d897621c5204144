//! What a refund does to its charge's money.

use super::absorb::{self, ParkedDebit};
use super::charge::{self, Debit};
use super::warning::look_at_charge;
use super::{MoneyBack, ReserveRules, Taker, Withdrawal};
use crate::model::account::Bucket;
use crate::model::charge::Charge;
use crate::model::entry::Entry;
use crate::model::movement::{self, Movement};
use crate::model::parked::{Kind, ParkedIntake};
use crate::model::refund::Refund;
use crate::money::sum;
use crate::sql;
use crate::store::{charge as charges, movement as movements, refund as store};
use crate::tx::LedgerTx;
use coffer_base::Timestamp;
use coffer_kernel::Failure;

/// Records a refund. It consumes the charge's reserve first.
pub async fn record<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &mut Charge,
    mut refund: Refund,
    rules: &R,
) -> Result<Refund, Failure> {
    let withdrawal = Withdrawal::Refund { id: &refund.id, amount: refund.amount };
    let reserve = rules.money_out(ledger, charge, &withdrawal).await?;
    refund.consumed = reserve.consumed;
    let debit = Debit {
        kind: "refund",
        source: &refund.id,
        created: refund.created,
        amount: refund.amount,
        fee: 0,
    };
    refund.from_pending = charge::withdraw(ledger, charge, &debit, reserve.pending).await?;
    charge.refunded = sum(charge.refunded, refund.amount)?;
    charges::update(ledger.tx, ledger.owner, charge);
    look_at_charge(ledger, charge)?;
    store::insert(ledger.tx, ledger.owner, &refund);
    Ok(refund)
}

/// Records a refund of a charge that is not known, out of what is available. It waits for the
/// charge.
pub(crate) async fn record_parked(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &str,
    mut refund: Refund,
) -> Result<Refund, Failure> {
    refund.parked = true;
    move_available(ledger, &refund, "refund", (refund.created, refund.amount)).await?;
    store::insert(ledger.tx, ledger.owner, &refund);
    let fact = ParkedIntake {
        seq: refund.seq,
        kind: Kind::Refund,
        id: refund.id.clone(),
        charge: charge.to_owned(),
        created: refund.created,
        recorded: ledger.now(),
    };
    absorb::park(ledger, &fact);
    Ok(refund)
}

/// The charge of a refund that was parked is known now.
pub(super) async fn take_up<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &mut Charge,
    id: &str,
    rules: &R,
) -> Result<(), Failure> {
    let Some(mut refund) = sql::find::<Refund>(ledger.tx, ledger.owner, id).await? else {
        return Ok(());
    };
    refund.parked = false;
    // Money in another currency than the charge's took nothing that is reserved of it.
    if refund.currency == charge.currency {
        let amount = refund.rest();
        let taken = ParkedDebit { id, pool: refund.pool(), amount, fee: 0 };
        let withdrawal = Withdrawal::Refund { id, amount };
        let found = absorb::absorb(ledger, charge, taken, &withdrawal, rules).await?;
        (refund.consumed, refund.from_pending) = found;
        refund.source_type = charge.source_type;
        charge.refunded = sum(charge.refunded, amount)?;
    }
    store::update(ledger.tx, ledger.owner, &refund);
    Ok(())
}

/// Records that a refund failed, as far as it has not before: the money is the account's again.
pub async fn fail<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &mut Charge,
    refund: &mut Refund,
    rules: &R,
) -> Result<(), Failure> {
    let failure = Failed { id: refund.id.clone(), amount: refund.rest(), created: ledger.now() };
    fail_part(ledger, Some(charge), refund, &failure, rules).await
}

/// The failure of a part of a refund.
#[derive(Clone, Debug)]
pub struct Failed {
    /// Its own id; the refund's if it has none.
    pub id: String,
    /// How much came back.
    pub amount: i64,
    /// When it came back.
    pub created: Timestamp,
}

/// Records that a part of a refund failed. What the refund released of the reserve stays released,
/// unless the rules reserve it again. `charge` is `None` while it is not known.
pub async fn fail_part<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    charge: Option<&mut Charge>,
    refund: &mut Refund,
    failure: &Failed,
    rules: &R,
) -> Result<(), Failure> {
    let before = refund.failed_amount;
    refund.failed_amount = sum(before, failure.amount)?;
    if let Some(charge) = charge.filter(|charge| charge.currency == refund.currency) {
        let debit = Debit {
            kind: "refund_failure",
            source: &refund.id,
            created: failure.created,
            amount: failure.amount,
            fee: 0,
        };
        let to_pending = refund.from_pending.min(failure.amount);
        charge::reinstate(ledger, charge, &debit, to_pending).await?;
        refund.from_pending = refund.from_pending.saturating_sub(to_pending);
        charge.refunded = charge.refunded.saturating_sub(failure.amount);
        charges::update(ledger.tx, ledger.owner, charge);
        let taker = Taker::Refund(&refund.id);
        let back = MoneyBack::of(taker, refund.consumed, before, failure.amount);
        if let Some(back) = back {
            rules.money_back(ledger, charge, &back).await?;
        }
    } else {
        let back = (failure.created, failure.amount.saturating_neg());
        move_available(ledger, refund, "refund_failure", back).await?;
    }
    let movement = Movement {
        seq: ledger.next_seq()?,
        kind: movement::Kind::Refund,
        parent: refund.id.clone(),
        id: failure.id.clone(),
        amount: failure.amount,
        fee: 0,
        consumed: 0,
        created: failure.created,
    };
    movements::insert(ledger.tx, ledger.owner, &movement);
    refund.created = refund.created.min(failure.created);
    store::update(ledger.tx, ledger.owner, refund);
    Ok(())
}

/// The failure of a refund with this id, if it was told.
pub(crate) async fn find_failure(
    ledger: &mut LedgerTx<'_, '_>,
    refund: &Refund,
    id: &str,
) -> Result<Option<Movement>, Failure> {
    let which = (movement::Kind::Refund, refund.id.as_str(), id);
    Ok(movements::find(ledger.tx, ledger.owner, which).await?)
}

/// Adds when a refund took place, which was not told with it.
pub(crate) fn tell_created(ledger: &mut LedgerTx<'_, '_>, refund: &mut Refund, created: Timestamp) {
    refund.created = created;
    refund.told_created = Some(created);
    store::update(ledger.tx, ledger.owner, refund);
}

/// Takes an amount of a refund out of what is available, or brings it back there if it is negative.
async fn move_available(
    ledger: &mut LedgerTx<'_, '_>,
    refund: &Refund,
    kind: &'static str,
    (created, amount): (Timestamp, i64),
) -> Result<(), Failure> {
    let buckets = (Bucket::PaymentsAvailable, Bucket::Clearing);
    let entry = Entry {
        kind,
        source: &refund.id,
        created,
        available_on: created,
        application_fee: 0,
        postings: &[charge::signed_posting(refund.pool(), buckets, amount)],
    };
    ledger.post(&entry).await
}
