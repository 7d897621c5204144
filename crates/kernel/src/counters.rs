//! How often each operation was answered, refused, or failed.

use coffer_dialect::ApiError;
use std::sync::atomic::{AtomicU64, Ordering};

/// One operation's counts since the server started.
#[derive(Default, Debug)]
pub struct Count {
    answered: AtomicU64,
    replayed: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
}

impl Count {
    /// Requests that succeeded, replays included.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Requests whose response was a stored one, replayed.
    pub fn replayed(&self) -> u64 {
        self.replayed.load(Ordering::Relaxed)
    }

    /// Requests that were refused, for a reason that the caller can change.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Requests that failed, for a reason that the caller cannot change.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Whether there was any request at all.
    pub fn is_used(&self) -> bool {
        self.answered() + self.refused() + self.failed() > 0
    }

    pub(crate) fn success(&self, replayed: bool) {
        self.answered.fetch_add(1, Ordering::Relaxed);
        if replayed {
            self.replayed.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn failure(&self, error: &ApiError) {
        let count = if error.is_fault() { &self.failed } else { &self.refused };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// All counts: one for each operation, and one for requests that reached none.
#[derive(Debug)]
pub struct Counters {
    pub(crate) operations: Vec<(&'static str, Count)>,
    pub(crate) unrouted: Count,
    /// Requests that were refused because too many of the same caller wait.
    busy: AtomicU64,
}

impl Counters {
    pub(crate) fn new(names: impl Iterator<Item = &'static str>) -> Self {
        let operations = names.map(|name| (name, Count::default())).collect();
        Self { operations, unrouted: Count::default(), busy: AtomicU64::default() }
    }

    /// Each operation's counts, by name.
    pub fn operations(&self) -> impl Iterator<Item = (&'static str, &Count)> {
        self.operations.iter().map(|(name, count)| (*name, count))
    }

    /// Requests that were answered, of all operations.
    pub(crate) fn answered(&self) -> u64 {
        self.operations().map(|(_, count)| count.answered()).sum()
    }

    /// Requests that reached no operation: bad keys, unknown URLs, malformed requests.
    pub const fn unrouted(&self) -> &Count {
        &self.unrouted
    }

    /// Requests that were refused because too many on the same account waited, or too long.
    pub fn busy(&self) -> u64 {
        self.busy.load(Ordering::Relaxed)
    }

    pub(crate) fn count_busy(&self) {
        self.busy.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn of(&self, route: Option<usize>) -> &Count {
        route.and_then(|at| self.operations.get(at)).map_or(&self.unrouted, |(_, count)| count)
    }
}
