//! When an attempt that failed is made again.

use coffer_base::{Mode, Random, Timestamp};

/// Seconds between an attempt that failed and the next, by mode.
pub(crate) struct Schedule {
    pub(crate) live: Vec<i64>,
    pub(crate) test: Vec<i64>,
}

impl Schedule {
    /// When attempt `number` (the first is 1), which failed at `now`, is made again; `None` if it
    /// was the last. Distances vary by a tenth, so that what failed together does not come again
    /// together.
    pub(crate) fn next(
        &self,
        mode: Mode,
        number: i64,
        now: Timestamp,
        random: &dyn Random,
    ) -> Option<Timestamp> {
        let distances = if mode.is_live() { &self.live } else { &self.test };
        let place = usize::try_from(number.saturating_sub(1)).ok()?;
        let distance = *distances.get(place)?;
        let mut bytes = [0; 2];
        random.fill(&mut bytes);
        let part = i64::from(u16::from_be_bytes(bytes));
        let spread = distance / 5;
        let shift = spread.saturating_mul(part) / i64::from(u16::MAX);
        Some(now.plus(distance.saturating_sub(distance / 10).saturating_add(shift)))
    }

    /// Seconds to the next attempt at most: what is to be made later than that was written while
    /// the clock was ahead, or by another schedule.
    pub(crate) fn longest(&self) -> i64 {
        let longest = self.live.iter().chain(&self.test).copied().max().unwrap_or(0);
        longest.saturating_add(longest / 10).saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{self, WEBHOOK_RETRIES, WEBHOOK_TEST_RETRIES};
    use coffer_base::TestRandom;
    use coffer_kernel::Settings;

    const MINUTE: i64 = 60;
    const HOUR: i64 = 3600;

    /// That the schedule of a mode is this one.
    fn has(schedule: &Schedule, mode: Mode, distances: &[i64]) {
        let random = TestRandom::seeded(1);
        let start = Timestamp::from_unix(1_800_000_000);
        for (number, distance) in (1..).zip(distances) {
            for _ in 0..50 {
                let next = schedule.next(mode, number, start, &random).unwrap();
                let at = next.unix() - start.unix();
                assert!((distance * 9 / 10..=distance * 11 / 10).contains(&at), "{at}");
                assert!(at <= schedule.longest(), "{at}");
            }
        }
        let last = i64::try_from(distances.len()).unwrap() + 1;
        assert_eq!(schedule.next(mode, last, start, &random), None);
    }

    #[test]
    fn attempts_end_within_three_days_and_vary_by_a_tenth() {
        let schedule = settings::schedule(&Settings::default());
        let live = [MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR];
        has(&schedule, Mode::Live, &[&live[..], &[12 * HOUR; 4]].concat());
        has(&schedule, Mode::Test, &[5 * MINUTE, 30 * MINUTE, 2 * HOUR]);
    }

    #[test]
    fn an_operator_can_set_when_attempts_are_made_again() {
        let mut set = Settings::default();
        set.set(&WEBHOOK_RETRIES, "30s, 1h,1d").unwrap();
        set.set(&WEBHOOK_TEST_RETRIES, "1s").unwrap();
        let schedule = settings::schedule(&set);
        has(&schedule, Mode::Live, &[30, HOUR, 24 * HOUR]);
        has(&schedule, Mode::Test, &[1]);
        let many = vec!["1s"; 21].join(",");
        let odd = ["", ",", "1", "m", "0s", "-1m", "+1m", "1.5h", "1w", "1mü", "72h,1s", &many];
        for value in odd.into_iter().chain(["9223372036854775807d"]) {
            let refused = set.set(&WEBHOOK_RETRIES, value).unwrap_err();
            assert!(refused.contains("72 hours"), "{value}: {refused}");
        }
        set.set(&WEBHOOK_RETRIES, "72h").unwrap();
    }
}
