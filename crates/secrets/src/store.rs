//! The SQL of the Secret Store.

use crate::limits;
use crate::secret::{Locator, Scope};
use coffer_base::{Tenant, Timestamp, limit};
use coffer_kernel::{PagePosition, Prune, leave_tombstone, tenant_of_row};
use coffer_keyring::Digest;
use coffer_keyring::TenantKeys;
use coffer_storage::{
    Migration, MigrationSet, Placement, Row, Statement, StorageError, Store, Tx, Value, Work,
    values,
};

/// The family's schema.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    component: "secrets",
    migrations: &[Migration {
        version: 1,
        name: "secret",
        sql: include_str!("../migrations/0001_secret.sql"),
    }],
    tables: &[("secret", Placement::Spread), ("secret_scope", Placement::Spread)],
};

/// What the family keeps of a tenant, to be erased with it.
pub const PURGE: &[Prune] = &[
    Prune {
        select: "SELECT mode, app, account, scope, name_key FROM secret \
                 WHERE mode = ? AND app = ? AND account = ? LIMIT ?",
        delete: DELETE,
    },
    Prune {
        select: "SELECT mode, app, account, scope FROM secret_scope \
                 WHERE mode = ? AND app = ? AND account = ? LIMIT ?",
        delete: "DELETE FROM secret_scope WHERE mode = ? AND app = ? AND account = ? \
                 AND scope = ?",
    },
];

/// The sizes of secrets behind a key, to be counted: those of the payload as it is sealed, and of
/// the name.
pub(crate) const SIZES: &str = "SELECT mode, app, account, scope, name_key, \
     octet_length(sealed) + octet_length(name) FROM secret \
     WHERE (mode, app, account, scope, name_key) > (?, ?, ?, ?, ?) \
     ORDER BY mode, app, account, scope, name_key LIMIT ?";

/// Columns of a secret's key that say which scope it is in: mode, app, account, scope.
pub(crate) const SCOPE_COLUMNS: usize = 4;

/// A key that stands before those of all secrets.
pub(crate) fn before_all() -> Vec<Value> {
    values![-1_i64, "", "", b"", b""].into()
}

/// The key of a secret's row.
#[derive(Clone, Debug)]
pub(crate) struct RowKey {
    /// Mode, app and account, by which a purge finds the row.
    pub(crate) tenant: Tenant,
    /// [`Scope::digest`].
    pub(crate) scope: Digest,
    /// [`Locator::digest`].
    pub(crate) name: Digest,
}

impl RowKey {
    fn scope_values(&self) -> [Value; 4] {
        scope_values(&self.tenant, self.scope)
    }

    fn values(&self) -> [Value; 5] {
        let [mode, app, account, scope] = self.scope_values();
        values![mode, app, account, scope, self.name.as_bytes()]
    }
}

fn tenant_values(tenant: &Tenant) -> [Value; 3] {
    values![tenant.mode, &tenant.app, &tenant.account]
}

fn scope_values(tenant: &Tenant, scope: Digest) -> [Value; 4] {
    let [mode, app, account] = tenant_values(tenant);
    values![mode, app, account, scope.as_bytes()]
}

/// A secret's row; its payload is still sealed.
#[derive(Clone, Debug)]
pub(crate) struct StoredSecret {
    /// Its place in the list of its scope: larger for newer ones, and kept when it is replaced.
    pub(crate) seq: i64,
    pub(crate) id: String,
    /// When it was first set; a replacement keeps that.
    pub(crate) created: Timestamp,
    /// From this second on it is not shown; `None` if it never expires.
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) name: String,
    /// The payload in its envelope, which opens only with the [`Locator`] and this expiry.
    pub(crate) sealed: Vec<u8>,
}

fn stored(mut row: Row) -> Result<StoredSecret, StorageError> {
    Ok(StoredSecret {
        seq: row.int(0)?,
        id: row.take_text(1)?,
        created: Timestamp::from_unix(row.int(2)?),
        expires_at: row.optional_int(3)?.map(Timestamp::from_unix),
        name: row.take_text(4)?,
        sealed: row.take_blob(5)?,
    })
}

const FIND: &str = "SELECT seq, id, created, expires_at, name, sealed FROM secret \
     WHERE mode = ? AND app = ? AND account = ? AND scope = ? AND name_key = ?";

/// The same, locked against the job that deletes what has expired, which takes no scope's lock.
const FIND_LOCKED: &str = "SELECT seq, id, created, expires_at, name, sealed FROM secret \
     WHERE mode = ? AND app = ? AND account = ? AND scope = ? AND name_key = ? FOR UPDATE";

/// The secret at a locator, expired or not, as committed.
pub(crate) async fn find(
    store: &Store,
    key: &RowKey,
) -> Result<Option<StoredSecret>, StorageError> {
    store.query(FIND, &key.values()).await?.into_iter().next().map(stored).transpose()
}

/// Locks the row by writing to it, which also creates it and takes the next place of the list.
const LOCK: &str = "INSERT INTO secret_scope (mode, app, account, scope, seq) \
     VALUES (?, ?, ?, ?, 1) ON CONFLICT (mode, app, account, scope) \
     DO UPDATE SET seq = secret_scope.seq + 1 RETURNING seq";

/// Counts what the quota limits, and what it does not: expired rows that are not deleted yet are no
/// secrets any more.
const COUNT: &str = "SELECT count(*), count(CASE WHEN expires_at <= ? THEN 1 END) FROM secret \
     WHERE mode = ? AND app = ? AND account = ? AND scope = ?";

/// A scope that is locked against other writers until the transaction ends.
pub(crate) struct LockedScope {
    /// The next place in the scope's list, which this transaction may use.
    pub(crate) seq: i64,
    /// The secret at the locator that was asked for, expired or not.
    pub(crate) existing: Option<StoredSecret>,
    /// How many secrets are live.
    pub(crate) live: i64,
    /// How many have expired, and are still there.
    pub(crate) expired: i64,
}

/// Locks the scope of `key`, and then reads what is in it: in one round trip if the database is
/// remote, since its statements see what was committed before each of them. A scope that was never
/// written is created, and its first `seq` is 1.
///
/// # Errors
/// When the lock is not free in time, or the store fails.
pub(crate) async fn lock_scope(
    tx: &mut Tx<'_>,
    key: &RowKey,
    now: Timestamp,
) -> Result<LockedScope, StorageError> {
    let (scope, locator) = (key.scope_values(), key.values());
    let [mode, app, account, of] = scope.clone();
    let count = values![now, mode, app, account, of];
    let lock = Statement { sql: LOCK, params: &scope };
    let read = [
        Statement { sql: FIND_LOCKED, params: &locator },
        Statement { sql: COUNT, params: &count },
    ];
    let corrupt = || StorageError::Corrupt("a scope's row gave no number".into());
    let number = |rows: &[Row]| rows.first().ok_or_else(corrupt)?.int(0);
    let results = if tx.is_remote() {
        tx.batch(&[&[lock][..], &read].concat()).await?
    } else {
        let mut results = tx.batch(&[lock]).await?;
        // The first place of a scope's list means that nothing is in it.
        if number(results.first().map_or(&[], Vec::as_slice))? == 1 {
            return Ok(LockedScope { seq: 1, existing: None, live: 0, expired: 0 });
        }
        results.extend(tx.batch(&read).await?);
        results
    };
    let [locked, found, counted] =
        <[Vec<Row>; 3]>::try_from(results).map_err(|_wrong| corrupt())?;
    let counted = counted.first().ok_or_else(corrupt)?;
    let (all, expired) = (counted.int(0)?, counted.int(1)?);
    Ok(LockedScope {
        seq: number(&locked)?,
        existing: found.into_iter().next().map(stored).transpose()?,
        live: all.saturating_sub(expired),
        expired,
    })
}

/// Adds a secret.
pub(crate) fn insert(tx: &mut Tx<'_>, key: &RowKey, locator: &Locator, secret: &StoredSecret) {
    let [mode, app, account, scope, name_key] = key.values();
    tx.defer(
        "INSERT INTO secret (mode, app, account, scope, name_key, seq, id, created, expires_at, \
         scope_user, name, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values![
            mode,
            app,
            account,
            scope,
            name_key,
            secret.seq,
            &secret.id,
            secret.created,
            secret.expires_at,
            locator.scope.user(),
            &locator.name,
            &secret.sealed,
        ],
    );
}

/// Gives a secret another value and expiry.
pub(crate) fn replace(tx: &mut Tx<'_>, key: &RowKey, expires_at: Option<Timestamp>, sealed: &[u8]) {
    let [mode, app, account, scope, name_key] = key.values();
    tx.defer(
        "UPDATE secret SET expires_at = ?, sealed = ? WHERE mode = ? AND app = ? \
         AND account = ? AND scope = ? AND name_key = ?",
        values![expires_at, sealed, mode, app, account, scope, name_key],
    );
}

const DELETE: &str = "DELETE FROM secret WHERE mode = ? AND app = ? AND account = ? \
     AND scope = ? AND name_key = ?";

/// The same if it has expired, and says where it stood.
const DELETE_EXPIRED: &str = "DELETE FROM secret WHERE mode = ? AND app = ? AND account = ? \
     AND scope = ? AND name_key = ? AND expires_at <= ? \
     RETURNING mode, app, account, scope, id, seq";

/// Deletes a secret, and leaves a tombstone in its place for cursors that still name it.
pub(crate) fn remove(tx: &mut Tx<'_>, key: &RowKey, id: &str, seq: i64, now: Timestamp) {
    tx.defer(DELETE, key.values().to_vec());
    leave_tombstone(tx, &key.tenant, key.scope.as_bytes(), id, seq, now);
}

/// Deletes the longest expired secrets of a locked scope, at most `most`.
///
/// # Errors
/// When the store fails.
pub(crate) async fn remove_expired(
    tx: &mut Tx<'_>,
    key: &RowKey,
    now: Timestamp,
    most: i64,
) -> Result<(), StorageError> {
    let [mode, app, account, scope] = key.scope_values();
    let rows = tx
        .query(
            "SELECT name_key, id, seq FROM secret WHERE mode = ? AND app = ? AND account = ? \
             AND scope = ? AND expires_at <= ? ORDER BY expires_at LIMIT ? FOR UPDATE SKIP LOCKED",
            &values![mode, app, account, scope, now, most],
        )
        .await?;
    for row in rows {
        let [mode, app, account, scope] = key.scope_values();
        tx.defer(DELETE, vec![mode, app, account, scope, Value::from(row.blob(0)?)]);
        let (id, seq) = (row.text(1)?, row.int(2)?);
        leave_tombstone(tx, &key.tenant, key.scope.as_bytes(), id, seq, now);
    }
    Ok(())
}

/// The live secrets of a scope from a position on, in the order of reading.
pub(crate) async fn page(
    store: &Store,
    tenant: &Tenant,
    scope: Digest,
    position: PagePosition,
    now: Timestamp,
) -> Result<Vec<StoredSecret>, StorageError> {
    let sql = if position.newer {
        "SELECT seq, id, created, expires_at, name, sealed FROM secret WHERE mode = ? \
         AND app = ? AND account = ? AND scope = ? AND (expires_at IS NULL OR expires_at > ?) \
         AND seq > ? ORDER BY seq ASC LIMIT ?"
    } else {
        "SELECT seq, id, created, expires_at, name, sealed FROM secret WHERE mode = ? \
         AND app = ? AND account = ? AND scope = ? AND (expires_at IS NULL OR expires_at > ?) \
         AND seq < ? ORDER BY seq DESC LIMIT ?"
    };
    let [mode, app, account, scope] = scope_values(tenant, scope);
    let now = Value::Int(now.unix());
    let (seq, fetch) = (Value::Int(position.seq), Value::Int(position.fetch));
    let rows = store.query(sql, &[mode, app, account, scope, now, seq, fetch]).await?;
    rows.into_iter().map(stored).collect()
}

/// The place in its scope's list of the secret `id`, expired or not; `None` if there is none.
pub(crate) async fn seq_of(
    store: &Store,
    tenant: &Tenant,
    scope: Digest,
    id: &str,
) -> Result<Option<i64>, StorageError> {
    let [mode, app, account, scope] = scope_values(tenant, scope);
    let rows = store
        .query(
            "SELECT seq FROM secret WHERE mode = ? AND app = ? AND account = ? AND scope = ? \
             AND id = ?",
            &values![mode, app, account, scope, id],
        )
        .await?;
    rows.first().map(|row| row.int(0)).transpose()
}

/// Deletes up to `limit` secrets that have expired, of all tenants, and returns how many it found.
/// It skips rows that another transaction has locked: they are being set anew, or another server
/// deletes them. A store that is spread takes no lock to find them, so what has been set anew
/// meanwhile is spared as it is deleted.
pub(crate) struct DeleteExpired {
    /// Secrets that expired at this second, or before, are deleted.
    pub(crate) by: Timestamp,
    /// The time of the tombstones.
    pub(crate) now: Timestamp,
    /// Rows in one transaction, so that it stays short.
    pub(crate) limit: i64,
}

impl Work for DeleteExpired {
    type Out = u64;

    fn grows(&self) -> bool {
        false
    }

    fn of_many_accounts(&self) -> bool {
        true
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StorageError> {
        let due = tx
            .query_part(
                "SELECT mode, app, account, scope, name_key FROM secret \
                 WHERE expires_at <= ? ORDER BY expires_at LIMIT ? FOR UPDATE SKIP LOCKED",
                &values![self.by, self.limit],
            )
            .await?;
        let found = u64::try_from(due.len()).unwrap_or(u64::MAX);
        let by = || Value::Int(self.by.unix());
        let keys = due.into_iter().map(|row| row.into_values().into_iter().chain([by()]).collect());
        let keys: Vec<Vec<Value>> = keys.collect();
        let sql = DELETE_EXPIRED;
        let deletes: Vec<_> = keys.iter().map(|params| Statement { sql, params }).collect();
        for row in tx.batch(&deletes).await?.iter().flatten() {
            let (scope, id, seq) = (row.blob(3)?, row.text(4)?, row.int(5)?);
            leave_tombstone(tx, &tenant_of_row(row)?, scope, id, seq, self.now);
        }
        Ok(found)
    }
}

/// Some scopes, in the order of their keys.
pub(crate) struct ScopesPage {
    /// The keys of those that hold no secret, and of which no tombstone is left.
    pub(crate) empty: Vec<Vec<Value>>,
    /// The key of the last one; `None` if there are no more behind it.
    pub(crate) last: Option<Vec<Value>>,
}

/// The scopes of all tenants behind the key `after`.
pub(crate) async fn scopes_page(
    store: &Store,
    after: Option<Vec<Value>>,
) -> Result<ScopesPage, StorageError> {
    let sql = "SELECT mode, app, account, scope, CASE WHEN EXISTS (SELECT 1 FROM secret s \
               WHERE s.mode = c.mode AND s.app = c.app AND s.account = c.account \
               AND s.scope = c.scope) OR EXISTS (SELECT 1 FROM tombstone t \
               WHERE t.mode = c.mode AND t.app = c.app AND t.account = c.account \
               AND t.collection = c.scope) THEN 1 ELSE 0 END FROM secret_scope c \
               WHERE (mode, app, account, scope) > (?, ?, ?, ?) \
               ORDER BY mode, app, account, scope LIMIT ?";
    let mut params = after.unwrap_or_else(|| values![-1_i64, "", "", b""].into());
    params.push(Value::Int(limits::SCOPES_AT_ONCE));
    let rows = store.query_part(sql, &params).await?;
    let key = |row: &Row| row.values(0..SCOPE_COLUMNS).unwrap_or_default().to_vec();
    let is_last = i64::try_from(rows.len()).is_ok_and(|rows| rows < limits::SCOPES_AT_ONCE);
    let last = rows.last().filter(|_| !is_last).map(key);
    let empty = rows.iter().filter(|row| row.int(SCOPE_COLUMNS) == Ok(0)).map(key).collect();
    Ok(ScopesPage { empty, last })
}

/// Deletes the rows of these scopes, unless something of them is there by now; answers how many.
pub(crate) struct ForgetScopes(pub(crate) Vec<Vec<Value>>);

impl Work for ForgetScopes {
    type Out = u64;

    fn grows(&self) -> bool {
        false
    }

    fn of_many_accounts(&self) -> bool {
        true
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StorageError> {
        // Locked first, as whoever sets a secret does: the next statement sees what it has set.
        let lock = "SELECT 1 FROM secret_scope WHERE mode = ? AND app = ? AND account = ? \
                    AND scope = ? FOR UPDATE SKIP LOCKED";
        let delete = "DELETE FROM secret_scope WHERE mode = ? AND app = ? AND account = ? \
                      AND scope = ? AND NOT EXISTS (SELECT 1 FROM secret s \
                      WHERE s.mode = secret_scope.mode AND s.app = secret_scope.app \
                      AND s.account = secret_scope.account AND s.scope = secret_scope.scope) \
                      AND NOT EXISTS (SELECT 1 FROM tombstone t \
                      WHERE t.mode = secret_scope.mode AND t.app = secret_scope.app \
                      AND t.account = secret_scope.account AND t.collection = secret_scope.scope)";
        let mut forgotten = 0u64;
        for key in &self.0 {
            if !tx.query(lock, key).await?.is_empty() {
                forgotten = forgotten.saturating_add(tx.execute(delete, key).await?);
            }
        }
        Ok(forgotten)
    }
}

/// A secret's row with all that its envelope is bound to.
pub(crate) struct Bound {
    /// The row's primary key, from behind which the next ones are read.
    pub(crate) key: [Value; 5],
    pub(crate) tenant: Tenant,
    pub(crate) locator: Locator,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) sealed: Vec<u8>,
}

/// The next secrets of all tenants in a part of a store, behind the row `after`.
pub(crate) async fn all(
    store: &Store,
    after: Option<&[Value; 5]>,
) -> Result<Vec<Bound>, StorageError> {
    let first = "SELECT mode, app, account, scope, name_key, expires_at, scope_user, name, sealed \
                 FROM secret ORDER BY mode, app, account, scope, name_key LIMIT ?";
    let next = "SELECT mode, app, account, scope, name_key, expires_at, scope_user, name, sealed \
                FROM secret WHERE (mode, app, account, scope, name_key) > (?, ?, ?, ?, ?) \
                ORDER BY mode, app, account, scope, name_key LIMIT ?";
    let batch = Value::Int(limit::JOB_BATCH);
    let rows = match after {
        None => store.query_part(first, &[batch]).await?,
        Some(after) => {
            let params: Vec<Value> = after.iter().cloned().chain([batch]).collect();
            store.query_part(next, &params).await?
        }
    };
    rows.into_iter().map(bound).collect()
}

/// A row of [`all`]; a scope_user of NULL stands for the account's scope.
fn bound(mut row: Row) -> Result<Bound, StorageError> {
    let tenant = tenant_of_row(&row)?;
    let [mode, app, account] = tenant_values(&tenant);
    let key = values![mode, app, account, row.blob(3)?, row.blob(4)?];
    let user = row.optional_text(6)?.map(str::to_owned);
    let scope = user.map_or(Scope::Account, Scope::User);
    let locator = Locator { scope, name: row.take_text(7)? };
    let expires_at = row.optional_int(5)?.map(Timestamp::from_unix);
    Ok(Bound { key, tenant, locator, expires_at, sealed: row.take_blob(8)? })
}

/// The key of the row at `locator`.
pub(crate) fn row_key(locator: &Locator, keys: &TenantKeys, tenant: &Tenant) -> RowKey {
    RowKey { tenant: tenant.clone(), scope: locator.scope.digest(keys), name: locator.digest(keys) }
}
