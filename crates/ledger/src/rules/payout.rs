//! What a payout does to the available balance. It takes nothing that is reserved, since that is
//! never available: reserve rules have no say.

use crate::model::account::Bucket;
use crate::model::entry::Entry;
use crate::model::payout::{Breach, Payout, Status};
use crate::reasons;
use crate::store::payout as store;
use crate::tx::LedgerTx;
use coffer_dialect::ApiError;
use coffer_kernel::Failure;

/// Records a payout. Above what is available a payout is refused with 400 `balance_insufficient`,
/// unless it is reported: that one is recorded, and makes a breach.
pub async fn record(ledger: &mut LedgerTx<'_, '_>, payout: &Payout) -> Result<(), Failure> {
    let available = ledger.balance(payout.pool()).await?.of(Bucket::PaymentsAvailable);
    let after = available.saturating_sub(payout.amount);
    if after < 0 && !payout.reported {
        return Err(insufficient(payout, available).into());
    }
    store::insert(ledger.tx, ledger.owner, payout);
    move_money(ledger, payout, "payout", Bucket::PaymentsAvailable, Bucket::PayoutsInTransit)
        .await?;
    if after < 0 {
        record_breach(ledger, payout, after)?;
    }
    Ok(())
}

/// Records that a payout which has left took more than was available, which it left at
/// `available_after`, below zero.
pub(crate) fn record_breach(
    ledger: &mut LedgerTx<'_, '_>,
    payout: &Payout,
    available_after: i64,
) -> Result<(), Failure> {
    let breach = Breach {
        seq: ledger.next_seq()?,
        id: ledger.new_id("lbreach"),
        payout: payout.id.clone(),
        amount: payout.amount,
        currency: payout.currency,
        source_type: payout.source_type,
        available_after,
        created: ledger.now(),
    };
    store::insert_breach(ledger.tx, ledger.owner, &breach);
    Ok(())
}

/// The refusal of a payout above what is available. It names `reported`, since a payout that has
/// taken place must be recorded whatever it took.
fn insufficient(payout: &Payout, available: i64) -> ApiError {
    ApiError::invalid_param(
        "amount",
        format!(
            "The account has {available} {} of source type {} available, less than the {} of \
             this payout. What is pending or held back cannot be paid out. If the payout has \
             taken place already, send reported=true.",
            payout.currency,
            payout.source_type.as_str(),
            payout.amount
        ),
    )
    .because(&reasons::PAYOUT_ABOVE_AVAILABLE)
    .with_code("balance_insufficient")
}

/// Records a payout's new status; the one that it has already changes nothing, and one that cannot
/// follow it is refused with 400. Money that comes back is taken out of transit, or out of
/// clearing once the payout was paid.
pub async fn become_status(
    ledger: &mut LedgerTx<'_, '_>,
    payout: &mut Payout,
    next: Status,
) -> Result<(), Failure> {
    if payout.status == next {
        return Ok(());
    }
    // What comes back of a payout that transactions tell comes with a transaction of its own.
    if payout.by_transaction && matches!(next, Status::Failed | Status::Canceled) {
        return Ok(());
    }
    if !payout.status.can_become(next) {
        let message = format!(
            "The payout '{}' is {} and cannot become {}.",
            payout.id,
            payout.status.as_str(),
            next.as_str()
        );
        let error = ApiError::invalid_param("status", message);
        return Err(error.because(&reasons::PAYOUT_STATUS).into());
    }
    let from = match payout.status {
        Status::Paid => Bucket::Clearing,
        _ => Bucket::PayoutsInTransit,
    };
    match next {
        Status::Failed => {
            move_money(ledger, payout, "payout_failure", from, Bucket::PaymentsAvailable).await?;
        }
        Status::Canceled => {
            move_money(ledger, payout, "payout_cancel", from, Bucket::PaymentsAvailable).await?;
        }
        Status::Paid | Status::InTransit => {
            move_money(ledger, payout, "payout_paid", from, Bucket::Clearing).await?;
        }
    }
    payout.status = next;
    store::update(ledger.tx, ledger.owner, payout);
    Ok(())
}

/// Posts an entry about the payout's whole amount.
async fn move_money(
    ledger: &mut LedgerTx<'_, '_>,
    payout: &Payout,
    kind: &'static str,
    from: Bucket,
    to: Bucket,
) -> Result<(), Failure> {
    let entry = Entry {
        kind,
        source: &payout.id,
        created: ledger.now(),
        available_on: ledger.now(),
        application_fee: 0,
        postings: &[payout.pool().posting(from, to, payout.amount)],
    };
    ledger.post(&entry).await
}
