//! Latencies in fixed buckets: 64 to each power of two, so that a percentile is right to 1.6 %.

use std::time::Duration;

/// Buckets to a power of two, as a power of two.
const FINE_BITS: u32 = 6;

/// Powers of two that are covered: up to 2^40 ns, about 18 minutes; longer ones share the last.
const POWERS: usize = 40;

/// Counts of durations. Recording is a shift, an addition and one write to memory.
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    longest: u64,
}

impl Histogram {
    /// An empty one.
    pub fn new() -> Self {
        Self { counts: vec![0; POWERS << FINE_BITS], total: 0, longest: 0 }
    }

    /// Counts one duration.
    pub fn record(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let last = self.counts.len() - 1;
        if let Some(count) = self.counts.get_mut(bucket(nanos).min(last)) {
            *count += 1;
        }
        self.total += 1;
        self.longest = self.longest.max(nanos);
    }

    /// Adds what another one counted.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
        self.longest = self.longest.max(other.longest);
    }

    /// How many durations were counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The longest duration, in nanoseconds, exactly.
    pub fn longest(&self) -> u64 {
        self.longest
    }

    /// The duration in nanoseconds that a share of `per_mille` of all durations did not exceed:
    /// the upper end of its bucket. 0 if nothing was counted.
    pub fn quantile(&self, per_mille: u64) -> u64 {
        let rank = (self.total * per_mille).div_ceil(1000).max(1);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return upper_end(index).min(self.longest);
            }
        }
        self.longest
    }
}

/// The bucket of a number: below 64 one each, above that the power of two and the six bits after
/// the leading one.
fn bucket(nanos: u64) -> usize {
    let power = (nanos | 1).ilog2();
    let shift = power.saturating_sub(FINE_BITS);
    let row = u64::from(if power < FINE_BITS { 0 } else { power - FINE_BITS + 1 });
    let column = if power < FINE_BITS { nanos } else { (nanos >> shift) - (1 << FINE_BITS) };
    usize::try_from((row << FINE_BITS) + column).unwrap_or(usize::MAX)
}

/// The largest number in a bucket.
fn upper_end(index: usize) -> u64 {
    let (row, column) = ((index >> FINE_BITS) as u64, (index & ((1 << FINE_BITS) - 1)) as u64);
    if row == 0 { column } else { ((column + 1 + (1 << FINE_BITS)) << (row - 1)) - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_lies_in_its_bucket() {
        for nanos in (0..5_000).chain((0..40).map(|p| (1 << p) + p)).chain((1..30).map(|p| 3 << p))
        {
            let index = bucket(nanos);
            let top = upper_end(index);
            assert!(top >= nanos, "{nanos} is above its bucket's end {top}");
            assert!(top - nanos <= nanos / 64, "{nanos} is too far below {top}");
            assert!(index == 0 || upper_end(index - 1) < nanos, "{nanos} fits the bucket below");
        }
    }

    #[test]
    fn quantiles_and_merge() {
        let (mut a, mut b) = (Histogram::new(), Histogram::new());
        (1..=50).for_each(|n| a.record(Duration::from_nanos(n)));
        (51..=100).for_each(|n| b.record(Duration::from_nanos(n)));
        a.merge(&b);
        assert_eq!(a.total(), 100);
        assert_eq!(a.quantile(500), 50);
        assert!((99..=100).contains(&a.quantile(990)));
        assert_eq!(a.longest(), 100);
        assert_eq!(Histogram::new().quantile(500), 0);
    }
}
