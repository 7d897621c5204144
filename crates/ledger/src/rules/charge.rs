//! What happens to a charge's money: it comes in, its fee is corrected, refunds and disputes take
//! of it and bring it back, and it becomes available.

use super::{ReserveRules, Withdrawal};
use crate::model::account::Bucket;
use crate::model::charge::Charge;
use crate::model::entry::{Entry, Pool, Posting};
use crate::store::charge as store;
use crate::tx::LedgerTx;
use coffer_base::Timestamp;
use coffer_kernel::Failure;

/// Records a charge: its amount and its fees in one entry, and then what is reserved of it. A
/// charge that is available from the start goes to the available bucket at once.
pub async fn record<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &Charge,
    rules: &R,
) -> Result<(), Failure> {
    store::insert(ledger.tx, ledger.owner, charge);
    let (pool, payments) = (charge.pool(), Bucket::payments(!charge.settled));
    let entry = Entry {
        kind: "charge",
        source: &charge.id,
        created: charge.created,
        available_on: charge.available_on,
        application_fee: charge.application_fee,
        postings: &[
            pool.posting(Bucket::Clearing, payments, charge.amount),
            pool.posting(payments, Bucket::Fees, charge.fee.unwrap_or(0)),
            pool.posting(payments, Bucket::Fees, charge.application_fee),
        ],
    };
    ledger.post(&entry).await?;
    rules.money_in(ledger, charge).await
}

/// Corrects a charge's fee. Holds stay as they are, unless the rules follow it: their share was of
/// the net as it was known.
pub async fn correct_fee<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &mut Charge,
    fee: i64,
    rules: &R,
) -> Result<(), Failure> {
    let fees = (Some(fee), charge.application_fee);
    correct_fees(ledger, charge, fees, rules).await
}

/// Corrects the fees of a charge, the processor's and the platform's.
pub(super) async fn correct_fees<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &mut Charge,
    (fee, application_fee): (Option<i64>, i64),
    rules: &R,
) -> Result<(), Failure> {
    let after = Charge { fee, application_fee, ..charge.clone() };
    rules.fees_corrected(ledger, &after).await?;
    let more = charge.net().saturating_sub(after.net());
    let reserve = rules.money_out(ledger, charge, &Withdrawal::Fee).await?;
    let from_pending = match more {
        // A fee that comes back comes to where the charge's money is.
        ..0 if charge.settled => 0,
        ..0 => more,
        _ => charge.share_of_pending(reserve.pending, more),
    };
    let postings = [
        fee_posting(charge.pool(), Bucket::PaymentsPending, from_pending),
        fee_posting(charge.pool(), Bucket::PaymentsAvailable, more.saturating_sub(from_pending)),
    ];
    let entry = Entry {
        kind: "stripe_fee",
        source: &charge.id,
        created: ledger.now(),
        available_on: charge.available_on(from_pending.saturating_abs(), ledger.now()),
        application_fee: application_fee.saturating_sub(charge.application_fee),
        postings: &postings,
    };
    ledger.post(&entry).await?;
    charge.fee = fee;
    charge.application_fee = application_fee;
    charge.pending = charge.pending.saturating_sub(from_pending);
    store::update(ledger.tx, ledger.owner, charge);
    Ok(())
}

/// The posting of a fee that is taken out of `payments`, or comes back to it if it is negative.
pub(super) const fn fee_posting(pool: Pool, payments: Bucket, fee: i64) -> Posting {
    signed_posting(pool, (payments, Bucket::Fees), fee)
}

/// The posting of an amount from one bucket to another, or back if it is negative.
pub(super) const fn signed_posting(
    pool: Pool,
    (from, to): (Bucket, Bucket),
    amount: i64,
) -> Posting {
    if amount >= 0 {
        pool.posting(from, to, amount)
    } else {
        pool.posting(to, from, amount.saturating_neg())
    }
}

/// What a refund or a dispute takes of a charge, or brings back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Debit<'a> {
    /// The kind of its entry.
    pub(crate) kind: &'static str,
    /// The id of the refund or the dispute.
    pub(crate) source: &'a str,
    /// When the refund or the dispute took place, or when its money came back.
    pub(crate) created: Timestamp,
    /// How much goes or comes back, in minor units, without the fee.
    pub(crate) amount: i64,
    /// The fee of a dispute, which is taken out of what is available, also while the charge is
    /// pending; negative if it comes back.
    pub(crate) fee: i64,
}

/// Takes a debit's amount out of the charge's pending money, save the `reserved` part of it, and
/// the rest and the fee out of what is available, which may go below zero: the processor has taken
/// the money already. Returns how much came out of pending money.
pub(crate) async fn withdraw(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &mut Charge,
    debit: &Debit<'_>,
    reserved: i64,
) -> Result<i64, Failure> {
    let pending = charge.share_of_pending(reserved, debit.amount);
    let (pool, available) = (charge.pool(), debit.amount.saturating_sub(pending));
    let entry = Entry {
        kind: debit.kind,
        source: debit.source,
        created: debit.created,
        available_on: charge.available_on(pending, debit.created),
        application_fee: 0,
        postings: &[
            pool.posting(Bucket::PaymentsPending, Bucket::Clearing, pending),
            pool.posting(Bucket::PaymentsAvailable, Bucket::Clearing, available),
            fee_posting(pool, Bucket::PaymentsAvailable, debit.fee),
        ],
    };
    ledger.post(&entry).await?;
    charge.pending = charge.pending.saturating_sub(pending);
    Ok(pending)
}

/// Brings a debit back: `from_pending` to the charge's pending money unless that is available by
/// now, and the rest to what is available.
pub(crate) async fn reinstate(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &mut Charge,
    debit: &Debit<'_>,
    from_pending: i64,
) -> Result<(), Failure> {
    let pending = if charge.settled { 0 } else { from_pending };
    let (pool, available) = (charge.pool(), debit.amount.saturating_sub(pending));
    let entry = Entry {
        kind: debit.kind,
        source: debit.source,
        created: debit.created,
        available_on: charge.available_on(pending, debit.created),
        application_fee: 0,
        postings: &[
            pool.posting(Bucket::Clearing, Bucket::PaymentsPending, pending),
            pool.posting(Bucket::Clearing, Bucket::PaymentsAvailable, available),
            fee_posting(pool, Bucket::PaymentsAvailable, debit.fee),
        ],
    };
    ledger.post(&entry).await?;
    charge.pending = charge.pending.saturating_add(pending);
    Ok(())
}

/// Makes a charge's money available, with the part of it that is reserved: one entry, so that no
/// state between the two is ever stored.
pub(crate) async fn settle<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &mut Charge,
    rules: &R,
) -> Result<(), Failure> {
    let reserved = rules.money_available(ledger, charge).await?;
    let pool = charge.pool();
    let entry = Entry {
        kind: "availability",
        source: &charge.id,
        created: ledger.now(),
        available_on: ledger.now(),
        application_fee: 0,
        postings: &[
            available_posting(pool, charge.pending.saturating_sub(reserved)),
            pool.posting(Bucket::ReservedPending, Bucket::ReservedAvailable, reserved),
        ],
    };
    ledger.post(&entry).await?;
    charge.pending = 0;
    charge.settled = true;
    store::update(ledger.tx, ledger.owner, charge);
    Ok(())
}

/// The posting that makes pending money available. Fees above the amount leave a negative one, and
/// what the account owes then moves the other way.
pub(super) const fn available_posting(pool: Pool, pending: i64) -> Posting {
    signed_posting(pool, (Bucket::PaymentsPending, Bucket::PaymentsAvailable), pending)
}
