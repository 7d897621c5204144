//! Answers that are held back, so that refusals alone don't keep the server busy.

use crate::limits;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How many answers are held back now.
#[derive(Debug, Default)]
pub(crate) struct HeldBack(AtomicU64);

/// One answer that is held back, until it is dropped.
pub(crate) struct Held<'a> {
    all: &'a HeldBack,
    /// For how long it is to be.
    pub(crate) pause: Duration,
}

impl HeldBack {
    /// One more, and for how long: so many callers that do not wait between their requests are
    /// answered [`limits::HELD_BACK_PER_SECOND`] times a second, all together.
    pub(crate) fn enter(&self) -> Held<'_> {
        let held = self.0.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        Held { all: self, pause: Duration::from_millis(pause_milliseconds(held)) }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.all.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn pause_milliseconds(held: u64) -> u64 {
    let fair = held.saturating_mul(1000) / limits::HELD_BACK_PER_SECOND;
    fair.clamp(limits::REFUSAL_DELAY_MILLISECONDS, limits::REFUSAL_DELAY_AT_MOST_MILLISECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_are_held_back_the_longer() {
        assert_eq!([1, 100, 1000, 100_000].map(pause_milliseconds), [200, 200, 2000, 10_000]);
    }

    #[test]
    fn whoever_is_gone_is_not_counted() {
        let all = HeldBack::default();
        let many: Vec<_> = (0..1000).map(|_| all.enter()).collect();
        assert_eq!(many.last().map(|held| held.pause.as_millis()), Some(2000));
        drop(many);
        assert_eq!(all.enter().pause.as_millis(), 200);
    }
}
