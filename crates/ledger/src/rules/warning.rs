//! Warnings that follow from what was told: the books are right, and somebody should look.

use crate::model::charge::Charge;
use crate::model::transaction::Transaction;
use crate::model::warning::{Kind, Warning};
use crate::store::warning as store;
use crate::tx::LedgerTx;
use coffer_kernel::Failure;

/// Notes something about an object, once for each kind and object.
pub(crate) fn warn(
    ledger: &mut LedgerTx<'_, '_>,
    kind: Kind,
    about: &str,
    param: Option<&str>,
) -> Result<(), Failure> {
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
