//! The embedded engine: a writer thread that commits in batches, a thread that checkpoints the
//! write-ahead log, read connections that callers use on their own threads, and a few threads for
//! lists.

mod backup;
mod checkpoint;
mod commits;
mod connection;
mod error;
mod group;
mod own_log;
mod planner;
mod queue;
mod readers;
mod schema;
mod snapshot;
mod statement;
mod thread;
mod unit;
mod whole_log;
mod writer;

pub use backup::{check_file, copy_file};
pub use snapshot::{DatabaseCopy, OnStep, Snapshot, count_rows};

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use coffer_base::{Timestamp, limit};
use coffer_metrics::Recorded;
use tokio::sync::{oneshot, watch};

use crate::attempt::Attempt;
use crate::error::{Result, StorageError};
use crate::fault::Faults;
use crate::files::{self, with_suffix};
use crate::gate::{Entrant, Gate, Places, Purpose};
use crate::migration::{MigrationReport, MigrationSet};
use crate::options::{Options, Stats};
use crate::place;
use crate::row::Row;
use crate::share::Share;
use crate::space::OnDisk;
use crate::value::{Value, ValueRef};
use checkpoint::Log;
use queue::Queue;
use readers::Readers;
use thread::spawn;
use unit::Unit;
use writer::{Counters, Writer};

/// One open database file.
#[derive(Debug)]
pub(crate) struct Sqlite {
    path: PathBuf,
    readers: Arc<Readers>,
    /// The threads that read lists.
    lists: Arc<Gate>,
    faults: Faults,
    queue: Arc<Queue>,
    counters: Arc<Counters>,
    log: Arc<Log>,
    /// The sizes of the log's file and of what is in it when it was last asked to shrink, and what
    /// was free on the disk.
    shrunk: Mutex<([u64; 2], u64)>,
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
        files::create_parent(path)?;
        place::check_database(path)?;
        // SQLite gives its companion files the mode of the database, which is the owner's alone.
        drop(place::open_own(path)?);
        own_log::require_own_log(path)?;
        let was_killed = own_log::has_pages(path);
        if was_killed {
            whole_log::require_whole_log(path)?;
        }
        let mut connection = connection::open_writer(path)?;
        if was_killed {
            backup::check_after_crash(&connection, path)?;
        }
        if !options.faults.flushes() {
            connection::stop_flushing(&connection)?;
        }
        let copies = options.copy_before_migration;
        let report = schema::migrate(&mut connection, path, sets, now, copies)?;
        planner::describe(&mut connection, !report.applied.is_empty())?;
        let queue = Arc::new(Queue::default());
        let counters = Arc::new(Counters::of(path));
        let readers = Arc::new(Readers::new(path, Some(counters.commits()), &options.faults));
        let log = Arc::new(Log::new(Arc::clone(&readers)));
        let (ending, ended) = watch::channel(());
        let writer = Writer::new(
            connection,
            path,
            Arc::clone(&queue),
            Arc::clone(&counters),
            Arc::clone(&log),
            options.faults.clone(),
        )?;
        let thread = spawn("coffer-writer", move || {
            writer.run();
            drop(ending);
        })?;
        let thread = Mutex::new(Some(thread));
        let (path, faults) = (path.to_owned(), options.faults);
        let lists = Gate::new(Places::threads(list_threads()));
        let shrunk = Mutex::default();
        let opened =
            Self { path, readers, lists, faults, queue, counters, log, shrunk, ended, thread };
        Ok((opened, report))
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
        let readers = Arc::new(Readers::new(path, None, &Faults::none()));
        Ok(Self {
            path: path.to_owned(),
            readers: Arc::clone(&readers),
            lists: Gate::new(Places::threads(list_threads())),
            faults: Faults::none(),
            queue,
            counters: Arc::new(Counters::of(path)),
            log: Arc::new(Log::new(readers)),
            shrunk: Mutex::default(),
            ended: watch::channel(()).1,
            thread: Mutex::new(None),
        })
    }

    pub(crate) async fn write(&self, share: Share, work: Attempt) -> Result<()> {
        let (unit, result) = Unit::of(work);
        self.queue.push(share, unit)?;
        let ended = || StorageError::UnknownOutcome("the writer ended before it answered".into());
        result.await.unwrap_or_else(|_| Err(ended()))
    }

    pub(crate) fn query(&self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>> {
        self.readers.query(sql, params)
    }

    /// Runs a read on one of the threads for lists, once it is the turn of `share`.
    pub(crate) async fn list(
        &self,
        share: Share,
        sql: &'static str,
        params: &[Value],
    ) -> Result<Vec<Row>> {
        let place = self.lists.enter(Entrant { share, purpose: Purpose::Read }).await?;
        let (readers, params) = (Arc::clone(&self.readers), params.to_vec());
        let faults = self.faults.clone();
        let time = Duration::from_secs(limit::LIST_SECONDS);
        off_the_runtime(move || {
            // It is given back when the read has ended, not when its caller has gone away.
            let _place = place;
            faults.pass_list();
            readers.query_within(time, sql, &params)
        })
        .await
    }

    /// Runs a read that may take long on a thread of its own.
    pub(crate) async fn scan(&self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>> {
        let (readers, params) = (Arc::clone(&self.readers), params.to_vec());
        off_the_runtime(move || readers.query(sql, &params)).await
    }

    /// The same, for what is made of each row.
    pub(crate) async fn scan_each<T: Send + 'static>(
        &self,
        sql: &'static str,
        params: &[Value],
        read: fn(&[ValueRef<'_>]) -> Result<T>,
    ) -> Result<Vec<T>> {
        let (readers, params) = (Arc::clone(&self.readers), params.to_vec());
        off_the_runtime(move || readers.query_each(sql, &params, read)).await
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
        let waiting = self.queue.waiting().saturating_add(self.lists.waiting());
        self.log.add_to(Stats { waiting, ..self.counters.read() })
    }

    pub(crate) fn commit_durations(&self) -> Recorded {
        self.counters.commit_durations()
    }

    pub(crate) async fn close(&self) {
        self.queue.close();
        self.lists.close();
        self.readers.close();
        let mut ended = self.ended.clone();
        while ended.changed().await.is_ok() {}
    }
}

impl OnDisk for Sqlite {
    fn free_bytes(&self) -> u64 {
        self.bytes_of("freelist_count").unwrap_or(0)
    }

    fn log_bytes(&self) -> u64 {
        length(&with_suffix(&self.path, "-wal"))
    }

    fn log_growth(&self) -> u64 {
        let whole = self.bytes_of("page_count").unwrap_or(0);
        whole.saturating_sub(length(&self.path))
    }

    fn shrink_log(&self, available: u64) {
        // A log that begins anew is written over, and its file stays as long as it was.
        let sizes = [self.log_bytes(), self.stats().wal_bytes];
        let mut tried = self.shrunk.lock().unwrap_or_else(PoisonError::into_inner);
        // A reader that needs the log delays commits with each attempt: one for each size, and
        // another if there is more room than there was for it.
        if sizes != [0; 2] && (tried.0 != sizes || tried.1 < available) {
            *tried = (sizes, available);
            let (reply, _nobody) = oneshot::channel();
            let _ = self.queue.request_checkpoint(reply);
        }
    }
}

impl Sqlite {
    /// How many bytes the pages have that SQLite counts under this name.
    fn bytes_of(&self, pages: &str) -> Result<u64> {
        let connection = connection::open_reader(&self.path)?;
        let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
        Ok(u64::from(number(pages)?).saturating_mul(number("page_size")?.into()))
    }
}

/// The length of a file; 0 if there is none.
fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

/// How many threads read lists: as many as there are processors, within bounds.
fn list_threads() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    processors.clamp(limit::LIST_THREADS_FLOOR, limit::LIST_THREADS_CEILING)
}

/// Runs what blocks on a thread on which no request is served.
async fn off_the_runtime<T: Send + 'static>(
    step: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let ended = tokio::task::spawn_blocking(step).await;
    ended.unwrap_or_else(|error| {
        Err(if error.is_panic() { StorageError::Panicked } else { StorageError::Closed })
    })
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
