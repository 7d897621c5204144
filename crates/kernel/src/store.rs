//! The SQL of the kernel: stored responses, tombstones, watermarks, what is known of the clock.

mod clock;

pub use clock::{ClockRecord, clock_record, forget_clock, move_clock, platform_clocks};
pub(crate) use clock::{WriteClockRecord, platform_watermark, replace_clock_record};

use coffer_base::{AccountId, AppId, Mode, Owner, Tenant, Timestamp, clock::DAY_SECONDS, limit};
use coffer_storage::{
    Migration, MigrationSet, Placement, Query, Row, StorageError, Store, Tx, Value, Work, values,
};
use std::borrow::Cow;

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
    tables: &[
        ("idempotency_record", Placement::Spread),
        ("tombstone", Placement::Spread),
        ("event", Placement::Spread),
        ("event_sequence", Placement::Spread),
        ("watermark", Placement::Central),
        ("clock_record", Placement::Local),
        ("platform_clock", Placement::Local),
    ],
};

/// How to delete many rows in batches: which ones, by their keys, and how each.
///
/// Two statements, and not one with a sub-select: planners take that for a walk through the whole
/// table. What all servers prune is locked and what others have locked is skipped, so that they
/// share the work. A store that is spread takes no lock for the first, so the second repeats what
/// makes a row one that is to go, if that can change.
#[derive(Clone, Copy, Debug)]
pub struct Prune {
    /// Answers the keys of the next rows; its last parameter is how many.
    pub select: &'static str,
    /// Deletes one row by its key.
    pub delete: &'static str,
}

/// What the kernel keeps of a tenant, to be erased with it. `select` takes mode, app, account and
/// how many.
pub const PURGE: &[Prune] = &[
    Prune {
        select: "SELECT mode, app, account, key_digest, created FROM idempotency_record \
                 WHERE mode = ? AND app = ? AND account = ? LIMIT ?",
        delete: DELETE_RECORD,
    },
    Prune {
        select: "SELECT mode, app, account, collection, id, created FROM tombstone \
                 WHERE mode = ? AND app = ? AND account = ? LIMIT ?",
        delete: DELETE_TOMBSTONE,
    },
];

/// Not one that was stored since: a key can come again.
const DELETE_RECORD: &str = "DELETE FROM idempotency_record WHERE mode = ? AND app = ? \
     AND account = ? AND key_digest = ? AND created <= ?";

const DELETE_TOMBSTONE: &str = "DELETE FROM tombstone WHERE mode = ? AND app = ? \
     AND account = ? AND collection = ? AND id = ? AND created <= ?";

/// Stored responses, the oldest first, that are older than a time.
pub(crate) const AGED_RECORDS: Prune = Prune {
    select: "SELECT mode, app, account, key_digest, created FROM idempotency_record \
             WHERE created < ? ORDER BY created LIMIT ? FOR UPDATE SKIP LOCKED",
    delete: DELETE_RECORD,
};

/// One app's stored responses, the oldest first. An app that has too many has most of all: walking
/// through all of them by age finds its own at once, and sorting its own would not.
pub(crate) const RECORDS_OF_APP: Prune = Prune {
    select: "SELECT mode, app, account, key_digest, created FROM idempotency_record \
             WHERE mode + 0 = ? AND app || '' = ? ORDER BY created LIMIT ?",
    delete: DELETE_RECORD,
};

/// The same of an app that has few: it sorts its own, whatever the others have.
pub(crate) const FEW_RECORDS_OF_APP: Prune = Prune {
    select: "SELECT mode, app, account, key_digest, created FROM idempotency_record \
             WHERE mode = ? AND app = ? ORDER BY created LIMIT ?",
    delete: DELETE_RECORD,
};

/// The sizes of stored responses behind a key, to be counted.
pub(crate) const SIZES_OF_RECORDS: &str = "SELECT mode, app, account, key_digest, \
     octet_length(response) FROM idempotency_record \
     WHERE (mode, app, account, key_digest) > (?, ?, ?, ?) \
     ORDER BY mode, app, account, key_digest LIMIT ?";

/// A key that stands before those of all stored responses.
pub(crate) fn before_records() -> Vec<Value> {
    values![-1_i64, "", "", b""].into()
}

/// Tombstones, the oldest first, that are older than a time.
pub(crate) const AGED_TOMBSTONES: Prune = Prune {
    select: "SELECT mode, app, account, collection, id, created FROM tombstone WHERE created < ? \
             ORDER BY created LIMIT ? FOR UPDATE SKIP LOCKED",
    delete: DELETE_TOMBSTONE,
};

/// One batch of a prune, as a unit of work; it answers how many rows there were.
pub struct PruneBatch {
    prune: Prune,
    params: Vec<Value>,
    condition: Option<Query>,
    all_accounts: bool,
}

impl PruneBatch {
    /// A batch of at most `rows` rows that `params` choose.
    pub fn new(prune: Prune, mut params: Vec<Value>, rows: i64) -> Self {
        params.push(Value::Int(rows));
        Self { prune, params, condition: None, all_accounts: false }
    }

    /// The same of rows of all accounts.
    pub fn of_all_accounts(self) -> Self {
        Self { all_accounts: true, ..self }
    }

    /// The same, of no row if `condition` finds none.
    pub fn on(mut self, condition: Option<&Query>) -> Self {
        self.condition = condition.cloned();
        self
    }
}

impl Work for PruneBatch {
    type Out = u64;

    fn grows(&self) -> bool {
        false
    }

    fn of_many_accounts(&self) -> bool {
        self.all_accounts
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StorageError> {
        if let Some(Query { sql, params }) = &self.condition
            && tx.query(sql, params).await?.is_empty()
        {
            return Ok(0);
        }
        let rows = match self.all_accounts {
            true => tx.query_part(self.prune.select, &self.params).await?,
            false => tx.query(self.prune.select, &self.params).await?,
        };
        let found = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        for row in rows {
            tx.defer(self.prune.delete, row.into_values());
        }
        Ok(found)
    }
}

/// Deletes rows of all accounts that were found before.
pub(crate) struct DeleteRows {
    pub(crate) delete: &'static str,
    pub(crate) rows: Vec<Row>,
}

impl Work for DeleteRows {
    type Out = ();

    fn grows(&self) -> bool {
        false
    }

    fn of_many_accounts(&self) -> bool {
        true
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        for row in &self.rows {
            tx.defer(self.delete, row.clone().into_values());
        }
        Ok(())
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
        account: AccountId::parse_stored(row.text(2)?).map_err(|_| corrupt())?,
    })
}

/// The owner that a row begins with: mode, platform, account.
///
/// # Errors
/// [`StorageError::Corrupt`] if it begins with none.
pub(crate) fn owner_of_row(row: &Row) -> Result<Owner, StorageError> {
    let corrupt = || StorageError::Corrupt("a row begins with no owner".into());
    let account = |column| AccountId::parse(row.text(column)?).map_err(|_| corrupt());
    let mode = Mode::from_code(row.int(0)?).ok_or_else(corrupt)?;
    Ok(Owner { mode, platform: account(1)?, account: account(2)? })
}

pub(crate) fn tenant_values(tenant: &Tenant) -> [Value; 3] {
    values![tenant.mode, &tenant.app, &tenant.account]
}

/// Whether the store answers.
pub(crate) async fn ready(store: &Store) -> Result<(), StorageError> {
    store.query("SELECT 1", &[]).await.map(drop)
}

/// A stored response, still sealed.
pub(crate) struct Record {
    pub(crate) operation: String,
    pub(crate) parameters: Vec<u8>,
    pub(crate) request: String,
    pub(crate) response: Vec<u8>,
}

const FIND_RECORD: &str = "SELECT operation, parameters, request, response \
     FROM idempotency_record WHERE mode = ? AND app = ? AND account = ? AND key_digest = ?";

/// What came of [`record_query`].
pub(crate) fn record(rows: &[Row]) -> Result<Option<Record>, StorageError> {
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Record {
        operation: row.text(0)?.to_owned(),
        parameters: row.blob(1)?.to_vec(),
        request: row.text(2)?.to_owned(),
        response: row.blob(3)?.to_vec(),
    }))
}

fn key_values(tenant: &Tenant, key_digest: &[u8]) -> [Value; 4] {
    let [mode, app, account] = tenant_values(tenant);
    values![mode, app, account, key_digest]
}

/// Asks for the stored response of an idempotency key.
pub(crate) fn record_query(tenant: &Tenant, key_digest: &[u8]) -> Query {
    Query { sql: FIND_RECORD, params: key_values(tenant, key_digest).to_vec() }
}

/// The stored response of an idempotency key, as committed.
pub(crate) async fn peek_record(
    store: &Store,
    tenant: &Tenant,
    key_digest: &[u8],
) -> Result<Option<Record>, StorageError> {
    record(&store.query(FIND_RECORD, &key_values(tenant, key_digest)).await?)
}

/// Stores a response. It leaves with the commit.
pub(crate) fn insert_record(
    tx: &mut Tx<'_>,
    tenant: &Tenant,
    key_digest: &[u8],
    record: Record,
    now: Timestamp,
) {
    let [mode, app, account] = tenant_values(tenant);
    tx.defer(
        "INSERT INTO idempotency_record (mode, app, account, key_digest, operation, parameters, \
         request, created, response) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values![
            mode,
            app,
            account,
            key_digest,
            record.operation,
            record.parameters,
            record.request,
            now,
            record.response,
        ],
    );
}

/// The next stored responses of all tenants in a part of a store, behind `after`: tenant, digest of
/// the key, record.
pub(crate) async fn all_records(
    store: &Store,
    after: Option<(&Tenant, &[u8])>,
) -> Result<Vec<(Tenant, Vec<u8>, Record)>, StorageError> {
    let first = "SELECT mode, app, account, key_digest, operation, parameters, request, response \
                 FROM idempotency_record ORDER BY mode, app, account, key_digest LIMIT ?";
    let next = "SELECT mode, app, account, key_digest, operation, parameters, request, response \
                FROM idempotency_record WHERE (mode, app, account, key_digest) > (?, ?, ?, ?) \
                ORDER BY mode, app, account, key_digest LIMIT ?";
    let batch = Value::Int(limit::JOB_BATCH);
    let rows = match after {
        None => store.query_part(first, &[batch]).await?,
        Some((tenant, key_digest)) => {
            let [mode, app, account, key_digest] = key_values(tenant, key_digest);
            store.query_part(next, &[mode, app, account, key_digest, batch]).await?
        }
    };
    let read = |row: &Row| {
        let record = Record {
            operation: row.text(4)?.to_owned(),
            parameters: row.blob(5)?.to_vec(),
            request: row.text(6)?.to_owned(),
            response: row.blob(7)?.to_vec(),
        };
        Ok((tenant_of_row(row)?, row.blob(3)?.to_vec(), record))
    };
    rows.iter().map(read).collect()
}

/// Leaves a tombstone with the sequence number that an object had in its list, for cursors that
/// still name it.
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
         VALUES (?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (mode, app, account, collection, id) DO NOTHING",
        values![mode, app, account, collection, id, seq, now],
    );
}

/// The sequence number that a deleted object had in its list, if its tombstone is still there.
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
            &values![mode, app, account, collection, id],
        )
        .await?;
    rows.first().map(|row| row.int(0)).transpose()
}

/// The watermark of each scheduled task: the midnight up to which all is done.
pub(crate) async fn watermarks(store: &Store) -> Result<Vec<(String, Timestamp)>, StorageError> {
    let rows = store.query("SELECT name, at FROM watermark", &[]).await?;
    rows.iter()
        .map(|row| Ok((row.text(0)?.to_owned(), Timestamp::from_unix(row.int(1)?))))
        .collect()
}

/// The highest watermark of a task: a later one than the time is a wrong clock's. Those of
/// platforms whose clock a developer has moved do not count.
///
/// # Errors
/// When the store does not answer.
pub async fn latest_watermark(store: &Store) -> Result<Option<Timestamp>, StorageError> {
    let known = watermarks(store).await?.into_iter();
    Ok(known.filter(|(name, _)| AccountId::parse(name).is_err()).map(|(_, at)| at).max())
}

/// Advances the watermarks that are lower than `at`.
pub(crate) struct AdvanceWatermarks {
    pub(crate) names: Vec<Cow<'static, str>>,
    pub(crate) at: Timestamp,
}

impl Work for AdvanceWatermarks {
    type Out = ();

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        for name in &self.names {
            tx.defer(
                "INSERT INTO watermark (name, at) VALUES (?, ?) ON CONFLICT (name) \
                 DO UPDATE SET at = excluded.at WHERE watermark.at < excluded.at",
                values![&**name, self.at],
            );
        }
        Ok(())
    }
}

/// Locks a scheduled task's watermark until this unit of work ends, and reads it. A task that has
/// none yet is done up to a day before `now`.
///
/// # Errors
/// When the lock is not free in time, or storage fails.
pub async fn lock_watermark(
    tx: &mut Tx<'_>,
    name: &'static str,
    now: Timestamp,
) -> Result<Timestamp, StorageError> {
    let rows = tx
        .query(
            "INSERT INTO watermark (name, at) VALUES (?, ?) ON CONFLICT (name) \
             DO UPDATE SET at = watermark.at RETURNING at",
            &values![name, now.plus(-DAY_SECONDS)],
        )
        .await?;
    let at = rows.first().map_or(Ok(i64::MIN), |row| row.int(0))?;
    Ok(Timestamp::from_unix(at))
}

/// Locks a scheduled task's watermark, and says whether `due` is not before it: a clock that went
/// back finds nothing to do.
pub async fn is_past_watermark(
    tx: &mut Tx<'_>,
    name: &'static str,
    due: Timestamp,
) -> Result<bool, StorageError> {
    Ok(lock_watermark(tx, name, due).await? <= due)
}

/// Sets back all watermarks that lie beyond `to`, a midnight: what was due since then is looked for
/// again. Nothing is done twice, since what was done shows in the rows themselves.
///
/// # Errors
/// When a lock is not free in time, or storage fails.
pub async fn rewind_watermarks(tx: &mut Tx<'_>, to: Timestamp) -> Result<u64, StorageError> {
    let select = "SELECT name FROM watermark WHERE at > ? ORDER BY name FOR UPDATE";
    let rows = tx.query(select, &values![to]).await?;
    for row in &rows {
        let sql = "UPDATE watermark SET at = ? WHERE name = ?";
        tx.execute(sql, &values![to, row.text(0)?]).await?;
    }
    Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
}
