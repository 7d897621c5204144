//! Transactions whose money becomes available, and those whose date moves.

use super::ReserveRules;
use super::charge::view_of;
use crate::model::account::Bucket;
use crate::model::adjustment::Adjustment;
use crate::model::charge::Charge;
use crate::model::entry::{Entry, Posting};
use crate::model::kind::Kind;
use crate::model::transaction::Transaction;
use crate::sql;
use crate::store::adjustment as adjustments;
use crate::store::charge as charges;
use crate::store::transaction as store;
use crate::tx::LedgerTx;
use coffer_base::Timestamp;
use coffer_kernel::Failure;

/// Makes a transaction's net available, with what is reserved of it: one entry, so that no state
/// between the two is ever stored. A net below zero moves the other way.
pub(crate) async fn settle<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    transaction: &mut Transaction,
    rules: &R,
) -> Result<(), Failure> {
    let reserved = match reserved_view(transaction) {
        Some(view) => rules.money_available(ledger, &view).await?,
        None => 0,
    };
    let free = transaction.net().saturating_sub(reserved);
    let entry = Entry {
        kind: "availability",
        source: &transaction.id,
        created: ledger.now(),
        available_on: ledger.now(),
        application_fee: 0,
        postings: &[
            available_posting(transaction, free),
            transaction.pool.posting(Bucket::ReservedPending, Bucket::ReservedAvailable, reserved),
        ],
    };
    ledger.post(&entry).await?;
    transaction.settled = true;
    store::update(ledger.tx, ledger.owner, transaction);
    settle_adjustment(ledger, transaction).await?;
    settle_charge(ledger, transaction).await
}

/// The charge as the rules know it of which a transaction's money may be reserved: the one that it
/// brings, or the one to which it brings money back.
fn reserved_view(transaction: &Transaction) -> Option<Charge> {
    let view = view_of(transaction);
    match transaction.kind {
        Kind::Charge => Some(view),
        kind if kind.is_back() => transaction.charge.clone().map(|id| Charge { id, ..view }),
        _ => None,
    }
}

/// Stores in the adjustment that a transaction made whether and when its money is available.
async fn settle_adjustment(
    ledger: &mut LedgerTx<'_, '_>,
    transaction: &Transaction,
) -> Result<(), Failure> {
    if transaction.kind != Kind::Adjustment {
        return Ok(());
    }
    let found = sql::find::<Adjustment>(ledger.tx, ledger.owner, &transaction.record).await?;
    if let Some(mut adjustment) = found.filter(|found| found.by_transaction) {
        adjustment.available_on = transaction.available_on;
        adjustment.settled = transaction.settled;
        adjustments::update(ledger.tx, ledger.owner, &adjustment);
    }
    Ok(())
}

/// The posting that makes `free` available, or takes it out of what is if it is negative.
const fn available_posting(transaction: &Transaction, free: i64) -> Posting {
    let pool = transaction.pool;
    if free >= 0 {
        pool.posting(Bucket::PaymentsPending, Bucket::PaymentsAvailable, free)
    } else {
        pool.posting(Bucket::PaymentsAvailable, Bucket::PaymentsPending, free.saturating_neg())
    }
}

/// Stores that a charge's money is available, once that of its last capture is.
async fn settle_charge(
    ledger: &mut LedgerTx<'_, '_>,
    transaction: &Transaction,
) -> Result<(), Failure> {
    if transaction.kind != Kind::Charge {
        return Ok(());
    }
    let found = sql::find::<Charge>(ledger.tx, ledger.owner, &transaction.record).await?;
    if let Some(mut charge) = found
        && transaction.available_on >= charge.available_on
    {
        charge.settled = true;
        charges::update(ledger.tx, ledger.owner, &charge);
    }
    Ok(())
}

/// Moves the date of a transaction that is still pending, with that of its charge and of what is
/// reserved of it. One that lies behind makes the money available at once.
pub(super) async fn move_date<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    transaction: &mut Transaction,
    available_on: Timestamp,
    rules: &R,
) -> Result<(), Failure> {
    if let Some(view) = reserved_view(transaction) {
        rules.money_moved(ledger, &view, available_on).await?;
    }
    if transaction.kind == Kind::Charge {
        let found = sql::find::<Charge>(ledger.tx, ledger.owner, &transaction.record);
        if let Some(mut charge) = found.await?
            && charge.available_on == transaction.available_on
        {
            charge.available_on = available_on;
            charges::update(ledger.tx, ledger.owner, &charge);
        }
    }
    transaction.available_on = available_on;
    if available_on <= ledger.now() {
        return settle(ledger, transaction, rules).await;
    }
    settle_adjustment(ledger, transaction).await
}
