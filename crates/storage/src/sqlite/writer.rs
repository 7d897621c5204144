//! The writing thread: many units of work, each in its own savepoint, share one commit.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;

use super::checkpoint::{Checkpointer, Log};
use super::queue::Queue;
use super::statement::control;
use super::unit::Job;
use crate::error::{Result, StorageError};
use crate::fault::Faults;
use crate::store::Stats;

/// What the writer counts.
#[derive(Debug, Default)]
pub(super) struct Counters {
    units: AtomicU64,
    commits: AtomicU64,
    /// Groups that have ended, however: what a reader saw before may be old now.
    ended: Arc<AtomicU64>,
}

impl Counters {
    pub(super) fn ended(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.ended)
    }

    pub(super) fn read(&self) -> Stats {
        Stats {
            units: self.units.load(Ordering::Relaxed),
            commits: self.commits.load(Ordering::Relaxed),
            ..Stats::default()
        }
    }
}

/// The owner of the writing connection.
pub(super) struct Writer {
    connection: Connection,
    queue: Arc<Queue>,
    counters: Arc<Counters>,
    log: Arc<Log>,
    checkpointer: Checkpointer,
    faults: Faults,
}

/// Closes the queue however the writer ends, so that nobody waits for it in vain.
struct Abandon(Arc<Queue>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl Writer {
    pub(super) fn new(
        mut connection: Connection,
        path: &Path,
        queue: Arc<Queue>,
        counters: Arc<Counters>,
        log: Arc<Log>,
        faults: Faults,
    ) -> Result<Self> {
        let page: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let watched = Arc::clone(&log);
        connection.wal_hook(Some(move |_: &mut _, pages: std::ffi::c_int| {
            let pages = u64::try_from(pages).unwrap_or_default();
            watched.grew_to(pages.saturating_mul(u64::from(page)));
            Ok(())
        }))?;
        let checkpointer = Checkpointer::start(path, Arc::clone(&log))?;
        Ok(Self { connection, queue, counters, log, checkpointer, faults })
    }

    /// Works until the queue is closed and empty, then leaves an empty log behind.
    pub(super) fn run(mut self) {
        let _abandon = Abandon(Arc::clone(&self.queue));
        while let Some(turn) = self.queue.take() {
            if !turn.jobs.is_empty() {
                self.group(turn.jobs);
                self.checkpointer.tend(&self.connection, &self.log);
            }
            for asked in turn.checkpoints {
                let _ = asked.send(self.log.truncate(&self.connection));
            }
        }
        self.checkpointer.end();
        // What the log holds is durable where it is, so a failure here costs nothing.
        let _ = self.log.truncate(&self.connection);
    }

    fn group(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        let ran = self.run_units(&mut jobs);
        if self.faults.acknowledges_early() && ran.is_ok() {
            answer(jobs, &ran);
            self.faults.linger();
            if self.commit().is_err() {
                self.roll_back();
            }
            self.counters.ended.fetch_add(1, Ordering::Release);
            return;
        }
        let committed = ran.and_then(|()| self.commit());
        let committed = committed.map_err(|error| {
            self.roll_back();
            error.of_group()
        });
        // Before anybody is answered, so that whoever was answered sees what was written.
        self.counters.ended.fetch_add(1, Ordering::Release);
        answer(jobs, &committed);
    }

    /// Runs every unit in a savepoint of its own; `Err` if the whole group is lost.
    fn run_units(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<()> {
        if let Some(pages) = self.faults.pages() {
            self.connection.pragma_update(None, "max_page_count", pages)?;
        }
        control(&self.connection, "BEGIN IMMEDIATE")?;
        // A unit that is alone needs no savepoint: the transaction is one.
        let alone = jobs.len() == 1;
        for job in jobs {
            if !alone {
                control(&self.connection, "SAVEPOINT unit")?;
            }
            let outcome = job.run(&mut self.connection);
            self.counters.units.fetch_add(1, Ordering::Relaxed);
            if self.connection.is_autocommit() {
                return Err(lost(outcome));
            }
            let keep = outcome.is_ok() && !self.faults.drops_this_write();
            self.end_unit(keep, alone)?;
        }
        Ok(())
    }

    fn end_unit(&self, keep: bool, alone: bool) -> Result<()> {
        match (keep, alone) {
            (true, true) => Ok(()),
            (false, true) => control(&self.connection, "ROLLBACK"),
            (true, false) => control(&self.connection, "RELEASE unit"),
            (false, false) => {
                control(&self.connection, "ROLLBACK TO unit")?;
                control(&self.connection, "RELEASE unit")
            }
        }
    }

    fn commit(&mut self) -> Result<()> {
        self.faults.reach_commit();
        if self.connection.is_autocommit() {
            // The only unit of the group was rolled back.
            return Ok(());
        }
        if self.faults.fails_this_commit() {
            return Err(StorageError::Unavailable("database or disk is full".to_owned()));
        }
        match self.connection.prepare_cached("COMMIT").and_then(|mut sql| sql.raw_execute()) {
            Ok(_) => {
                self.counters.commits.fetch_add(1, Ordering::Relaxed);
                self.faults.pass_commit();
                Ok(())
            }
            // The log may have reached the disk whole although its flush failed: a crash now
            // would bring the group back.
            Err(error)
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::SystemIoFailure) =>
            {
                Err(StorageError::UnknownOutcome(StorageError::from(error).to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Leaves no transaction open, whatever happened before.
    fn roll_back(&self) {
        if !self.connection.is_autocommit() {
            // If even this fails, the next BEGIN fails too, and its group is told so.
            let _ = control(&self.connection, "ROLLBACK");
        }
    }
}

fn answer(jobs: Vec<Box<dyn Job>>, group: &Result<()>) {
    for job in jobs {
        job.answer(group);
    }
}

/// SQLite ended the transaction by itself, as it does on a full disk or a failing one.
fn lost(outcome: Result<()>) -> StorageError {
    let cause = outcome.err().map_or_else(String::new, |error| format!(" ({error})"));
    StorageError::Unavailable(format!("the database rolled back the group of writes{cause}"))
}
