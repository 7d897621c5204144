//! How often each operation was answered, refused, or failed.

use coffer_dialect::ApiError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

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
    pub(crate) busy: Sampled,
}

/// Something that can happen thousands of times in a second, of which the log gets one line a
/// second with the number.
#[derive(Debug, Default)]
pub(crate) struct Sampled {
    total: AtomicU64,
    last: Mutex<Option<(Instant, u64)>>,
}

impl Sampled {
    /// Counts one. Answers how often it happened since the last time that this answered a number,
    /// if that was a second ago or more; the first answer comes at once.
    pub(crate) fn count(&self, now: Instant) -> Option<u64> {
        let total = self.total.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let since = match *last {
            Some((at, _)) if now.saturating_duration_since(at) < Duration::from_secs(1) => None,
            Some((_, before)) => Some(total.saturating_sub(before)),
            None => Some(total),
        };
        if since.is_some() {
            *last = Some((now, total));
        }
        since
    }

    /// How often it happened since the server started.
    pub(crate) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }
}

impl Counters {
    pub(crate) fn new(names: impl Iterator<Item = &'static str>) -> Self {
        let operations = names.map(|name| (name, Count::default())).collect();
        Self { operations, unrouted: Count::default(), busy: Sampled::default() }
    }

    /// Each operation's counts, by name.
    pub fn operations(&self) -> impl Iterator<Item = (&'static str, &Count)> {
        self.operations.iter().map(|(name, count)| (*name, count))
    }

    /// Requests that reached no operation: bad keys, unknown URLs, malformed requests.
    pub const fn unrouted(&self) -> &Count {
        &self.unrouted
    }

    /// Requests that were refused because too many on the same account waited, or too long.
    pub fn busy(&self) -> u64 {
        self.busy.total()
    }

    pub(crate) fn of(&self, route: Option<usize>) -> &Count {
        route.and_then(|at| self.operations.get(at)).map_or(&self.unrouted, |(_, count)| count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_often_is_logged_once_a_second_with_its_number() {
        let (sampled, start) = (Sampled::default(), Instant::now());
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        assert_eq!(sampled.count(at(0)), Some(1));
        for milliseconds in 1..1000 {
            assert_eq!(sampled.count(at(milliseconds)), None);
        }
        assert_eq!(sampled.count(at(1000)), Some(1000));
        assert_eq!(sampled.count(at(1999)), None);
        assert_eq!(sampled.count(at(9000)), Some(2));
        assert_eq!(sampled.total(), 1003);
    }
}
