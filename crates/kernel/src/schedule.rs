//! Work that falls due at a time: one scheduler for the scheduled tasks of all families.
//!
//! It goes midnight by midnight (UTC), and at each midnight task by task in the order in which
//! they were registered, so that a server that was down catches up in the order in which things
//! would have happened. A watermark in the store says up to which midnight each task is done. It
//! never goes back by itself, so a clock that does makes nothing happen twice.
//!
//! Between midnights every task is called again, for what fell due at the last one and came into
//! the store only afterwards: a charge that is told across midnight.
//!
//! In developer mode the clock of a platform can be ahead of the others'. Its work is then done by
//! its own clock, by the same walk limited to that platform, with one watermark for all tasks.
//!
//! On a store that is spread it walks through each part of it. A part that fails is left out until
//! the next call, and meanwhile no watermark advances: the others go on, and it catches up once its
//! server is back.
//!
//! Several servers may run it at once. Each of them calls every task until nothing is left, and
//! the tasks' transactions lock their watermark ([`lock_watermark`], [`is_past_watermark`]).

use crate::jobs::{Job, JobContext, Tally};
use crate::principal::BoxFuture;
use crate::store::{AdvanceWatermarks, platform_watermark, watermarks};
use coffer_base::{AccountId, Timestamp, clock::DAY_SECONDS, limit};
use coffer_storage::{StorageError, Store};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

pub use crate::store::{is_past_watermark, lock_watermark};

/// Which scheduled work is due.
#[derive(Clone, Debug)]
pub struct Due {
    /// All up to this time.
    pub at: Timestamp,
    /// Of this platform; of all, if there is none.
    pub platform: Option<AccountId>,
}

impl Due {
    /// Both parameters of the condition `(? = '' OR platform = ?)`, by which one statement serves
    /// one platform and all.
    pub fn platform(&self) -> &str {
        self.platform.as_ref().map_or("", AccountId::as_str)
    }
}

/// One kind of scheduled work of a family.
pub trait ScheduledTask: Send + Sync + 'static {
    /// The name of its watermark, and the word for it in logs. Never changes.
    fn name(&self) -> &'static str;

    /// Whether its work falls due between two midnights as well: it is then called with the current
    /// time, and otherwise with the last midnight.
    fn between_midnights(&self) -> bool {
        false
    }

    /// Does some of what is due up to `due` in the context's part of the store, in one transaction
    /// of bounded size, and says whether more may be left. It is called with the same `due` until
    /// nothing is, and may be called again after that, so what was done must show in the rows
    /// themselves.
    ///
    /// A step that finds nothing to do costs reads only; one that writes calls
    /// [`is_past_watermark`] at the start of its transaction, or [`lock_watermark`] if what it does
    /// depends on no time.
    /// `now` is the real time, later than `due` after an outage. If the context names a platform,
    /// only that one's work is due, and `now` is its time.
    fn step<'a>(
        &'a self,
        context: &'a JobContext,
        due: Timestamp,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<bool, StorageError>>;
}

/// Calls the tasks when they are due.
pub struct Scheduler {
    tasks: Vec<Arc<dyn ScheduledTask>>,
}

/// How far one task has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Progress {
    /// The task's name.
    pub name: &'static str,
    /// The midnight up to which all is done; `None` if the scheduler never ran.
    pub done_until: Option<Timestamp>,
    /// Seconds for which the next midnight's work has been waiting; 0 if it lies ahead.
    pub lag: i64,
}

impl Scheduler {
    /// A scheduler of `tasks`, which are called in this order at each midnight.
    pub fn new(tasks: Vec<Arc<dyn ScheduledTask>>) -> Self {
        Self { tasks }
    }

    /// Does all that is due by `now`, and says how many steps found something to do.
    /// May be cut anywhere: the next call goes on.
    ///
    /// # Errors
    /// When a task fails; whatever was done before it stays done.
    pub async fn run_due(&self, context: &JobContext, now: Timestamp) -> Result<u64, StorageError> {
        let mut done = self.run_all(context, now).await?;
        for (platform, ahead) in context.guard.ahead() {
            let now = now.plus(ahead);
            done = done.saturating_add(self.run_platform(context, &platform, now).await?);
        }
        Ok(done)
    }

    /// The same for all platforms alike, by the clock of those that are not ahead.
    async fn run_all(&self, context: &JobContext, now: Timestamp) -> Result<u64, StorageError> {
        let mut walk = Walk::of(context).await?;
        let watermarks = self.watermarks(&context.store, now).await?;
        let earliest = watermarks.iter().min().copied();
        let mut midnight = earliest.map_or(now, Timestamp::midnight_after);
        while !self.tasks.is_empty() && midnight <= now && walk.goes_on() {
            for (task, watermark) in self.tasks.iter().zip(&watermarks) {
                if *watermark < midnight {
                    walk.finish(task, midnight, now).await;
                }
            }
            if walk.done.is_whole() {
                self.advance(context, midnight).await?;
            }
            midnight = midnight.midnight_after();
        }
        let last_midnight = now.last_midnight();
        for (task, watermark) in self.tasks.iter().zip(&watermarks) {
            let due = if task.between_midnights() { now } else { last_midnight };
            // Below it, the task was called for the last midnight just now; beyond it, the clock
            // went back.
            if task.between_midnights() || *watermark == last_midnight {
                walk.finish(task, due, now).await;
            }
        }
        walk.done.end()
    }

    /// Does all that is due for one platform by `now`, its own time, which is ahead. Work for all
    /// must have been done before, since it is that which sets up the tasks' watermarks.
    ///
    /// # Errors
    /// When a task fails; whatever was done before it stays done.
    pub async fn run_platform(
        &self,
        context: &JobContext,
        platform: &AccountId,
        now: Timestamp,
    ) -> Result<u64, StorageError> {
        let context = JobContext { platform: Some(platform.clone()), ..context.clone() };
        let mut walk = Walk::of(&context).await?;
        let name = platform_watermark(platform);
        let known = watermarks(&context.store).await?;
        let tasks = || known.iter().filter(|(of, _)| self.tasks.iter().any(|t| t.name() == of));
        let own = known.iter().find(|(of, _)| *of == name).map(|(_, at)| *at);
        let start = own.or_else(|| tasks().map(|(_, at)| *at).min());
        let mut midnight = start.map_or(now, Timestamp::midnight_after);
        while midnight <= now && walk.goes_on() {
            for task in &self.tasks {
                walk.finish(task, midnight, now).await;
            }
            if walk.done.is_whole() {
                let names = vec![Cow::Owned(name.clone())];
                context.store.write(AdvanceWatermarks { names, at: midnight }).await?;
            }
            midnight = midnight.midnight_after();
        }
        for task in &self.tasks {
            let due = if task.between_midnights() { now } else { now.last_midnight() };
            walk.finish(task, due, now).await;
        }
        walk.done.end()
    }

    async fn advance(&self, context: &JobContext, at: Timestamp) -> Result<(), StorageError> {
        let names = self.tasks.iter().map(|task| Cow::Borrowed(task.name())).collect();
        context.store.write(AdvanceWatermarks { names, at }).await
    }

    /// How far each task has come.
    pub async fn progress(
        &self,
        store: &Store,
        now: Timestamp,
    ) -> Result<Vec<Progress>, StorageError> {
        let known = watermarks(store).await?;
        let progress = |task: &Arc<dyn ScheduledTask>| {
            let name = task.name();
            let done_until = known.iter().find(|(of, _)| of == name).map(|(_, at)| *at);
            let next = done_until.map_or(now, Timestamp::midnight_after);
            Progress { name, done_until, lag: now.unix().saturating_sub(next.unix()).max(0) }
        };
        Ok(self.tasks.iter().map(progress).collect())
    }

    /// The tasks' watermarks. A task that has none begins with the last midnight, at which it finds
    /// all that was due before as well.
    async fn watermarks(
        &self,
        store: &Store,
        now: Timestamp,
    ) -> Result<Vec<Timestamp>, StorageError> {
        let known = watermarks(store).await?;
        let first = now.midnight_after().plus(-2 * DAY_SECONDS);
        let watermark = |task: &Arc<dyn ScheduledTask>| {
            known.iter().find(|(of, _)| of == task.name()).map_or(first, |(_, at)| *at)
        };
        Ok(self.tasks.iter().map(watermark).collect())
    }
}

/// One walk through what is due, in all parts of the store.
struct Walk {
    /// The parts that have not failed. One that has is at a midnight where some tasks were done and
    /// others were not, so nothing later may be done there.
    parts: Vec<JobContext>,
    done: Tally,
}

impl Walk {
    async fn of(context: &JobContext) -> Result<Self, StorageError> {
        let parts = context.store.parts().await?.into_iter();
        let parts = parts.map(|store| JobContext { store, ..context.clone() }).collect();
        Ok(Self { parts, done: Tally::default() })
    }

    fn goes_on(&self) -> bool {
        !self.parts.is_empty()
    }

    /// Calls one task in every part until it has nothing left.
    async fn finish(&mut self, task: &Arc<dyn ScheduledTask>, due: Timestamp, now: Timestamp) {
        for part in std::mem::take(&mut self.parts) {
            let finished = finish(task, &part, due, now).await;
            if finished.is_ok() {
                self.parts.push(part);
            }
            self.done.add(finished);
        }
    }
}

/// Calls one task until it has nothing left; how many more times than once.
async fn finish(
    task: &Arc<dyn ScheduledTask>,
    context: &JobContext,
    due: Timestamp,
    now: Timestamp,
) -> Result<u64, StorageError> {
    let mut more = 0u64;
    while task.step(context, due, now).await? {
        more = more.saturating_add(1);
    }
    Ok(more)
}

impl Job for Scheduler {
    fn name(&self) -> &'static str {
        "schedule"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(limit::SCHEDULE_EVERY_SECONDS)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(async move {
            let Some(times) = context.due_times().await? else { return Ok(0) };
            self.run_due(context, times.now).await
        })
    }
}

#[cfg(test)]
mod tests;
