//! The schema of a database that several servers share: they look at it, and only whoever is told
//! to changes it.

use std::time::Duration;

use coffer_base::{Timestamp, limit};
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::address::PostgresOptions;
use super::dialect;
use super::fault::Fault;
use crate::error::{Result, StorageError};
use crate::migrate::{
    AppliedMigration, Compared, Migration, MigrationReport, MigrationSet, Place, Recorded,
};

const RECORD: &str = "CREATE TABLE IF NOT EXISTS schema_migration (
    room TEXT NOT NULL,
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at BIGINT NOT NULL,
    finished BIGINT NOT NULL,
    PRIMARY KEY (room, version)
)";

fn failed(error: &tokio_postgres::Error) -> StorageError {
    Fault::of(error).error
}

/// Refuses a database that lacks migrations, or has some that this build does not know.
pub(super) async fn require_current(
    client: &Client,
    place: &PostgresOptions,
    sets: &[MigrationSet],
) -> Result<()> {
    let recorded = recorded(client).await?;
    if recorded.is_empty() {
        return Err(StorageError::NoStore(place.to_string()));
    }
    let compared = Compared::of(&recorded, sets, Place::Database(place))?;
    match compared.pending.first() {
        None => Ok(()),
        Some((room, migration)) => Err(StorageError::Schema(format!(
            "{place} is older than this build (\"{room}\" lacks version {}); bring it up to \
             date with `coffer migrate up`",
            migration.version
        ))),
    }
}

/// Applies the first half of what is missing, each migration in a transaction of its own. Two that
/// do it at once take turns at the record.
pub(super) async fn expand(
    client: &Client,
    place: &PostgresOptions,
    sets: &[MigrationSet],
    now: Timestamp,
) -> Result<MigrationReport> {
    // Two at once may both see that it is missing: the second then finds it.
    if client.batch_execute(RECORD).await.is_err() {
        client.batch_execute(RECORD).await.map_err(|error| failed(&error))?;
    }
    let mut report = MigrationReport::default();
    loop {
        let recorded = begin(client).await?;
        let compared = Compared::of(&recorded, sets, Place::Database(place))?;
        let Some((room, migration)) = compared.pending.first() else {
            client.batch_execute("COMMIT").await.map_err(|error| failed(&error))?;
            return Ok(report);
        };
        let (version, name) = (migration.version, migration.name);
        let checksum = migration.checksum();
        let values: [(&(dyn ToSql + Sync), Type); 5] = [
            (room, Type::TEXT),
            (&i64::from(version), Type::INT8),
            (&name, Type::TEXT),
            (&checksum, Type::TEXT),
            (&now.unix(), Type::INT8),
        ];
        let record = "INSERT INTO schema_migration \
                      (room, version, name, checksum, applied_at, finished) \
                      VALUES ($1, $2, $3, $4, $5, 0)";
        change(client, migration.expanding(), record, &values)
            .await
            .map_err(|error| broken(room, migration, &error))?;
        report.applied.push(AppliedMigration { room, version, name });
    }
}

/// Applies the second half of what was begun: servers of the version before are refused from then
/// on.
pub(super) async fn finish(
    client: &Client,
    place: &PostgresOptions,
    sets: &[MigrationSet],
) -> Result<MigrationReport> {
    require_current(client, place, sets).await?;
    let mut report = MigrationReport::default();
    for set in sets {
        for migration in set.migrations {
            let (room, version, name) = (set.room, migration.version, migration.name);
            let recorded = begin(client).await?;
            let mut of_room = recorded.iter().filter(|one| one.room == room);
            if of_room.any(|one| one.version == version && !one.finished) {
                let values: [(&(dyn ToSql + Sync), Type); 2] =
                    [(&room, Type::TEXT), (&i64::from(version), Type::INT8)];
                let record =
                    "UPDATE schema_migration SET finished = 1 WHERE room = $1 AND version = $2";
                change(client, migration.finishing().unwrap_or_default(), record, &values)
                    .await
                    .map_err(|error| broken(room, migration, &error))?;
                report.applied.push(AppliedMigration { room, version, name });
            } else {
                client.batch_execute("COMMIT").await.map_err(|error| failed(&error))?;
            }
        }
    }
    Ok(report)
}

/// Begins a change of the schema. Whoever waits for a table makes all wait who come after, so it
/// waits for two seconds at a time; for its turn among those who change the schema it waits longer.
const BEGIN: &str = "BEGIN; LOCK TABLE schema_migration IN EXCLUSIVE MODE; \
     SET LOCAL lock_timeout = '2s'";

/// Begins a change of the schema, and reads what was applied so far.
async fn begin(client: &Client) -> Result<Vec<Recorded>> {
    client.batch_execute(BEGIN).await.map_err(|error| failed(&error))?;
    recorded(client).await
}

/// Changes the schema, records that, and commits; again and again, as long as others use a table
/// for a time that servers must not wait for.
async fn change(
    client: &Client,
    sql: &str,
    record: &str,
    values: &[(&(dyn ToSql + Sync), Type)],
) -> Result<()> {
    for _ in 1..limit::MIGRATION_ATTEMPTS {
        let changed = change_once(client, sql, record, values).await;
        if changed != Err(StorageError::LockTimeout) {
            return changed;
        }
        client.batch_execute("ROLLBACK").await.map_err(|error| failed(&error))?;
        tokio::time::sleep(Duration::from_secs(limit::MIGRATION_PAUSE_SECONDS)).await;
        client.batch_execute(BEGIN).await.map_err(|error| failed(&error))?;
    }
    change_once(client, sql, record, values).await
}

async fn change_once(
    client: &Client,
    sql: &str,
    record: &str,
    values: &[(&(dyn ToSql + Sync), Type)],
) -> Result<()> {
    let text = dialect::schema(sql)?;
    client.batch_execute(&text).await.map_err(|error| failed(&error))?;
    client.query_typed(record, values).await.map_err(|error| failed(&error))?;
    client.batch_execute("COMMIT").await.map_err(|error| {
        let fault = Fault::of(&error);
        if fault.told { fault.error } else { StorageError::UnknownOutcome(fault.why()) }
    })
}

fn broken(room: &str, migration: &Migration, error: &StorageError) -> StorageError {
    let Migration { version, name, .. } = migration;
    let kept = match error {
        StorageError::UnknownOutcome(_) => "run the command again",
        _ => "nothing of it was kept",
    };
    StorageError::Schema(format!(
        "migration {version} (\"{name}\") of \"{room}\" failed, {kept}: {error}"
    ))
}

/// What was applied; nothing in a database that was never used.
async fn recorded(client: &Client) -> Result<Vec<Recorded>> {
    let there = client
        .query_typed("SELECT to_regclass('schema_migration') IS NOT NULL", &[])
        .await
        .map_err(|error| failed(&error))?;
    if !there.first().is_some_and(|row| row.get::<_, bool>(0)) {
        return Ok(Vec::new());
    }
    let rows = client
        .query_typed("SELECT room, version, name, checksum, finished FROM schema_migration", &[])
        .await
        .map_err(|error| failed(&error))?;
    let record = |row: &tokio_postgres::Row| Recorded {
        room: row.get(0),
        version: u32::try_from(row.get::<_, i64>(1)).unwrap_or(u32::MAX),
        name: row.get(2),
        checksum: row.get(3),
        finished: row.get::<_, i64>(4) != 0,
    };
    Ok(rows.iter().map(record).collect())
}
