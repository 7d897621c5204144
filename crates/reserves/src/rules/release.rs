//! Releasing reserved money. Everything that releases does it here: callers, dates, refunds,
//! disputes, and plans that are disabled.

use crate::model::release::{Allocation, Release, ReleaseDetail, ReleaseReason};
use crate::store::{hold as holds, release as store};
use crate::wire;
use coffer_dialect::Object;
use coffer_kernel::Failure;
use coffer_ledger::{Bucket, Entry, LedgerTx, Pool, Posting, sum};
use coffer_storage::StorageError;

/// Makes one release of all allocations, which are of one currency and at least one, with its
/// postings, its holds and the events of all of them. Pending money goes back to pending, so that
/// an early release makes nothing available before its time.
pub(crate) async fn release(
    ledger: &mut LedgerTx<'_, '_>,
    allocations: &[Allocation],
    reason: ReleaseReason,
) -> Result<Release, Failure> {
    let release = new_release(ledger, allocations, reason)?;
    store::insert(ledger.tx, ledger.owner, &release);
    let postings = postings(allocations)?;
    let pending = allocations.iter().filter(|each| each.hold.pending);
    // One balance transaction stands for all holds: it is pending until the last of them is
    // available.
    let available_on = pending.map(|each| each.hold.available_on).max();
    let entry = Entry {
        kind: "reserve_release",
        source: &release.id,
        created: ledger.now(),
        available_on: available_on.unwrap_or(ledger.now()),
        application_fee: 0,
        postings: &postings,
    };
    ledger.post(&entry).await?;
    let object = wire::release_in_event(&release, ledger.owner);
    ledger.emit_event("reserve.release.created", object, None).await?;
    for allocation in allocations {
        release_of_hold(ledger, allocation, &release).await?;
    }
    Ok(release)
}

/// The release's row. It names a hold only if it is of a single one, as Stripe's do.
fn new_release(
    ledger: &mut LedgerTx<'_, '_>,
    allocations: &[Allocation],
    reason: ReleaseReason,
) -> Result<Release, Failure> {
    let Some(first) = allocations.first() else {
        return Err(StorageError::Internal("a release has no allocation".into()).into());
    };
    let mut amount = 0;
    for allocation in allocations {
        amount = sum(amount, allocation.amount)?;
    }
    Ok(Release {
        seq: ledger.next_seq()?,
        id: ledger.new_id("resrel"),
        created: ledger.now(),
        amount,
        currency: first.hold.pool.currency,
        reason: reason.reason,
        hold: (allocations.len() == 1).then(|| first.hold.id.clone()),
        plan: reason.plan,
        source: reason.source,
        metadata: reason.metadata,
    })
}

/// One posting for each pool, and in it for pending and for available money.
fn postings(allocations: &[Allocation]) -> Result<Vec<Posting>, Failure> {
    let mut amounts: Vec<(Pool, bool, i64)> = Vec::new();
    for allocation in allocations {
        let (pool, pending) = (allocation.hold.pool, allocation.hold.pending);
        match amounts.iter_mut().find(|(of, waits, _)| *of == pool && *waits == pending) {
            Some((_, _, amount)) => *amount = sum(*amount, allocation.amount)?,
            None => amounts.push((pool, pending, allocation.amount)),
        }
    }
    let posting = |(pool, pending, amount): (Pool, bool, i64)| {
        pool.posting(Bucket::reserved(pending), Bucket::payments(pending), amount)
    };
    Ok(amounts.into_iter().map(posting).collect())
}

/// Stores what a hold released, and emits its event, whose previous values are the hold's before
/// this release.
async fn release_of_hold(
    ledger: &mut LedgerTx<'_, '_>,
    allocation: &Allocation,
    release: &Release,
) -> Result<(), Failure> {
    let before = &allocation.hold;
    let mut after = before.clone();
    after.released = sum(before.released, allocation.amount)?;
    // A hold that was never released has no details to read.
    let earlier = if before.released == 0 {
        Vec::new()
    } else {
        store::details(ledger.tx, ledger.owner, before.seq).await?
    };
    let rows = (before.seq, release.seq);
    store::insert_allocation(ledger.tx, ledger.owner, rows, allocation.amount);
    ledger.track(before.figure(), allocation.amount.saturating_neg());
    holds::set_released(ledger.tx, ledger.owner, before.seq, after.released);
    let newest = ReleaseDetail { amount: allocation.amount, release: release.id.clone() };
    let details: Vec<_> = std::iter::once(newest).chain(earlier.iter().cloned()).collect();
    let object = wire::hold_in_event(&after, &details, ledger.owner);
    let mut previous = Object::bare()
        .set("amount_releasable", before.remaining())
        .set("release_details", wire::details(&earlier));
    if before.is_releasable() != after.is_releasable() {
        previous = previous.set("is_releasable", before.is_releasable());
    }
    ledger.emit_event("reserve.hold.updated", object, Some(previous)).await?;
    Ok(())
}
