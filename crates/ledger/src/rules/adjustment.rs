//! What an adjustment does: it moves its amount between the payments balance and the processor, in
//! the bucket that its date says, and may take from a charge's reserve first.

use super::absorb::{self, ParkedDebit};
use super::charge::{available_posting, signed_posting};
use super::{ReserveRules, Withdrawal};
use crate::model::account::Bucket;
use crate::model::adjustment::Adjustment;
use crate::model::balance_transaction::{BalanceTransactionLine, ProcessorLine};
use crate::model::charge::Charge;
use crate::model::entry::{Entry, Pool};
use crate::model::parked::{Kind, ParkedIntake};
use crate::sql;
use crate::store::adjustment as store;
use crate::tx::LedgerTx;
use coffer_base::Timestamp;
use coffer_kernel::Failure;

/// Records an adjustment. One that draws waits if its charge is not known.
pub(crate) async fn record<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    mut adjustment: Adjustment,
    rules: &R,
) -> Result<Adjustment, Failure> {
    if let (true, Some(of)) = (adjustment.draws, adjustment.charge.clone()) {
        match sql::find::<Charge>(ledger.tx, ledger.owner, &of).await? {
            Some(charge) => draw(ledger, &charge, &mut adjustment, rules).await?,
            None => park(ledger, &mut adjustment, of),
        }
    }
    post(ledger, &adjustment).await?;
    store::insert(ledger.tx, ledger.owner, &adjustment);
    Ok(adjustment)
}

/// Takes what an adjustment consumes of its charge's reserve, and moves it to the charge's pool
/// unless its own was told. It is not posted yet.
async fn draw<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &Charge,
    adjustment: &mut Adjustment,
    rules: &R,
) -> Result<(), Failure> {
    if charge.currency != adjustment.pool.currency {
        return Ok(());
    }
    if adjustment.told.source_type.is_none() {
        adjustment.pool = charge.pool();
    }
    let amount = adjustment.amount.saturating_neg();
    let reserve = rules.money_out(ledger, charge, &Withdrawal::Failure { amount }).await?;
    adjustment.consumed = reserve.consumed;
    Ok(())
}

fn park(ledger: &mut LedgerTx<'_, '_>, adjustment: &mut Adjustment, charge: String) {
    adjustment.parked = true;
    let fact = ParkedIntake {
        seq: adjustment.seq,
        kind: Kind::Adjustment,
        id: adjustment.id.clone(),
        charge,
        created: adjustment.created,
        recorded: ledger.now(),
    };
    absorb::park(ledger, &fact);
}

/// The charge of an adjustment that was parked is known now.
pub(super) async fn take_up<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &Charge,
    id: &str,
    rules: &R,
) -> Result<(), Failure> {
    let Some(mut adjustment) = sql::find::<Adjustment>(ledger.tx, ledger.owner, id).await? else {
        return Ok(());
    };
    adjustment.parked = false;
    let before = adjustment.pool;
    draw(ledger, charge, &mut adjustment, rules).await?;
    change_pool(ledger, &adjustment, before).await?;
    store::update(ledger.tx, ledger.owner, &adjustment);
    Ok(())
}

/// What of an adjustment is told for the first time: what is `None` stays as it is.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Late {
    pub(crate) pool: Option<Pool>,
    pub(crate) created: Option<Timestamp>,
    pub(crate) available_on: Option<Timestamp>,
}

/// Moves an adjustment to where it belongs by what is told of it late. What is available already
/// stays so.
pub(crate) async fn tell_late(
    ledger: &mut LedgerTx<'_, '_>,
    adjustment: &mut Adjustment,
    late: Late,
) -> Result<(), Failure> {
    let before = adjustment.pool;
    adjustment.pool = late.pool.unwrap_or(before);
    change_pool(ledger, adjustment, before).await?;
    adjustment.created = late.created.unwrap_or(adjustment.created);
    if let Some(at) = late.available_on {
        adjustment.available_on = at;
        if !adjustment.settled && at <= ledger.now() {
            settle(ledger, adjustment).await?;
        }
    }
    store::update(ledger.tx, ledger.owner, adjustment);
    Ok(())
}

/// Makes an adjustment's money available, or takes it out of what is available if it is negative.
pub(crate) async fn settle(
    ledger: &mut LedgerTx<'_, '_>,
    adjustment: &mut Adjustment,
) -> Result<(), Failure> {
    let entry = Entry {
        kind: "availability",
        source: &adjustment.id,
        created: ledger.now(),
        available_on: ledger.now(),
        application_fee: 0,
        postings: &[available_posting(adjustment.pool, adjustment.pending)],
    };
    ledger.post(&entry).await?;
    adjustment.pending = 0;
    adjustment.settled = true;
    store::update(ledger.tx, ledger.owner, adjustment);
    Ok(())
}

async fn change_pool(
    ledger: &mut LedgerTx<'_, '_>,
    adjustment: &Adjustment,
    before: Pool,
) -> Result<(), Failure> {
    let amount = adjustment.amount.saturating_neg();
    let taken = ParkedDebit { id: &adjustment.id, pool: before, amount, fee: adjustment.fee };
    let payments = Bucket::payments(!adjustment.settled);
    absorb::change_pool(ledger, (payments, taken), adjustment.pool).await
}

/// Posts the amount, with a balance transaction that shows the words of whoever told it.
async fn post(ledger: &mut LedgerTx<'_, '_>, adjustment: &Adjustment) -> Result<(), Failure> {
    let payments = Bucket::payments(!adjustment.settled);
    let amount = adjustment.amount;
    let entry = Entry {
        kind: &adjustment.word,
        source: &adjustment.id,
        created: adjustment.created,
        available_on: adjustment.available_on,
        application_fee: 0,
        postings: &[signed_posting(adjustment.pool, (Bucket::Clearing, payments), amount)],
    };
    let pending = !adjustment.settled;
    let id = ledger.new_id("txn");
    let shown = ProcessorLine {
        id: &id,
        currency: adjustment.currency(),
        line: BalanceTransactionLine { reserved: false, pending, amount, fee: 0 },
        category: adjustment.category.as_deref(),
        exchange_rate: None,
        payout: adjustment.payout.as_deref(),
    };
    ledger.post_told(&entry, &shown).await
}
