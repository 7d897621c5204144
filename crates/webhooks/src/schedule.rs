//! When an attempt that failed is made again.

use coffer_base::{Mode, Random, Timestamp};

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;

/// Seconds between attempts in live mode: the last one is within three days of the first.
const LIVE: [i64; 10] = [
    MINUTE,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    12 * HOUR,
    12 * HOUR,
    12 * HOUR,
    12 * HOUR,
];

/// The same in test mode, where nobody waits for days.
const TEST: [i64; 3] = [5 * MINUTE, 30 * MINUTE, 2 * HOUR];

/// When attempt `number` (the first is 1), which failed at `now`, is made again; `None` if it was
/// the last. Distances vary by a tenth, so that what failed together does not come again together.
pub(crate) fn next(
    mode: Mode,
    number: i64,
    now: Timestamp,
    random: &dyn Random,
) -> Option<Timestamp> {
    let distances: &[i64] = if mode.is_live() { &LIVE } else { &TEST };
    let place = usize::try_from(number.saturating_sub(1)).ok()?;
    let distance = *distances.get(place)?;
    let mut bytes = [0; 2];
    random.fill(&mut bytes);
    let part = i64::from(u16::from_be_bytes(bytes));
    let spread = distance / 5;
    let shift = spread.saturating_mul(part) / i64::from(u16::MAX);
    Some(now.plus(distance.saturating_sub(distance / 10).saturating_add(shift)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits;
    use coffer_base::TestRandom;

    #[test]
    fn attempts_end_within_three_days_and_vary_by_a_tenth() {
        assert!(LIVE.iter().sum::<i64>() <= limits::TRIED_SECONDS);
        let random = TestRandom::seeded(1);
        let start = Timestamp::from_unix(1_800_000_000);
        for (mode, distances) in [(Mode::Live, &LIVE[..]), (Mode::Test, &TEST[..])] {
            for (number, distance) in (1..).zip(distances) {
                for _ in 0..50 {
                    let at = next(mode, number, start, &random).unwrap().unix() - start.unix();
                    assert!((distance * 9 / 10..=distance * 11 / 10).contains(&at), "{at}");
                }
            }
            let last = i64::try_from(distances.len()).unwrap() + 1;
            assert_eq!(next(mode, last, start, &random), None);
        }
    }
}
