//! The embedded engine: a writer thread that commits in batches, a thread that checkpoints the
//! write-ahead log, and read connections that callers use on their own threads.

mod backup;
mod checkpoint;
mod connection;
mod error;
mod own_log;
mod queue;
mod readers;
mod schema;
mod statement;
mod thread;
mod unit;
mod writer;

pub use backup::{check_file, copy_file};

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use coffer_base::{Timestamp, limit};
use tokio::sync::{oneshot, watch};

use crate::error::{Result, StorageError};
use crate::files;
use crate::migration::{MigrationReport, MigrationSet};
use crate::options::{Options, Stats};
use crate::row::Row;
use crate::transaction::Work;
use crate::value::Value;
use checkpoint::Log;
use queue::Queue;
use readers::Readers;
use thread::spawn;
use writer::{Counters, Writer};

/// One open database file.
#[derive(Debug)]
pub(crate) struct Sqlite {
    path: PathBuf,
    readers: Arc<Readers>,
    queue: Arc<Queue>,
    counters: Arc<Counters>,
    log: Arc<Log>,
    /// Closed when the writer has ended, which drops the sender.
    ended: watch::Receiver<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Sqlite {
    pub(crate) fn open(
        path: &Path,
        sets: &[MigrationSet],
        now: Timestamp,
        options: Options,
    ) -> Result<(Self, MigrationReport)> {
        files::create_database(path)?;
        own_log::require_own_log(path)?;
        let was_killed = own_log::has_pages(path);
        let mut connection = connection::open_writer(path)?;
        if was_killed {
            backup::check_after_crash(&connection, path)?;
        }
        let copies = options.copy_before_migration;
        let report = schema::migrate(&mut connection, path, sets, now, copies)?;
        let queue = Arc::new(Queue::default());
        let counters = Arc::new(Counters::default());
        let readers = Arc::new(Readers::new(path, Some(counters.ended())));
        let log = Arc::new(Log::new(Arc::clone(&readers)));
        let (ending, ended) = watch::channel(());
        let writer = Writer::new(
            connection,
            path,
            Arc::clone(&queue),
            Arc::clone(&counters),
            Arc::clone(&log),
            options.faults,
        )?;
        let thread = spawn("coffer-writer", move || {
            writer.run();
            drop(ending);
        })?;
        let thread = Mutex::new(Some(thread));
        Ok((Self { path: path.to_owned(), readers, queue, counters, log, ended, thread }, report))
    }

    /// Opens the database for reading; with `sets`, only if its schema is theirs.
    pub(crate) fn open_read_only(path: &Path, sets: Option<&[MigrationSet]>) -> Result<Self> {
        own_log::require_own_log(path)?;
        let connection = connection::open_reader(path)?;
        if let Some(sets) = sets {
            schema::require_current(&connection, path, sets)?;
        }
        drop(connection);
        let queue = Arc::new(Queue::default());
        queue.close();
        let readers = Arc::new(Readers::new(path, None));
        Ok(Self {
            path: path.to_owned(),
            readers: Arc::clone(&readers),
            queue,
            counters: Arc::new(Counters::default()),
            log: Arc::new(Log::new(readers)),
            ended: watch::channel(()).1,
            thread: Mutex::new(None),
        })
    }

    pub(crate) async fn write<W: Work>(&self, work: W) -> Result<W::Out> {
        let (unit, result) = unit::unit(work);
        self.queue.push(unit)?;
        let ended = || StorageError::UnknownOutcome("the writer ended before it answered".into());
        result.await.unwrap_or_else(|_| Err(ended()))
    }

    pub(crate) fn query(&self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>> {
        self.readers.query(sql, params)
    }

    pub(crate) fn change_schema(&self, sql: &str) -> Result<()> {
        Ok(connection::open_writer(&self.path)?.execute_batch(sql)?)
    }

    pub(crate) async fn checkpoint(&self) -> Result<()> {
        let mut outcome = Ok(());
        for _ in 0..limit::CHECKPOINT_ATTEMPTS {
            let (reply, result) = oneshot::channel();
            self.queue.request_checkpoint(reply)?;
            outcome = result.await.unwrap_or(Err(StorageError::Closed));
            if !matches!(outcome, Err(StorageError::Busy)) {
                return outcome;
            }
        }
        outcome.map_err(|_| {
            StorageError::Unavailable(
                "a reader, perhaps a backup, still needs the write-ahead log; try again".into(),
            )
        })
    }

    pub(crate) async fn backup(&self, to: &Path) -> Result<u64> {
        let (from, to) = (self.path.clone(), to.to_owned());
        let (reply, result) = oneshot::channel();
        spawn("coffer-backup", move || {
            let _ = reply.send(copy_file(&from, &to));
        })?;
        result.await.unwrap_or(Err(StorageError::Panicked))
    }

    pub(crate) fn stats(&self) -> Stats {
        self.log.add_to(Stats { waiting: self.queue.waiting(), ..self.counters.read() })
    }

    pub(crate) async fn close(&self) {
        self.queue.close();
        self.readers.close();
        let mut ended = self.ended.clone();
        while ended.changed().await.is_ok() {}
    }
}

impl Drop for Sqlite {
    /// Waits for the writer, so that the files are closed when this returns.
    fn drop(&mut self) {
        self.queue.close();
        self.readers.close();
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            // A unit of work that owns the last clone of its store drops it on the writer thread.
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}
