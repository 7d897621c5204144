//! A budget that fills up again with time, in one number.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const NANOS: u64 = 1_000_000_000;

/// How fast a budget fills up, and how much it holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Rate {
    /// Nanoseconds after which there is one more.
    interval: u64,
    /// Nanoseconds in which a budget that is used up is full again.
    depth: u64,
}

impl Rate {
    /// So many a second, and `burst` at once if none was taken for long; at least one of each.
    pub(super) const fn new(per_second: u32, burst: u32) -> Self {
        let per_second = if per_second == 0 { 1 } else { per_second as u64 };
        let interval = NANOS / per_second;
        let burst = if burst == 0 { 1 } else { burst as u64 };
        Self { interval, depth: interval * burst }
    }

    /// So many a second, and as many at once.
    pub(super) const fn per_second(count: u32) -> Self {
        Self::new(count, count)
    }
}

/// Monotonic time, in nanoseconds since its beginning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticks(Instant);

impl Ticks {
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }

    pub(super) fn at(self, now: Instant) -> u64 {
        let since: Duration = now.saturating_duration_since(self.0);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX / 2)
    }
}

/// A budget: the time at which it is full, by the generic cell rate algorithm. Taking from it is
/// one atomic step and no lock.
#[derive(Default, Debug)]
pub(super) struct Bucket {
    full_at: AtomicU64,
}

impl Bucket {
    /// Takes one, if there is one.
    pub(super) fn take(&self, rate: Rate, now: u64) -> bool {
        let taken = |full_at: u64| {
            let next = full_at.max(now).saturating_add(rate.interval);
            (next - now <= rate.depth).then_some(next)
        };
        self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    /// Whether nothing is left.
    pub(super) fn is_spent(&self, rate: Rate, now: u64) -> bool {
        let full_at = self.full_at.load(Ordering::Relaxed).max(now);
        full_at.saturating_add(rate.interval) - now > rate.depth
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_followed_by_the_rate() {
        for per_second in [1, 3, 100, 1_000_000] {
            let (bucket, rate) = (Bucket::default(), Rate::per_second(per_second));
            let now = 5 * NANOS;
            let burst = (0..per_second + 10).filter(|_| bucket.take(rate, now)).count();
            assert_eq!(burst, per_second as usize);
            assert!(bucket.is_spent(rate, now));
            let next = now + NANOS / u64::from(per_second);
            assert!(!bucket.take(rate, next - 1), "{per_second}");
            assert!(bucket.take(rate, next) && !bucket.take(rate, next), "{per_second}");
        }
    }

    #[test]
    fn over_many_seconds_no_more_is_taken_than_the_rate_and_one_burst() {
        let (bucket, rate) = (Bucket::default(), Rate::new(50, 500));
        let steps = (0..10_000_u64).map(|step| step * NANOS / 1000);
        let taken = steps.filter(|now| bucket.take(rate, *now)).count();
        assert!((990..=1000).contains(&taken), "{taken}");
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_gives_nothing_away() {
        let (bucket, rate) = (Bucket::default(), Rate::per_second(2));
        assert!(bucket.take(rate, NANOS) && bucket.take(rate, NANOS));
        assert!(!bucket.take(rate, NANOS) && !bucket.take(rate, 0));
    }
}
