//! What a payout does to the available balance. It takes nothing that is reserved, since that is
//! never available: reserve rules have no say.

use super::charge::fee_posting;
use crate::model::account::{Bucket, SourceType};
use crate::model::entry::{Entry, Pool};
use crate::model::payout::{Breach, Payout, Status};
use crate::reasons;
use crate::settings::PayoutFloor;
use crate::store::payout as store;
use crate::tx::LedgerTx;
use crate::{limits, wire};
use coffer_base::Timestamp;
use coffer_dialect::{ApiError, CreatedRange};
use coffer_kernel::Failure;

/// Records a payout, with the fee that it takes. Above what can be paid out a payout is refused
/// with 400 `balance_insufficient`, unless it is reported: that one is recorded, and makes a breach
/// if it leaves less than nothing available.
pub async fn record(
    ledger: &mut LedgerTx<'_, '_>,
    payout: &Payout,
    floor: PayoutFloor,
) -> Result<(), Failure> {
    let fee = payout.fee.unwrap_or(0);
    let takes = payout.amount.saturating_add(fee);
    if !payout.reported {
        let most = payable(ledger, payout.pool(), floor).await?;
        if takes > most {
            return Err(insufficient(payout, most).into());
        }
    }
    store::insert(ledger.tx, ledger.owner, payout);
    let (pool, from) = (payout.pool(), Bucket::PaymentsAvailable);
    let entry = Entry {
        kind: "payout",
        source: &payout.id,
        created: payout.created,
        available_on: payout.created,
        application_fee: 0,
        postings: &[
            pool.posting(from, Bucket::PayoutsInTransit, payout.amount),
            fee_posting(pool, from, fee),
        ],
    };
    ledger.post(&entry).await?;
    let after = ledger.balance(pool).await?.of(Bucket::PaymentsAvailable);
    if after < 0 && payout.reported {
        record_breach(ledger, payout, after).await?;
    }
    Ok(())
}

/// What can be paid out of a pool: what is available, less what the pending balance owes, so that a
/// dispute which is still pending is not outrun. By [`PayoutFloor::Currency`] no more than all
/// pools of the currency have together.
async fn payable(
    ledger: &mut LedgerTx<'_, '_>,
    pool: Pool,
    floor: PayoutFloor,
) -> Result<i64, Failure> {
    let own = payable_of(ledger, pool).await?;
    if floor == PayoutFloor::Pool {
        return Ok(own);
    }
    let mut all = 0i64;
    for (_, source_type) in SourceType::CHOICES {
        all = all.saturating_add(payable_of(ledger, Pool { source_type, ..pool }).await?);
    }
    Ok(own.min(all))
}

async fn payable_of(ledger: &mut LedgerTx<'_, '_>, pool: Pool) -> Result<i64, Failure> {
    let balance = ledger.balance(pool).await?;
    let owed = balance.of(Bucket::PaymentsPending).min(0);
    Ok(balance.of(Bucket::PaymentsAvailable).saturating_add(owed))
}

/// The payout that was asked for shortly before, and that this reported one may be: of the same
/// amount, currency and pool, and the only one.
pub(crate) async fn asked_for(
    ledger: &mut LedgerTx<'_, '_>,
    payout: &Payout,
) -> Result<Option<Payout>, Failure> {
    let within = limits::PAYOUT_MATCH_SECONDS;
    let asked = CreatedRange { from: payout.created.plus(-within), to: payout.created };
    let mut found = store::asked_like(ledger.tx, ledger.owner, payout, asked).await?;
    Ok(found.pop().filter(|_| found.is_empty()))
}

/// What of a payout is told later: what is `None` stays as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Late {
    /// The processor's id of a payout that was asked for.
    pub(crate) processor_id: Option<String>,
    /// The processor's fee.
    pub(crate) fee: Option<i64>,
    /// When it left the balance.
    pub(crate) created: Option<Timestamp>,
    /// When the money is expected at the bank.
    pub(crate) arrival_date: Option<Timestamp>,
}

/// Adds what is told of a payout later, and remembers what of it is told for the first time.
pub(crate) async fn tell_late(
    ledger: &mut LedgerTx<'_, '_>,
    payout: &mut Payout,
    late: &Late,
) -> Result<(), Failure> {
    let more = late.fee.map_or(0, |fee| fee.saturating_sub(payout.fee.unwrap_or(0)));
    let entry = Entry {
        kind: "stripe_fee",
        source: &payout.id,
        created: ledger.now(),
        available_on: ledger.now(),
        application_fee: 0,
        postings: &[fee_posting(payout.pool(), Bucket::PaymentsAvailable, more)],
    };
    ledger.post(&entry).await?;
    payout.fee = late.fee.or(payout.fee);
    payout.created = late.created.unwrap_or(payout.created);
    payout.arrival_date = late.arrival_date.or(payout.arrival_date);
    payout.processor_id = late.processor_id.clone().or_else(|| payout.processor_id.take());
    payout.told.fee = payout.told.fee.or(late.fee);
    payout.told.created = payout.told.created.or(late.created);
    payout.told.arrival_date = payout.told.arrival_date.or(late.arrival_date);
    store::update(ledger.tx, ledger.owner, payout);
    Ok(())
}

/// Records that a payout which has left took more than was available, which it left at
/// `available_after`, below zero.
pub(crate) async fn record_breach(
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
    let object = wire::breach(&breach, ledger.owner.mode.is_live());
    ledger.emit_event("coffer.ledger.breach", object, None).await?;
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
