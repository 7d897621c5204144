//! What a fact does that comes before its charge: it is parked, and what it took out of what was
//! available is debit of the charge's reserve and pending money when the charge is told.

use super::charge::signed_posting;
use super::{ReserveRules, Withdrawal};
use crate::model::account::Bucket;
use crate::model::charge::Charge;
use crate::model::entry::{Entry, Pool};
use crate::model::parked::ParkedIntake;
use crate::store::parked as store;
use crate::tx::LedgerTx;
use coffer_kernel::Failure;

/// Notes that a fact waits for a charge.
pub(super) fn park(ledger: &mut LedgerTx<'_, '_>, fact: &ParkedIntake) {
    store::insert(ledger.tx, ledger.owner, fact);
}

/// What a fact that was parked took, out of what was available.
#[derive(Clone, Copy, Debug)]
pub(super) struct ParkedDebit<'a> {
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
/// known: what it would have debit had the charge come first. Returns how much of each.
pub(super) async fn absorb<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &mut Charge,
    debit: ParkedDebit<'_>,
    withdrawal: &Withdrawal<'_>,
    rules: &R,
) -> Result<(i64, i64), Failure> {
    let buckets = (Bucket::PaymentsAvailable, debit);
    change_pool(ledger, buckets, charge.pool()).await?;
    let reserve = rules.money_out(ledger, charge, withdrawal).await?;
    let pending = charge.share_of_pending(reserve.pending, debit.amount);
    let entry = Entry {
        kind: "availability",
        source: debit.id,
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
    (payments, debit): (Bucket, ParkedDebit<'_>),
    to: Pool,
) -> Result<(), Failure> {
    if debit.pool == to {
        return Ok(());
    }
    let of = |pool| {
        [
            signed_posting(pool, (payments, Bucket::Clearing), debit.amount),
            signed_posting(pool, (payments, Bucket::Fees), debit.fee),
        ]
    };
    let [amount, fee] = of(debit.pool);
    let [new_amount, new_fee] = of(to);
    let entry = Entry {
        kind: "pool_change",
        source: debit.id,
        created: ledger.now(),
        available_on: ledger.now(),
        application_fee: 0,
        postings: &[amount.reversed(), fee.reversed(), new_amount, new_fee],
    };
    ledger.post(&entry).await
}
