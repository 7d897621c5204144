//! Time as an argument.
//!
//! A request takes one [`Timestamp`] when its work begins and uses it throughout, so every rule
//! about expiry is decided against a single instant, and a test can set the time. How long ago
//! something was, such as the reading of what is cached, is measured by [`Clock::monotonic`], which
//! nobody can set.

use crate::id::AccountId;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
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

    /// Seconds by which the time of a platform is ahead of that: more than 0 only in developer
    /// mode, for an app whose clock was moved.
    fn ahead_of(&self, _platform: &AccountId) -> i64 {
        0
    }

    /// The current time of a platform.
    fn now_of(&self, platform: &AccountId) -> Timestamp {
        self.now().plus(self.ahead_of(platform))
    }

    /// The platforms whose time is ahead, in no order.
    fn ahead(&self) -> Vec<(AccountId, i64)> {
        Vec::new()
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

/// Another clock, and how far the clock of each platform is ahead of it: the clock of developer
/// mode, in which each app is a platform of its own.
///
/// An offset only grows, so no platform's time runs back. The clock itself is never moved: work
/// that belongs to no platform goes on in real time.
pub struct ShiftedClock {
    inner: Arc<dyn Clock>,
    offsets: RwLock<HashMap<AccountId, i64>>,
}

impl ShiftedClock {
    /// Clocks that are ahead of `inner` by these seconds, and of all other platforms by none.
    pub fn new(inner: Arc<dyn Clock>, offsets: impl IntoIterator<Item = (AccountId, i64)>) -> Self {
        let offsets = offsets.into_iter().filter(|(_, seconds)| *seconds > 0).collect();
        Self { inner, offsets: RwLock::new(offsets) }
    }
    /// Raises the offset of a platform to `offset` seconds, unless it is larger already.
    pub fn shift_to(&self, platform: &AccountId, offset: i64) {
        if offset > self.ahead_of(platform) {
            let mut offsets = self.offsets.write().unwrap_or_else(PoisonError::into_inner);
            let known = offsets.entry(platform.clone()).or_default();
            *known = offset.max(*known);
        }
    }

    /// The time that a platform's clock shows with an offset of `offset` seconds.
    pub fn at_offset(&self, offset: i64) -> Timestamp {
        self.inner.now().plus(offset)
    }

    /// The offset with which a platform's clock shows `now`.
    pub fn offset_of(&self, now: Timestamp) -> i64 {
        now.0.saturating_sub(self.inner.now().0)
    }

    /// Raises the offset of a platform so that its clock shows `now`, unless it shows a later time
    /// already.
    pub fn advance_to(&self, platform: &AccountId, now: Timestamp) {
        self.shift_to(platform, self.offset_of(now));
    }

    /// Forgets a platform, which is no more.
    pub fn forget(&self, platform: &AccountId) {
        self.offsets.write().unwrap_or_else(PoisonError::into_inner).remove(platform);
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        self.inner.now()
    }

    fn ahead_of(&self, platform: &AccountId) -> i64 {
        let offsets = self.offsets.read().unwrap_or_else(PoisonError::into_inner);
        offsets.get(platform).copied().unwrap_or(0)
    }

    fn ahead(&self) -> Vec<(AccountId, i64)> {
        let offsets = self.offsets.read().unwrap_or_else(PoisonError::into_inner);
        offsets.iter().map(|(platform, offset)| (platform.clone(), *offset)).collect()
    }

    fn monotonic(&self) -> Duration {
        self.inner.monotonic()
    }

    fn read(&self) -> Reading {
        self.inner.read()
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
    fn a_shifted_clock_goes_forward_only_and_for_one_platform() {
        let inner = Arc::new(TestClock::at(Timestamp::from_unix(100)));
        let [one, other, third] =
            ["acct_1", "acct_2", "acct_3"].map(|id| AccountId::parse(id).unwrap());
        let before = [(other.clone(), 7), (third.clone(), -5)];
        let clock = ShiftedClock::new(Arc::<TestClock>::clone(&inner), before);
        assert_eq!((clock.now_of(&one).unix(), clock.ahead()), (100, vec![(other.clone(), 7)]));
        clock.advance_to(&one, Timestamp::from_unix(160));
        clock.advance_to(&one, Timestamp::from_unix(120));
        clock.shift_to(&one, 10);
        assert_eq!((clock.now_of(&one).unix(), clock.ahead_of(&one)), (160, 60));
        let goal = Timestamp::from_unix(300);
        assert_eq!((clock.offset_of(goal), clock.at_offset(200)), (200, goal));
        inner.advance(1);
        assert_eq!([&one, &other, &third].map(|of| clock.now_of(of).unix()), [161, 108, 101]);
        assert_eq!(clock.now().unix(), 101);
        clock.forget(&one);
        assert_eq!(clock.now_of(&one).unix(), 101);
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
