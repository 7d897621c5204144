//! Numbers of attempts, which grow.

use coffer_base::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};

/// Bits below the seconds: how many numbers one server gives in a second before it is ahead of the
/// clock.
const BITS: u32 = 31;

/// Numbers that grow with time, and within a second by one: the order in which one server has
/// written its attempts. Those of several servers are in order by the second. Two servers may give
/// the same number, as may one that was started again, so an attempt's key has its event, too; and
/// a further attempt at the same delivery comes behind the one before ([`Self::next_behind`]).
#[derive(Debug, Default)]
pub(crate) struct Sequence(AtomicI64);

impl Sequence {
    /// The next number.
    pub(crate) fn next(&self, now: Timestamp) -> i64 {
        let least = now.unix().max(0).saturating_mul(1i64 << BITS);
        let bump = |last: i64| Some(last.saturating_add(1).max(least));
        let before = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, bump);
        before.map_or(least, |last| last.saturating_add(1).max(least))
    }

    /// The next number that is also larger than `number`.
    pub(crate) fn next_behind(&self, number: i64, now: Timestamp) -> i64 {
        self.next(now).max(number.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_behind_one_of_another_server() {
        let (here, there) = (Sequence::default(), Sequence::default());
        let now = Timestamp::from_unix(100);
        let first = there.next(now);
        assert_eq!(here.next_behind(first, now), first + 1);
        let later = Timestamp::from_unix(101);
        assert_eq!(here.next_behind(first, later), 101i64 << BITS);
    }

    #[test]
    fn numbers_grow_also_when_the_clock_goes_back() {
        let sequence = Sequence::default();
        let times = [100, 100, 100, 200, 150, 150, 201];
        let numbers = times.map(|second| sequence.next(Timestamp::from_unix(second)));
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
        assert_eq!(numbers[3], 200i64 << BITS);
    }
}
