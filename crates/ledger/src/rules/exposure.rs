//! What can still be disputed of a charge: what a platform is exposed to if the account does not
//! pay.

use crate::model::charge::Charge;
use crate::model::history::{Figure, FigureKind};
use crate::tx::LedgerTx;

/// What can still be disputed of a charge, as long as the time for disputes runs: what of it was
/// not refunded, and nothing once it is disputed, since processors take one dispute of a charge.
pub(crate) fn exposed(charge: &Charge) -> i64 {
    if charge.disputed { 0 } else { charge.amount.saturating_sub(charge.refunded).max(0) }
}

/// Keeps the history of what can still be disputed, after a change of a charge of which `before`
/// could be; 0 for a new one.
pub(crate) fn changed(ledger: &mut LedgerTx<'_, '_>, before: i64, charge: &Charge) {
    let figure = Figure {
        kind: FigureKind::Exposed,
        currency: charge.pool().currency,
        item: charge.created.last_midnight().unix(),
    };
    ledger.track(figure, exposed(charge).saturating_sub(before));
}
