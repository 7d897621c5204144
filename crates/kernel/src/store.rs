//! The SQL of the kernel: stored responses, tombstones, watermarks, what is known of the clock.

mod clock;
mod record;

pub use clock::{ClockRecord, clock_record, forget_clock, move_clock, platform_clocks};
pub(crate) use clock::{WriteClockRecord, platform_watermark, replace_clock_record};
pub(crate) use record::{
    AGED_RECORDS, COUNT_RECORDS, FEW_RECORDS_OF_APP, PruneNumbered, REPLACE_RECORD, Record,
    SEALED_RECORDS, SIZES_OF_RECORDS, Sealed, before_records, insert_record, peek_record, record,
    record_query, records_of_app, sealed_record,
};

use coffer_base::{AccountId, AppId, Mode, Owner, Tenant, Timestamp, clock::DAY_SECONDS};
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
///
/// What is erased with a tenant is selected by six parameters: mode, app, account, the tenant's
/// first and last slot ([`coffer_base::Slots`]), and how many.
#[derive(Clone, Copy, Debug)]
pub struct Prune {
    /// Answers the keys of the next rows; its last parameter is how many.
    pub select: &'static str,
    /// Deletes one row by its key.
    pub delete: &'static str,
}

/// What the kernel keeps of a tenant, to be erased with it.
pub const PURGE: &[Prune] = &[
    record::OF_TENANT,
    Prune {
        select: "SELECT mode, app, account, collection, id, created FROM tombstone \
                 WHERE mode = ?1 AND app = ?2 AND account = ?3 LIMIT ?6",
        delete: DELETE_TOMBSTONE,
    },
];

const DELETE_TOMBSTONE: &str = "DELETE FROM tombstone WHERE mode = ? AND app = ? \
     AND account = ? AND collection = ? AND id = ? AND created <= ?";

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

/// Asks for the highest sequence number that a deleted object had in a list, 0 if there is none:
/// those that cursors can name. What is new in the list comes behind it.
pub fn last_tombstone_query(tenant: &Tenant, collection: &[u8]) -> Query {
    let sql = "SELECT coalesce(max(seq), 0) FROM tombstone WHERE mode = ? AND app = ? \
               AND account = ? AND collection = ?";
    let [mode, app, account] = tenant_values(tenant);
    Query::new(sql, values![mode, app, account, collection])
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
