//! Chance that can be had again: every run prints its seed.

use coffer_base::{Random, TestRandom};

/// A source of numbers.
pub struct Rng(TestRandom);

impl Rng {
    /// From `COFFER_CRASH_SEED`, or a new one, which is printed.
    pub fn new(what: &str) -> Self {
        let seed = std::env::var("COFFER_CRASH_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            now.unwrap().as_nanos() as u64
        });
        println!("{what}: COFFER_CRASH_SEED={seed}");
        Self(TestRandom::seeded(seed))
    }

    /// Any number.
    pub fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next_u64() % bound
    }

    /// Another one, with a fate of its own.
    pub fn split(&mut self) -> Self {
        Self(TestRandom::seeded(self.next_u64()))
    }
}
