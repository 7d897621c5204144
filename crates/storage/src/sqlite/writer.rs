//! The writer thread: a batch of units of work, each in its own savepoint, shares one commit.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use coffer_base::limit;
use coffer_metrics::{Histogram, Recorded};
use rusqlite::Connection;

use super::checkpoint::{Checkpointer, Log};
use super::commits::Commits;
use super::group::Group;
use super::queue::{Next, Queue};
use super::statement::control;
use super::unit::Unit;
use crate::error::{Cause, Result, StorageError};
use crate::fault::{Fate, Faults};
use crate::options::Stats;
use crate::share::Share;

/// The writer's counters.
#[derive(Debug)]
pub(super) struct Counters {
    units: AtomicU64,
    commits_made: AtomicU64,
    changes: AtomicU64,
    /// How long they took, each with its flush.
    durations: Histogram,
    /// What readers are told.
    commits: Arc<Commits>,
}

impl Counters {
    /// Of the database at `path`.
    pub(super) fn of(path: &Path) -> Self {
        Self {
            units: AtomicU64::new(0),
            commits_made: AtomicU64::new(0),
            changes: AtomicU64::new(0),
            durations: Histogram::default(),
            commits: Arc::new(Commits::of(path)),
        }
    }

    pub(super) fn commits(&self) -> Arc<Commits> {
        Arc::clone(&self.commits)
    }

    pub(super) fn commit_durations(&self) -> Recorded {
        self.durations.read()
    }

    pub(super) fn read(&self) -> Stats {
        Stats {
            units: self.units.load(Ordering::Relaxed),
            commits: self.commits_made.load(Ordering::Relaxed),
            changes: self.changes.load(Ordering::Relaxed),
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
    page_bytes: u64,
    /// Whether nobody else had committed before the batch that is open.
    undisturbed: bool,
}

/// Closes the queue however the writer ends, so that no caller waits for it for ever.
struct CloseOnDrop(Arc<Queue>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close_and_clear();
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
        let hooked = Arc::clone(&log);
        connection.wal_hook(Some(move |_: &mut _, pages: std::ffi::c_int| {
            let pages = u64::try_from(pages).unwrap_or_default();
            hooked.set_size(pages.saturating_mul(u64::from(page)));
            Ok(())
        }))?;
        let checkpointer = Checkpointer::start(path, Arc::clone(&log))?;
        let (page_bytes, undisturbed) = (u64::from(page), false);
        Ok(Self { connection, queue, counters, log, checkpointer, faults, page_bytes, undisturbed })
    }

    /// Runs until the queue is closed and empty, then truncates the log.
    pub(super) fn run(mut self) {
        let _close = CloseOnDrop(Arc::clone(&self.queue));
        while let Some(next) = self.next() {
            if let Some((share, job)) = next.job {
                let is_record = self.run_batch(share, job, next.behind);
                self.checkpointer.maybe_checkpoint(&self.connection, &self.log, is_record);
            }
            if !next.checkpoints.is_empty() {
                // One answers all who asked: each waits for readers.
                let truncated = self.log.truncate(&self.connection);
                self.note_log();
                for reply in next.checkpoints {
                    let _ = reply.send(truncated.clone());
                }
            }
        }
        self.checkpointer.stop();
        // The log is durable where it is, so a failure here loses nothing.
        let _ = self.log.truncate(&self.connection);
    }

    /// Waits for work; `None` once the queue is closed and empty.
    fn next(&self) -> Option<Next> {
        self.faults.reach_batch();
        self.queue.take()
    }

    /// Runs and commits the first unit and those that join it; says whether all only record what
    /// happened.
    fn run_batch(&mut self, share: Share, first: Unit, behind: usize) -> bool {
        let mut jobs = vec![first];
        let ran = match behind {
            0 => self.run_alone(&mut jobs),
            _ => {
                let size = behind.saturating_add(1).min(limit::WRITE_GROUP);
                self.run_group(share, &mut jobs, size)
            }
        };
        if self.faults.acknowledges_early() && ran.is_ok() {
            reply(jobs, &ran);
            self.faults.ack_delay();
            if self.commit().is_err() {
                self.roll_back();
            }
            self.counters.commits.count(false);
            return false;
        }
        let committed = ran.and_then(|()| self.commit());
        let committed = committed.map_err(|error| {
            self.roll_back();
            batch_error(error)
        });
        self.note_log();
        // Counted before any reply, so that a caller who has one reads its own write.
        let is_record = jobs.iter().all(Unit::is_record);
        self.counters.commits.count(is_record && self.undisturbed && committed.is_ok());
        reply(jobs, &committed);
        is_record
    }

    /// Notes where the log ends, if this writer has made that its end.
    fn note_log(&self) {
        if let Some(bytes) = self.log.take_reported() {
            let pages = bytes.checked_div(self.page_bytes).unwrap_or(0);
            self.counters.commits.note(pages, self.page_bytes);
        }
    }

    fn begin(&mut self) -> Result<()> {
        if let Some(pages) = self.faults.pages() {
            self.connection.pragma_update(None, "max_page_count", pages)?;
        }
        control(&self.connection, "BEGIN IMMEDIATE")?;
        self.undisturbed = self.counters.commits.are_own();
        Ok(())
    }

    /// Runs a single unit, which needs no savepoint: rolling it back rolls back the transaction.
    fn run_alone(&mut self, jobs: &mut [Unit]) -> Result<()> {
        self.begin()?;
        for job in jobs {
            if !self.run_unit(job)? {
                control(&self.connection, "ROLLBACK")?;
            }
        }
        Ok(())
    }

    /// Runs the first unit and whoever's turn comes, each in a savepoint of its own; `Err` if the
    /// whole group is lost.
    ///
    /// It runs as many as waited when it began. If all that come meanwhile joined it too, every
    /// caller would soon be in the same group, and while that is flushed nobody would have anything
    /// to do.
    fn run_group(&mut self, first: Share, jobs: &mut Vec<Unit>, size: usize) -> Result<()> {
        self.begin()?;
        let (mut group, mut share, mut at) = (Group::default(), first, 0);
        while let Some(job) = jobs.get_mut(at) {
            let before = self.connection.total_changes();
            control(&self.connection, "SAVEPOINT unit")?;
            if !self.run_unit(job)? {
                control(&self.connection, "ROLLBACK TO unit")?;
            }
            control(&self.connection, "RELEASE unit")?;
            group.add(share, self.connection.total_changes().saturating_sub(before));
            at = at.saturating_add(1);
            if at < size
                && let Some((next, job)) = group.next(&self.queue)
            {
                share = next;
                jobs.push(job);
            }
        }
        Ok(())
    }

    /// Runs a unit, and says whether it is to be kept; `Err` if its transaction is gone.
    fn run_unit(&mut self, job: &mut Unit) -> Result<bool> {
        let before = self.connection.total_changes();
        let outcome = job.run(&mut self.connection);
        self.counters.units.fetch_add(1, Ordering::Relaxed);
        if self.connection.is_autocommit() {
            return Err(rolled_back(outcome));
        }
        let changed = self.connection.total_changes() != before && !job.is_record();
        let changes = u64::from(outcome.is_ok() && changed);
        self.counters.changes.fetch_add(changes, Ordering::Relaxed);
        Ok(outcome.is_ok() && !self.faults.drops_this_write())
    }

    fn commit(&mut self) -> Result<()> {
        self.faults.reach_commit();
        if self.connection.is_autocommit() {
            // The only unit of the batch was rolled back.
            return Ok(());
        }
        let fate = self.faults.fate();
        match fate {
            Fate::Done | Fate::ReplyLost => {}
            Fate::Full => return Err(StorageError::NoSpace("database or disk is full".into())),
            Fate::FlushFailed => return Err(StorageError::UnknownOutcome("disk I/O error".into())),
        }
        let started = Instant::now();
        match self.connection.prepare_cached("COMMIT").and_then(|mut sql| sql.raw_execute()) {
            Ok(_) => {
                self.counters.commits_made.fetch_add(1, Ordering::Relaxed);
                self.counters.durations.record(started.elapsed());
                self.faults.pass_commit();
                match fate {
                    Fate::ReplyLost => Err(StorageError::UnknownOutcome("no reply".into())),
                    _ => Ok(()),
                }
            }
            // The log may be on the disk although its flush failed: a crash now could recover the
            // batch.
            Err(error)
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::SystemIoFailure) =>
            {
                Err(StorageError::UnknownOutcome(Cause::of(StorageError::from(error))))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Rolls back the open transaction, if there is one.
    fn roll_back(&self) {
        if !self.connection.is_autocommit() {
            // If even this fails, the next BEGIN fails too, and its batch gets that error.
            let _ = control(&self.connection, "ROLLBACK");
        }
    }
}

fn reply(jobs: Vec<Unit>, batch: &Result<()>) {
    for job in jobs {
        job.reply(batch);
    }
}

/// Why every unit of a batch was lost: none of them caused the error, so each may be retried.
fn batch_error(error: StorageError) -> StorageError {
    match error {
        StorageError::Unavailable(_)
        | StorageError::NoSpace(_)
        | StorageError::UnknownOutcome(_) => error,
        other => StorageError::Unavailable(Cause::of(other)),
    }
}

/// SQLite ended the transaction by itself, as it does when the disk is full or failing.
fn rolled_back(outcome: Result<()>) -> StorageError {
    if let Err(StorageError::NoSpace(cause)) = outcome {
        return StorageError::NoSpace(cause);
    }
    let text = "the database rolled back the group of writes";
    StorageError::Unavailable(match outcome {
        Err(error) => Cause::with_source(format!("{text} ({error})"), error),
        Ok(()) => text.into(),
    })
}
