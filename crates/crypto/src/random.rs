//! The system's randomness.

use aws_lc_rs::rand;
use coffer_base::Random;
use std::thread::{Builder, JoinHandle};

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

impl SystemRandom {
    /// Has the generator get its seed on a thread of its own. The library gathers it from how the
    /// processor's timing varies, once for a process, which takes tens of milliseconds of one core;
    /// whoever draws meanwhile waits for it, and nobody else does.
    ///
    /// It has ended once what is returned is dropped: the library clears its generators when the
    /// process exits, and must not be at work then.
    pub fn seed_beside() -> Seeding {
        let seed = || Self.fill(&mut [0; 1]);
        // Without a thread, whoever draws first seeds it.
        Seeding(Builder::new().name("coffer-seed".to_owned()).spawn(seed).ok())
    }
}

/// A seed that is being gathered.
#[must_use = "dropping it waits for the seed"]
#[derive(Debug)]
pub struct Seeding(Option<JoinHandle<()>>);

impl Drop for Seeding {
    fn drop(&mut self) {
        // A generator that fails has ended the process.
        drop(self.0.take().map(JoinHandle::join));
    }
}
