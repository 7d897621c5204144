//! Randomness as an argument.

use std::sync::atomic::{AtomicU64, Ordering};

/// A source of unpredictable bytes.
///
/// Filling cannot fail: without random bytes no key and no token is safe, so an implementation
/// ends the process rather than return predictable ones.
pub trait Random: Send + Sync + 'static {
    /// Fills `out` with random bytes.
    fn fill(&self, out: &mut [u8]);
}

/// A predictable source for tests: the same seed gives the same bytes.
#[derive(Debug)]
pub struct TestRandom(AtomicU64);

impl TestRandom {
    /// A source that repeats itself for the same `seed`.
    pub const fn seeded(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Random for TestRandom {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            // SplitMix64 (Steele, Lea, Flood 2014): a counter and a mixing function.
            let step = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
            let mut z = step.wrapping_add(0x9E37_79B9_7F4A_7C15);
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^= z >> 31;
            for (to, from) in chunk.iter_mut().zip(z.to_le_bytes()) {
                *to = from;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_repeats_and_another_does_not() {
        let mut outputs = [[0u8; 20]; 3];
        for (output, seed) in outputs.iter_mut().zip([7, 7, 8]) {
            TestRandom::seeded(seed).fill(output);
        }
        assert_eq!(outputs[0], outputs[1]);
        assert_ne!(outputs[0], outputs[2]);
    }
}
