//! The SQL of the Secret Store.

use crate::secret::Place;
use coffer_base::{AccountId, AppId, Mode, Tenant, Timestamp};
use coffer_kernel::{PagePosition, Sweep, leave_tombstone};
use coffer_keyring::Digest;
use coffer_keyring::TenantKeys;
use coffer_storage::{Migration, MigrationSet, Row, StorageError, Store, Tx, Value, Work};

/// The family's schema.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    room: "secrets",
    migrations: &[Migration {
        version: 1,
        name: "secret",
        sql: include_str!("../migrations/0001_secret.sql"),
    }],
};

/// What the family keeps of a tenant, to be erased with it.
pub const ERASE: &[Sweep] = &[
    Sweep {
        select: "SELECT mode, app, account, scope, name_key FROM secret \
                 WHERE mode = ? AND app = ? AND account = ? LIMIT ?",
        delete: DELETE,
    },
    Sweep {
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
        [mode, app, account, scope, blob(self.name)]
    }
}

fn blob(digest: Digest) -> Value {
    Value::from(digest.as_bytes().as_slice())
}

fn time(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, |at| Value::Int(at.unix()))
}

fn tenant_values(tenant: &Tenant) -> [Value; 3] {
    [
        Value::Int(tenant.mode.code()),
        Value::from(tenant.app.as_str()),
        Value::from(tenant.account.as_str()),
    ]
}

fn scope_values(tenant: &Tenant, scope: Digest) -> [Value; 4] {
    let [mode, app, account] = tenant_values(tenant);
    [mode, app, account, blob(scope)]
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

/// The secret at a place, expired or not, as committed.
pub(crate) async fn find(
    store: &Store,
    key: &RowKey,
) -> Result<Option<StoredSecret>, StorageError> {
    store.query(FIND, &key.values()).await?.into_iter().next().map(stored).transpose()
}

/// The secret at a place, expired or not, as the transaction sees it.
pub(crate) async fn find_in(
    tx: &mut Tx<'_>,
    key: &RowKey,
) -> Result<Option<StoredSecret>, StorageError> {
    tx.query(FIND, &key.values()).await?.into_iter().next().map(stored).transpose()
}

/// Locks a scope against other writers until the transaction ends, and gives out its next
/// place. The first place of a scope is 1: then nothing is in it yet.
pub(crate) async fn lock_scope(tx: &mut Tx<'_>, key: &RowKey) -> Result<i64, StorageError> {
    let rows = tx
        .query(
            "INSERT INTO secret_scope (mode, app, account, scope, seq) VALUES (?, ?, ?, ?, 1) \
             ON CONFLICT (mode, app, account, scope) DO UPDATE SET seq = secret_scope.seq + 1 \
             RETURNING seq",
            &key.scope_values(),
        )
        .await?;
    rows.first().ok_or_else(|| StorageError::Corrupt("a scope's row gave no number".into()))?.int(0)
}

/// How many secrets of a scope are live.
pub(crate) async fn count_live(
    tx: &mut Tx<'_>,
    key: &RowKey,
    now: Timestamp,
) -> Result<i64, StorageError> {
    let [mode, app, account, scope] = key.scope_values();
    let rows = tx
        .query(
            "SELECT count(*) FROM secret WHERE mode = ? AND app = ? AND account = ? \
             AND scope = ? AND (expires_at IS NULL OR expires_at > ?)",
            &[mode, app, account, scope, Value::Int(now.unix())],
        )
        .await?;
    rows.first().map_or(Ok(0), |row| row.int(0))
}

/// Adds a secret.
pub(crate) async fn insert(
    tx: &mut Tx<'_>,
    key: &RowKey,
    place: &Place,
    secret: &StoredSecret,
) -> Result<(), StorageError> {
    let [mode, app, account, scope, name_key] = key.values();
    let user = place.scope.user().map_or(Value::Null, Value::from);
    tx.execute(
        "INSERT INTO secret (mode, app, account, scope, name_key, seq, id, created, expires_at, \
         scope_user, name, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &[
            mode,
            app,
            account,
            scope,
            name_key,
            Value::Int(secret.seq),
            Value::from(secret.id.as_str()),
            Value::Int(secret.created.unix()),
            time(secret.expires_at),
            user,
            Value::from(place.name.as_str()),
            Value::from(secret.sealed.as_slice()),
        ],
    )
    .await?;
    Ok(())
}

/// Gives a secret another value and expiry.
pub(crate) async fn replace(
    tx: &mut Tx<'_>,
    key: &RowKey,
    expires_at: Option<Timestamp>,
    sealed: &[u8],
) -> Result<(), StorageError> {
    let [mode, app, account, scope, name_key] = key.values();
    tx.execute(
        "UPDATE secret SET expires_at = ?, sealed = ? WHERE mode = ? AND app = ? \
         AND account = ? AND scope = ? AND name_key = ?",
        &[time(expires_at), Value::from(sealed), mode, app, account, scope, name_key],
    )
    .await?;
    Ok(())
}

const DELETE: &str = "DELETE FROM secret WHERE mode = ? AND app = ? AND account = ? \
     AND scope = ? AND name_key = ?";

/// Takes a secret out, and leaves a tombstone where it stood.
pub(crate) async fn remove(
    tx: &mut Tx<'_>,
    key: &RowKey,
    id: &str,
    seq: i64,
    now: Timestamp,
) -> Result<(), StorageError> {
    tx.execute(DELETE, &key.values()).await?;
    leave_tombstone(tx, &key.tenant, key.scope.as_bytes(), id, seq, now).await
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

/// The place of the secret `id` in its scope, expired or not.
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
            &[mode, app, account, scope, Value::from(id)],
        )
        .await?;
    rows.first().map(|row| row.int(0)).transpose()
}

/// Deletes up to `limit` secrets that have expired, of all tenants.
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
                 WHERE expires_at <= ? ORDER BY expires_at LIMIT ?",
                &[now, Value::Int(self.limit)],
            )
            .await?;
        for row in &due {
            self.delete(row, tx).await?;
        }
        Ok(u64::try_from(due.len()).unwrap_or(u64::MAX))
    }
}

impl DeleteExpired {
    async fn delete(&self, row: &Row, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        let tenant = tenant(row)?;
        let (scope, id, seq) = (row.blob(3)?, row.text(5)?, row.int(6)?);
        let [mode, app, account] = tenant_values(&tenant);
        let (scope_key, name_key) = (Value::from(scope), Value::from(row.blob(4)?));
        tx.execute(DELETE, &[mode, app, account, scope_key, name_key]).await?;
        leave_tombstone(tx, &tenant, scope, id, seq, self.now).await
    }
}

/// The tenant that a row begins with.
fn tenant(row: &Row) -> Result<Tenant, StorageError> {
    let corrupt = || StorageError::Corrupt("a secret's row begins with no tenant".into());
    Ok(Tenant {
        mode: Mode::from_code(row.int(0)?).ok_or_else(corrupt)?,
        app: AppId::parse(row.text(1)?).map_err(|_| corrupt())?,
        account: AccountId::parse(row.text(2)?).map_err(|_| corrupt())?,
    })
}

/// The key of the row at `place`.
pub(crate) fn row_key(place: &Place, keys: &TenantKeys, tenant: &Tenant) -> RowKey {
    RowKey { tenant: tenant.clone(), scope: place.scope.digest(keys), name: place.digest(keys) }
}
