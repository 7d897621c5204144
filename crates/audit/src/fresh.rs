//! The hashes of entries that this process has just written, so that taking them into the log need
//! not read them again.
//!
//! Only an embedded store has any: there an entry has its number from the start. They are of what
//! was written, so a row that somebody alters before it is in the log does not fit it. Where
//! some are missing, for whatever reason, rows are read instead.

use crate::limits;
use coffer_crypto::Hash;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The hashes of entries that are committed and perhaps not in the log yet.
#[derive(Default)]
pub struct Fresh(Mutex<VecDeque<Run>>);

/// Hashes of entries whose numbers follow each other.
struct Run {
    first: u64,
    hashes: Vec<Hash>,
}

impl Run {
    /// The number behind the last.
    fn end(&self) -> u64 {
        self.first.saturating_add(u64::try_from(self.hashes.len()).unwrap_or(u64::MAX))
    }
}

impl Fresh {
    /// Adds the hashes of entries that are committed, whose numbers follow each other from `first`
    /// on. What was added before with such numbers is forgotten, as is the oldest when there are
    /// more than [`limits::FRESH_HASHES`].
    pub(crate) fn add(&self, first: u64, hashes: Vec<Hash>) {
        let mut runs = self.runs();
        runs.retain(|run| run.end() <= first);
        runs.push_back(Run { first, hashes });
        let mut count: usize = runs.iter().map(|run| run.hashes.len()).sum();
        while count > limits::FRESH_HASHES
            && let Some(oldest) = runs.pop_front()
        {
            count = count.saturating_sub(oldest.hashes.len());
        }
    }

    /// Takes the hashes that begin with the number `from`, and all that follow without a gap;
    /// those of smaller numbers are forgotten.
    pub(crate) fn take(&self, from: u64) -> Vec<(u64, Hash)> {
        let mut runs = self.runs();
        let (mut taken, mut next) = (Vec::new(), from);
        while let Some(run) = runs.front().filter(|run| run.first <= next) {
            let end = run.end();
            if let Some(run) = runs.pop_front()
                && run.first == next
            {
                taken.extend((next..end).zip(run.hashes));
                next = end;
            }
        }
        taken
    }

    /// The smallest number of which there is a hash.
    pub(crate) fn first(&self) -> Option<u64> {
        self.runs().front().map(|run| run.first)
    }

    fn runs(&self) -> MutexGuard<'_, VecDeque<Run>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(bytes: &[u8]) -> Vec<Hash> {
        bytes.iter().map(|byte| [*byte; 32]).collect()
    }

    fn taken(fresh: &Fresh, from: u64) -> Vec<(u64, u8)> {
        fresh.take(from).into_iter().map(|(id, [byte, ..])| (id, byte)).collect()
    }

    #[test]
    fn what_follows_without_a_gap_is_taken_once() {
        let fresh = Fresh::default();
        for (first, bytes) in [(1, &[1, 2][..]), (3, &[3]), (6, &[6])] {
            fresh.add(first, hashes(bytes));
        }
        assert_eq!(taken(&fresh, 1), [(1, 1), (2, 2), (3, 3)]);
        assert_eq!((taken(&fresh, 4), fresh.first()), (vec![], Some(6)));
        assert_eq!((taken(&fresh, 6), fresh.first()), (vec![(6, 6)], None));
        assert_eq!(taken(&fresh, 6), []);
    }

    #[test]
    fn what_is_in_the_log_already_or_was_undone_is_forgotten() {
        let fresh = Fresh::default();
        fresh.add(1, hashes(&[1, 2, 3]));
        assert_eq!((taken(&fresh, 2), fresh.first()), (vec![], None), "rows were read up to 1");
        fresh.add(4, hashes(&[4, 5]));
        fresh.add(6, hashes(&[6]));
        fresh.add(5, hashes(&[15]));
        assert_eq!(taken(&fresh, 4), []);
        assert_eq!(taken(&fresh, 5), [(5, 15)]);
    }

    #[test]
    fn there_are_never_more_than_a_few_megabytes() {
        let fresh = Fresh::default();
        let many = limits::FRESH_HASHES;
        fresh.add(1, vec![[1; 32]; 10]);
        fresh.add(11, vec![[2; 32]; many]);
        assert_eq!(fresh.first(), Some(11));
        fresh.add(u64::MAX / 2, vec![[3; 32]; many + 1]);
        assert_eq!(fresh.first(), None, "rows are read instead");
    }
}
