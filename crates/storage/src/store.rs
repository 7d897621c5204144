//! One interface to either engine.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use coffer_base::{Timestamp, limit};
use coffer_metrics::Recorded;

use crate::attempt::{Attempt, Typed};
use crate::error::{Result, StorageError};
use crate::migration::{MigrationReport, MigrationSet};
use crate::options::{Node, Options, ServerInfo, Stats};
use crate::placement::{self, Touched};
use crate::postgres::{Postgres, PostgresOptions};
use crate::row::Row;
use crate::shard::{self, Shard};
use crate::share::Share;
use crate::space::{DiskSpace, DiskStats, OnDisk};
use crate::sqlite::Sqlite;
use crate::transaction::Work;
use crate::value::{Value, ValueRef};

/// A database, on behalf of somebody. Clones use the same database.
#[derive(Clone, Debug)]
pub struct Store {
    engine: Engine,
    share: Share,
    in_turn: bool,
    headroom: Arc<Headroom>,
    /// What [`Store::query_part`] looks at; all of it if there is none.
    part: Option<Arc<Shard>>,
}

#[derive(Clone, Debug)]
enum Engine {
    Sqlite(Arc<Sqlite>),
    Postgres(Arc<Postgres>),
}

/// What is known of the space for more data.
#[derive(Debug)]
struct Headroom {
    /// The disk of an embedded store, if that is watched.
    space: Option<DiskSpace>,
    /// When a write last found no room.
    missed: Mutex<Option<Instant>>,
}

impl Store {
    /// Opens the SQLite database at `path`, or creates it (its directory with mode 0700, its files
    /// with 0600), and brings its schema up to `sets`; `now` is recorded with what is applied.
    /// Blocks its thread: call it before serving.
    ///
    /// Acquire a [`crate::DirectoryLock`] first: only that refuses a second writing process.
    ///
    /// # Errors
    /// [`StorageError::Schema`] if a recorded migration differs from this build's, the store is
    /// newer, or a migration fails; [`StorageError::File`] if a file cannot be created or copied.
    pub fn open_sqlite(
        path: &Path,
        sets: &[MigrationSet],
        now: Timestamp,
        options: Options,
    ) -> Result<(Self, MigrationReport)> {
        placement::know(sets.iter().flat_map(|set| set.tables).copied());
        let space = options.space.clone();
        let opened = Sqlite::open(path, sets, now, options);
        let (sqlite, report) = opened.map_err(|error| error.at(path.display()))?;
        let sqlite = Arc::new(sqlite);
        if let Some(space) = &space {
            let store: Weak<Sqlite> = Arc::downgrade(&sqlite);
            space.attach(store as Weak<dyn OnDisk>);
        }
        Ok((Self::on(Engine::Sqlite(sqlite), space), report))
    }

    /// Opens an existing SQLite database for reading, also while a server writes to it. Every write
    /// fails with [`StorageError::Closed`].
    ///
    /// # Errors
    /// [`StorageError::Schema`] if its schema is not this build's; [`StorageError::Unavailable`] if
    /// there is no file at `path`.
    pub fn open_sqlite_read_only(path: &Path, sets: &[MigrationSet]) -> Result<Self> {
        placement::know(sets.iter().flat_map(|set| set.tables).copied());
        let sqlite =
            Sqlite::open_read_only(path, Some(sets)).map_err(|error| error.at(path.display()))?;
        Ok(Self::on(Engine::Sqlite(Arc::new(sqlite)), None))
    }

    /// As [`Store::open_sqlite_read_only`], whatever schema it has: a query may find its table
    /// missing.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] if there is no file at `path`.
    pub fn open_sqlite_as_it_is(path: &Path) -> Result<Self> {
        let sqlite =
            Sqlite::open_read_only(path, None).map_err(|error| error.at(path.display()))?;
        Ok(Self::on(Engine::Sqlite(Arc::new(sqlite)), None))
    }

    /// Opens a PostgreSQL database, whose schema must be this build's: servers that share one do
    /// not change it.
    ///
    /// # Errors
    /// [`StorageError::Schema`] with the command that helps if it is older or newer,
    /// [`StorageError::NoStore`] if it has none, [`StorageError::Unavailable`] if it cannot be
    /// reached.
    pub async fn open_postgres(options: PostgresOptions, sets: &[MigrationSet]) -> Result<Self> {
        placement::know(sets.iter().flat_map(|set| set.tables).copied());
        let postgres = Postgres::open(options, sets).await?;
        Ok(Self::on(Engine::Postgres(Arc::new(postgres)), None))
    }

    /// Applies the first half of every migration of `sets` that a PostgreSQL database lacks, beside
    /// which servers of the previous version keep running. `now` is recorded with it.
    ///
    /// # Errors
    /// [`StorageError::Schema`] if the database is newer or a migration fails,
    /// [`StorageError::Unavailable`] if it cannot be reached.
    pub async fn expand_postgres(
        options: PostgresOptions,
        sets: &[MigrationSet],
        now: Timestamp,
    ) -> Result<MigrationReport> {
        Postgres::expand(options, sets, now).await
    }

    /// Applies the second half of what [`Store::expand_postgres`] applied: from then on, servers of
    /// the previous version are refused.
    ///
    /// # Errors
    /// As [`Store::expand_postgres`]; [`StorageError::Schema`] too if a first half is missing.
    pub async fn finish_postgres(
        options: PostgresOptions,
        sets: &[MigrationSet],
    ) -> Result<MigrationReport> {
        Postgres::finish(options, sets).await
    }

    /// Distributes the tables of a PostgreSQL database over the servers of its Citus cluster, each
    /// to where its component says ([`MigrationSet::tables`]). Answers the statements that it has
    /// run, or with `dry_run` would run; none if all is distributed. Servers must be stopped
    /// meanwhile.
    ///
    /// # Errors
    /// [`StorageError::Schema`] if the database has no Citus, or is not its coordinator;
    /// [`StorageError::Unavailable`] if it cannot be reached. Called again, it goes on.
    pub async fn distribute_postgres(
        options: PostgresOptions,
        sets: &[MigrationSet],
        dry_run: bool,
    ) -> Result<Vec<String>> {
        Postgres::distribute(options, sets, dry_run).await
    }

    fn on(engine: Engine, space: Option<DiskSpace>) -> Self {
        let headroom = Arc::new(Headroom { space, missed: Mutex::default() });
        Self { engine, share: Share::SYSTEM, in_turn: false, headroom, part: None }
    }

    /// The same database on behalf of `share`: what is written and read through it takes its turn
    /// among the others. Until this is called it is [`Share::SYSTEM`]'s.
    pub fn of_share(&self, share: Share) -> Self {
        Self { share, ..self.clone() }
    }

    /// The same database for reads that look at many rows, such as lists: [`Store::query`] waits
    /// for its turn and does not run on the calling thread.
    pub fn in_turn(&self) -> Self {
        Self { in_turn: true, ..self.clone() }
    }

    /// The same database in parts, for what is asked of all accounts: [`Store::query_part`],
    /// [`Store::scan`] and [`crate::Tx::query_part`] look at one part of the tables that are
    /// spread. One part is all of it, unless the database is distributed over many servers; if one
    /// of those is down, its parts fail and the others do not.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] if the database cannot be reached.
    pub async fn parts(&self) -> Result<Vec<Self>> {
        let shards = match &self.engine {
            Engine::Postgres(postgres) if self.part.is_none() => {
                postgres.shards(self.share).await?
            }
            _ => Vec::new(),
        };
        if shards.is_empty() {
            return Ok(vec![self.clone()]);
        }
        let part = |shard| Self { part: Some(Arc::new(shard)), ..self.clone() };
        Ok(shards.into_iter().map(part).collect())
    }

    /// Whether other servers may use the same store, so that what is cached of it can be stale.
    pub const fn is_shared(&self) -> bool {
        matches!(self.engine, Engine::Postgres(_))
    }

    /// Runs a unit of work, and returns once it is durable. Once it has been queued, dropping the
    /// returned future does not stop it.
    ///
    /// # Errors
    /// If the unit was rolled back; after [`StorageError::UnknownOutcome`] it may be committed.
    /// [`StorageError::NoSpace`] if it adds data ([`Work::grows`]) and the disk is nearly full.
    pub async fn write<W: Work>(&self, work: W) -> Result<W::Out> {
        let work = Typed::of(work);
        let (space, part) = (self.headroom.space.clone(), self.part.clone());
        let written = self.attempt(Attempt::at(Arc::clone(&work), space, part)).await;
        if matches!(written, Err(StorageError::NoSpace(_))) {
            *self.headroom.missed.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(Instant::now());
        }
        written.and_then(|()| work.take())
    }

    /// Runs a unit of work. Where the disk is watched, one that takes data away is tried again when
    /// there is no room, once room was made for it.
    async fn attempt(&self, attempt: Attempt) -> Result<()> {
        let space = self.headroom.space.as_ref();
        let grows = attempt.grows();
        if let (Some(space), true) = (space, grows) {
            space.admit()?;
        }
        let mut left = if grows || space.is_none() { 1 } else { limit::ROOM_ATTEMPTS };
        loop {
            left = left.saturating_sub(1);
            match (self.write_once(attempt.clone()).await, space) {
                (Err(StorageError::NoSpace(_)), Some(space)) if left > 0 => space.make_room(),
                (written, _) => return written,
            }
        }
    }

    /// Whether there is room for writes that add data.
    ///
    /// # Errors
    /// [`StorageError::NoSpace`] if the disk is nearly full, or a write found no room within the
    /// last [`limit::NO_ROOM_SECONDS`].
    pub fn check_space(&self) -> Result<()> {
        if let Some(space) = &self.headroom.space {
            return space.admit();
        }
        let last = *self.headroom.missed.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = Duration::from_secs(limit::NO_ROOM_SECONDS);
        match last {
            Some(at) if at.elapsed() < recent => {
                Err(StorageError::NoSpace("a write found no room on the database's disk".into()))
            }
            _ => Ok(()),
        }
    }

    async fn write_once(&self, work: Attempt) -> Result<()> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.write(self.share, work).await,
            Engine::Postgres(postgres) => postgres.write(self.share, work).await,
        }
    }

    /// Runs one read statement outside any unit of work. It sees every write that returned before.
    /// Bound its rows with `LIMIT`.
    ///
    /// On the embedded database it runs at once on the calling thread, so it must find what it is
    /// after in an index. What looks at more rows goes through [`Store::in_turn`].
    ///
    /// # Errors
    /// [`StorageError::Internal`] if the statement would change anything; [`StorageError::Busy`] if
    /// its turn did not come in time; [`StorageError::Unavailable`] if the database cannot be
    /// reached, or it took too long.
    pub fn query<'a>(
        &'a self,
        sql: &'static str,
        params: &'a [Value],
    ) -> impl Future<Output = Result<Vec<Row>>> + Send + 'a {
        self.read(false, sql, params)
    }

    /// Runs a read; one of `all_accounts` need not name an account.
    async fn read(
        &self,
        all_accounts: bool,
        sql: &'static str,
        params: &[Value],
    ) -> Result<Vec<Row>> {
        if !all_accounts {
            Touched::by(false).statement(sql, params)?;
        }
        match &self.engine {
            Engine::Sqlite(sqlite) if self.in_turn => sqlite.list(self.share, sql, params).await,
            Engine::Sqlite(sqlite) => sqlite.query(sql, params),
            Engine::Postgres(postgres) => postgres.query(self.share, sql, params).await,
        }
    }

    /// As [`Store::query`], for a statement over rows of all accounts, of which it finds those that
    /// it is after in an index. It looks at this part of the store ([`Store::parts`]).
    pub async fn query_part(&self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>> {
        match &self.part {
            None => self.read(true, sql, params).await,
            Some(part) => part.rows(&self.read(true, shard::RUN, &part.call(sql, params)?).await?),
        }
    }

    /// As [`Store::query_part`], for a statement that reads a whole table: it may take
    /// [`coffer_base::limit::SCAN_SECONDS`], so no request may wait for it.
    pub async fn scan(&self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>> {
        match &self.part {
            None => self.scan_all(sql, params).await,
            Some(part) => part.rows(&self.scan_all(shard::RUN, &part.call(sql, params)?).await?),
        }
    }

    /// As [`Store::scan`], for whoever needs no rows but what `read` makes of each: on an embedded
    /// database nothing of a row is copied before.
    pub async fn scan_each<T: Send + 'static>(
        &self,
        sql: &'static str,
        params: &[Value],
        read: fn(&[ValueRef<'_>]) -> Result<T>,
    ) -> Result<Vec<T>> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.scan_each(sql, params, read).await,
            Engine::Postgres(_) => {
                let rows = self.scan(sql, params).await?;
                rows.iter().map(|row| read(&row.borrowed())).collect()
            }
        }
    }

    async fn scan_all(&self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.scan(sql, params).await,
            Engine::Postgres(postgres) => postgres.scan(self.share, sql, params).await,
        }
    }

    /// Runs one statement that changes the schema, for [`crate::Transfer`] alone: a permanent
    /// change is a migration.
    pub(crate) async fn change_schema(&self, sql: &'static str) -> Result<()> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.change_schema(sql),
            Engine::Postgres(postgres) => postgres.change_schema(sql).await,
        }
    }

    /// Copies the write-ahead log into the database file and truncates it, so that nothing deleted
    /// remains there.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] while a long reader, such as a backup, needs the log.
    pub async fn checkpoint(&self) -> Result<()> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.checkpoint().await,
            Engine::Postgres(_) => Ok(()),
        }
    }

    /// Writes a consistent copy of the database to the new file `to` (mode 0600), checks it, and
    /// returns its size in bytes, while reads and writes go on. After a failure there is no file at
    /// `to`.
    ///
    /// # Errors
    /// [`StorageError::File`] if `to` exists or cannot be written; [`StorageError::Internal`] on
    /// PostgreSQL.
    pub async fn backup(&self, to: &Path) -> Result<u64> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.backup(to).await,
            Engine::Postgres(_) => Err(StorageError::Internal(
                "a PostgreSQL database is backed up with its own tools".into(),
            )),
        }
    }

    /// The settings and the clock of a shared database; `None` for an embedded one.
    pub async fn server_info(&self) -> Result<Option<ServerInfo>> {
        match &self.engine {
            Engine::Sqlite(_) => Ok(None),
            Engine::Postgres(postgres) => postgres.server_info().await.map(Some),
        }
    }

    /// The servers of a database that is spread over many; `None` for any other.
    pub async fn nodes(&self) -> Result<Option<Vec<Node>>> {
        match &self.engine {
            Engine::Sqlite(_) => Ok(None),
            Engine::Postgres(postgres) => postgres.nodes().await,
        }
    }

    /// What the store did so far.
    pub fn stats(&self) -> Stats {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.stats(),
            Engine::Postgres(postgres) => postgres.stats(),
        }
    }

    /// How long its commits took.
    pub fn commit_durations(&self) -> Recorded {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.commit_durations(),
            Engine::Postgres(postgres) => postgres.commit_durations(),
        }
    }

    /// The disk under an embedded store; `None` if it is not watched.
    pub fn disk(&self) -> Option<DiskStats> {
        self.headroom.space.as_ref()?.stats()
    }

    /// Accepts no more work, finishes what is queued, truncates the write-ahead log and closes the
    /// files. Dropping the last clone does the same, but blocks its thread meanwhile.
    pub async fn close(&self) {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.close().await,
            Engine::Postgres(postgres) => postgres.close(),
        }
    }
}
