//! Durations, counted by how long they were.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets, in microseconds: from what a read out of memory takes to what the
/// longest request may. Each is about twice the one before it.
pub const BOUNDS_MICROSECONDS: [u64; 17] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000,
];

/// One more than there are bounds: the last bucket has none.
const BUCKETS: usize = BOUNDS_MICROSECONDS.len() + 1;

/// How often something took how long. Recording is two atomic additions.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    /// Microseconds of all together.
    sum: AtomicU64,
}

impl Histogram {
    /// Counts a duration.
    pub fn record(&self, duration: Duration) {
        self.record_micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    }

    /// Counts a duration of so many microseconds.
    pub fn record_micros(&self, micros: u64) {
        let at = BOUNDS_MICROSECONDS.partition_point(|bound| *bound < micros);
        if let Some(bucket) = self.buckets.get(at) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(micros, Ordering::Relaxed);
    }

    /// What was recorded so far. While others record, the sum can be ahead of the buckets or behind
    /// them by what is being recorded.
    pub fn read(&self) -> Recorded {
        let mut buckets = [0; BUCKETS];
        for (read, bucket) in buckets.iter_mut().zip(&self.buckets) {
            *read = bucket.load(Ordering::Relaxed);
        }
        Recorded { buckets, sum: self.sum.load(Ordering::Relaxed) }
    }
}

/// What a histogram had recorded at some moment.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Recorded {
    buckets: [u64; BUCKETS],
    sum: u64,
}

impl Recorded {
    /// How many durations there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// All of them together, in microseconds.
    pub const fn sum_micros(&self) -> u64 {
        self.sum
    }

    /// How many there were in each bucket alone: one for each of [`BOUNDS_MICROSECONDS`], and the
    /// last, which has no bound.
    pub const fn buckets(&self) -> &[u64] {
        &self.buckets
    }

    /// Both together.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        for (own, more) in self.buckets.iter_mut().zip(other.buckets) {
            *own = own.saturating_add(more);
        }
        Self { sum: self.sum.saturating_add(other.sum), ..self }
    }

    /// What was recorded since `before`, which the same histogram has answered earlier.
    #[must_use]
    pub fn since(mut self, before: &Self) -> Self {
        for (own, less) in self.buckets.iter_mut().zip(before.buckets) {
            *own = own.saturating_sub(less);
        }
        Self { sum: self.sum.saturating_sub(before.sum), ..self }
    }

    /// What so many of a thousand took no longer than, in microseconds: the bound of a bucket.
    /// `None` if nothing was recorded; [`u64::MAX`] if they took longer than the last bound.
    pub fn per_mille(&self, of_thousand: u64) -> Option<u64> {
        let count = self.count();
        let wanted = count.saturating_mul(of_thousand).div_ceil(1000).max(1);
        let found = self.cumulative().find(|(_, total)| *total >= wanted);
        (count > 0).then(|| found.map_or(u64::MAX, |(bound, _)| bound))
    }

    /// For each bound, how many took no longer.
    pub(crate) fn cumulative(&self) -> impl Iterator<Item = (u64, u64)> {
        BOUNDS_MICROSECONDS.into_iter().zip(self.buckets).scan(0u64, |total, (bound, count)| {
            *total = total.saturating_add(count);
            Some((bound, *total))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_the_bucket_whose_bound_it_does_not_exceed() {
        let histogram = Histogram::default();
        for micros in [0, 50, 51, 10_000_000, 10_000_001] {
            histogram.record(Duration::from_micros(micros));
        }
        let recorded = histogram.read();
        assert_eq!((recorded.count(), recorded.sum_micros()), (5, 20_000_102));
        let at = |bound| recorded.cumulative().find(|(of, _)| *of == bound).map(|(_, n)| n);
        assert_eq!([at(50), at(100), at(10_000_000)], [Some(2), Some(3), Some(4)]);
    }

    #[test]
    fn a_share_took_no_longer_than_a_bound() {
        let histogram = Histogram::default();
        assert_eq!(histogram.read().per_mille(500), None);
        for micros in [10, 10, 200, 20_000_000] {
            histogram.record_micros(micros);
        }
        let read = histogram.read();
        let shares = [1, 500, 501, 750, 990].map(|share| read.per_mille(share));
        assert_eq!(shares, [Some(50), Some(50), Some(250), Some(250), Some(u64::MAX)]);
        histogram.record_micros(600);
        let later = histogram.read().since(&read);
        assert_eq!((later.count(), later.per_mille(990)), (1, Some(1000)));
        assert_eq!(later.plus(&read), histogram.read());
    }
}
