//! The system's randomness.

use aws_lc_rs::rand;
use coffer_base::Random;
use std::fs::File;
use std::io::Read;
use std::sync::OnceLock;
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

/// Random bytes from the operating system's generator alone, which needs no seed of this process:
/// for developer mode, whose start every test suite waits for, and for names of files. What seals
/// in production comes from [`SystemRandom`], which does not trust one source.
#[derive(Clone, Copy, Debug, Default)]
pub struct KernelRandom;

/// Where Linux and macOS give them.
const DEVICE: &str = "/dev/urandom";

impl Random for KernelRandom {
    fn fill(&self, out: &mut [u8]) {
        static OPEN: OnceLock<Option<File>> = OnceLock::new();
        let device = OPEN.get_or_init(|| File::open(DEVICE).ok()).as_ref();
        if device.is_none_or(|mut device| device.read_exact(out).is_err()) {
            // A container without devices.
            SystemRandom.fill(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sources_fill_all_and_repeat_nothing() {
        let sources: [&dyn Random; 2] = [&SystemRandom, &KernelRandom];
        let mut drawn = Vec::new();
        for source in sources {
            for _ in 0..2 {
                let mut bytes = [0; 64];
                source.fill(&mut bytes);
                // Each quarter of 64 random bytes is other than zero but for once in 2^126.
                assert!(bytes.chunks(16).all(|quarter| quarter != [0; 16]));
                assert!(!drawn.contains(&bytes));
                drawn.push(bytes);
            }
        }
    }

    #[test]
    fn a_seed_that_is_gathered_beside_is_there_when_it_has_ended() {
        drop(SystemRandom::seed_beside());
        let mut bytes = [0; 16];
        SystemRandom.fill(&mut bytes);
        assert_ne!(bytes, [0; 16]);
    }
}
