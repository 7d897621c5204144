//! The system's randomness.

use aws_lc_rs::rand;
use coffer_base::Random;

/// Random bytes from the cipher library's generator, which the operating system seeds.
///
/// No bytes are buffered, although generating many at once is cheaper: a virtual machine that is
/// copied or set back to a snapshot would use a buffer a second time, and with it the salts and
/// nonces of [`crate::envelope`]. The library mixes fresh entropy from the processor into every
/// call instead. Callers ask for all the bytes that they need in one call.
///
/// If that fails, the process aborts: see [`Random`].
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, out: &mut [u8]) {
        if rand::fill(out).is_err() {
            std::process::abort();
        }
    }
}
