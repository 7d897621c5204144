//! Transactions about a charge that is known, or that is still to come: refunds, failures,
//! disputes, and what comes back of them. Their money moves at once; what they mean for the charge
//! and its reserve follows when the charge is known.

use super::{ReserveRules, find_charge, move_to, post};
use crate::model::charge::Charge;
use crate::model::dispute::{self, Dispute};
use crate::model::kind::Kind;
use crate::model::refund::Refund;
use crate::model::transaction::Transaction;
use crate::money::sum;
use crate::rules::warning::look_at_charge;
use crate::rules::{MoneyBack, Taker, Withdrawal};
use crate::sql;
use crate::store::transaction as store;
use crate::store::{charge as charges, dispute as disputes, refund as refunds};
use crate::tx::LedgerTx;
use coffer_kernel::Failure;

/// Records a transaction about a charge. It is parked if the charge is not known yet.
pub(super) async fn record<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    transaction: &mut Transaction,
    rules: &R,
) -> Result<(), Failure> {
    if transaction.charge.is_none() {
        transaction.charge = charge_of_record(ledger, transaction).await?;
    }
    let mut charge = find_charge(ledger, transaction.charge.as_deref()).await?;
    transaction.parked = charge.is_none();
    if let Some(charge) = &mut charge {
        if !transaction.pool_told {
            transaction.pool.source_type = charge.source_type;
        }
        draw(ledger, transaction, charge, rules).await?;
    }
    post(ledger, transaction).await?;
    let back = extend_record(ledger, transaction).await?;
    if let Some(charge) = &mut charge {
        count(transaction, charge);
        charges::update(ledger.tx, ledger.owner, charge);
        look_at_charge(ledger, charge)?;
        give_back(ledger, transaction, charge, back, rules).await?;
    }
    Ok(())
}

/// How much of what a refund or a dispute consumed of the reserve has come back, before a
/// transaction and with it. Neither goes back, whichever of the two is told first.
#[derive(Clone, Copy)]
struct Back {
    before: i64,
    after: i64,
}

/// What has come back of what was consumed: that comes first.
fn came_back(consumed: i64, back: i64) -> i64 {
    consumed.min(back).max(0)
}

/// Lets the rules reserve again what came back of what they had released.
async fn give_back<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    transaction: &Transaction,
    charge: &Charge,
    Back { before, after }: Back,
    rules: &R,
) -> Result<(), Failure> {
    if after <= before || charge.currency != transaction.pool.currency {
        return Ok(());
    }
    let id = transaction.record.as_str();
    let of = match transaction.kind {
        Kind::Dispute | Kind::Reinstatement => Taker::Dispute(id),
        _ => Taker::Refund(id),
    };
    // If it came back before it was taken, its own date is that of an earlier transaction.
    let pending = transaction.kind.is_back() && !transaction.settled;
    let available_on = pending.then_some(transaction.available_on);
    rules.money_back(ledger, charge, &MoneyBack { of, before, after, available_on }).await
}

/// Takes up what waits for a charge, in the order in which it happened: each moves to the charge's
/// pool, and draws on its reserve as if it had come after it. Nothing happens if the charge is not
/// known.
pub(crate) async fn take_up<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &str,
    rules: &R,
) -> Result<(), Failure> {
    let waiting = store::parked_for_charge(ledger.tx, ledger.owner, charge).await?;
    if waiting.is_empty() {
        return Ok(());
    }
    let Some(mut charge) = find_charge(ledger, Some(charge)).await? else { return Ok(()) };
    for transaction in waiting {
        resolve(ledger, transaction, &mut charge, rules).await?;
    }
    charges::update(ledger.tx, ledger.owner, &charge);
    look_at_charge(ledger, &charge)
}

/// What a transaction that was parked means for its charge, which is known now.
async fn resolve<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    mut transaction: Transaction,
    charge: &mut Charge,
    rules: &R,
) -> Result<(), Failure> {
    transaction.parked = false;
    move_to(ledger, &mut transaction, charge.source_type).await?;
    draw(ledger, &mut transaction, charge, rules).await?;
    let back = set_consumed(ledger, &transaction).await?;
    count(&transaction, charge);
    store::update(ledger.tx, ledger.owner, &transaction);
    give_back(ledger, &transaction, charge, back, rules).await
}

/// Names the charge of a transaction that was told without it, and takes it up if that is known.
pub(super) async fn name_charge<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    transaction: &mut Transaction,
    rules: &R,
) -> Result<(), Failure> {
    // Nothing was consumed yet, so that nothing comes back with it.
    set_consumed(ledger, transaction).await?;
    store::update(ledger.tx, ledger.owner, transaction);
    let Some(charge) = transaction.charge.clone() else { return Ok(()) };
    take_up(ledger, &charge, rules).await?;
    if let Some(now) = sql::find(ledger.tx, ledger.owner, &transaction.id).await? {
        *transaction = now;
    }
    Ok(())
}

/// Releases what a transaction consumes of its charge's reserve. Money in another currency than the
/// charge's consumes none: what is reserved is of another pool.
async fn draw<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    transaction: &mut Transaction,
    charge: &Charge,
    rules: &R,
) -> Result<(), Failure> {
    let (id, amount) = (transaction.record.as_str(), transaction.size());
    let withdrawal = match transaction.kind {
        Kind::Refund => Withdrawal::Refund { id, amount },
        Kind::Failure => Withdrawal::Failure { amount },
        Kind::Dispute => Withdrawal::Dispute { id, amount },
        _ => return Ok(()),
    };
    if charge.currency == transaction.pool.currency {
        let reserve = rules.money_out(ledger, charge, &withdrawal).await?;
        transaction.drawn = reserve.consumed;
    }
    Ok(())
}

/// What a transaction means for its charge's own figures.
fn count(transaction: &Transaction, charge: &mut Charge) {
    let same = charge.currency == transaction.pool.currency;
    match transaction.kind {
        Kind::Dispute => charge.disputed = true,
        Kind::Refund | Kind::Failure if same => {
            charge.refunded = charge.refunded.saturating_add(transaction.size());
        }
        Kind::RefundFailure if same => {
            charge.refunded = charge.refunded.saturating_sub(transaction.size());
        }
        _ => {}
    }
}

/// The charge of the refund or the dispute that a transaction extends, if that is known.
async fn charge_of_record(
    ledger: &mut LedgerTx<'_, '_>,
    transaction: &Transaction,
) -> Result<Option<String>, Failure> {
    let id = &transaction.record;
    let charge = match transaction.kind {
        Kind::Dispute | Kind::Reinstatement => {
            sql::find::<Dispute>(ledger.tx, ledger.owner, id).await?.and_then(|found| found.charge)
        }
        _ => sql::find::<Refund>(ledger.tx, ledger.owner, id).await?.and_then(|found| found.charge),
    };
    Ok(charge)
}

/// Makes the refund or the dispute of a transaction, or adds to it.
async fn extend_record(
    ledger: &mut LedgerTx<'_, '_>,
    transaction: &Transaction,
) -> Result<Back, Failure> {
    match transaction.kind {
        Kind::Dispute | Kind::Reinstatement => extend_dispute(ledger, transaction).await,
        _ => extend_refund(ledger, transaction).await,
    }
}

async fn extend_refund(
    ledger: &mut LedgerTx<'_, '_>,
    transaction: &Transaction,
) -> Result<Back, Failure> {
    let known = sql::find::<Refund>(ledger.tx, ledger.owner, &transaction.record).await?;
    let is_new = known.is_none();
    let mut refund = match known {
        Some(known) => known,
        None => new_refund(ledger, transaction)?,
    };
    refund.charge = refund.charge.or_else(|| transaction.charge.clone());
    let before = came_back(refund.consumed, refund.failed_amount);
    if transaction.kind == Kind::RefundFailure {
        refund.failed_amount = sum(refund.failed_amount, transaction.size())?;
    } else {
        if refund.amount == 0 {
            refund.created = transaction.created;
        }
        refund.amount = sum(refund.amount, transaction.size())?;
        refund.consumed = sum(refund.consumed, transaction.drawn)?;
    }
    if is_new {
        refunds::insert(ledger.tx, ledger.owner, &refund);
    } else {
        refunds::update(ledger.tx, ledger.owner, &refund);
    }
    Ok(Back { before, after: came_back(refund.consumed, refund.failed_amount) })
}

/// A refund of nothing yet, as a transaction names it.
fn new_refund(ledger: &mut LedgerTx<'_, '_>, transaction: &Transaction) -> Result<Refund, Failure> {
    Ok(Refund {
        seq: ledger.next_seq()?,
        id: transaction.record.clone(),
        charge: transaction.charge.clone(),
        amount: 0,
        currency: transaction.pool.currency,
        source_type: transaction.pool.source_type,
        created: transaction.created,
        consumed: 0,
        from_pending: 0,
        failed_amount: 0,
        parked: false,
        told_created: None,
    })
}

async fn extend_dispute(
    ledger: &mut LedgerTx<'_, '_>,
    transaction: &Transaction,
) -> Result<Back, Failure> {
    let known = sql::find::<Dispute>(ledger.tx, ledger.owner, &transaction.record).await?;
    let is_new = known.is_none();
    let mut dispute = match known {
        Some(known) => known,
        None => new_dispute(ledger, transaction)?,
    };
    dispute.charge = dispute.charge.or_else(|| transaction.charge.clone());
    let before = came_back(dispute.consumed, dispute.reinstated);
    if transaction.kind == Kind::Reinstatement {
        dispute.reinstated = sum(dispute.reinstated, transaction.size())?;
    } else {
        if dispute.withdrawn == 0 {
            dispute.created = transaction.created;
        }
        dispute.withdrawn = sum(dispute.withdrawn, transaction.size())?;
        dispute.amount = dispute.amount.max(transaction.size());
        dispute.consumed = sum(dispute.consumed, transaction.drawn)?;
    }
    dispute.fee = sum(dispute.fee, transaction.fee)?;
    if is_new {
        disputes::insert(ledger.tx, ledger.owner, &dispute);
    } else {
        disputes::update(ledger.tx, ledger.owner, &dispute);
    }
    Ok(Back { before, after: came_back(dispute.consumed, dispute.reinstated) })
}

/// A dispute of nothing yet, as a transaction names it.
fn new_dispute(
    ledger: &mut LedgerTx<'_, '_>,
    transaction: &Transaction,
) -> Result<Dispute, Failure> {
    Ok(Dispute {
        seq: ledger.next_seq()?,
        id: transaction.record.clone(),
        charge: transaction.charge.clone(),
        amount: 0,
        currency: transaction.pool.currency,
        source_type: transaction.pool.source_type,
        fee: 0,
        created: transaction.created,
        consumed: 0,
        from_pending: 0,
        withdrawn: 0,
        reinstated: 0,
        status: dispute::Status::Open,
        status_created: None,
        fee_returned: false,
        moved: true,
        parked: false,
        told: dispute::FirstTelling::default(),
    })
}

/// Stores what a transaction that was parked has consumed, in the refund or the dispute that it
/// made.
async fn set_consumed(
    ledger: &mut LedgerTx<'_, '_>,
    transaction: &Transaction,
) -> Result<Back, Failure> {
    let (id, pool) = (&transaction.record, transaction.pool);
    let mut back = Back { before: 0, after: 0 };
    match transaction.kind {
        Kind::Dispute | Kind::Reinstatement => {
            if let Some(mut dispute) = sql::find::<Dispute>(ledger.tx, ledger.owner, id).await? {
                back.before = came_back(dispute.consumed, dispute.reinstated);
                dispute.consumed = sum(dispute.consumed, transaction.drawn)?;
                back.after = came_back(dispute.consumed, dispute.reinstated);
                dispute.source_type = pool.source_type;
                dispute.charge = dispute.charge.or_else(|| transaction.charge.clone());
                disputes::update(ledger.tx, ledger.owner, &dispute);
            }
        }
        _ => {
            if let Some(mut refund) = sql::find::<Refund>(ledger.tx, ledger.owner, id).await? {
                back.before = came_back(refund.consumed, refund.failed_amount);
                refund.consumed = sum(refund.consumed, transaction.drawn)?;
                back.after = came_back(refund.consumed, refund.failed_amount);
                refund.source_type = pool.source_type;
                refund.charge = refund.charge.or_else(|| transaction.charge.clone());
                refunds::update(ledger.tx, ledger.owner, &refund);
            }
        }
    }
    Ok(back)
}
