//! The scheduled tasks of reserves: holds whose date has come, plans that end, plans that drain,
//! and plans whose new date is announced. Each works on at most [`limits::HOLDS_PER_BATCH`] holds
//! in one transaction.

mod announce;
mod close;
mod due;
mod overdue;

pub(crate) use announce::AnnounceDates;
pub(crate) use close::{ClosePlans, Closing};
pub(crate) use due::ReleaseDue;
pub(crate) use overdue::AnnounceOverdue;

use crate::limits;
use crate::model::hold::Hold;
use crate::model::release::{Allocation, ReleaseReason};
use crate::rules::release::release;
use coffer_kernel::Failure;
use coffer_ledger::LedgerTx;

/// What is left of a batch's `budget` of holds after `holds`. While something is left, a query that
/// the budget bounded has found all there was.
fn left_of(budget: i64, holds: &[Hold]) -> i64 {
    let used = i64::try_from(holds.len()).unwrap_or(limits::HOLDS_PER_BATCH);
    budget.saturating_sub(used).max(0)
}

/// Releases all that remains of holds of one owner: one release for each run of holds with the same
/// `key`, for the reason of the run's first hold. A run is of one currency.
async fn release_groups<K: PartialEq + Send>(
    ledger: &mut LedgerTx<'_, '_>,
    holds: Vec<Hold>,
    key: impl Fn(&Hold) -> K + Send,
    reason: impl Fn(&Hold) -> ReleaseReason + Send,
) -> Result<(), Failure> {
    let mut holds = holds.into_iter().peekable();
    while let Some(first) = holds.next() {
        let (group, reason) = (key(&first), reason(&first));
        let mut allocations = vec![Allocation::remaining(first)];
        while let Some(next) = holds.next_if(|next| key(next) == group) {
            allocations.push(Allocation::remaining(next));
        }
        release(ledger, &allocations, reason).await?;
    }
    Ok(())
}
