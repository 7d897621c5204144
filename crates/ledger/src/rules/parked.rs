//! Facts about a charge that is not known yet. Their money is posted at once, out of what is
//! available, so that the sums are right at every moment; what they mean for the charge and its
//! reserve follows when the charge is told.

use super::{ReserveRules, adjustment, dispute, refund};
use crate::model::charge::Charge;
use crate::model::parked::Kind;
use crate::store::{charge as charges, parked as store};
use crate::tx::LedgerTx;
use coffer_kernel::Failure;

/// Takes up the facts that wait for a charge which has just been told, in the order in which they
/// happened.
pub(crate) async fn take_up<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &mut Charge,
    rules: &R,
) -> Result<(), Failure> {
    let waiting = store::of_charge(ledger.tx, ledger.owner, &charge.id).await?;
    for fact in &waiting {
        match fact.kind {
            Kind::Refund => refund::take_up(ledger, charge, &fact.id, rules).await?,
            Kind::Dispute => dispute::take_up(ledger, charge, &fact.id, rules).await?,
            Kind::Adjustment => adjustment::take_up(ledger, charge, &fact.id, rules).await?,
        }
        store::remove(ledger.tx, ledger.owner, fact);
    }
    if !waiting.is_empty() {
        charges::update(ledger.tx, ledger.owner, charge);
    }
    Ok(())
}
