//! What a refund does to its charge's money.

use super::charge::{self, Debit};
use super::{ReserveRules, Withdrawal};
use crate::model::charge::Charge;
use crate::model::refund::Refund;
use crate::store::{charge as charges, refund as store};
use crate::tx::LedgerTx;
use coffer_kernel::Failure;

/// Records a refund of at most what is left of `charge`. It consumes the charge's reserve first.
pub async fn record<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &mut Charge,
    mut refund: Refund,
    rules: &R,
) -> Result<Refund, Failure> {
    let withdrawal = Withdrawal::Refund { id: &refund.id, amount: refund.amount };
    let reserve = rules.money_out(ledger, charge, &withdrawal).await?;
    refund.consumed = reserve.consumed;
    let debit = Debit {
        kind: "refund",
        source: &refund.id,
        created: refund.created,
        amount: refund.amount,
        fee: 0,
    };
    refund.from_pending = charge::withdraw(ledger, charge, &debit, reserve.pending).await?;
    charge.refunded = charge.refunded.saturating_add(refund.amount);
    charges::update(ledger.tx, ledger.owner, charge);
    store::insert(ledger.tx, ledger.owner, &refund);
    Ok(refund)
}

/// Records that a refund failed: the money is the account's again. What the refund released of the
/// reserve stays released.
pub async fn fail(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &mut Charge,
    refund: &mut Refund,
) -> Result<(), Failure> {
    let debit = Debit {
        kind: "refund_failure",
        source: &refund.id,
        created: ledger.now(),
        amount: refund.amount,
        fee: 0,
    };
    charge::reinstate(ledger, charge, &debit, refund.from_pending).await?;
    charge.refunded = charge.refunded.saturating_sub(refund.amount);
    charges::update(ledger.tx, ledger.owner, charge);
    refund.failed = true;
    store::set_failed(ledger.tx, ledger.owner, refund);
    Ok(())
}
