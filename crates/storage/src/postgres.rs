//! PostgreSQL: a bounded pool of connections, and a transaction for each unit of work.
//!
//! Statements are sent unnamed and with the types of their parameters, so that poolers in
//! transaction mode can pass them on, or prepared where no pooler stands in between. A unit that
//! failed because of another transaction is run again, within bounds.

mod citus;
mod connector;
mod dialect;
mod error;
mod locks;
mod options;
mod password_file;
mod pool;
mod prepared;
mod retry;
mod schema;
mod session;
mod timeout;
mod tls;

pub use options::{Passwords, PostgresOptions};

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use coffer_base::{Timestamp, limit};
use coffer_metrics::Recorded;

use crate::attempt::Attempt;
use crate::command::{Statement, require_plain};
use crate::error::{Result, StorageError};
use crate::fault::Faults;
use crate::gate::{Entrant, Purpose};
use crate::migration::{MigrationReport, MigrationSet};
use crate::options::{ServerInfo, Stats};
use crate::row::Row;
use crate::share::Share;
use crate::value::Value;
use locks::Locks;
use options::Pooler;
use pool::Pool;
use retry::Counters;
use session::Session;

/// One open database.
#[derive(Debug)]
pub(crate) struct Postgres {
    pool: Pool,
    locks: Arc<Locks>,
    counters: Arc<Counters>,
    faults: Faults,
}

/// Who opens a database and changes its schema.
const SYSTEM: Entrant = Entrant { share: Share::SYSTEM, purpose: Purpose::Write };

impl Postgres {
    /// Opens the database, whose schema must be this build's.
    pub(crate) async fn open(options: PostgresOptions, sets: &[MigrationSet]) -> Result<Self> {
        let faults = options.faults.clone();
        let (pool, locks) = (Pool::new(&options)?, Arc::default());
        let opened = Self { pool, locks, counters: Arc::default(), faults };
        let lease = opened.pool.lease(SYSTEM).await?;
        let current = schema::require_current(lease.client(), &options, sets).await;
        current.map_err(|error| error.at(&options))?;
        if options.pooler == Pooler::None {
            citus::refuse_own_sessions(lease.client(), &options).await?;
        }
        lease.give_back();
        Ok(opened)
    }

    /// Applies the first half of every migration that is missing.
    pub(crate) async fn expand(
        options: PostgresOptions,
        sets: &[MigrationSet],
        now: Timestamp,
    ) -> Result<MigrationReport> {
        let pool = Pool::new(&options)?;
        let lease = pool.lease(SYSTEM).await?;
        let report = schema::expand(lease.client(), &options, sets, now).await?;
        lease.give_back();
        Ok(report)
    }

    /// Applies the second half of every migration whose first half was applied.
    pub(crate) async fn finish(
        options: PostgresOptions,
        sets: &[MigrationSet],
    ) -> Result<MigrationReport> {
        let pool = Pool::new(&options)?;
        let lease = pool.lease(SYSTEM).await?;
        let report = schema::finish(lease.client(), &options, sets).await?;
        lease.give_back();
        Ok(report)
    }

    /// Distributes the tables over the servers of a Citus cluster, or with `dry_run` only says how:
    /// the statements that it has run, or would run. One that was interrupted goes on when it is
    /// called again.
    pub(crate) async fn distribute(
        options: PostgresOptions,
        sets: &[MigrationSet],
        dry_run: bool,
    ) -> Result<Vec<String>> {
        let pool = Pool::new(&options)?;
        let lease = pool.lease(SYSTEM).await?;
        let done = schema::distribute(lease.client(), &options, sets, dry_run).await?;
        lease.give_back();
        Ok(done)
    }

    /// Runs a unit of work in a task of its own, which goes on if the caller goes away.
    pub(crate) async fn write(&self, share: Share, work: Attempt) -> Result<()> {
        let (pool, counters) = (self.pool.clone(), Arc::clone(&self.counters));
        let (faults, locks) = (self.faults.clone(), Arc::clone(&self.locks));
        let task = tokio::spawn(async move {
            let _locked = match work.lock() {
                Some(lock) => Some(locks.enter(lock, share).await?),
                None => None,
            };
            retry::run(&pool, share, &counters, &faults, &work).await
        });
        match task.await {
            Ok(outcome) => outcome,
            Err(ended) if ended.is_panic() => Err(StorageError::Panicked),
            Err(_) => Err(StorageError::UnknownOutcome("the server is stopping".into())),
        }
    }

    pub(crate) async fn query(
        &self,
        share: Share,
        sql: &'static str,
        params: &[Value],
    ) -> Result<Vec<Row>> {
        let time = Duration::from_secs(limit::STATEMENT_SECONDS);
        self.read(share, Statement { sql, params }, time).await
    }

    pub(crate) async fn scan(
        &self,
        share: Share,
        sql: &'static str,
        params: &[Value],
    ) -> Result<Vec<Row>> {
        let time = Duration::from_secs(limit::SCAN_SECONDS);
        self.read(share, Statement { sql, params }, time).await
    }

    async fn read(
        &self,
        share: Share,
        statement: Statement<'_>,
        time: Duration,
    ) -> Result<Vec<Row>> {
        require_plain(statement.sql)?;
        let entrant = Entrant { share, purpose: Purpose::Read };
        let mut session = Session::of(self.pool.lease(entrant).await?);
        let canceller = self.pool.canceller(session.client());
        let read = tokio::time::timeout(time, session.read(statement)).await;
        self.counters.round_trips.fetch_add(session.round_trips(), Ordering::Relaxed);
        if !session.responded() {
            self.pool.evict_idle();
        }
        let Ok(rows) = read else {
            // Outside a transaction the server has no timeout of ours, and would go on.
            canceller.cancel();
            return Err(timeout::timed_out(time));
        };
        match &rows {
            Ok(_) => session.give_back(),
            Err(error) => session.end_after(error).await,
        }
        rows
    }

    pub(crate) async fn server_info(&self) -> Result<ServerInfo> {
        let sql = "SELECT current_setting('fsync'), current_setting('synchronous_commit'), \
                   CAST(EXTRACT(EPOCH FROM now()) AS BIGINT)";
        let rows = self.query(Share::SYSTEM, sql, &[]).await?;
        let missing = || StorageError::Internal("a query without a table had no row".into());
        let row = rows.first().ok_or_else(missing)?;
        Ok(ServerInfo {
            flushes: row.text(0)? != "off",
            synchronous_commit: row.text(1)?.to_owned(),
            now: Timestamp::from_unix(row.int(2)?),
        })
    }

    pub(crate) async fn change_schema(&self, sql: &str) -> Result<()> {
        let lease = self.pool.lease(SYSTEM).await?;
        lease.client().batch_execute(sql).await?;
        lease.give_back();
        Ok(())
    }

    pub(crate) fn stats(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            units: read(&self.counters.units),
            commits: read(&self.counters.commits),
            changes: read(&self.counters.changes),
            round_trips: read(&self.counters.round_trips),
            retries: read(&self.counters.retries),
            connections_busy: self.pool.busy(),
            connections_limit: self.pool.limit(),
            waiting: self.pool.waiting().saturating_add(self.locks.waiting()),
            ..Stats::default()
        }
    }

    pub(crate) fn commit_durations(&self) -> Recorded {
        self.counters.durations.read()
    }

    pub(crate) fn close(&self) {
        self.pool.close();
    }
}
