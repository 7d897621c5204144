//! Warnings that follow from what was told: the books are right, and somebody should look.

use crate::model::charge::Charge;
use crate::model::transaction::Transaction;
use crate::model::warning::{Kind, Warning};
use crate::reasons;
use crate::store::warning as store;
use crate::tx::LedgerTx;
use coffer_dialect::ApiError;
use coffer_kernel::{Ctx, Failure};
use coffer_storage::{StorageError, Tx};

/// Notes something about an object, once for each kind and object.
pub(crate) fn warn(
    ledger: &mut LedgerTx<'_, '_>,
    kind: Kind,
    about: &str,
    param: Option<&str>,
) -> Result<(), StorageError> {
    let warning = Warning {
        seq: ledger.next_seq()?,
        id: ledger.new_id("lwarn"),
        kind,
        about: about.to_owned(),
        param: param.map(str::to_owned),
        created: ledger.now(),
    };
    store::insert(ledger.tx, ledger.owner, &warning);
    Ok(())
}

/// Notes that what was told of an object contradicts what was told before, if that is why it was
/// refused.
pub(crate) fn note_conflict(
    ledger: &mut LedgerTx<'_, '_>,
    about: &str,
    refusal: &ApiError,
) -> Result<(), StorageError> {
    if refusal.is_because(&reasons::TOLD_OTHERWISE) {
        warn(ledger, Kind::Conflict, about, refusal.param())?;
    }
    Ok(())
}

/// Keeps the warning of a contradiction that was told alone, whose refusal has undone all that it
/// did. There is at most one warning for each object, so that what is repeated adds none.
pub(crate) async fn keep_conflict(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    about: &str,
    refusal: &ApiError,
) -> Result<(), StorageError> {
    if !refusal.is_because(&reasons::TOLD_OTHERWISE) {
        return Ok(());
    }
    let owner = ctx.owner();
    let mut ledger = LedgerTx::begin(tx, &owner, ctx.cause()).await?;
    note_conflict(&mut ledger, about, refusal)?;
    ledger.finish();
    Ok(())
}

/// Notes what a charge shows after money of it was taken.
pub(crate) fn look_at_charge(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &Charge,
) -> Result<(), Failure> {
    if charge.refunded > charge.amount {
        warn(ledger, Kind::OverRefunded, &charge.id, None)?;
    }
    if charge.disputed && charge.refunded > 0 {
        warn(ledger, Kind::RefundedAndDisputed, &charge.id, None)?;
    }
    Ok(())
}

/// Notes what a transaction shows of how the account is run.
pub(crate) async fn look_at_transaction(
    ledger: &mut LedgerTx<'_, '_>,
    transaction: &Transaction,
) -> Result<(), Failure> {
    if transaction.posted && transaction.word == "reserve_hold" {
        let account = ledger.owner.account.as_str().to_owned();
        warn(ledger, Kind::ReserveBeside, &account, None)?;
    }
    if ledger.intake.intake.is_none() && store::has_facts(ledger.tx, ledger.owner).await? {
        let account = ledger.owner.account.as_str().to_owned();
        warn(ledger, Kind::MixedIntakes, &account, None)?;
    }
    Ok(())
}
