//! The SQL of the kernel: stored answers, tombstones, marks of the scheduler, the moved clock.

use coffer_base::{Tenant, Timestamp, clock::DAY_SECONDS, limit};
use coffer_storage::{Migration, MigrationSet, StorageError, Store, Tx, Value, Work};

/// The kernel's schema.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    room: "kernel",
    migrations: &[
        Migration {
            version: 1,
            name: "kernel",
            sql: include_str!("../migrations/0001_kernel.sql"),
        },
        Migration { version: 2, name: "event", sql: include_str!("../migrations/0002_event.sql") },
    ],
};

/// How to delete many rows in batches: which ones, by their keys, and how each.
///
/// Two statements, and not one with a sub-select: planners take that for a walk through the whole
/// table.
#[derive(Clone, Copy, Debug)]
pub struct Sweep {
    /// Answers the keys of the next rows; its last parameter is how many.
    pub select: &'static str,
    /// Deletes one row by its key.
    pub delete: &'static str,
}

/// What the kernel keeps of a tenant, to be erased with it. `select` takes mode, app, account and
/// how many.
pub const ERASE: &[Sweep] = &[
    Sweep {
        select: "SELECT mode, app, account, claim FROM idempotency_record \
                 WHERE mode = ? AND app = ? AND account = ? LIMIT ?",
        delete: DELETE_RECORD,
    },
    Sweep {
        select: "SELECT mode, app, account, collection, id FROM tombstone \
                 WHERE mode = ? AND app = ? AND account = ? LIMIT ?",
        delete: DELETE_TOMBSTONE,
    },
];

const DELETE_RECORD: &str =
    "DELETE FROM idempotency_record WHERE mode = ? AND app = ? AND account = ? AND claim = ?";

const DELETE_TOMBSTONE: &str = "DELETE FROM tombstone WHERE mode = ? AND app = ? \
     AND account = ? AND collection = ? AND id = ?";

/// Stored answers, the oldest first, that are older than a time.
pub(crate) const AGED_RECORDS: Sweep = Sweep {
    select: "SELECT mode, app, account, claim FROM idempotency_record WHERE created < ? \
             ORDER BY created LIMIT ?",
    delete: DELETE_RECORD,
};

/// One app's stored answers, the oldest first. An app that has too many has most of all: walking
/// through all of them by age finds its own at once, and sorting its own would not.
pub(crate) const RECORDS_OF_APP: Sweep = Sweep {
    select: "SELECT mode, app, account, claim FROM idempotency_record \
             WHERE mode + 0 = ? AND app || '' = ? ORDER BY created LIMIT ?",
    delete: DELETE_RECORD,
};

/// Tombstones, the oldest first, that are older than a time.
pub(crate) const AGED_TOMBSTONES: Sweep = Sweep {
    select: "SELECT mode, app, account, collection, id FROM tombstone WHERE created < ? \
             ORDER BY created LIMIT ?",
    delete: DELETE_TOMBSTONE,
};

/// One batch of a sweep, as a unit of work; it answers how many rows there were.
pub struct SweepRows {
    sweep: Sweep,
    params: Vec<Value>,
}

impl SweepRows {
    /// A batch of at most [`limit::JOB_BATCH`] rows that `params` choose.
    pub fn new(sweep: Sweep, mut params: Vec<Value>) -> Self {
        params.push(Value::Int(limit::JOB_BATCH));
        Self { sweep, params }
    }
}

impl Work for SweepRows {
    type Out = u64;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StorageError> {
        let rows = tx.query(self.sweep.select, &self.params).await?;
        let mut deleted = 0u64;
        for row in rows {
            tx.execute(self.sweep.delete, &row.into_values()).await?;
            deleted = deleted.saturating_add(1);
        }
        Ok(deleted)
    }
}

pub(crate) fn tenant_values(tenant: &Tenant) -> [Value; 3] {
    [
        Value::Int(tenant.mode.code()),
        Value::from(tenant.app.as_str()),
        Value::from(tenant.account.as_str()),
    ]
}

/// Whether the store answers.
pub(crate) async fn ready(store: &Store) -> Result<(), StorageError> {
    store.query("SELECT 1", &[]).await.map(drop)
}

/// A stored answer, still sealed.
pub(crate) struct Record {
    pub(crate) operation: String,
    pub(crate) parameters: Vec<u8>,
    pub(crate) request: String,
    pub(crate) answer: Vec<u8>,
}

const FIND_RECORD: &str = "SELECT operation, parameters, request, answer \
     FROM idempotency_record WHERE mode = ? AND app = ? AND account = ? AND claim = ?";

fn record(rows: &[coffer_storage::Row]) -> Result<Option<Record>, StorageError> {
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Record {
        operation: row.text(0)?.to_owned(),
        parameters: row.blob(1)?.to_vec(),
        request: row.text(2)?.to_owned(),
        answer: row.blob(3)?.to_vec(),
    }))
}

fn claim_values(tenant: &Tenant, claim: &[u8]) -> [Value; 4] {
    let [mode, app, account] = tenant_values(tenant);
    [mode, app, account, Value::from(claim)]
}

/// The stored answer of a claim, seen inside a transaction.
pub(crate) async fn find_record(
    tx: &mut Tx<'_>,
    tenant: &Tenant,
    claim: &[u8],
) -> Result<Option<Record>, StorageError> {
    record(&tx.query(FIND_RECORD, &claim_values(tenant, claim)).await?)
}

/// The stored answer of a claim, as committed.
pub(crate) async fn peek_record(
    store: &Store,
    tenant: &Tenant,
    claim: &[u8],
) -> Result<Option<Record>, StorageError> {
    record(&store.query(FIND_RECORD, &claim_values(tenant, claim)).await?)
}

/// Keeps an answer. Leaves with the commit.
pub(crate) async fn insert_record(
    tx: &mut Tx<'_>,
    tenant: &Tenant,
    claim: &[u8],
    record: Record,
    now: Timestamp,
) -> Result<(), StorageError> {
    let [mode, app, account] = tenant_values(tenant);
    tx.execute(
        "INSERT INTO idempotency_record (mode, app, account, claim, operation, parameters, \
         request, created, answer) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &[
            mode,
            app,
            account,
            Value::from(claim),
            Value::Text(record.operation),
            Value::Blob(record.parameters),
            Value::Text(record.request),
            Value::Int(now.unix()),
            Value::Blob(record.answer),
        ],
    )
    .await?;
    Ok(())
}

/// The apps that have more than `cap` stored answers: mode, app, how many.
pub(crate) async fn apps_over_cap(
    store: &Store,
    cap: i64,
) -> Result<Vec<(i64, String, i64)>, StorageError> {
    store
        .query(
            "SELECT mode, app, count(*) FROM idempotency_record GROUP BY mode, app \
             HAVING count(*) > ?",
            &[Value::Int(cap)],
        )
        .await?
        .iter()
        .map(|row| Ok((row.int(0)?, row.text(1)?.to_owned(), row.int(2)?)))
        .collect()
}

/// Remembers where an object stood in its list, for cursors that still name it.
///
/// # Errors
/// [`StorageError`] of the engine.
pub async fn leave_tombstone(
    tx: &mut Tx<'_>,
    tenant: &Tenant,
    collection: &[u8],
    id: &str,
    seq: i64,
    now: Timestamp,
) -> Result<(), StorageError> {
    let [mode, app, account] = tenant_values(tenant);
    tx.execute(
        "INSERT INTO tombstone (mode, app, account, collection, id, seq, created) \
         VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        &[
            mode,
            app,
            account,
            Value::from(collection),
            Value::from(id),
            Value::Int(seq),
            Value::Int(now.unix()),
        ],
    )
    .await?;
    Ok(())
}

/// Where a deleted object stood in its list, if that is remembered.
///
/// # Errors
/// [`StorageError`] of the engine.
pub async fn position_of_tombstone(
    store: &Store,
    tenant: &Tenant,
    collection: &[u8],
    id: &str,
) -> Result<Option<i64>, StorageError> {
    let [mode, app, account] = tenant_values(tenant);
    let rows = store
        .query(
            "SELECT seq FROM tombstone WHERE mode = ? AND app = ? AND account = ? \
             AND collection = ? AND id = ?",
            &[mode, app, account, Value::from(collection), Value::from(id)],
        )
        .await?;
    rows.first().map(|row| row.int(0)).transpose()
}

/// Up to which midnight each timed task is done.
pub(crate) async fn marks(store: &Store) -> Result<Vec<(String, Timestamp)>, StorageError> {
    let rows = store.query("SELECT name, at FROM schedule_mark", &[]).await?;
    rows.iter()
        .map(|row| Ok((row.text(0)?.to_owned(), Timestamp::from_unix(row.int(1)?))))
        .collect()
}

/// Raises the marks of timed tasks that are lower than `at`.
pub(crate) struct RaiseMarks {
    pub(crate) names: Vec<&'static str>,
    pub(crate) at: Timestamp,
}

impl Work for RaiseMarks {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        for name in &self.names {
            tx.defer(
                "INSERT INTO schedule_mark (name, at) VALUES (?, ?) ON CONFLICT (name) \
                 DO UPDATE SET at = excluded.at WHERE schedule_mark.at < excluded.at",
                vec![Value::from(*name), Value::Int(self.at.unix())],
            );
        }
        Ok(())
    }
}

/// Takes a timed task's turn in this unit of work: whoever else wants it waits until this one
/// ends. Answers up to which midnight the task is done.
///
/// # Errors
/// [`StorageError`] of the engine.
pub async fn take_turn(
    tx: &mut Tx<'_>,
    name: &'static str,
    now: Timestamp,
) -> Result<Timestamp, StorageError> {
    let rows = tx
        .query(
            "INSERT INTO schedule_mark (name, at) VALUES (?, ?) ON CONFLICT (name) \
             DO UPDATE SET at = schedule_mark.at RETURNING at",
            &[Value::from(name), Value::Int(now.plus(-DAY_SECONDS).unix())],
        )
        .await?;
    let mark = rows.first().map_or(Ok(i64::MIN), |row| row.int(0))?;
    Ok(Timestamp::from_unix(mark))
}

/// Takes a timed task's turn, and says whether `due` lies no earlier than what is done: a clock
/// that went back finds nothing to do.
///
/// # Errors
/// [`StorageError`] of the engine.
pub async fn still_due(
    tx: &mut Tx<'_>,
    name: &'static str,
    due: Timestamp,
) -> Result<bool, StorageError> {
    Ok(take_turn(tx, name, due).await? <= due)
}

/// By how many seconds developer mode's clock was moved forward so far.
///
/// # Errors
/// [`StorageError`] of the engine.
pub async fn clock_offset(store: &Store) -> Result<i64, StorageError> {
    let rows = store.query("SELECT seconds FROM clock_offset WHERE id = 1", &[]).await?;
    rows.first().map_or(Ok(0), |row| row.int(0))
}

/// Moves developer mode's clock forward: by `seconds`, or so that it is `at_least` ahead, whichever
/// is more. Answers by how many seconds it is ahead then.
///
/// # Errors
/// [`StorageError`] of the engine.
pub async fn move_clock(tx: &mut Tx<'_>, seconds: i64, at_least: i64) -> Result<i64, StorageError> {
    let rows = tx.query("SELECT seconds FROM clock_offset WHERE id = 1", &[]).await?;
    let before = rows.first().map_or(Ok(0), |row| row.int(0))?;
    let after = before.saturating_add(seconds.max(0)).max(at_least);
    tx.execute(
        "INSERT INTO clock_offset (id, seconds) VALUES (1, ?) ON CONFLICT (id) \
         DO UPDATE SET seconds = excluded.seconds",
        &[Value::Int(after)],
    )
    .await?;
    Ok(after)
}
