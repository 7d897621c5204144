//! How often each operation was answered, refused, or failed, and how long that took.

use coffer_dialect::{ApiError, Reason};
use coffer_metrics::{Histogram, Recorded};
use std::sync::atomic::{AtomicU64, Ordering};

/// One operation's counts since the server started.
#[derive(Default, Debug)]
pub struct Count {
    answered: AtomicU64,
    replayed: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
    durations: Histogram,
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

    /// How long they all took, from their heads to their responses.
    pub fn durations(&self) -> Recorded {
        self.durations.read()
    }

    /// Whether there was any request at all.
    pub fn is_used(&self) -> bool {
        self.answered() + self.refused() + self.failed() > 0
    }

    pub(crate) fn success(&self, replayed: bool, micros: u64) {
        self.answered.fetch_add(1, Ordering::Relaxed);
        self.durations.record_micros(micros);
        if replayed {
            self.replayed.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn failure(&self, error: &ApiError, micros: u64) {
        let count = if error.is_fault() { &self.failed } else { &self.refused };
        count.fetch_add(1, Ordering::Relaxed);
        self.durations.record_micros(micros);
    }
}

/// All counts: one for each operation, one for requests that reached none, and one for each reason
/// of a refusal.
#[derive(Debug)]
pub struct Counters {
    pub(crate) operations: Vec<(&'static str, Count)>,
    pub(crate) unrouted: Count,
    /// Requests that were refused because too many of the same caller wait.
    busy: AtomicU64,
    /// By the reason's code, in alphabetical order.
    reasons: Vec<(&'static str, AtomicU64)>,
}

impl Counters {
    pub(crate) fn new(
        names: impl Iterator<Item = &'static str>,
        reasons: &[&'static Reason],
    ) -> Self {
        let operations = names.map(|name| (name, Count::default())).collect();
        let mut codes: Vec<&'static str> = reasons.iter().map(|reason| reason.code).collect();
        codes.sort_unstable();
        codes.dedup();
        let reasons = codes.into_iter().map(|code| (code, AtomicU64::default())).collect();
        Self { operations, unrouted: Count::default(), busy: AtomicU64::default(), reasons }
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

    /// How many requests were refused or failed for each reason, by its code.
    pub fn reasons(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.reasons.iter().map(|(code, count)| (*code, count.load(Ordering::Relaxed)))
    }

    /// Counts a request that was refused or failed.
    pub(crate) fn failure(&self, route: Option<usize>, error: &ApiError, micros: u64) {
        self.of(route).failure(error, micros);
        if error.is_load() {
            self.busy.fetch_add(1, Ordering::Relaxed);
        }
        let code = error.reason().code;
        let at = self.reasons.binary_search_by_key(&code, |(known, _)| known);
        if let Some((_, count)) = at.ok().and_then(|at| self.reasons.get(at)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn of(&self, route: Option<usize>) -> &Count {
        route.and_then(|at| self.operations.get(at)).map_or(&self.unrouted, |(_, count)| count)
    }
}
