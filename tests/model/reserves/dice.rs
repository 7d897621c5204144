//! Chance that can be had again: the same seed gives the same numbers.

use coffer_base::{Random, TestRandom};

/// A source of numbers.
pub struct Dice(TestRandom);

impl Dice {
    pub fn seeded(seed: u64) -> Self {
        // Neighbouring seeds of a counter would give overlapping numbers.
        Self(TestRandom::seeded(seed.wrapping_mul(0xD134_2543_DE82_EF95)))
    }

    fn roll(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A number from `least` to `most`; `least` if there is none.
    pub fn within(&mut self, least: i64, most: i64) -> i64 {
        if most <= least {
            return least;
        }
        let count = u64::try_from(most - least).unwrap() + 1;
        least + i64::try_from(self.roll() % count).unwrap()
    }

    /// An index below `count`, which is not 0.
    pub fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(count).unwrap()).unwrap()
    }

    /// Whether something happens that does in `percent` of a hundred cases.
    pub fn happens(&mut self, percent: i64) -> bool {
        self.within(1, 100) <= percent
    }

    pub fn one_of<T: Clone>(&mut self, these: &[T]) -> T {
        these[self.below(these.len())].clone()
    }

    pub fn maybe<T>(&mut self, percent: i64, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.happens(percent).then(|| make(self))
    }

    /// An index, each as often as its weight says.
    pub fn weighed(&mut self, weights: &[i64]) -> usize {
        let mut left = self.within(1, weights.iter().sum());
        weights
            .iter()
            .position(|weight| {
                left -= weight;
                left <= 0
            })
            .unwrap()
    }
}
