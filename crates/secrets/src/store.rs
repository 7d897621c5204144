//! The SQL of the Secret Store.

use crate::secret::{Locator, Scope};
use coffer_base::{Tenant, Timestamp, limit};
use coffer_kernel::{PagePosition, Prune, leave_tombstone, tenant_of_row};
use coffer_keyring::Digest;
use coffer_keyring::TenantKeys;
use coffer_storage::{
    Migration, MigrationSet, Row, Statement, StorageError, Store, Tx, Value, Work, values,
};

/// The family's schema.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    component: "secrets",
    migrations: &[Migration {
        version: 1,
        name: "secret",
        sql: include_str!("../migrations/0001_secret.sql"),
    }],
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

/// The key of a secret's row.
#[derive(Clone, Debug)]
pub(crate) struct RowKey {
    pub(crate) tenant: Tenant,
    pub(crate) scope: Digest,
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

/// A secret's row, its envelope closed.
#[derive(Debug)]
pub(crate) struct StoredSecret {
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) created: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) name: String,
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

/// The same, held against whoever deletes what has expired: that needs no scope's lock.
const FIND_LOCKED: &str = "SELECT seq, id, created, expires_at, name, sealed FROM secret \
     WHERE mode = ? AND app = ? AND account = ? AND scope = ? AND name_key = ? FOR UPDATE";

/// The secret at a locator, expired or not, as committed.
pub(crate) async fn find(
    store: &Store,
    key: &RowKey,
) -> Result<Option<StoredSecret>, StorageError> {
    store.query(FIND, &key.values()).await?.into_iter().next().map(stored).transpose()
}

const LOCK: &str = "INSERT INTO secret_scope (mode, app, account, scope, seq) \
     VALUES (?, ?, ?, ?, 1) ON CONFLICT (mode, app, account, scope) \
     DO UPDATE SET seq = secret_scope.seq + 1 RETURNING seq";

const COUNT_LIVE: &str = "SELECT count(*) FROM secret WHERE mode = ? AND app = ? AND account = ? \
     AND scope = ? AND (expires_at IS NULL OR expires_at > ?)";

/// A scope that is locked against other writers until the transaction ends.
pub(crate) struct LockedScope {
    /// Its next locator in the order of the list.
    pub(crate) seq: i64,
    /// The secret at the locator that was asked for, expired or not.
    pub(crate) existing: Option<StoredSecret>,
    /// How many secrets are live.
    pub(crate) live: i64,
}

/// Locks the scope of `key` and reads it, in one round trip if the database is remote: it reads the
/// rows as they are once the lock is granted.
pub(crate) async fn lock_scope(
    tx: &mut Tx<'_>,
    key: &RowKey,
    now: Timestamp,
) -> Result<LockedScope, StorageError> {
    let (scope, locator) = (key.scope_values(), key.values());
    let [mode, app, account, of] = scope.clone();
    let live = values![mode, app, account, of, now];
    let lock = Statement { sql: LOCK, params: &scope };
    let look = [
        Statement { sql: FIND_LOCKED, params: &locator },
        Statement { sql: COUNT_LIVE, params: &live },
    ];
    let corrupt = || StorageError::Corrupt("a scope's row gave no number".into());
    let number = |rows: &[Row]| rows.first().ok_or_else(corrupt)?.int(0);
    let answers = if tx.is_remote() {
        tx.batch(&[&[lock][..], &look].concat()).await?
    } else {
        let mut answers = tx.batch(&[lock]).await?;
        // The first locator of a scope means that nothing is in it.
        if number(answers.first().map_or(&[], Vec::as_slice))? == 1 {
            return Ok(LockedScope { seq: 1, existing: None, live: 0 });
        }
        answers.extend(tx.batch(&look).await?);
        answers
    };
    let [locked, found, counted] =
        <[Vec<Row>; 3]>::try_from(answers).map_err(|_wrong| corrupt())?;
    Ok(LockedScope {
        seq: number(&locked)?,
        existing: found.into_iter().next().map(stored).transpose()?,
        live: counted.first().map_or(Ok(0), |row| row.int(0))?,
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

/// Takes a secret out, and leaves a tombstone where it stood.
pub(crate) fn remove(tx: &mut Tx<'_>, key: &RowKey, id: &str, seq: i64, now: Timestamp) {
    tx.defer(DELETE, key.values().to_vec());
    leave_tombstone(tx, &key.tenant, key.scope.as_bytes(), id, seq, now);
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

/// The locator of the secret `id` in its scope, expired or not.
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

/// Deletes up to `limit` secrets that have expired, of all tenants, but for those that somebody
/// else has at hand: they may be set anew this moment, or another server deletes them.
pub(crate) struct DeleteExpired {
    pub(crate) now: Timestamp,
    pub(crate) limit: i64,
}

impl Work for DeleteExpired {
    type Out = u64;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StorageError> {
        let now = Value::Int(self.now.unix());
        let due = tx
            .query(
                "SELECT mode, app, account, scope, name_key, id, seq FROM secret \
                 WHERE expires_at <= ? ORDER BY expires_at LIMIT ? FOR UPDATE SKIP LOCKED",
                &values![now, self.limit],
            )
            .await?;
        for row in &due {
            self.delete(row, tx)?;
        }
        Ok(u64::try_from(due.len()).unwrap_or(u64::MAX))
    }
}

impl DeleteExpired {
    fn delete(&self, row: &Row, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        let tenant = tenant_of_row(row)?;
        let (scope, id, seq) = (row.blob(3)?, row.text(5)?, row.int(6)?);
        let [mode, app, account] = tenant_values(&tenant);
        let (scope_key, name_key) = (Value::from(scope), Value::from(row.blob(4)?));
        tx.defer(DELETE, vec![mode, app, account, scope_key, name_key]);
        leave_tombstone(tx, &tenant, scope, id, seq, self.now);
        Ok(())
    }
}

/// A secret's row with all that its envelope is bound to.
pub(crate) struct Bound {
    pub(crate) key: [Value; 5],
    pub(crate) tenant: Tenant,
    pub(crate) locator: Locator,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) sealed: Vec<u8>,
}

/// The next secrets of all tenants, behind the row `after`.
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
        None => store.query(first, &[batch]).await?,
        Some(after) => {
            let params: Vec<Value> = after.iter().cloned().chain([batch]).collect();
            store.query(next, &params).await?
        }
    };
    rows.into_iter().map(bound).collect()
}

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
