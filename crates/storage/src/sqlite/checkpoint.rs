//! Checkpoints: copying the write-ahead log into the database file, on a thread beside the commits.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use coffer_base::limit;
use rusqlite::{Connection, MAIN_DB};

use super::connection;
use super::readers::Readers;
use super::thread::spawn;
use crate::error::{Result, StorageError};
use crate::options::Stats;

pub(super) use rusqlite::wal::CheckpointMode;

/// The write-ahead log: its size, and its checkpoints.
#[derive(Debug)]
pub(super) struct Log {
    readers: Arc<Readers>,
    bytes: AtomicU64,
    /// Whether its size was reported since that was last asked.
    reported: AtomicBool,
    checkpoints: AtomicU64,
    failed: AtomicU64,
    /// Checkpoints of the thread that have ended, however.
    passes: AtomicU64,
    /// Locked during a checkpoint: SQLite refuses a second one at once instead of waiting.
    running: Mutex<()>,
}

impl Log {
    /// The log of the database that `readers` read.
    pub(super) fn new(readers: Arc<Readers>) -> Self {
        Self {
            readers,
            bytes: AtomicU64::new(0),
            reported: AtomicBool::new(false),
            checkpoints: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            passes: AtomicU64::new(0),
            running: Mutex::new(()),
        }
    }

    /// Records the log's size, which SQLite reports after each commit.
    pub(super) fn set_size(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
        self.reported.store(true, Ordering::Relaxed);
    }

    /// Its size, if that was reported since this was last called: then the writer has committed, or
    /// emptied it.
    pub(super) fn take_reported(&self) -> Option<u64> {
        let reported = self.reported.swap(false, Ordering::Relaxed);
        reported.then(|| self.bytes.load(Ordering::Relaxed))
    }

    /// Runs a checkpoint; `Busy` if a reader still needs what would be overwritten.
    pub(super) fn checkpoint(&self, connection: &Connection, mode: CheckpointMode) -> Result<()> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome =
            self.readers.without_snapshots(|| connection.wal_checkpoint_v2(Some(MAIN_DB), mode));
        drop(running);
        let counter = if outcome.is_ok() { &self.checkpoints } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
        match outcome {
            Ok(_) => Ok(()),
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => {
                Err(StorageError::Busy)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Runs a checkpoint that truncates the log; only the writer may, between two batches.
    pub(super) fn truncate(&self, connection: &Connection) -> Result<()> {
        self.checkpoint(connection, CheckpointMode::TRUNCATE)?;
        self.set_size(0);
        Ok(())
    }

    /// `stats` with the numbers that are counted here.
    pub(super) fn add_to(&self, stats: Stats) -> Stats {
        Stats {
            checkpoints: self.checkpoints.load(Ordering::Relaxed),
            checkpoints_failed: self.failed.load(Ordering::Relaxed),
            wal_bytes: self.bytes.load(Ordering::Relaxed),
            ..stats
        }
    }
}

/// The thread that runs checkpoints, and when it is next signalled.
///
/// The log begins anew only when all of it is in the database file. While writes never pause, the
/// thread never gets that far, and the writer has to move the rest itself, with all callers
/// waiting: so that happens rarely, and right after the thread has moved nearly everything.
pub(super) struct Checkpointer {
    signal: SyncSender<()>,
    thread: JoinHandle<()>,
    signalled_at: u64,
    /// The log's size when the writer last looked.
    seen: u64,
    /// What the log has grown by since the signal, but for what only records.
    changed: u64,
    /// The thread's passes when the writer last looked.
    passes: u64,
    /// The size at which the writer restarts the log itself; rises while a reader prevents that.
    ceiling: u64,
}

impl Checkpointer {
    pub(super) fn start(path: &Path, log: Arc<Log>) -> Result<Self> {
        let connection = connection::open_checkpointer(path)?;
        let (signal, signals) = sync_channel(1);
        let thread = spawn("coffer-checkpoint", move || serve(&connection, &signals, &log))?;
        let ceiling = limit::WAL_CEILING_BYTES;
        Ok(Self { signal, thread, signalled_at: 0, seen: 0, changed: 0, passes: 0, ceiling })
    }

    /// Checks the log's size after a commit, which may have only recorded what happened: signals
    /// the thread, or, past the ceiling, makes the next commit restart the log.
    pub(super) fn maybe_checkpoint(&mut self, connection: &Connection, log: &Log, is_record: bool) {
        let size = log.bytes.load(Ordering::Relaxed);
        if size < self.seen {
            (self.signalled_at, self.seen, self.changed) = (0, 0, 0);
            self.ceiling = limit::WAL_CEILING_BYTES;
        }
        let grown = size.saturating_sub(std::mem::replace(&mut self.seen, size));
        if !is_record {
            self.changed = self.changed.saturating_add(grown);
        }
        let passes = log.passes.load(Ordering::Relaxed);
        let just_passed = std::mem::replace(&mut self.passes, passes) != passes;
        if size >= self.ceiling
            && (just_passed || size >= self.ceiling.saturating_add(limit::WAL_GRACE_BYTES))
        {
            self.restart(connection, log, size);
        } else if self.is_pass_due(size) {
            (self.signalled_at, self.changed) = (size, 0);
            // If the channel is full, the thread has a signal to take already.
            let _ = self.signal.try_send(());
        }
    }

    /// Whether the thread is to move pages. After that all readers read their pages again, so that
    /// what only records, which none of them looks up in the log, is moved more rarely; but not
    /// while the writer waits for a pass before it restarts the log.
    fn is_pass_due(&self, size: u64) -> bool {
        let grown = size.saturating_sub(self.signalled_at);
        let most = match size >= self.ceiling {
            true => limit::WAL_CHECKPOINT_BYTES,
            false => limit::WAL_RECORDS_BYTES,
        };
        self.changed >= limit::WAL_CHECKPOINT_BYTES || grown >= most
    }

    fn restart(&mut self, connection: &Connection, log: &Log, size: u64) {
        self.ceiling = match log.checkpoint(connection, CheckpointMode::RESTART) {
            Ok(()) => limit::WAL_CEILING_BYTES,
            // An attempt waits for the reader, and the commits with it: make them rare.
            Err(_) => size.saturating_add(limit::WAL_GRACE_BYTES),
        };
    }

    /// Lets the thread finish, and waits for it.
    pub(super) fn stop(self) {
        drop(self.signal);
        let _ = self.thread.join();
    }
}

fn serve(connection: &Connection, signals: &Receiver<()>, log: &Log) {
    let mut moved = 0;
    while wait(signals, log, &mut moved) {
        // A failure is counted; the next signal, or the ceiling, tries again.
        let _ = log.checkpoint(connection, CheckpointMode::PASSIVE);
        log.passes.fetch_add(1, Ordering::Relaxed);
    }
}

/// Waits for a signal, or for a pause in which a large log can be moved as a whole, so that the
/// next commit begins it anew; `false` if the writer has ended. `moved` is the size at which that
/// was last done.
fn wait(signals: &Receiver<()>, log: &Log, moved: &mut u64) -> bool {
    let pause = Duration::from_millis(limit::WAL_PAUSE_MILLISECONDS);
    let mut size = log.bytes.load(Ordering::Relaxed);
    while size >= limit::WAL_GRACE_BYTES {
        match signals.recv_timeout(pause) {
            Ok(()) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
            Err(RecvTimeoutError::Timeout) => {}
        }
        let now = log.bytes.load(Ordering::Relaxed);
        if now == size {
            // One pass moves all of it; what follows is a signal.
            return std::mem::replace(moved, now) != now || signals.recv().is_ok();
        }
        size = now;
    }
    signals.recv().is_ok()
}
