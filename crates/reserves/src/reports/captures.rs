//! What came in, in the order in which it was recorded: charges that facts told, and the captures
//! of those that transactions told.

use crate::limits;
use coffer_base::{Owner, Timestamp};
use coffer_ledger::history::{PastCharge, captures_from, charges_from};
use coffer_storage::{StorageError, Store};
use std::iter::Peekable;
use std::vec::IntoIter;

/// What is told in one of the two ways, page by page.
struct Stream {
    next: i64,
    page: Peekable<IntoIter<PastCharge>>,
    ended: bool,
}

/// Both together.
pub(super) struct Captures {
    since: Timestamp,
    facts: Stream,
    transactions: Stream,
}

impl Captures {
    /// Those from a row number on that were created at `since` or later.
    pub(super) fn from(first: i64, since: Timestamp) -> Self {
        let told = || Stream { next: first, page: Vec::new().into_iter().peekable(), ended: false };
        Self { since, facts: told(), transactions: told() }
    }

    /// The next one, if it was recorded before a number.
    pub(super) async fn next_before(
        &mut self,
        number: i64,
        store: &Store,
        owner: &Owner,
    ) -> Result<Option<PastCharge>, StorageError> {
        while self.facts.needs_page() {
            let page = charges_from(store, owner, self.facts.next, limits::CHARGES_READ).await?;
            let is_wanted = |one: &PastCharge| !one.by_transaction && one.created >= self.since;
            self.facts.put(page, is_wanted);
        }
        while self.transactions.needs_page() {
            let from = self.transactions.next;
            let page = captures_from(store, owner, from, limits::CHARGES_READ).await?;
            self.transactions.put(page, |one| one.created >= self.since);
        }
        let [fact, capture] = [&mut self.facts, &mut self.transactions].map(Stream::number);
        let from = if fact < capture { &mut self.facts } else { &mut self.transactions };
        Ok(from.page.next_if(|one| one.seq < number))
    }
}

impl Stream {
    fn needs_page(&mut self) -> bool {
        !self.ended && self.page.peek().is_none()
    }

    /// The number of the next one; the largest of all numbers if there is none.
    fn number(&mut self) -> i64 {
        self.page.peek().map_or(i64::MAX, |one| one.seq)
    }

    /// Goes on with what is wanted of a page that was read.
    fn put(&mut self, mut page: Vec<PastCharge>, is_wanted: impl Fn(&PastCharge) -> bool) {
        self.ended = page.is_empty();
        self.next = page.last().map_or(self.next, |last| last.seq.saturating_add(1));
        page.retain(is_wanted);
        self.page = page.into_iter().peekable();
    }
}
