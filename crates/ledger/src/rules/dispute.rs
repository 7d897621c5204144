//! What a dispute does to its charge's money.

use super::charge::{self, Debit};
use super::{ReserveRules, Withdrawal};
use crate::model::charge::Charge;
use crate::model::dispute::{Dispute, Status};
use crate::store::{charge as charges, dispute as store};
use crate::tx::LedgerTx;
use coffer_kernel::Failure;

/// Records a dispute. It consumes its charge's reserve first, though not for its fee.
pub async fn record<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &mut Charge,
    mut dispute: Dispute,
    rules: &R,
) -> Result<Dispute, Failure> {
    let withdrawal = Withdrawal::Dispute { id: &dispute.id, amount: dispute.amount };
    let reserve = rules.money_out(ledger, charge, &withdrawal).await?;
    dispute.consumed = reserve.consumed;
    let debit = Debit {
        kind: "adjustment",
        source: &dispute.id,
        created: dispute.created,
        amount: dispute.amount,
        fee: dispute.fee,
    };
    dispute.from_pending = charge::withdraw(ledger, charge, &debit, reserve.pending).await?;
    charge.disputed = true;
    charges::update(ledger.tx, ledger.owner, charge);
    store::insert(ledger.tx, ledger.owner, &dispute);
    Ok(dispute)
}

/// Records that a dispute was won: the amount comes back, and its fee if the processor returned
/// it. What the dispute released of the reserve stays released.
pub async fn win(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &mut Charge,
    dispute: &mut Dispute,
    fee_returned: bool,
) -> Result<(), Failure> {
    let debit = Debit {
        kind: "adjustment",
        source: &dispute.id,
        created: ledger.now(),
        amount: dispute.amount,
        fee: if fee_returned { dispute.fee } else { 0 },
    };
    charge::reinstate(ledger, charge, &debit, dispute.from_pending).await?;
    charges::update(ledger.tx, ledger.owner, charge);
    dispute.status = Status::Won;
    dispute.fee_returned = fee_returned;
    store::set_status(ledger.tx, ledger.owner, dispute);
    Ok(())
}

/// Records that a dispute was lost, which moves nothing.
pub fn lose(ledger: &mut LedgerTx<'_, '_>, dispute: &mut Dispute) {
    dispute.status = Status::Lost;
    store::set_status(ledger.tx, ledger.owner, dispute);
}
