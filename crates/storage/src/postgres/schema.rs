//! The schema of a database that several servers share: servers only compare it, and an operator's
//! command changes it.

use std::time::Duration;

use coffer_base::{Timestamp, limit};
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::citus;
use super::dialect;
use super::error::DriverError;
use super::options::PostgresOptions;
use crate::error::{Cause, Result, StorageError};
use crate::migration::{
    AppliedMigration, Compared, FINISH, Migration, MigrationReport, MigrationSet, Recorded, Target,
};
use crate::row::Row;

const RECORD: &str = "CREATE TABLE IF NOT EXISTS schema_migration (
    component TEXT NOT NULL,
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at BIGINT NOT NULL,
    finished BIGINT NOT NULL,
    PRIMARY KEY (component, version)
)";

impl Migration {
    /// The statements as PostgreSQL is sent them, of both halves. They follow from the migration's
    /// text and from how this build translates it, so whoever pins migrations pins these too.
    ///
    /// # Errors
    /// [`StorageError::Internal`] if a statement has a form that is not translated.
    pub fn for_postgres(&self) -> Result<String> {
        let expanding = dialect::schema(self.expanding())?;
        let Some(finishing) = self.finishing() else { return Ok(expanding) };
        Ok(expanding + FINISH + "\n" + &dialect::schema(finishing)?)
    }
}

/// A statement that records a change of the schema, with its parameters.
struct Record<'a> {
    sql: &'static str,
    params: &'a [(&'a (dyn ToSql + Sync), Type)],
    /// All migrations: where their tables are, if the database is spread.
    sets: &'a [MigrationSet],
}

/// Refuses a database that lacks migrations, or has some that this build does not know.
pub(super) async fn require_current(
    client: &Client,
    options: &PostgresOptions,
    sets: &[MigrationSet],
) -> Result<()> {
    let recorded = recorded(client).await?;
    if recorded.is_empty() {
        return Err(StorageError::NoStore(options.to_string()));
    }
    let target = Target::Database(options);
    let advice = "bring it up to date with `coffer migrate up`";
    Compared::of(&recorded, sets, target)?.require_current(target, advice)
}

/// Applies the first half of every migration that is missing, each in a transaction of its own. A
/// lock on the table of records makes concurrent callers wait for each other.
pub(super) async fn expand(
    client: &Client,
    options: &PostgresOptions,
    sets: &[MigrationSet],
    now: Timestamp,
) -> Result<MigrationReport> {
    // Two concurrent callers may both try to create it: the second attempt then finds it.
    if client.batch_execute(RECORD).await.is_err() {
        client.batch_execute(RECORD).await?;
    }
    let mut report = MigrationReport::default();
    loop {
        let recorded = begin(client).await?;
        let compared = Compared::of(&recorded, sets, Target::Database(options))?;
        let Some((component, migration)) = compared.pending.first() else {
            client.batch_execute("COMMIT").await?;
            return Ok(report);
        };
        let (version, name) = (migration.version, migration.name);
        let params: [(&(dyn ToSql + Sync), Type); 5] = [
            (component, Type::TEXT),
            (&i64::from(version), Type::INT8),
            (&name, Type::TEXT),
            (&migration.checksum(), Type::TEXT),
            (&now.unix(), Type::INT8),
        ];
        let sql = "INSERT INTO schema_migration \
                   (component, version, name, checksum, applied_at, finished) \
                   VALUES ($1, $2, $3, $4, $5, 0)";
        change(client, migration.expanding(), Record { sql, params: &params, sets })
            .await
            .map_err(|error| failed(component, migration, error))?;
        report.applied.push(AppliedMigration { component, version, name });
    }
}

/// Applies the second half of every migration whose first half was applied. From then on, servers
/// of the previous version are refused.
pub(super) async fn finish(
    client: &Client,
    options: &PostgresOptions,
    sets: &[MigrationSet],
) -> Result<MigrationReport> {
    require_current(client, options, sets).await?;
    let mut report = MigrationReport::default();
    for MigrationSet { component, migrations, .. } in sets {
        for migration in *migrations {
            if finish_one(client, sets, component, migration).await? {
                let (version, name) = (migration.version, migration.name);
                report.applied.push(AppliedMigration { component, version, name });
            }
        }
    }
    Ok(report)
}

/// Applies the second half of `migration`; `false` if it was applied before.
async fn finish_one(
    client: &Client,
    sets: &[MigrationSet],
    component: &str,
    migration: &Migration,
) -> Result<bool> {
    let version = migration.version;
    let this = |one: &Recorded| one.component == component && one.version == version;
    if !begin(client).await?.iter().any(|one| this(one) && !one.finished) {
        client.batch_execute("COMMIT").await?;
        return Ok(false);
    }
    let params: [(&(dyn ToSql + Sync), Type); 2] =
        [(&component, Type::TEXT), (&i64::from(version), Type::INT8)];
    let sql = "UPDATE schema_migration SET finished = 1 WHERE component = $1 AND version = $2";
    let finishing = migration.finishing().unwrap_or_default();
    let changed = change(client, finishing, Record { sql, params: &params, sets }).await;
    changed.map_err(|error| failed(component, migration, error))?;
    Ok(true)
}

/// Begins a change of the schema. A transaction that waits for a lock on a table makes all later
/// ones wait behind it, so after the lock on the table of records it waits for at most two seconds.
const BEGIN: &str = "BEGIN; LOCK TABLE schema_migration IN EXCLUSIVE MODE; \
     SET LOCAL lock_timeout = '2s'";

/// As [`BEGIN`], for one statement that distributes a table: it copies all rows.
const BEGIN_DISTRIBUTING: &str = "BEGIN; LOCK TABLE schema_migration IN EXCLUSIVE MODE; \
     SET LOCAL lock_timeout = '20s'; SET LOCAL statement_timeout = 0";

/// Begins a change of the schema, and reads what was applied so far.
async fn begin(client: &Client) -> Result<Vec<Recorded>> {
    begin_change(client).await?;
    recorded(client).await
}

async fn begin_change(client: &Client) -> Result<()> {
    Ok(client.batch_execute(&format!("{BEGIN}; {}", citus::SCHEMA_SETTINGS)).await?)
}

/// Distributes what is not distributed, a statement at a time; with `dry_run` it only says how.
pub(super) async fn distribute(
    client: &Client,
    options: &PostgresOptions,
    sets: &[MigrationSet],
    dry_run: bool,
) -> Result<Vec<String>> {
    require_current(client, options, sets).await?;
    let mut done = Vec::new();
    loop {
        let missing = citus::plan(client, options, sets).await?;
        if dry_run {
            return Ok(missing);
        }
        // What is left behind shows only once a table is distributed, so it is planned anew.
        let Some(statement) = missing.into_iter().next() else { return Ok(done) };
        if done.last() == Some(&statement) {
            let why = format!("it changed nothing: {statement}");
            return Err(StorageError::Internal(why.into()));
        }
        let begin = format!("{BEGIN_DISTRIBUTING}; {}", citus::SCHEMA_SETTINGS);
        client.batch_execute(&begin).await?;
        client.batch_execute(&statement).await?;
        client.batch_execute("COMMIT").await?;
        done.push(statement);
    }
}

/// Changes the schema, records that, and commits; tries again, at most
/// [`limit::MIGRATION_ATTEMPTS`] times, while other transactions use a table for longer than
/// servers may be kept waiting.
async fn change(client: &Client, sql: &str, record: Record<'_>) -> Result<()> {
    for _ in 1..limit::MIGRATION_ATTEMPTS {
        let changed = change_once(client, sql, &record).await;
        if changed != Err(StorageError::LockTimeout) {
            return changed;
        }
        client.batch_execute("ROLLBACK").await?;
        tokio::time::sleep(Duration::from_secs(limit::MIGRATION_PAUSE_SECONDS)).await;
        begin_change(client).await?;
    }
    change_once(client, sql, &record).await
}

async fn change_once(client: &Client, sql: &str, record: &Record<'_>) -> Result<()> {
    client.batch_execute(&dialect::schema(sql)?).await?;
    for statement in citus::plan_new(client, record.sets).await? {
        client.batch_execute(&statement).await?;
    }
    client.query_typed(record.sql, record.params).await?;
    client.batch_execute("COMMIT").await.map_err(|error| {
        let failed = DriverError::from(error);
        if failed.server_reported {
            failed.error
        } else {
            StorageError::UnknownOutcome(failed.into_cause())
        }
    })
}

fn failed(component: &str, migration: &Migration, error: StorageError) -> StorageError {
    let Migration { version, name, .. } = migration;
    let kept = match &error {
        StorageError::UnknownOutcome(_) => "run the command again",
        _ => "nothing of it was kept",
    };
    let text =
        format!("migration {version} (\"{name}\") of \"{component}\" failed, {kept}: {error}");
    StorageError::Schema(Cause::with_source(text, error))
}

/// What was applied; nothing in a database without a schema.
async fn recorded(client: &Client) -> Result<Vec<Recorded>> {
    let exists = "SELECT 1 WHERE to_regclass('schema_migration') IS NOT NULL";
    if client.query_typed(exists, &[]).await?.is_empty() {
        return Ok(Vec::new());
    }
    let sql = "SELECT component, version, name, checksum, finished FROM schema_migration";
    let rows = client.query_typed(sql, &[]).await?;
    rows.iter().map(|row| dialect::row(row).and_then(record)).collect()
}

fn record(mut row: Row) -> Result<Recorded> {
    Ok(Recorded {
        component: row.take_text(0)?,
        version: u32::try_from(row.int(1)?).unwrap_or(u32::MAX),
        name: row.take_text(2)?,
        checksum: row.take_text(3)?,
        finished: row.int(4)? != 0,
    })
}
