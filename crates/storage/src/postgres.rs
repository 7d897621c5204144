//! PostgreSQL: a bounded pool of connections, a transaction for each unit of work.
//!
//! Statements go out unnamed and with their types, so that poolers in transaction mode pass them
//! on. What the server could not carry out because another transaction was in the way is run
//! again, within bounds.

mod address;
mod connector;
mod dialect;
mod fault;
mod password_file;
mod pool;
mod schema;
mod session;
mod tls;

pub use address::{Passwords, PostgresOptions};
pub(crate) use session::Session;

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use coffer_base::{Timestamp, limit};

use crate::error::{Result, StorageError};
use crate::fault::Faults;
use crate::migrate::{MigrationReport, MigrationSet};
use crate::store::{About, Stats};
use crate::transaction::{Sent, Step, Tx, Work, require_plain};
use crate::value::{Row, Value};
use pool::Pool;

/// One open database.
#[derive(Debug)]
pub(crate) struct Postgres {
    pool: Pool,
    counters: Arc<Counters>,
    faults: Faults,
}

/// What it did so far.
#[derive(Debug, Default)]
struct Counters {
    units: AtomicU64,
    commits: AtomicU64,
    retries: AtomicU64,
    round_trips: AtomicU64,
}

impl Postgres {
    /// Opens the database, whose schema must be this build's.
    pub(crate) async fn open(options: PostgresOptions, sets: &[MigrationSet]) -> Result<Self> {
        let faults = options.faults.clone();
        let opened = Self { pool: Pool::new(&options)?, counters: Arc::default(), faults };
        let lease = opened.pool.lease().await?;
        let current = schema::require_current(lease.client(), &options, sets).await;
        current.map_err(|error| error.at(&options))?;
        lease.give_back();
        Ok(opened)
    }

    /// Applies the first half of what the schema lacks.
    pub(crate) async fn expand(
        options: PostgresOptions,
        sets: &[MigrationSet],
        now: Timestamp,
    ) -> Result<MigrationReport> {
        let pool = Pool::new(&options)?;
        let lease = pool.lease().await?;
        let report = schema::expand(lease.client(), &options, sets, now).await?;
        lease.give_back();
        Ok(report)
    }

    /// Applies the second half of what was begun.
    pub(crate) async fn finish(
        options: PostgresOptions,
        sets: &[MigrationSet],
    ) -> Result<MigrationReport> {
        let pool = Pool::new(&options)?;
        let lease = pool.lease().await?;
        let report = schema::finish(lease.client(), &options, sets).await?;
        lease.give_back();
        Ok(report)
    }

    /// Runs a unit of work in a task of its own, which goes on if whoever asked goes away.
    pub(crate) async fn write<W: Work>(&self, work: W) -> Result<W::Out> {
        let (pool, counters) = (self.pool.clone(), Arc::clone(&self.counters));
        let faults = self.faults.clone();
        let task = tokio::spawn(async move { attempts(&pool, &counters, &faults, &work).await });
        match task.await {
            Ok(outcome) => outcome,
            Err(ended) if ended.is_panic() => Err(StorageError::Panicked),
            Err(_) => Err(StorageError::UnknownOutcome("the server is stopping".to_owned())),
        }
    }

    pub(crate) async fn query(&self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>> {
        self.read(sql, params, Duration::from_secs(limit::STATEMENT_SECONDS)).await
    }

    pub(crate) async fn scan(&self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>> {
        self.read(sql, params, Duration::from_secs(limit::SCAN_SECONDS)).await
    }

    async fn read(&self, sql: &'static str, params: &[Value], time: Duration) -> Result<Vec<Row>> {
        require_plain(sql)?;
        let mut session = Session::of(self.pool.lease().await?);
        let canceller = self.pool.canceller(session.client());
        let effect = tokio::time::timeout(time, session.read(Sent::Plain(sql, params))).await;
        self.counters.round_trips.fetch_add(session.round_trips(), Ordering::Relaxed);
        if !session.was_heard() {
            self.pool.distrust_idle();
        }
        let Ok(effect) = effect else {
            // Outside a transaction the server has no bound of ours, and would go on.
            canceller.cancel();
            return Err(late(time));
        };
        match effect {
            Ok(effect) => {
                session.give_back();
                Ok(effect.rows)
            }
            Err(error) => {
                session.end_after(&error).await;
                Err(error)
            }
        }
    }

    pub(crate) async fn about(&self) -> Result<About> {
        let sql = "SELECT current_setting('fsync'), current_setting('synchronous_commit'), \
                   CAST(EXTRACT(EPOCH FROM now()) AS BIGINT)";
        let rows = self.query(sql, &[]).await?;
        let row = rows.first().ok_or_else(|| StorageError::Engine("no answer".to_owned()))?;
        Ok(About {
            flushes: row.text(0)? != "off",
            synchronous_commit: row.text(1)?.to_owned(),
            now: Timestamp::from_unix(row.int(2)?),
        })
    }

    pub(crate) async fn change_schema(&self, sql: &str) -> Result<()> {
        let lease = self.pool.lease().await?;
        let changed = lease.client().batch_execute(sql).await;
        changed.map_err(|error| fault::Fault::of(&error).error)?;
        lease.give_back();
        Ok(())
    }

    pub(crate) fn stats(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            units: read(&self.counters.units),
            commits: read(&self.counters.commits),
            retries: read(&self.counters.retries),
            round_trips: read(&self.counters.round_trips),
            waiting: self.pool.waiting(),
            ..Stats::default()
        }
    }

    pub(crate) fn close(&self) {
        self.pool.close();
    }
}

/// What takes too long is given up, and its connection with it.
async fn within<T>(time: Duration, step: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(time, step).await.unwrap_or_else(|_| Err(late(time)))
}

fn late(time: Duration) -> StorageError {
    StorageError::Unavailable(format!("no answer within {} s", time.as_secs()))
}

/// Runs a unit of work until nobody is in its way, at most [`limit::TRANSACTION_ATTEMPTS`] times.
async fn attempts<W: Work>(
    pool: &Pool,
    counters: &Counters,
    faults: &Faults,
    work: &W,
) -> Result<W::Out> {
    counters.units.fetch_add(1, Ordering::Relaxed);
    let mut conflict = StorageError::LockTimeout;
    for attempt in 0..limit::TRANSACTION_ATTEMPTS {
        let mut session = Session::of(pool.lease().await?);
        let outcome = attempt_once(&mut session, faults, work).await;
        counters.round_trips.fetch_add(session.round_trips(), Ordering::Relaxed);
        match outcome {
            Ok(out) => {
                counters.commits.fetch_add(1, Ordering::Relaxed);
                session.give_back();
                return Ok(out);
            }
            Err(error) => {
                let in_the_way = session.was_in_the_way();
                if !session.was_heard() {
                    pool.distrust_idle();
                }
                session.end_after(&error).await;
                if !in_the_way {
                    return Err(error);
                }
                conflict = error;
            }
        }
        counters.retries.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(pause(attempt)).await;
    }
    match conflict {
        // A violation that stays once the other one has committed is a mistake of ours.
        StorageError::Constraint(_) => Err(conflict),
        _ => Err(StorageError::LockTimeout),
    }
}

async fn attempt_once<W: Work>(session: &mut Session, faults: &Faults, work: &W) -> Result<W::Out> {
    let time = Duration::from_secs(limit::TRANSACTION_SECONDS);
    let (out, rest) = within(time, async {
        let mut tx = Tx::postgres(session);
        let out = work.run(&mut tx).await?;
        Ok((out, tx.finish().await?))
    })
    .await?;
    if !faults.is_none() && injected(faults, session, &rest).await? {
        return Ok(out);
    }
    session.commit(&rest).await?;
    if !faults.is_none() {
        let faults = faults.clone();
        let _ = tokio::task::spawn_blocking(move || faults.pass_commit()).await;
    }
    Ok(out)
}

/// What tests do to a unit before its commit: whether it is lost, and answered as if it were not.
async fn injected(faults: &Faults, session: &mut Session, rest: &[Step]) -> Result<bool> {
    let waiting = faults.clone();
    let _ = tokio::task::spawn_blocking(move || waiting.reach_commit()).await;
    if faults.fails_this_commit() {
        return Err(StorageError::Unavailable("a test lets this commit fail".to_owned()));
    }
    if !faults.drops_this_write() {
        return Ok(false);
    }
    // What is left is tried all the same, so that what would have failed fails.
    let rest: Vec<Sent<'_>> = rest.iter().map(Step::borrowed).collect();
    session.send(&rest).await?;
    session.abandon().await;
    Ok(true)
}

/// Twice as long after each attempt, and never the same for two who met.
fn pause(attempt: u32) -> Duration {
    let most = limit::RETRY_PAUSE_MICROSECONDS.saturating_mul(1 << attempt.min(8));
    // The seeds of hash maps are the chance that the standard library has.
    let chance = RandomState::new().hash_one(attempt);
    Duration::from_micros(most / 2 + chance % (most / 2 + 1))
}
