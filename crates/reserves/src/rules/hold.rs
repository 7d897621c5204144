//! Holding money: what a caller's hold and a plan's hold have in common.

use crate::model::hold::Hold;
use crate::store::hold as store;
use crate::wire;
use coffer_kernel::Failure;
use coffer_ledger::{Bucket, Entry, LedgerTx};

/// Records a hold: its row, its posting, its event. The money leaves the payments bucket that
/// matches it, pending or available, and enters the reserved one. Whether there is enough is not
/// checked here.
pub(crate) async fn record(ledger: &mut LedgerTx<'_, '_>, hold: &Hold) -> Result<(), Failure> {
    store::insert(ledger.tx, ledger.owner, hold);
    ledger.track(hold.figure(), hold.amount);
    let entry = Entry {
        kind: "reserve_hold",
        source: &hold.id,
        created: hold.created,
        available_on: if hold.pending { hold.available_on } else { hold.created },
        application_fee: 0,
        postings: &[hold.pool.posting(Bucket::payments(hold.pending), hold.bucket(), hold.amount)],
    };
    ledger.post(&entry).await?;
    let object = wire::hold_in_event(hold, &[], ledger.owner);
    ledger.emit_event("reserve.hold.created", object, None).await?;
    Ok(())
}
