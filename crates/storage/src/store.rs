//! The store that the other rooms hold.

use std::path::Path;
use std::sync::Arc;

use coffer_base::Timestamp;

use crate::error::{Result, StorageError};
use crate::fault::Faults;
use crate::migrate::{MigrationReport, MigrationSet};
use crate::postgres::{Postgres, PostgresOptions};
use crate::sqlite::Sqlite;
use crate::transaction::Work;
use crate::value::{Row, Value};

/// How a store is opened, beyond where.
#[derive(Clone, Debug)]
pub struct Options {
    /// Faults to inject; none outside tests.
    pub faults: Faults,
    /// Whether a copy of the database is made before a migration changes it. To be switched off
    /// only where an old copy does harm, as with keys that may be destroyed later.
    pub copy_before_migration: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { faults: Faults::none(), copy_before_migration: true }
    }
}

/// What a store did since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Units of work that ran.
    pub units: u64,
    /// Commits that succeeded: each made a whole group of units durable.
    pub commits: u64,
    /// Moves of the write-ahead log into the database file.
    pub checkpoints: u64,
    /// Such moves that failed or could not finish.
    pub checkpoints_failed: u64,
    /// Bytes that the write-ahead log holds by now.
    pub wal_bytes: u64,
    /// Units of work, or requests, that wait for the writer or for a connection.
    pub waiting: u64,
    /// Transactions that were run again because another one was in the way.
    pub retries: u64,
    /// Times that somebody waited for the database server.
    pub round_trips: u64,
}

/// What a database that servers share says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Whether it flushes its log to the disk at all.
    pub flushes: bool,
    /// When a commit is answered, in the database's own words.
    pub synchronous_commit: String,
    /// What its clock shows.
    pub now: Timestamp,
}

/// A database: clone it freely, all clones are the same one.
#[derive(Clone, Debug)]
pub struct Store {
    engine: Engine,
}

#[derive(Clone, Debug)]
enum Engine {
    Sqlite(Arc<Sqlite>),
    Postgres(Arc<Postgres>),
}

impl Store {
    /// Opens the SQLite database at `path`, or makes it (its directory with mode 0700, its files
    /// with 0600), and brings its schema up to `sets`; `now` is recorded with what is applied.
    /// Blocks while it works: call it before serving.
    ///
    /// Take a [`crate::DirectoryLock`] first: two writing processes on one database are refused
    /// by it, not by this.
    ///
    /// # Errors
    /// [`crate::StorageError::Schema`] if a recorded migration differs from this build's or the
    /// store is newer, and what the file system or the database reports.
    pub fn open_sqlite(
        path: &Path,
        sets: &[MigrationSet],
        now: Timestamp,
        options: Options,
    ) -> Result<(Self, MigrationReport)> {
        let opened = Sqlite::open(path, sets, now, options);
        let (sqlite, report) = opened.map_err(|error| error.at(path.display()))?;
        Ok((Self { engine: Engine::Sqlite(Arc::new(sqlite)) }, report))
    }

    /// Opens an existing SQLite database for reading, also while a server writes to it. Every
    /// write answers [`crate::StorageError::Closed`].
    ///
    /// # Errors
    /// As [`Store::open_sqlite`]; [`crate::StorageError::Schema`] too if migrations are pending.
    pub fn open_sqlite_read_only(path: &Path, sets: &[MigrationSet]) -> Result<Self> {
        let sqlite =
            Sqlite::open_read_only(path, sets).map_err(|error| error.at(path.display()))?;
        Ok(Self { engine: Engine::Sqlite(Arc::new(sqlite)) })
    }

    /// Opens a PostgreSQL database, whose schema must be this build's: servers that share one do
    /// not change it.
    ///
    /// # Errors
    /// [`crate::StorageError::Schema`] with the command that helps if it is older or newer, and
    /// [`crate::StorageError::Unavailable`] if it cannot be reached.
    pub async fn open_postgres(options: PostgresOptions, sets: &[MigrationSet]) -> Result<Self> {
        let postgres = Postgres::open(options, sets).await?;
        Ok(Self { engine: Engine::Postgres(Arc::new(postgres)) })
    }

    /// Applies the first half of what a PostgreSQL database lacks of `sets`: servers of the version
    /// before go on. `now` is recorded with it.
    ///
    /// # Errors
    /// As [`Store::open_postgres`].
    pub async fn expand_postgres(
        options: PostgresOptions,
        sets: &[MigrationSet],
        now: Timestamp,
    ) -> Result<MigrationReport> {
        Postgres::expand(options, sets, now).await
    }

    /// Applies the second half of what [`Store::expand_postgres`] began: servers of the version
    /// before are refused from then on.
    ///
    /// # Errors
    /// As [`Store::open_postgres`].
    pub async fn finish_postgres(
        options: PostgresOptions,
        sets: &[MigrationSet],
    ) -> Result<MigrationReport> {
        Postgres::finish(options, sets).await
    }

    /// Whether other servers may use the same store, so that what is remembered of it can be old.
    pub const fn is_shared(&self) -> bool {
        matches!(self.engine, Engine::Postgres(_))
    }

    /// Runs a unit of work, and answers once it is durable. Once it has been queued, dropping the
    /// returned future does not stop it.
    ///
    /// # Errors
    /// Nothing was kept, except perhaps with [`crate::StorageError::UnknownOutcome`].
    pub async fn write<W: Work>(&self, work: W) -> Result<W::Out> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.write(work).await,
            Engine::Postgres(postgres) => postgres.write(work).await,
        }
    }

    /// Runs one read statement outside any unit of work. It sees every write that was answered
    /// before. Bound its rows with `LIMIT`.
    ///
    /// On the embedded database it runs at once on the calling thread.
    ///
    /// # Errors
    /// [`crate::StorageError::Engine`] if the statement would change anything.
    pub async fn query(&self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.query(sql, params),
            Engine::Postgres(postgres) => postgres.query(sql, params).await,
        }
    }

    /// As [`Store::query`], for a statement that reads a whole table: it may take
    /// [`coffer_base::limit::SCAN_SECONDS`], so no request may wait for it.
    ///
    /// # Errors
    /// As [`Store::query`].
    pub async fn scan(&self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.query(sql, params),
            Engine::Postgres(postgres) => postgres.scan(sql, params).await,
        }
    }

    /// Runs one statement that changes the schema, for [`crate::Transfer`] alone: whatever lasts is
    /// a migration.
    pub(crate) async fn change_schema(&self, sql: &'static str) -> Result<()> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.change_schema(sql),
            Engine::Postgres(postgres) => postgres.change_schema(sql).await,
        }
    }

    /// Moves all that was written into the database itself and empties the write-ahead log, so
    /// that nothing deleted lingers there.
    ///
    /// # Errors
    /// [`crate::StorageError::Unavailable`] while a long reader, such as a backup, needs the log.
    pub async fn checkpoint(&self) -> Result<()> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.checkpoint().await,
            Engine::Postgres(_) => Ok(()),
        }
    }

    /// Writes a consistent copy of the database to the new file `to` (mode 0600), checks it, and
    /// answers its size in bytes. Reads and writes go on meanwhile.
    ///
    /// # Errors
    /// [`crate::StorageError::File`] if `to` exists; nothing is left at `to` after a failure.
    pub async fn backup(&self, to: &Path) -> Result<u64> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.backup(to).await,
            Engine::Postgres(_) => Err(StorageError::Engine(
                "a PostgreSQL database is backed up with its own tools".to_owned(),
            )),
        }
    }

    /// What a shared database says of itself; `None` of an embedded one.
    ///
    /// # Errors
    /// As [`Store::query`].
    pub async fn about(&self) -> Result<Option<About>> {
        match &self.engine {
            Engine::Sqlite(_) => Ok(None),
            Engine::Postgres(postgres) => postgres.about().await.map(Some),
        }
    }

    /// What the store did so far.
    pub fn stats(&self) -> Stats {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.stats(),
            Engine::Postgres(postgres) => postgres.stats(),
        }
    }

    /// Takes no more work, finishes what is queued, empties the write-ahead log and closes the
    /// files. Dropping the last clone does the same, but blocks its thread meanwhile.
    pub async fn close(&self) {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.close().await,
            Engine::Postgres(postgres) => postgres.close(),
        }
    }
}
