//! Time as an argument.
//!
//! A request takes one [`Timestamp`] at its start and uses it throughout, so every rule about
//! expiry is decided against a single instant, and a test can set the time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds of a day; Unix time knows no leap seconds.
pub const DAY_SECONDS: i64 = 86_400;

/// Whole seconds since the Unix epoch, as every time on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(i64);

impl Timestamp {
    /// A time from its Unix seconds.
    pub const fn from_unix(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since the Unix epoch.
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// This time moved by `seconds`, later if positive; stops at the ends of `i64`.
    pub const fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The next midnight in UTC; of a midnight, the one a day later.
    pub const fn midnight_after(self) -> Self {
        Self(self.0.div_euclid(DAY_SECONDS).saturating_add(1).saturating_mul(DAY_SECONDS))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where the current time comes from.
pub trait Clock: Send + Sync + 'static {
    /// The current time.
    fn now(&self) -> Timestamp;
}

/// The machine's clock. Nothing else in the program reads it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the one reader of the wall clock")]
    fn now(&self) -> Timestamp {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => Timestamp(i64::try_from(since.as_secs()).unwrap_or(i64::MAX)),
            Err(before) => {
                Timestamp(i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |s| -s))
            }
        }
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl TestClock {
    /// A clock that shows `start`.
    pub const fn at(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.0))
    }

    /// Moves the clock by `seconds`; negative moves it back, as a corrected machine clock would.
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Sets the clock.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// Another clock plus an offset: the clock of developer mode.
///
/// The offset only grows, so time never runs back.
pub struct ShiftedClock {
    inner: Arc<dyn Clock>,
    offset: AtomicI64,
}

impl ShiftedClock {
    /// A clock that is `offset` seconds ahead of `inner`; a negative offset counts as 0.
    pub fn new(inner: Arc<dyn Clock>, offset: i64) -> Self {
        Self { inner, offset: AtomicI64::new(offset.max(0)) }
    }

    /// The offset: how many seconds it is ahead of the inner clock.
    pub fn offset(&self) -> i64 {
        self.offset.load(Ordering::SeqCst)
    }

    /// Raises the offset to `offset` seconds, unless it is larger already.
    pub fn shift_to(&self, offset: i64) {
        self.offset.fetch_max(offset, Ordering::SeqCst);
    }

    /// The time that it shows with an offset of `offset` seconds.
    pub fn at_offset(&self, offset: i64) -> Timestamp {
        self.inner.now().plus(offset)
    }

    /// The offset with which it shows `now`.
    pub fn offset_of(&self, now: Timestamp) -> i64 {
        now.0.saturating_sub(self.inner.now().0)
    }

    /// Raises the offset so that it shows `now`, unless it shows a later time already.
    pub fn advance_to(&self, now: Timestamp) {
        self.shift_to(self.offset_of(now));
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        self.inner.now().plus(self.offset())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_clock_moves_only_when_it_is_moved() {
        let clock = TestClock::at(Timestamp::from_unix(100));
        assert_eq!(clock.now(), clock.now());
        clock.advance(-40);
        assert_eq!(clock.now().unix(), 60);
    }

    #[test]
    fn a_shifted_clock_goes_forward_only() {
        let inner = Arc::new(TestClock::at(Timestamp::from_unix(100)));
        let clock = ShiftedClock::new(Arc::<TestClock>::clone(&inner), -5);
        assert_eq!(clock.now().unix(), 100);
        clock.advance_to(Timestamp::from_unix(160));
        clock.advance_to(Timestamp::from_unix(120));
        clock.shift_to(10);
        assert_eq!((clock.now().unix(), clock.offset()), (160, 60));
        let goal = Timestamp::from_unix(300);
        assert_eq!((clock.offset_of(goal), clock.at_offset(200)), (200, goal));
        inner.advance(1);
        assert_eq!(clock.now().unix(), 161);
    }

    #[test]
    fn the_system_clock_is_past_2026() {
        assert!(SystemClock.now().unix() > 1_767_225_600);
    }

    #[test]
    fn the_next_midnight_is_later_even_at_midnight() {
        // The two examples of Stripe's documentation, and both sides of the epoch.
        for (at, midnight) in [
            (1_755_972_386, 1_755_993_600),
            (1_758_588_150, 1_758_672_000),
            (1_758_672_000, 1_758_758_400),
            (0, 86_400),
            (-1, 0),
        ] {
            assert_eq!(Timestamp::from_unix(at).midnight_after().unix(), midnight, "{at}");
        }
        assert_eq!(Timestamp::from_unix(i64::MAX).midnight_after().unix(), i64::MAX);
    }

    #[test]
    fn addition_saturates() {
        assert_eq!(Timestamp::from_unix(i64::MAX).plus(1).unix(), i64::MAX);
    }
}
