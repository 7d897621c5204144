//! Moving the write-ahead log into the database file, beside the commits.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use coffer_base::limit;
use rusqlite::{Connection, MAIN_DB};

use super::readers::Readers;
use super::{connection, spawn};
use crate::error::{Result, StorageError};
use crate::store::Stats;

pub(super) use rusqlite::wal::CheckpointMode;

/// What is known about the write-ahead log, and whose turn it is to move it.
#[derive(Debug)]
pub(super) struct Log {
    readers: Arc<Readers>,
    bytes: AtomicU64,
    moved: AtomicU64,
    failed: AtomicU64,
    /// SQLite refuses a second checkpoint at once instead of waiting for the first.
    turn: Mutex<()>,
}

impl Log {
    /// The log of the database that `readers` read.
    pub(super) fn new(readers: Arc<Readers>) -> Self {
        Self {
            readers,
            bytes: AtomicU64::new(0),
            moved: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            turn: Mutex::new(()),
        }
    }

    /// Takes note of the log's size, which SQLite tells after each commit.
    pub(super) fn grew_to(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// Moves the log; `Busy` if a reader still needs what would be overwritten.
    pub(super) fn checkpoint(&self, connection: &Connection, mode: CheckpointMode) -> Result<()> {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome =
            self.readers.while_moving(|| connection.wal_checkpoint_v2(Some(MAIN_DB), mode));
        drop(turn);
        let counter = if outcome.is_ok() { &self.moved } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
        match outcome {
            Ok(_) => Ok(()),
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => {
                Err(StorageError::Busy)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Moves the whole log and leaves an empty file; only the writer may, between two groups.
    pub(super) fn truncate(&self, connection: &Connection) -> Result<()> {
        self.checkpoint(connection, CheckpointMode::TRUNCATE)?;
        self.grew_to(0);
        Ok(())
    }

    /// Adds what is known here to `stats`.
    pub(super) fn count(&self, stats: Stats) -> Stats {
        Stats {
            checkpoints: self.moved.load(Ordering::Relaxed),
            checkpoints_failed: self.failed.load(Ordering::Relaxed),
            wal_bytes: self.bytes.load(Ordering::Relaxed),
            ..stats
        }
    }
}

/// The thread that moves the log, and when it is next told to.
pub(super) struct Checkpointer {
    signal: SyncSender<()>,
    thread: JoinHandle<()>,
    signalled_at: u64,
    /// The size at which the writer empties the log itself; moves up while a reader prevents it.
    ceiling: u64,
}

impl Checkpointer {
    pub(super) fn start(path: &Path, log: Arc<Log>) -> Result<Self> {
        let connection = connection::open_checkpointer(path)?;
        let (signal, signals) = sync_channel(1);
        let thread = spawn("coffer-checkpoint", move || serve(&connection, &signals, &log))?;
        Ok(Self { signal, thread, signalled_at: 0, ceiling: limit::WAL_CEILING_BYTES })
    }

    /// Looks at the log's size after a commit: signals the thread, or, past the ceiling, lets the
    /// next commit begin the log anew.
    pub(super) fn tend(&mut self, connection: &Connection, log: &Log) {
        let size = log.bytes.load(Ordering::Relaxed);
        if size < self.signalled_at {
            self.signalled_at = 0;
            self.ceiling = limit::WAL_CEILING_BYTES;
        }
        if size >= self.ceiling {
            self.ceiling = match log.checkpoint(connection, CheckpointMode::RESTART) {
                Ok(()) => limit::WAL_CEILING_BYTES,
                // An attempt waits for the reader, and the commits with it: make them rare.
                Err(_) => size.saturating_add(limit::WAL_CEILING_BYTES / 4),
            };
        } else if size.saturating_sub(self.signalled_at) >= limit::WAL_CHECKPOINT_BYTES {
            self.signalled_at = size;
            // A full channel means that the thread will look anyway.
            let _ = self.signal.try_send(());
        }
    }

    /// Lets the thread finish, and waits for it.
    pub(super) fn end(self) {
        drop(self.signal);
        let _ = self.thread.join();
    }
}

fn serve(connection: &Connection, signals: &Receiver<()>, log: &Log) {
    while signals.recv().is_ok() {
        // A failure is counted; the next signal, or the ceiling, tries again.
        let _ = log.checkpoint(connection, CheckpointMode::PASSIVE);
    }
}
