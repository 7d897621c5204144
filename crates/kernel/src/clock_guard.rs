//! The clock guard: whether the machine's clock can be believed, asked before anything is deleted
//! or released because its time has come.
//!
//! Each look compares the clock with the time that has passed since the last look, with the latest
//! time that the store knows, and on PostgreSQL with the database's clock. While one of them
//! disagrees, jobs find nothing due and no watermark moves, so that a clock that was wrong for a
//! while has destroyed nothing. It ends by itself once the clock has been right for
//! [`limit::CLOCK_SETTLE_SECONDS`], or when an operator agrees to what the clock shows.

mod judge;

use crate::store::{self, ClockRecord, WriteClockRecord};
use coffer_base::{AccountId, Clock, Reading, Timestamp, limit};
use coffer_storage::{StorageError, Store, Tx};
use judge::{Judge, Observation, Verdict};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use judge::Doubt;

/// The times that work which destroys or releases something goes by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DueTimes {
    /// The time of day: what was due by then can be released.
    pub now: Timestamp,
    /// The time of day as far as running servers have seen it pass; after an outage it is earlier
    /// than `now`, and catches up. What is to be destroyed was due by then.
    pub proven: Timestamp,
}

/// What the guard thinks of the clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClockState {
    /// It is right.
    Right(DueTimes),
    /// The server has just started, and watches whether the clock goes on evenly.
    Settling,
    /// It may be wrong.
    Doubtful(Doubt),
}

impl ClockState {
    /// The word for it on the wire and in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Right(_) => "right",
            Self::Settling => "settling",
            Self::Doubtful(_) => "doubtful",
        }
    }

    /// Why it may be wrong, if it may.
    pub const fn doubt(self) -> Option<Doubt> {
        match self {
            Self::Doubtful(doubt) => Some(doubt),
            Self::Right(_) | Self::Settling => None,
        }
    }
}

/// The guard of one server.
pub struct ClockGuard {
    clock: Arc<dyn Clock>,
    /// Whether the last look doubted the clock.
    doubtful: AtomicBool,
    /// Whether it found nothing due, for that or because the server has just started.
    waiting: AtomicBool,
    state: Mutex<State>,
}

struct State {
    judge: Judge,
    /// When the store was last told, in monotonic time.
    written: Option<Duration>,
    /// The doubt that the log was told of.
    reported: Option<Doubt>,
}

impl ClockGuard {
    /// A guard of `clock`, which it watches from now on.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let judge = Judge::new(clock.read());
        Self::with(clock, judge)
    }

    /// The same for developer mode, where any time is believed at a start: a store is left alone
    /// for weeks, and nobody waits for two minutes after each change of a program.
    pub fn for_developer(clock: Arc<dyn Clock>) -> Self {
        let judge = Judge::new(clock.read()).believing_its_start();
        Self::with(clock, judge)
    }

    fn with(clock: Arc<dyn Clock>, judge: Judge) -> Self {
        let state = Mutex::new(State { judge, written: None, reported: None });
        let (doubtful, waiting) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { clock, doubtful, waiting, state }
    }

    /// What the clock shows, believed or not: for what is written down, and for what may be done
    /// early or late. Who destroys, releases, disables or gives up anything by it asks whether it
    /// is believed ([`Self::look`], [`Self::glance`]), and a time that is kept to wait for is
    /// compared with the longest that it can be, since a clock that was ahead has written it.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// As [`Clock::ahead_of`].
    pub fn ahead_of(&self, platform: &AccountId) -> i64 {
        self.clock.ahead_of(platform)
    }

    /// As [`Clock::ahead`].
    pub fn ahead(&self) -> Vec<(AccountId, i64)> {
        self.clock.ahead()
    }

    /// Whether the last look doubted the clock.
    pub fn is_doubtful(&self) -> bool {
        self.doubtful.load(Ordering::Relaxed)
    }

    /// Whether what is due waits until the clock can be believed, as the last look found.
    pub fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Looks at the clock, and writes down in the store what it found, once in
    /// [`limit::CLOCK_RECORD_SECONDS`].
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn look(&self, store: &Store) -> Result<ClockState, StorageError> {
        let observation = self.observe(store).await?;
        let state = self.judge(&observation);
        let record = self.lock().next_record(observation.reading);
        if let Some(record) = record {
            store.write(WriteClockRecord(record)).await?;
        }
        Ok(state)
    }

    /// Looks at the clock and writes nothing down, for whoever only asks.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn glance(&self, store: &Store) -> Result<ClockState, StorageError> {
        Ok(self.judge(&self.observe(store).await?))
    }

    fn judge(&self, observation: &Observation) -> ClockState {
        let mut state = self.lock();
        let verdict = state.judge.look(observation);
        let judged = state.report(verdict);
        self.doubtful.store(judged.doubt().is_some(), Ordering::Relaxed);
        self.waiting.store(!matches!(judged, ClockState::Right(_)), Ordering::Relaxed);
        judged
    }

    async fn observe(&self, store: &Store) -> Result<Observation, StorageError> {
        let record = store::clock_record(store).await?;
        let before = self.clock.now();
        let database = if self.clock.is_real() { store.server_info().await? } else { None };
        let reading = self.clock.read();
        let database = database.map(|info| judge::apart(info.now, before, reading.wall));
        Ok(Observation { reading, database, record })
    }

    /// What an operator agrees to: the time that the clock shows.
    ///
    /// # Errors
    /// The doubt that nobody can agree to away: the database's clock shows another time.
    pub async fn agreeable(&self, store: &Store) -> Result<Result<Agreement, Doubt>, StorageError> {
        let observation = self.observe(store).await?;
        Ok(match judge::database_doubt(&observation) {
            Some(doubt) => Err(doubt),
            None => Ok(Agreement(observation.reading)),
        })
    }

    /// From now on the clock counts as right.
    pub fn accept(&self, agreement: Agreement) {
        self.lock().judge.accept(agreement.0);
        self.doubtful.store(false, Ordering::Relaxed);
        self.waiting.store(false, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// That an operator has agreed to what the clock shows.
#[derive(Clone, Copy, Debug)]
pub struct Agreement(Reading);

impl Agreement {
    /// The time that was agreed to.
    pub const fn now(self) -> Timestamp {
        self.0.wall
    }

    /// Writes it down in the store, whatever that knew before.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn record(self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        store::replace_clock_record(tx, ClockRecord::right(self.now(), self.now())).await
    }
}

impl State {
    /// Tells the log once when a doubt begins, and once when it ends.
    fn report(&mut self, verdict: Verdict) -> ClockState {
        let doubt = match verdict {
            Verdict::Doubtful(doubt) => Some(doubt),
            Verdict::Right(_) | Verdict::Settling => None,
        };
        match (self.reported, doubt) {
            (Some(before), Some(now)) if before.is_like(now) => {}
            (_, Some(now)) => {
                self.reported = Some(now);
                tracing::error!(
                    doubt = now.as_str(),
                    "{now}; until the clock has been right for {} minutes nothing is released, \
                     deleted or pruned. {}",
                    limit::CLOCK_SETTLE_SECONDS.div_euclid(60),
                    now.advice(),
                );
            }
            (Some(_), None) if matches!(verdict, Verdict::Right(_)) => {
                self.reported = None;
                tracing::info!("the clock is right again: what is due is done");
            }
            (_, None) => {}
        }
        match verdict {
            Verdict::Right(times) => ClockState::Right(times),
            Verdict::Settling => ClockState::Settling,
            Verdict::Doubtful(doubt) => ClockState::Doubtful(doubt),
        }
    }

    /// What the store is to be told now, if anything.
    fn next_record(&mut self, reading: Reading) -> Option<ClockRecord> {
        let pause = Duration::from_secs(limit::CLOCK_RECORD_SECONDS);
        let due = |at: Duration| reading.monotonic.saturating_sub(at) >= pause;
        let record = self.judge.record(reading)?;
        // That the clock is doubted is told at once: the server may be stopped for it.
        let turned = self.judge.take_turned();
        if self.written.is_some_and(|at| !due(at)) && !turned {
            return None;
        }
        self.written = Some(reading.monotonic);
        Some(record)
    }
}

impl fmt::Debug for ClockGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClockGuard").field("doubtful", &self.is_doubtful()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
