//! The counts of requests over the last hour, from readings at even times.

use crate::limits;
use coffer_base::Timestamp;
use coffer_kernel::{Counters, Recorded};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Counts since the server started, at one time.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Reading {
    at: i64,
    answered: u64,
    refused: u64,
    failed: u64,
    durations: Recorded,
}

/// How many requests there were between two readings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sample {
    /// The later reading's time.
    pub(crate) at: i64,
    pub(crate) answered: u64,
    pub(crate) refused: u64,
    pub(crate) failed: u64,
    /// Microseconds that half of them took no longer than; `None` if there was none.
    pub(crate) half: Option<u64>,
    /// The same of 99 of a hundred.
    pub(crate) most: Option<u64>,
}

impl Sample {
    /// All of them.
    pub(crate) const fn requests(&self) -> u64 {
        self.answered.saturating_add(self.refused).saturating_add(self.failed)
    }
}

/// The readings.
#[derive(Default)]
pub(crate) struct Samples(Mutex<VecDeque<Reading>>);

impl Samples {
    /// Adds a reading.
    pub(crate) fn read(&self, counters: &Counters, now: Timestamp) {
        let mut reading = Reading { at: now.unix(), ..Reading::default() };
        let operations = counters.operations().map(|(_, count)| count);
        for count in operations.chain([counters.unrouted()]) {
            reading.answered = reading.answered.saturating_add(count.answered());
            reading.refused = reading.refused.saturating_add(count.refused());
            reading.failed = reading.failed.saturating_add(count.failed());
            reading.durations = reading.durations.plus(&count.durations());
        }
        self.add(reading);
    }

    fn add(&self, reading: Reading) {
        let mut readings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if readings.len() >= limits::SAMPLES {
            readings.pop_front();
        }
        readings.push_back(reading);
    }

    /// What was between each two readings, oldest first.
    pub(crate) fn all(&self) -> Vec<Sample> {
        let readings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pairs = readings.iter().zip(readings.iter().skip(1));
        pairs
            .map(|(before, after)| {
                let durations = after.durations.since(&before.durations);
                Sample {
                    at: after.at,
                    answered: after.answered.saturating_sub(before.answered),
                    refused: after.refused.saturating_sub(before.refused),
                    failed: after.failed.saturating_sub(before.failed),
                    half: durations.per_mille(500),
                    most: durations.per_mille(990),
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_between_two_readings_is_their_difference() {
        let samples = Samples::default();
        assert!(samples.all().is_empty());
        for (at, answered) in [(0, 5), (30, 9), (60, 9)] {
            samples.add(Reading { at, answered, ..Reading::default() });
        }
        let answered: Vec<_> = samples.all().iter().map(|each| (each.at, each.answered)).collect();
        assert_eq!(answered, [(30, 4), (60, 0)]);
    }

    #[test]
    fn an_hour_is_kept() {
        let samples = Samples::default();
        for at in 0..1000 {
            samples.add(Reading { at, ..Reading::default() });
        }
        assert_eq!(samples.all().len(), limits::SAMPLES - 1);
        assert_eq!(samples.all().last().unwrap().at, 999);
    }
}
