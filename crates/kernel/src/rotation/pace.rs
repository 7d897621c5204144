//! How fast a rotation goes: no faster than the operator lets it.

use std::time::{Duration, Instant};

/// What looking at a record costs of what sealing it anew does: that reads, computes and writes.
const LOOKS_PER_RECORD: i64 = 10;

/// Keeps work to a number of records a second, and measures it.
pub(super) struct Pace {
    rate: i64,
    /// Since when what was done is counted.
    since: Instant,
    /// What was done, in tenths of a record.
    done: i64,
    began: Instant,
    looked: i64,
}

impl Pace {
    pub(super) fn new(rate: i64) -> Self {
        let now = Instant::now();
        Self { rate: rate.max(1), since: now, done: 0, began: now, looked: 0 }
    }

    /// Counts records that were looked at, and those of them that were sealed anew; answers how
    /// long to wait before the next.
    pub(super) fn after(&mut self, looked: i64, resealed: i64) -> Duration {
        self.looked = self.looked.saturating_add(looked);
        let cost = resealed.saturating_mul(LOOKS_PER_RECORD).saturating_add(looked);
        self.done = self.done.saturating_add(cost);
        let millis = self.done.saturating_mul(1000) / (self.rate.saturating_mul(LOOKS_PER_RECORD));
        let due = Duration::from_millis(u64::try_from(millis).unwrap_or_default());
        let ahead = due.saturating_sub(self.since.elapsed());
        if ahead.is_zero() {
            // What could not be done in time is not made up for.
            (self.since, self.done) = (Instant::now(), 0);
        }
        ahead
    }

    /// Records looked at a second, so far.
    pub(super) fn measured(&self) -> i64 {
        let millis = i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX).max(1);
        self.looked.saturating_mul(1000) / millis
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_held_to_its_rate() {
        let mut pace = Pace::new(100);
        let wait = pace.after(50, 50);
        assert!(
            wait > Duration::from_millis(400) && wait <= Duration::from_millis(550),
            "{wait:?}"
        );
        let wait = pace.after(0, 100);
        assert!(wait > Duration::from_millis(1400), "{wait:?}");
        let mut fast = Pace::new(1_000_000);
        assert!(fast.after(50, 50) <= Duration::from_millis(1));
    }
}
