//! Read connections, opened when first needed and used by one caller at a time.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use coffer_base::limit;
use rusqlite::Connection;

use super::commits::{Commits, Counted};
use super::{connection, statement};
use crate::command::require_plain;
use crate::error::{Result, StorageError};
use crate::fault::Faults;
use crate::row::Row;
use crate::value::{Value, ValueRef};

/// The idle read connections of one database.
///
/// Each keeps its last snapshot open, and reads from it again if nothing was committed since that
/// concerns the read: beginning and ending a read costs two file locks, and after a commit a
/// connection forgets all its pages. What only records, such as the entries of reads, concerns
/// nobody but who reads the audit. [`Commits`] says what this server committed, and every
/// [`limit::SNAPSHOT_MICROSECONDS`] it is asked whether another program has.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    /// What the writer has committed; `None` if another process may write.
    commits: Option<Arc<Commits>>,
    /// Whether a snapshot is used on and on, whatever is committed: a fault.
    stale: bool,
    /// Whether a checkpoint runs: then no snapshot outlives its read.
    checkpointing: AtomicBool,
    /// `None` once closed.
    idle: Mutex<Option<Vec<Reader>>>,
}

#[derive(Debug)]
struct Reader {
    connection: Connection,
    snapshot: Option<Snapshot>,
}

/// An open snapshot.
#[derive(Debug)]
struct Snapshot {
    /// The batches that had ended before it began.
    counted: Counted,
    /// When it began, or nobody else had committed since.
    checked: Instant,
}

impl Snapshot {
    /// Whether it has every commit that concerns a read.
    fn is_current(&mut self, read: About, counted: Counted, commits: &Commits) -> bool {
        let is_current = match read {
            About::Records => self.counted == counted,
            About::Others => self.counted.changed == counted.changed,
        };
        let lifetime = Duration::from_micros(limit::SNAPSHOT_MICROSECONDS);
        if !is_current || self.checked.elapsed() < lifetime {
            return is_current;
        }
        let now = Instant::now();
        let are_own = commits.are_own();
        if are_own {
            self.checked = now;
        }
        are_own
    }
}

/// What a read is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum About {
    /// Perhaps what units of work write that only record what happened.
    Records,
    /// Nothing of that.
    Others,
}

impl About {
    /// By the tables that a statement may name.
    fn by(sql: &str) -> Self {
        if sql.contains(RECORDS) { Self::Records } else { Self::Others }
    }
}

/// How tables are called in which is written what happened: nothing else is, by a unit of work that
/// says [`crate::Work::is_record`].
const RECORDS: &str = "audit_";

impl Reader {
    /// Begins a new snapshot unless the open one has every commit that concerns a read.
    fn refresh(&mut self, read: About, counted: Counted, commits: &Commits) -> Result<()> {
        let open = self.snapshot.as_mut();
        if open.is_some_and(|snapshot| snapshot.is_current(read, counted, commits)) {
            return Ok(());
        }
        self.release()?;
        let checked = Instant::now();
        statement::control(&self.connection, "BEGIN")?;
        self.snapshot = Some(Snapshot { counted, checked });
        Ok(())
    }

    fn release(&mut self) -> Result<()> {
        if self.snapshot.take().is_some() {
            statement::control(&self.connection, "COMMIT")?;
        }
        Ok(())
    }
}

/// How many of the database's instructions run between two looks at the time: a fraction of a
/// millisecond.
const INSTRUCTIONS: std::ffi::c_int = 10_000;

fn read_within(
    time: Duration,
    connection: &mut Connection,
    sql: &'static str,
    params: &[Value],
) -> Result<Vec<Row>> {
    let begun = Instant::now();
    connection.progress_handler(INSTRUCTIONS, Some(move || begun.elapsed() > time))?;
    let rows = statement::read(connection, sql, params);
    connection.progress_handler(INSTRUCTIONS, None::<fn() -> bool>)?;
    rows
}

impl Readers {
    pub(super) fn new(path: &Path, commits: Option<Arc<Commits>>, faults: &Faults) -> Self {
        let (idle, stale) = (Mutex::new(Some(Vec::new())), faults.reads_stale());
        Self { path: path.to_owned(), commits, stale, checkpointing: AtomicBool::new(false), idle }
    }

    /// Runs a read on the calling thread. There are never more connections in use than threads.
    pub(super) fn query(&self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>> {
        self.read(sql, |connection| statement::read(connection, sql, params))
    }

    /// The same, and returns what `read` makes of each row.
    pub(super) fn query_each<T>(
        &self,
        sql: &'static str,
        params: &[Value],
        read: impl Fn(&[ValueRef<'_>]) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.read(sql, |connection| statement::read_each(connection, sql, params, read))
    }

    /// The same, interrupted once it has taken `time`.
    pub(super) fn query_within(
        &self,
        time: Duration,
        sql: &'static str,
        params: &[Value],
    ) -> Result<Vec<Row>> {
        self.read(sql, |connection| read_within(time, connection, sql, params))
    }

    /// Runs a read, which has the text `sql`, on a connection that has every commit.
    fn read<T>(
        &self,
        sql: &'static str,
        run: impl FnOnce(&mut Connection) -> Result<T>,
    ) -> Result<T> {
        require_plain(sql)?;
        // Counted before the snapshot begins: a commit in between at worst renews it needlessly.
        let counted = self.commits.as_ref().map(|commits| (commits.counted(), commits));
        let mut reader = match self.take()? {
            Some(reader) => reader,
            None => Reader { connection: connection::open_reader(&self.path)?, snapshot: None },
        };
        if let Some((counted, commits)) = counted
            && !(self.stale && reader.snapshot.is_some())
        {
            reader.refresh(About::by(sql), counted, commits)?;
        }
        let rows = run(&mut reader.connection);
        // After an error the connection is closed: it may be the connection that is broken.
        if rows.is_ok() {
            self.put_back(reader);
        }
        rows
    }

    /// Runs `step`, a checkpoint, while no snapshot stays open between reads: one that did would
    /// keep a part of the log from being copied.
    pub(super) fn without_snapshots<T>(&self, step: impl FnOnce() -> T) -> T {
        self.checkpointing.store(true, Ordering::SeqCst);
        self.release();
        let outcome = step();
        self.checkpointing.store(false, Ordering::SeqCst);
        outcome
    }

    fn release(&self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(idle) = idle.as_mut() {
            idle.retain_mut(|reader| reader.release().is_ok());
        }
    }

    /// Closes the idle connections; those in use close when they come back.
    pub(super) fn close(&self) {
        drop(self.idle.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn take(&self) -> Result<Option<Reader>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(idle.as_mut().ok_or(StorageError::Closed)?.pop())
    }

    fn put_back(&self, mut reader: Reader) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // Checked under the lock, so that no snapshot is put back after all have been released.
        if self.checkpointing.load(Ordering::SeqCst) && reader.release().is_err() {
            return;
        }
        if let Some(idle) = idle.as_mut()
            && idle.len() < limit::READ_CONNECTIONS
        {
            // Last in, first out: its page cache is warm.
            idle.push(reader);
        }
    }
}
