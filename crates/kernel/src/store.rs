//! The SQL of the kernel: stored answers, tombstones, marks of the scheduler, the moved clock.

use coffer_base::{AccountId, AppId, Mode, Tenant, Timestamp, clock::DAY_SECONDS, limit};
use coffer_storage::{Migration, MigrationSet, Query, Row, StorageError, Store, Tx, Value, Work};

/// The kernel's schema.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    component: "kernel",
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
/// table. What all servers prune is locked and what others have locked is skipped, so that they
/// share the work.
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
             ORDER BY created LIMIT ? FOR UPDATE SKIP LOCKED",
    delete: DELETE_RECORD,
};

/// One app's stored answers, the oldest first. An app that has too many has most of all: walking
/// through all of them by age finds its own at once, and sorting its own would not.
pub(crate) const RECORDS_OF_APP: Sweep = Sweep {
    select: "SELECT mode, app, account, claim FROM idempotency_record \
             WHERE mode + 0 = ? AND app || '' = ? ORDER BY created LIMIT ? FOR UPDATE",
    delete: DELETE_RECORD,
};

/// Tombstones, the oldest first, that are older than a time.
pub(crate) const AGED_TOMBSTONES: Sweep = Sweep {
    select: "SELECT mode, app, account, collection, id FROM tombstone WHERE created < ? \
             ORDER BY created LIMIT ? FOR UPDATE SKIP LOCKED",
    delete: DELETE_TOMBSTONE,
};

/// One batch of a sweep, as a unit of work; it answers how many rows there were.
pub struct SweepRows {
    sweep: Sweep,
    params: Vec<Value>,
    condition: Option<Query>,
}

impl SweepRows {
    /// A batch of at most [`limit::JOB_BATCH`] rows that `params` choose.
    pub fn new(sweep: Sweep, mut params: Vec<Value>) -> Self {
        params.push(Value::Int(limit::JOB_BATCH));
        Self { sweep, params, condition: None }
    }

    /// The same, of no row if `condition` finds none.
    pub fn on(mut self, condition: Option<&Query>) -> Self {
        self.condition = condition.cloned();
        self
    }
}

impl Work for SweepRows {
    type Out = u64;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StorageError> {
        if let Some(Query { sql, params }) = &self.condition
            && tx.query(sql, params).await?.is_empty()
        {
            return Ok(0);
        }
        let rows = tx.query(self.sweep.select, &self.params).await?;
        let found = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        for row in rows {
            tx.defer(self.sweep.delete, row.into_values());
        }
        Ok(found)
    }
}

/// The tenant that a row begins with: mode, app, account.
///
/// # Errors
/// [`StorageError::Corrupt`] if it begins with none.
pub fn tenant_of_row(row: &Row) -> Result<Tenant, StorageError> {
    let corrupt = || StorageError::Corrupt("a row begins with no tenant".into());
    Ok(Tenant {
        mode: Mode::from_code(row.int(0)?).ok_or_else(corrupt)?,
        app: AppId::parse(row.text(1)?).map_err(|_| corrupt())?,
        account: AccountId::parse(row.text(2)?).map_err(|_| corrupt())?,
    })
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

/// What came of [`record_query`].
pub(crate) fn record(rows: &[Row]) -> Result<Option<Record>, StorageError> {
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

/// Asks for the stored answer of a claim.
pub(crate) fn record_query(tenant: &Tenant, claim: &[u8]) -> Query {
    Query { sql: FIND_RECORD, params: claim_values(tenant, claim).to_vec() }
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
pub(crate) fn insert_record(
    tx: &mut Tx<'_>,
    tenant: &Tenant,
    claim: &[u8],
    record: Record,
    now: Timestamp,
) {
    let [mode, app, account] = tenant_values(tenant);
    tx.defer(
        "INSERT INTO idempotency_record (mode, app, account, claim, operation, parameters, \
         request, created, answer) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        vec![
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
    );
}

/// The next stored answers of all tenants, behind the claim `after`: tenant, claim, answer.
pub(crate) async fn all_records(
    store: &Store,
    after: Option<(&Tenant, &[u8])>,
) -> Result<Vec<(Tenant, Vec<u8>, Record)>, StorageError> {
    let first = "SELECT mode, app, account, claim, operation, parameters, request, answer \
                 FROM idempotency_record ORDER BY mode, app, account, claim LIMIT ?";
    let next = "SELECT mode, app, account, claim, operation, parameters, request, answer \
                FROM idempotency_record WHERE (mode, app, account, claim) > (?, ?, ?, ?) \
                ORDER BY mode, app, account, claim LIMIT ?";
    let batch = Value::Int(limit::JOB_BATCH);
    let rows = match after {
        None => store.query(first, &[batch]).await?,
        Some((tenant, claim)) => {
            let [mode, app, account, claim] = claim_values(tenant, claim);
            store.query(next, &[mode, app, account, claim, batch]).await?
        }
    };
    let read = |row: &Row| {
        let record = Record {
            operation: row.text(4)?.to_owned(),
            parameters: row.blob(5)?.to_vec(),
            request: row.text(6)?.to_owned(),
            answer: row.blob(7)?.to_vec(),
        };
        Ok((tenant_of_row(row)?, row.blob(3)?.to_vec(), record))
    };
    rows.iter().map(read).collect()
}

/// The apps that have more than `cap` stored answers: mode, app, how many.
pub(crate) async fn apps_over_cap(
    store: &Store,
    cap: i64,
) -> Result<Vec<(i64, String, i64)>, StorageError> {
    store
        .scan(
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
pub fn leave_tombstone(
    tx: &mut Tx<'_>,
    tenant: &Tenant,
    collection: &[u8],
    id: &str,
    seq: i64,
    now: Timestamp,
) {
    let [mode, app, account] = tenant_values(tenant);
    tx.defer(
        "INSERT INTO tombstone (mode, app, account, collection, id, seq, created) \
         VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        vec![
            mode,
            app,
            account,
            Value::from(collection),
            Value::from(id),
            Value::Int(seq),
            Value::Int(now.unix()),
        ],
    );
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
