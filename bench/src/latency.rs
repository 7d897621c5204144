//! Latencies in nanoseconds, counted by HdrHistogram.

use crate::args::Result;
use hdrhistogram::Histogram;
use std::time::Duration;

/// The longest latency that is counted as what it is, in nanoseconds: about 18 minutes.
const LONGEST: u64 = 1 << 40;

/// Significant decimal digits of every latency: percentiles are right to 0.1 %.
const DIGITS: u8 = 3;

/// Counts of latencies.
pub struct Latencies(Histogram<u64>);

impl Latencies {
    /// None yet.
    pub fn new() -> Result<Self> {
        let histogram = Histogram::new_with_max(LONGEST, DIGITS);
        histogram.map(Self).map_err(|error| error.to_string())
    }

    /// Counts one; a longer one than [`LONGEST`] counts as that.
    pub fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds what another one counted.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        self.0.add(&other.0).map_err(|error| error.to_string())
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The longest, in nanoseconds.
    pub fn longest(&self) -> u64 {
        self.0.max()
    }

    /// The latency in nanoseconds that a share of `per_mille` of all did not exceed; 0 if nothing
    /// was counted.
    pub fn quantile(&self, per_mille: u32) -> u64 {
        self.0.value_at_quantile(f64::from(per_mille) / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_all_that_was_merged() {
        let (mut a, mut b) = (Latencies::new().unwrap(), Latencies::new().unwrap());
        (1..=50).for_each(|n| a.record(Duration::from_nanos(n)));
        (51..=100).for_each(|n| b.record(Duration::from_nanos(n)));
        a.merge(&b).unwrap();
        assert_eq!((a.count(), a.quantile(500), a.quantile(990), a.longest()), (100, 50, 99, 100));
        assert_eq!(Latencies::new().unwrap().quantile(500), 0);
    }

    #[test]
    fn a_latency_beyond_the_longest_counts_as_the_longest() {
        let mut latencies = Latencies::new().unwrap();
        latencies.record(Duration::from_secs(100_000));
        assert!(latencies.longest() >= LONGEST);
    }
}
