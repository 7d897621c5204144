//! What falls due at a time: one scheduler for the timed work of all families.
//!
//! It walks midnight by midnight (UTC), and at each midnight task by task in the order in which
//! they were registered, so that a server that was away does what it missed in the order in which
//! it would have happened (reserves §11, decision 27). Marks in the store say up to which midnight
//! each task is done. They never go back, so a clock that does makes nothing happen twice.
//!
//! Several servers may run it at once. Each of them calls every task until nothing is left, and
//! the tasks' transactions take turns at their mark ([`take_turn`], [`still_due`]).

use crate::context::BoxFuture;
use crate::jobs::Job;
use crate::store::{RaiseMarks, marks};
use coffer_base::{Random, Timestamp, clock::DAY_SECONDS, limit};
use coffer_storage::{StorageError, Store};
use std::sync::Arc;
use std::time::Duration;

pub use crate::store::{still_due, take_turn};

/// One family's timed work of one kind.
pub trait Scheduled: Send + Sync + 'static {
    /// The name of its mark, and the word for it in logs. Never changes.
    fn name(&self) -> &'static str;

    /// Whether it also has work between two midnights, and is called with the present moment.
    fn between_midnights(&self) -> bool {
        false
    }

    /// Does some of what is due up to `due`, in one transaction of bounded size, and says whether
    /// more may be left. It is called with the same `due` until nothing is, and may be called
    /// again after that, so what was done must show in the rows themselves.
    ///
    /// A step that finds nothing to do costs reads only; one that writes calls [`still_due`] at
    /// the start of its transaction, or [`take_turn`] if what it does depends on no time. `now` is
    /// the real time, later than `due` after an outage.
    fn step<'a>(
        &'a self,
        store: &'a Store,
        due: Timestamp,
        now: Timestamp,
        random: &'a Arc<dyn Random>,
    ) -> BoxFuture<'a, Result<bool, StorageError>>;
}

/// Calls the tasks when they are due.
pub struct Scheduler {
    tasks: Vec<Arc<dyn Scheduled>>,
    random: Arc<dyn Random>,
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
    pub fn new(tasks: Vec<Arc<dyn Scheduled>>, random: Arc<dyn Random>) -> Self {
        Self { tasks, random }
    }

    /// Does all that is due by `now`, and says how many steps found something to do.
    /// May be cut anywhere: the next call goes on.
    ///
    /// # Errors
    /// What a task answers; whatever was done before it stays done.
    pub async fn run_due(&self, store: &Store, now: Timestamp) -> Result<u64, StorageError> {
        let mut done = 0u64;
        let marks = self.marks(store, now).await?;
        let earliest = marks.iter().min().copied();
        let mut midnight = earliest.map_or(now, Timestamp::midnight_after);
        while !self.tasks.is_empty() && midnight <= now {
            for (task, mark) in self.tasks.iter().zip(&marks) {
                if *mark < midnight {
                    done = done.saturating_add(self.finish(task, store, midnight, now).await?);
                }
            }
            store.write(RaiseMarks { names: self.names(), at: midnight }).await?;
            midnight = midnight.midnight_after();
        }
        for task in self.tasks.iter().filter(|task| task.between_midnights()) {
            done = done.saturating_add(self.finish(task, store, now, now).await?);
        }
        Ok(done)
    }

    /// How far each task has come.
    ///
    /// # Errors
    /// [`StorageError`] of the engine.
    pub async fn progress(
        &self,
        store: &Store,
        now: Timestamp,
    ) -> Result<Vec<Progress>, StorageError> {
        let known = marks(store).await?;
        let progress = |task: &Arc<dyn Scheduled>| {
            let name = task.name();
            let done_until = known.iter().find(|(of, _)| of == name).map(|(_, at)| *at);
            let next = done_until.map_or(now, Timestamp::midnight_after);
            Progress { name, done_until, lag: now.unix().saturating_sub(next.unix()).max(0) }
        };
        Ok(self.tasks.iter().map(progress).collect())
    }

    /// Calls one task until it has nothing left; how many more times than once.
    async fn finish(
        &self,
        task: &Arc<dyn Scheduled>,
        store: &Store,
        due: Timestamp,
        now: Timestamp,
    ) -> Result<u64, StorageError> {
        let mut more = 0u64;
        while task.step(store, due, now, &self.random).await? {
            more = more.saturating_add(1);
        }
        Ok(more)
    }

    /// The tasks' marks. A task that has none begins with the last midnight, at which it finds
    /// all that was due before as well.
    async fn marks(&self, store: &Store, now: Timestamp) -> Result<Vec<Timestamp>, StorageError> {
        let known = marks(store).await?;
        let first = now.midnight_after().plus(-2 * DAY_SECONDS);
        let mark = |task: &Arc<dyn Scheduled>| {
            known.iter().find(|(of, _)| of == task.name()).map_or(first, |(_, at)| *at)
        };
        Ok(self.tasks.iter().map(mark).collect())
    }

    fn names(&self) -> Vec<&'static str> {
        self.tasks.iter().map(|task| task.name()).collect()
    }
}

impl Job for Scheduler {
    fn name(&self) -> &'static str {
        "schedule"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(limit::SCHEDULE_EVERY_SECONDS)
    }

    fn run<'a>(
        &'a self,
        store: &'a Store,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(self.run_due(store, now))
    }
}

#[cfg(test)]
mod tests;
