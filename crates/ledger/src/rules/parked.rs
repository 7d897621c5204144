//! Facts about a charge that is not known yet. Their money is posted at once, out of what is
//! available, so that the sums are right at every moment; what they mean for the charge and its
//! reserve follows when the charge is told.

use super::charge::signed_posting;
use super::{ReserveRules, Withdrawal, adjustment, dispute, refund, transaction};
use crate::model::account::Bucket;
use crate::model::charge::Charge;
use crate::model::entry::{Entry, Pool};
use crate::model::parked::{Kind, ParkedIntake};
use crate::store::{charge as charges, parked as store};
use crate::tx::LedgerTx;
use coffer_kernel::Failure;

/// Notes that a fact waits for a charge.
pub(super) fn park(ledger: &mut LedgerTx<'_, '_>, fact: &ParkedIntake) {
    store::insert(ledger.tx, ledger.owner, fact);
}

/// Takes up what waits for a charge that has just been told, in the order in which it happened: the
/// facts, and the transactions of the time after them.
pub(crate) async fn take_up<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &mut Charge,
    rules: &R,
) -> Result<(), Failure> {
    let waiting = store::of_charge(ledger.tx, ledger.owner, &charge.id).await?;
    for fact in &waiting {
        match fact.kind {
            Kind::Refund => refund::take_up(ledger, charge, &fact.id, rules).await?,
            Kind::Dispute => dispute::take_up(ledger, charge, &fact.id, rules).await?,
            Kind::Adjustment => adjustment::take_up(ledger, charge, &fact.id, rules).await?,
        }
        store::remove(ledger.tx, ledger.owner, fact);
    }
    if !waiting.is_empty() {
        charges::update(ledger.tx, ledger.owner, charge);
    }
    transaction::take_up(ledger, &charge.id, rules).await
}

/// What a fact that was parked took, out of what was available.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken<'a> {
    /// The id of the fact.
    pub(super) id: &'a str,
    /// The pool that it took from, while its charge's was not known.
    pub(super) pool: Pool,
    /// What has not come back of it.
    pub(super) amount: i64,
    /// The fees that it took.
    pub(super) fee: i64,
}

/// What a fact takes of its charge's reserve and of its pending money, now that the charge is
/// known: what it would have taken had the charge come first. Returns how much of each.
pub(super) async fn absorb<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &mut Charge,
    taken: Taken<'_>,
    withdrawal: &Withdrawal<'_>,
    rules: &R,
) -> Result<(i64, i64), Failure> {
    let buckets = (Bucket::PaymentsAvailable, taken);
    change_pool(ledger, buckets, charge.pool()).await?;
    let reserve = rules.money_out(ledger, charge, withdrawal).await?;
    let pending = charge.share_of_pending(reserve.pending, taken.amount);
    let entry = Entry {
        kind: "availability",
        source: taken.id,
        created: ledger.now(),
        available_on: ledger.now(),
        application_fee: 0,
        postings: &[charge.pool().posting(
            Bucket::PaymentsPending,
            Bucket::PaymentsAvailable,
            pending,
        )],
    };
    ledger.post(&entry).await?;
    charge.pending = charge.pending.saturating_sub(pending);
    Ok((reserve.consumed, pending))
}

/// Moves what a fact took out of `payments` to another pool. The account sees no pools, so that no
/// balance transaction tells it.
pub(super) async fn change_pool(
    ledger: &mut LedgerTx<'_, '_>,
    (payments, taken): (Bucket, Taken<'_>),
    to: Pool,
) -> Result<(), Failure> {
    if taken.pool == to {
        return Ok(());
    }
    let of = |pool| {
        [
            signed_posting(pool, (payments, Bucket::Clearing), taken.amount),
            signed_posting(pool, (payments, Bucket::Fees), taken.fee),
        ]
    };
    let [amount, fee] = of(taken.pool);
    let [new_amount, new_fee] = of(to);
    let entry = Entry {
        kind: "pool_change",
        source: taken.id,
        created: ledger.now(),
        available_on: ledger.now(),
        application_fee: 0,
        postings: &[amount.reversed(), fee.reversed(), new_amount, new_fee],
    };
    ledger.post(&entry).await
}
