//! Time as an argument.
//!
//! A request takes one [`Timestamp`] when its work begins and uses it throughout, so every rule
//! about expiry is decided against a single instant, and a test can set the time. How long ago
//! something was, such as the reading of what is cached, is measured by [`Clock::monotonic`], which
//! nobody can set.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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

    /// The midnight in UTC at which its day began; a midnight itself.
    pub const fn last_midnight(self) -> Self {
        Self(self.0.div_euclid(DAY_SECONDS).saturating_mul(DAY_SECONDS))
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
    /// The current time, as the machine's clock is set.
    fn now(&self) -> Timestamp;

    /// How long it is since some moment before this process began: it goes on evenly, however the
    /// clock is set.
    fn monotonic(&self) -> Duration;

    /// Both at once, so that they can be compared.
    fn read(&self) -> Reading {
        Reading { wall: self.now(), monotonic: self.monotonic() }
    }

    /// Whether it shows the time of day of the machine, which other machines' clocks should agree
    /// with. A clock that a test or a developer moves does not.
    fn is_real(&self) -> bool {
        false
    }
}

/// What a clock shows, and how much time has passed by then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reading {
    /// The time as the clock is set.
    pub wall: Timestamp,
    /// The time that has passed, as [`Clock::monotonic`].
    pub monotonic: Duration,
}

impl Reading {
    /// What the clock shows at `monotonic` if it goes on evenly from here.
    pub fn expected_at(&self, monotonic: Duration) -> Timestamp {
        self.wall.plus(seconds_between(self.monotonic, monotonic))
    }
}

/// Whole seconds from one monotonic time to another; negative if `to` is the earlier.
fn seconds_between(from: Duration, to: Duration) -> i64 {
    let whole = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    if to >= from {
        return whole(to.saturating_sub(from));
    }
    whole(from.saturating_sub(to)).saturating_neg()
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

    fn monotonic(&self) -> Duration {
        since_boot()
    }

    fn is_real(&self) -> bool {
        true
    }
}

/// The time since the machine was started, with the time that it was suspended for, so that a
/// laptop that wakes up does not look like a clock that was set.
fn since_boot() -> Duration {
    #[cfg(target_os = "linux")]
    let id = rustix::time::ClockId::Boottime;
    // Elsewhere this one goes on during sleep.
    #[cfg(not(target_os = "linux"))]
    let id = rustix::time::ClockId::Monotonic;
    let time = rustix::time::clock_gettime(id);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct TestClock(Mutex<Reading>);

impl TestClock {
    /// A clock that shows `start`.
    pub const fn at(start: Timestamp) -> Self {
        Self(Mutex::new(Reading { wall: start, monotonic: Duration::ZERO }))
    }

    fn change(&self, change: impl FnOnce(&mut Reading)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Lets `seconds` pass; negative sets the clock back, as [`TestClock::jump`].
    pub fn advance(&self, seconds: i64) {
        self.jump(seconds);
        self.pass(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)));
    }

    /// Lets the time pass until the clock shows `now`; if it shows a later time, it is set back.
    pub fn set(&self, now: Timestamp) {
        self.advance(now.0.saturating_sub(self.now().0));
    }

    /// What it shows, in Unix seconds.
    pub fn now_unix(&self) -> i64 {
        self.now().0
    }

    /// Sets the clock ahead by `seconds`, or back if negative, while no time passes.
    pub fn jump(&self, seconds: i64) {
        self.change(|reading| reading.wall = reading.wall.plus(seconds));
    }

    /// Lets time pass while the clock is stopped.
    pub fn pass(&self, time: Duration) {
        self.change(|reading| reading.monotonic = reading.monotonic.saturating_add(time));
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.read().wall
    }

    fn monotonic(&self) -> Duration {
        self.read().monotonic
    }

    fn read(&self) -> Reading {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Another clock plus an offset: the clock of developer mode.
///
/// The offset only grows, so time never runs back. Whoever raises it lets the time pass: what is
/// measured by [`Clock::monotonic`] ages by as much.
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

    fn monotonic(&self) -> Duration {
        self.read().monotonic
    }

    /// With one offset for both, however it is moved meanwhile.
    fn read(&self) -> Reading {
        let (inner, offset) = (self.inner.read(), self.offset());
        let passed = Duration::from_secs(u64::try_from(offset).unwrap_or(0));
        Reading { wall: inner.wall.plus(offset), monotonic: inner.monotonic.saturating_add(passed) }
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
    fn time_that_a_developer_lets_pass_is_no_jump() {
        let inner = Arc::new(TestClock::at(Timestamp::from_unix(100)));
        let clock = ShiftedClock::new(Arc::<TestClock>::clone(&inner), 0);
        let before = clock.read();
        clock.shift_to(5000);
        let after = clock.read();
        assert_eq!(before.expected_at(after.monotonic), after.wall);
        inner.jump(-70);
        let back = clock.read();
        assert_eq!(before.expected_at(back.monotonic), back.wall.plus(70));
    }

    #[test]
    fn what_a_clock_should_show_is_known_from_the_time_that_passed() {
        let clock = TestClock::at(Timestamp::from_unix(100));
        clock.pass(Duration::from_secs(50));
        let first = clock.read();
        assert_eq!(first.wall.unix(), 100);
        clock.advance(10);
        clock.jump(1000);
        assert_eq!(first.expected_at(clock.monotonic()).unix(), 110);
        assert_eq!(first.expected_at(Duration::from_secs(20)).unix(), 70);
        clock.set(Timestamp::from_unix(90));
        assert_eq!((clock.now().unix(), clock.monotonic()), (90, Duration::from_secs(60)));
        assert_eq!(seconds_between(Duration::MAX, Duration::ZERO), -i64::MAX);
    }

    #[test]
    fn the_machines_monotonic_time_goes_on() {
        let first = SystemClock.monotonic();
        assert!(SystemClock.monotonic() >= first && first > Duration::ZERO);
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
            let last = Timestamp::from_unix(at).last_midnight().unix();
            assert_eq!(last, midnight - DAY_SECONDS, "{at}");
        }
        assert_eq!(Timestamp::from_unix(i64::MAX).midnight_after().unix(), i64::MAX);
    }

    #[test]
    fn addition_saturates() {
        assert_eq!(Timestamp::from_unix(i64::MAX).plus(1).unix(), i64::MAX);
    }
}
