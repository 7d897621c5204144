//! The SQL of the Secret Store.

mod expiring;
mod lease;
mod names;
pub(crate) mod notice;

pub(crate) use expiring::{Expiring, expiring};
pub(crate) use lease::{lock_secret, set_lease};
pub(crate) use names::{Named, names_of, names_of_app};

use crate::announced::Announced;
use crate::lease::LeaseState;
use crate::limits;
use crate::secret::{Locator, Scope};
use coffer_base::{Slots, Tenant, Timestamp};
use coffer_kernel::{
    AuditEntry, AuditTarget, PagePosition, Prune, SealedTable, append_audit, last_tombstone_query,
    leave_tombstone, tenant_of_row,
};
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
    tables: &[("secret", Placement::Spread), ("scope_lock", Placement::Spread)],
};

/// What the family keeps of a tenant, to be erased with it.
pub const PURGE: &[Prune] = &[
    Prune {
        select: "SELECT slot, mode, app, account, scope, name_key FROM secret \
                 WHERE slot >= ?4 AND slot <= ?5 AND mode = ?1 AND app = ?2 AND account = ?3 \
                 LIMIT ?6",
        delete: DELETE,
    },
    Prune {
        select: "SELECT mode, app, account, number FROM scope_lock \
                 WHERE mode = ?1 AND app = ?2 AND account = ?3 LIMIT ?6",
        delete: "DELETE FROM scope_lock WHERE mode = ? AND app = ? AND account = ? \
                 AND number = ?",
    },
];

/// The same of one of the tenant's users.
pub const PURGE_USER: &[Prune] = &[Prune {
    select: "SELECT slot, mode, app, account, scope, name_key FROM secret \
             WHERE slot >= ?4 AND slot <= ?5 AND mode = ?1 AND app = ?2 AND account = ?3 \
             AND scope_user = ?6 LIMIT ?7",
    delete: DELETE,
}];

/// The sizes of secrets behind a key, to be counted: those of the payload as it is sealed, and of
/// the name.
pub(crate) const SIZES: &str = "SELECT mode, app, account, scope, slot, name_key, \
     octet_length(sealed) + octet_length(name) FROM secret \
     WHERE (slot, account, name_key) > (?5, ?3, ?6) ORDER BY slot, account, name_key LIMIT ?7";

/// Columns of a secret's key that say which scope it is in: mode, app, account, scope.
pub(crate) const SCOPE_COLUMNS: usize = 4;

/// A key that stands before those of all secrets.
pub(crate) fn before_all() -> Vec<Value> {
    values![-1_i64, "", "", b"", i64::MIN, b""].into()
}

/// Bits of a slot that scopes of one tenant differ by. Of a tenant with as many scopes as an app
/// may have, one in fifty shares them with another. Names have the eight bits that are left: of a
/// thousand secrets in a scope, four have the same slot.
const SCOPE_BITS: u32 = 30;

fn slots_of_scope(tenant: &Tenant, scope: Digest) -> Slots {
    Slots::of_tenant(tenant).within(SCOPE_BITS, scope.as_bytes())
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
    /// Where the rows of the scope are.
    slots: Slots,
}

impl RowKey {
    fn values(&self) -> [Value; 6] {
        let [mode, app, account] = tenant_values(&self.tenant);
        let (scope, name) = (self.scope.as_bytes(), self.name.as_bytes());
        values![self.slots.slot(name), mode, app, account, scope, name]
    }
}

fn tenant_values(tenant: &Tenant) -> [Value; 3] {
    values![tenant.mode, &tenant.app, &tenant.account]
}

/// What the rows of a scope are found by: first and last slot, tenant, scope.
fn scope_values(tenant: &Tenant, scope: Digest) -> [Value; 6] {
    let slots = slots_of_scope(tenant, scope);
    let [mode, app, account] = tenant_values(tenant);
    values![slots.first(), slots.last(), mode, app, account, scope.as_bytes()]
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
    /// How often it was set.
    pub(crate) version: i64,
}

fn stored(mut row: Row) -> Result<StoredSecret, StorageError> {
    Ok(StoredSecret {
        seq: row.int(0)?,
        id: row.take_text(1)?,
        created: Timestamp::from_unix(row.int(2)?),
        expires_at: row.optional_int(3)?.map(Timestamp::from_unix),
        name: row.take_text(4)?,
        sealed: row.take_blob(5)?,
        version: row.int(6)?,
    })
}

/// A secret whose row is locked, with its lease.
pub(crate) struct LockedSecret {
    pub(crate) secret: StoredSecret,
    pub(crate) lease: LeaseState,
}

fn locked(row: Row) -> Result<LockedSecret, StorageError> {
    let (number, until, spent) = (row.int(7)?, row.optional_int(8)?, row.int(9)?);
    let lease = LeaseState { number, until: until.map(Timestamp::from_unix), spent };
    Ok(LockedSecret { secret: stored(row)?, lease })
}

const FIND: &str = "SELECT seq, id, created, expires_at, name, sealed, version FROM secret \
     WHERE slot = ? AND mode = ? AND app = ? AND account = ? AND scope = ? AND name_key = ?";

/// The same, locked against the job that deletes what has expired, which takes no scope's lock.
const FIND_LOCKED: &str = "SELECT seq, id, created, expires_at, name, sealed, version, lease, \
     lease_until, lease_spent FROM secret WHERE slot = ? AND mode = ? AND app = ? AND account = ? \
     AND scope = ? AND name_key = ? FOR UPDATE";

/// The secret at a locator, expired or not, as committed.
pub(crate) async fn find(
    store: &Store,
    key: &RowKey,
) -> Result<Option<StoredSecret>, StorageError> {
    store.query(FIND, &key.values()).await?.into_iter().next().map(stored).transpose()
}

/// Locks a row that is there, and makes it first if it is not. Nothing of it is changed.
const LOCK: &str = "INSERT INTO scope_lock (mode, app, account, number) VALUES (?, ?, ?, ?) \
     ON CONFLICT (account, app, mode, number) DO UPDATE SET number = excluded.number WHERE false";

/// Counts what the quota limits, and what it does not: expired rows that are not deleted yet are no
/// secrets any more. Also answers the last place of the list.
const COUNT: &str = "SELECT count(*), count(CASE WHEN expires_at <= ? THEN 1 END), \
     coalesce(max(seq), 0) FROM secret WHERE slot >= ? AND slot <= ? AND mode = ? AND app = ? \
     AND account = ? AND scope = ?";

/// A scope that is locked against other writers until the transaction ends.
pub(crate) struct LockedScope {
    /// The next place in the scope's list, which this transaction may use: behind those of all
    /// secrets, and of all that cursors can still name.
    pub(crate) seq: i64,
    /// The secret at the locator that was asked for, expired or not.
    pub(crate) existing: Option<LockedSecret>,
    /// How many secrets are live.
    pub(crate) live: i64,
    /// How many have expired, and are still there.
    pub(crate) expired: i64,
}

/// Locks the scope of `key`, and then reads what is in it: in one round trip if the database is
/// remote, since its statements see what was committed before each of them. A local one has one
/// writer, who needs no lock. The first `seq` of a scope is 1.
///
/// # Errors
/// When the lock is not free in time, or the store fails.
pub(crate) async fn lock_scope(
    tx: &mut Tx<'_>,
    key: &RowKey,
    now: Timestamp,
) -> Result<LockedScope, StorageError> {
    let (lock, locator) = (lock_values(key), key.values());
    let [first, last, mode, app, account, scope] = scope_values(&key.tenant, key.scope);
    let count = values![now, first, last, mode, app, account, scope];
    let deleted = last_tombstone_query(&key.tenant, key.scope.as_bytes());
    let lock = Statement { sql: LOCK, params: &lock };
    let count = Statement { sql: COUNT, params: &count };
    let find = Statement { sql: FIND_LOCKED, params: &locator };
    let mut results = if tx.is_remote() {
        tx.batch(&[lock, count, deleted.statement(), find]).await?.split_off(1)
    } else {
        tx.batch(&[count, deleted.statement()]).await?
    };
    let corrupt = || StorageError::Corrupt("a scope could not be counted".into());
    let number = |statement: usize, column: usize| {
        let rows: &Vec<Row> = results.get(statement).ok_or_else(corrupt)?;
        rows.first().ok_or_else(corrupt)?.int(column)
    };
    let (all, expired) = (number(0, 0)?, number(0, 1)?);
    let seq = number(0, 2)?.max(number(1, 0)?).saturating_add(1);
    if all > 0 && !tx.is_remote() {
        results.extend(tx.batch(&[find]).await?);
    }
    let existing = results.get_mut(2).and_then(Vec::pop).map(locked).transpose()?;
    Ok(LockedScope { seq, existing, live: all.saturating_sub(expired), expired })
}

/// The row that stands for the scope of `key`.
fn lock_values(key: &RowKey) -> [Value; 4] {
    let [mode, app, account] = tenant_values(&key.tenant);
    let [first, ..] = *key.scope.as_bytes();
    values![mode, app, account, i64::from(first) % limits::SCOPE_LOCKS]
}

/// Adds a secret, of which something may count as announced.
pub(crate) fn insert(
    tx: &mut Tx<'_>,
    key: &RowKey,
    locator: &Locator,
    secret: &StoredSecret,
    announced: Announced,
) {
    let [slot, mode, app, account, scope, name_key] = key.values();
    tx.defer(
        "INSERT INTO secret (slot, mode, app, account, scope, name_key, seq, id, created, \
         expires_at, scope_user, name, sealed, version, lease, lease_until, lease_spent, \
         announced) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, NULL, 0, ?)",
        values![
            slot,
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
            secret.version,
            announced.code(),
        ],
    );
}

/// Gives a secret that is locked another value, expiry and version, which ends its lease.
pub(crate) fn replace(
    tx: &mut Tx<'_>,
    key: &RowKey,
    to: &StoredSecret,
    version: i64,
    announced: Announced,
) {
    let [slot, mode, app, account, scope, name_key] = key.values();
    let StoredSecret { expires_at, sealed, .. } = to;
    let announced = announced.code();
    tx.defer(
        "UPDATE secret SET expires_at = ?, sealed = ?, version = ?, lease_until = NULL, \
         lease_spent = 0, announced = ? WHERE slot = ? AND mode = ? AND app = ? AND account = ? \
         AND scope = ? AND name_key = ?",
        values![*expires_at, sealed, version, announced, slot, mode, app, account, scope, name_key],
    );
}

const DELETE: &str = "DELETE FROM secret WHERE slot = ? AND mode = ? AND app = ? \
     AND account = ? AND scope = ? AND name_key = ?";

/// The same if it has expired, and says where it stood.
const DELETE_EXPIRED: &str = "DELETE FROM secret WHERE slot = ? AND mode = ? AND app = ? \
     AND account = ? AND scope = ? AND name_key = ? AND expires_at <= ? \
     RETURNING mode, app, account, scope, id, seq, name_key";

/// Deletes a secret, and leaves a tombstone in its place for cursors that still name it.
pub(crate) fn remove(tx: &mut Tx<'_>, key: &RowKey, id: &str, seq: i64, now: Timestamp) {
    tx.defer(DELETE, key.values().to_vec());
    leave_tombstone(tx, &key.tenant, key.scope.as_bytes(), id, seq, now);
}

/// Deletes the longest expired secrets of a locked scope, at most `most`. The sums keep planners
/// from a walk through what has expired of all tenants.
///
/// # Errors
/// When the store fails.
pub(crate) async fn remove_expired(
    tx: &mut Tx<'_>,
    key: &RowKey,
    now: Timestamp,
    most: i64,
) -> Result<(), StorageError> {
    let [first, last, mode, app, account, scope] = scope_values(&key.tenant, key.scope);
    let rows = tx
        .query(
            "SELECT mode, app, account, scope, name_key, slot, id, seq FROM secret \
             WHERE slot >= ? AND slot <= ? AND mode = ? AND app = ? AND account = ? AND scope = ? \
             AND expires_at + 0 <= ? ORDER BY expires_at + 0 LIMIT ? FOR UPDATE SKIP LOCKED",
            &values![first, last, mode, app, account, scope, now, most],
        )
        .await?;
    rows.iter().try_for_each(|row| expire(row, now, tx))
}

/// Deletes the row that was selected as mode, app, account, scope, name_key, slot, id, seq.
fn expire(row: &Row, now: Timestamp, tx: &mut Tx<'_>) -> Result<(), StorageError> {
    let tenant = tenant_of_row(row)?;
    let (scope, id, seq) = (row.blob(3)?, row.text(6)?, row.int(7)?);
    let [mode, app, account] = tenant_values(&tenant);
    tx.defer(DELETE, values![row.int(5)?, mode, app, account, scope, row.blob(4)?]);
    leave_tombstone(tx, &tenant, scope, id, seq, now);
    audit_expiry(tx, tenant, id, Digest::stored(row.blob(4)?), now);
    Ok(())
}

/// Has the audit say that a secret was deleted since it has expired.
pub(crate) fn audit_expiry(
    tx: &mut Tx<'_>,
    tenant: Tenant,
    id: &str,
    name: Option<Digest>,
    now: Timestamp,
) {
    let target = AuditTarget {
        subject: Some(id.to_owned()),
        name_fingerprint: name,
        ..AuditTarget::default()
    };
    let entry = AuditEntry::of_program("program.secrets.expire", tenant, now);
    append_audit(tx, &AuditEntry { target, ..entry });
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
        "SELECT seq, id, created, expires_at, name, sealed, version FROM secret \
         WHERE slot >= ? AND slot <= ? AND mode = ? AND app = ? AND account = ? AND scope = ? \
         AND (expires_at IS NULL OR expires_at > ?) \
         AND seq > ? ORDER BY seq ASC LIMIT ?"
    } else {
        "SELECT seq, id, created, expires_at, name, sealed, version FROM secret \
         WHERE slot >= ? AND slot <= ? AND mode = ? AND app = ? AND account = ? AND scope = ? \
         AND (expires_at IS NULL OR expires_at > ?) \
         AND seq < ? ORDER BY seq DESC LIMIT ?"
    };
    let [first, last, mode, app, account, scope] = scope_values(tenant, scope);
    let PagePosition { seq, fetch, .. } = position;
    let params = values![first, last, mode, app, account, scope, now, seq, fetch];
    let rows = store.query(sql, &params).await?;
    rows.into_iter().map(stored).collect()
}

/// The place in its scope's list of the secret `id`, expired or not; `None` if there is none.
pub(crate) async fn seq_of(
    store: &Store,
    tenant: &Tenant,
    scope: Digest,
    id: &str,
) -> Result<Option<i64>, StorageError> {
    let [first, last, mode, app, account, scope] = scope_values(tenant, scope);
    let rows = store
        .query(
            "SELECT seq FROM secret WHERE slot >= ? AND slot <= ? AND mode = ? AND app = ? \
             AND account = ? AND scope = ? AND id = ?",
            &values![first, last, mode, app, account, scope, id],
        )
        .await?;
    rows.first().map(|row| row.int(0)).transpose()
}

/// Deletes up to `limit` secrets that have expired, of all tenants, and returns how many it found.
/// It skips rows that another transaction has locked: they are being set anew, or another server
/// deletes them. A store that is spread takes no lock to find them, so what has been set anew
/// meanwhile is spared as it is deleted.
pub(crate) struct DeleteExpired {
    /// Of which so much was announced.
    pub(crate) announced: Announced,
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
                "SELECT slot, mode, app, account, scope, name_key FROM secret \
                 WHERE announced = ? AND expires_at <= ? ORDER BY expires_at LIMIT ? \
                 FOR UPDATE SKIP LOCKED",
                &values![self.announced.code(), self.by, self.limit],
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
            let tenant = tenant_of_row(row)?;
            leave_tombstone(tx, &tenant, scope, id, seq, self.now);
            audit_expiry(tx, tenant, id, Digest::stored(row.blob(6)?), self.now);
        }
        Ok(found)
    }
}

/// Secrets of all tenants, with all that their envelopes are bound to. The digest of a name is also
/// one of its scope.
pub(crate) const SEALED: SealedTable = SealedTable {
    next: "SELECT mode, app, account, slot, name_key, sealed, expires_at, scope_user, name \
           FROM secret WHERE (slot, account, name_key) > (?1, ?2, ?3) AND slot <= ?4 \
           ORDER BY slot, account, name_key LIMIT ?5",
    replace: "UPDATE secret SET sealed = ? WHERE slot = ? AND mode = ? AND app = ? \
              AND account = ? AND name_key = ? AND sealed = ?",
    count: "SELECT count(*) FROM secret WHERE slot >= ? AND slot <= ?",
    bound_to: |keys, row| {
        let expires_at = row.optional_int(6)?.map(Timestamp::from_unix);
        Ok(locator_of(row)?.associated_data(keys, expires_at))
    },
};

/// Where the secret of a row belongs; a scope_user of NULL stands for the account's scope.
fn locator_of(row: &Row) -> Result<Locator, StorageError> {
    let user = row.optional_text(7)?.map(str::to_owned);
    let scope = user.map_or(Scope::Account, Scope::User);
    Ok(Locator { scope, name: row.text(8)?.to_owned() })
}

/// The key of the row at `locator`.
pub(crate) fn row_key(locator: &Locator, keys: &TenantKeys, tenant: &Tenant) -> RowKey {
    let (scope, name) = (locator.scope.digest(keys), locator.digest(keys));
    RowKey { tenant: tenant.clone(), scope, name, slots: slots_of_scope(tenant, scope) }
}
