//! The SQL of the keys: the tables of the key store, and the two tables in the data store.

mod audit_mark;
mod head;
mod key_use;
mod master;
mod revocation;
mod root;
mod rotation;
mod runs;
mod state;
mod unopenable;

pub use audit_mark::{AuditMark, audit_mark, forget_audit_mark, keep_audit_mark};
pub use head::{Head, head, raise_head};
pub use key_use::{count_use, uses};
pub use master::*;
pub(crate) use revocation::*;
pub(crate) use root::{
    AddRoot, CancelRoot, FinishRoot, RecordEvent, RenewRoot, Use, accepted_roots, incoming_masters,
    insert_root, lock_masters, root_state, sample,
};
pub use root::{FAILED, ForgetRootEvent, RootEvent, RootState, StoredRoot, root_events};
pub use rotation::*;
pub use runs::{LastRun, RunKind, last_run, record_run};
pub use state::{advance_epoch, has_older_keys, is_making_locked, key_epoch, lock_making};
pub use unopenable::{Unopenable, tenants_without_key};

use crate::error::KeyringError;
use coffer_base::{Tenant, Timestamp};
use coffer_storage::{
    Migration, MigrationSet, Placement, Query, Row, Snapshot, StorageError, Store, Tx, Value, Work,
    values,
};

/// The key store's schema.
pub const KEY_MIGRATIONS: MigrationSet = MigrationSet {
    component: "keyring.keys",
    migrations: &[
        Migration {
            version: 1,
            name: "keys",
            sql: include_str!("../migrations/keys/0001_keys.sql"),
        },
        Migration {
            version: 2,
            name: "operations",
            sql: include_str!("../migrations/keys/0002_operations.sql"),
        },
        Migration {
            version: 3,
            name: "audit_mark",
            sql: include_str!("../migrations/keys/0003_audit_mark.sql"),
        },
    ],
    // A database of its own, which is never distributed.
    tables: &[],
};

/// The keyring's tables in the data store.
pub const DATA_MIGRATIONS: MigrationSet = MigrationSet {
    component: "keyring.data",
    migrations: &[
        Migration {
            version: 1,
            name: "tenant_seal",
            sql: include_str!("../migrations/data/0001_tenant_seal.sql"),
        },
        Migration {
            version: 2,
            name: "store_head",
            sql: include_str!("../migrations/data/0002_store_head.sql"),
        },
    ],
    tables: &[
        ("tenant_seal", Placement::Spread),
        ("store_identity", Placement::Local),
        ("store_head", Placement::Local),
        ("rotation", Placement::Local),
    ],
};

/// A key as it is stored.
pub(crate) struct StoredKey {
    pub(crate) purpose: Purpose,
    pub(crate) version: u32,
    pub(crate) master_version: u32,
    /// `None` once destroyed.
    pub(crate) wrapped: Option<Vec<u8>>,
}

/// What a tenant's key is for. Keys of both purposes are created and destroyed together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// Seals values.
    Sealing,
    /// Makes lookup digests and fingerprints.
    Lookup,
}

impl Purpose {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Sealing => "sealing",
            Self::Lookup => "lookup",
        }
    }

    pub(crate) fn parse(word: &str) -> Result<Self, StorageError> {
        match word {
            "sealing" => Ok(Self::Sealing),
            "lookup" => Ok(Self::Lookup),
            _ => Err(StorageError::Corrupt("tenant_key.purpose".into())),
        }
    }
}

fn tenant_values(tenant: &Tenant) -> [Value; 3] {
    values![tenant.mode, &tenant.app, &tenant.account]
}

pub(crate) fn version_of(row: &Row, column: usize) -> Result<u32, StorageError> {
    u32::try_from(row.int(column)?)
        .map_err(|_| StorageError::Corrupt("a key's version is out of range".into()))
}

const TENANT_KEYS: &str = "SELECT purpose, version, master_version, wrapped FROM tenant_key \
     WHERE mode = ? AND app = ? AND account = ? ORDER BY purpose, version";

pub(crate) async fn tenant_keys(
    keys: &Store,
    tenant: &Tenant,
) -> Result<Vec<StoredKey>, StorageError> {
    let rows = keys.query(TENANT_KEYS, &tenant_values(tenant)).await?;
    rows.into_iter().map(stored_key).collect()
}

fn stored_key(mut row: Row) -> Result<StoredKey, StorageError> {
    Ok(StoredKey {
        purpose: Purpose::parse(row.text(0)?)?,
        version: version_of(&row, 1)?,
        master_version: version_of(&row, 2)?,
        wrapped: row.take_optional_blob(3)?,
    })
}

/// A key that is about to be stored.
pub(crate) struct NewKey {
    pub(crate) purpose: Purpose,
    pub(crate) version: u32,
    pub(crate) master_version: u32,
    pub(crate) wrapped: Vec<u8>,
}

/// Inserts keys of a tenant, except those of a version that another server inserted first.
/// Returns whether the master key that wraps them is still the newest: if not, it inserts none.
pub(crate) struct InsertKeys {
    pub(crate) tenant: Tenant,
    pub(crate) keys: Vec<NewKey>,
    pub(crate) now: Timestamp,
}

impl Work for InsertKeys {
    type Out = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StorageError> {
        for key in &self.keys {
            if !lock_newest_master(tx, key.master_version).await? {
                return Ok(false);
            }
            insert_key(tx, &self.tenant, key, NO_ROTATION, self.now).await?;
        }
        Ok(true)
    }
}

/// The number of keys that no rotation has made.
const NO_ROTATION: i64 = 0;

/// Inserts a key of a tenant, unless that version is there.
async fn insert_key(
    tx: &mut Tx<'_>,
    Tenant { mode, app, account }: &Tenant,
    NewKey { purpose, version, master_version, wrapped }: &NewKey,
    rotation: i64,
    now: Timestamp,
) -> Result<(), StorageError> {
    tx.execute(
        "INSERT INTO tenant_key (mode, app, account, purpose, version, master_version, created, \
         rotation, uses, wrapped) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?) \
         ON CONFLICT (mode, app, account, purpose, version) DO NOTHING",
        &values![
            *mode,
            app,
            account,
            purpose.as_str(),
            *version,
            *master_version,
            now,
            rotation,
            wrapped
        ],
    )
    .await
    .map(drop)
}

/// Deletes the keys from a tenant's rows, which stay.
pub(crate) struct DestroyKeys {
    pub(crate) tenant: Tenant,
    pub(crate) newest: u32,
}

impl Work for DestroyKeys {
    type Out = ();

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        let Tenant { mode, app, account } = &self.tenant;
        let destroyed = tx
            .execute(
                "UPDATE tenant_key SET wrapped = NULL WHERE mode = ? AND app = ? AND account = ? \
             AND version <= ? AND wrapped IS NOT NULL",
                &values![*mode, app, account, self.newest],
            )
            .await?;
        if destroyed > 0 {
            tx.execute("UPDATE key_store SET epoch = epoch + 1", &[]).await?;
        }
        Ok(())
    }
}

/// Inserts the key store's first rows: the id of its data store, its root, and its first master
/// key.
pub(crate) struct InitKeyStore {
    pub(crate) store_id: String,
    pub(crate) root: StoredRoot,
    pub(crate) wrapped_master: Vec<u8>,
    pub(crate) now: Timestamp,
}

impl Work for InitKeyStore {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        tx.execute(
            "INSERT INTO key_store (singleton, store_id, created, developer, bound) \
             VALUES (1, ?, ?, 0, 0)",
            &values![&self.store_id, self.now],
        )
        .await?;
        tx.execute(
            "INSERT INTO master_key (version, created, rotation, wrapped) VALUES (1, ?, 0, ?)",
            &values![self.now, &self.wrapped_master],
        )
        .await?;
        insert_root(tx, &self.root);
        Ok(())
    }
}

/// The id of the data store that a key store belongs to; `None` if it was never initialized.
///
/// # Errors
/// If the key store cannot be read.
pub async fn key_store_id(keys: &Store) -> Result<Option<String>, StorageError> {
    let rows = keys.query("SELECT store_id FROM key_store", &[]).await?;
    rows.first().map(|row| row.text(0).map(str::to_owned)).transpose()
}

/// What a key store is for, beside holding keys.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct KeyStoreUse {
    /// Whether its store was made by developer mode, which lets in whoever asks.
    pub developer: bool,
    /// Whether there is data that was bound to it.
    pub bound: bool,
}

/// What a key store is for; nothing if it was never initialized. It stands beside the keys, so that
/// nobody who can only write to the data can change it.
///
/// # Errors
/// If the key store cannot be read.
pub async fn key_store_use(keys: &Store) -> Result<KeyStoreUse, StorageError> {
    let rows = keys.query("SELECT developer, bound FROM key_store", &[]).await?;
    let Some(row) = rows.first() else { return Ok(KeyStoreUse::default()) };
    Ok(KeyStoreUse { developer: row.int(0)? != 0, bound: row.int(1)? != 0 })
}

struct MarkUse(KeyStoreUse);

impl Work for MarkUse {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        let KeyStoreUse { developer, bound } = self.0;
        tx.execute("UPDATE key_store SET developer = ?, bound = ?", &values![developer, bound])
            .await
            .map(drop)
    }
}

/// Records what a key store is for.
///
/// # Errors
/// If the key store cannot be written.
pub async fn mark_key_store(keys: &Store, use_of: KeyStoreUse) -> Result<(), KeyringError> {
    Ok(keys.write(MarkUse(use_of)).await?)
}

/// The id of a data store; `None` if it was never initialized.
///
/// # Errors
/// If the data store cannot be read.
pub async fn store_id(data: &Store) -> Result<Option<String>, KeyringError> {
    let rows = data.query("SELECT store_id FROM store_identity", &[]).await?;
    Ok(rows.first().map(|row| row.text(0).map(str::to_owned)).transpose()?)
}

struct InsertStoreId {
    store_id: String,
    now: Timestamp,
}

impl Work for InsertStoreId {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        tx.execute(
            "INSERT INTO store_identity (singleton, store_id, created) VALUES (1, ?, ?)",
            &values![&self.store_id, self.now],
        )
        .await?;
        Ok(())
    }
}

/// Gives a new data store its id.
///
/// # Errors
/// If it has one already, or cannot be written.
pub async fn write_store_id(
    data: &Store,
    store_id: &str,
    now: Timestamp,
) -> Result<(), KeyringError> {
    Ok(data.write(InsertStoreId { store_id: store_id.to_owned(), now }).await?)
}

/// A backup of the key store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyBackup {
    /// When it was made.
    pub at: Timestamp,
    /// How many keys it has.
    pub keys: i64,
}

/// The last backup of the key store by `coffer backup`; `None` if there was none.
///
/// # Errors
/// If the key store cannot be read.
pub async fn last_backup(keys: &Store) -> Result<Option<KeyBackup>, KeyringError> {
    let rows = keys.query("SELECT last_backup, backed_up FROM key_store", &[]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let at = row.optional_int(0)?.map(Timestamp::from_unix);
    Ok(at.zip(row.optional_int(1)?).map(|(at, keys)| KeyBackup { at, keys }))
}

/// How many keys a key store has, destroyed ones included: their rows stay.
///
/// # Errors
/// If the key store cannot be read.
pub async fn key_count(keys: &Store) -> Result<i64, KeyringError> {
    let sql = "SELECT (SELECT count(*) FROM tenant_key) + (SELECT count(*) FROM master_key)";
    let rows = keys.scan(sql, &[]).await?;
    Ok(rows.first().map(|row| row.int(0)).transpose()?.unwrap_or_default())
}

/// How many keys of a copy of the key store that is about to be made are destroyed.
///
/// # Errors
/// If the key store cannot be read, or has the schema of another version.
pub fn destroyed_keys(keys: &Snapshot) -> Result<i64, StorageError> {
    keys.number(
        "SELECT (SELECT count(*) FROM tenant_key WHERE wrapped IS NULL) \
         + (SELECT count(*) FROM master_key WHERE wrapped IS NULL)",
    )
}

/// When the newest key of any tenant was created.
///
/// # Errors
/// If the key store cannot be read.
pub async fn newest_key(keys: &Store) -> Result<Option<Timestamp>, KeyringError> {
    optional_time(keys, "SELECT max(created) FROM tenant_key").await
}

async fn optional_time(keys: &Store, sql: &'static str) -> Result<Option<Timestamp>, KeyringError> {
    let rows = keys.query(sql, &[]).await?;
    let at = rows.first().map(|row| row.optional_int(0)).transpose()?.flatten();
    Ok(at.map(Timestamp::from_unix))
}

struct RecordBackup(KeyBackup);

impl Work for RecordBackup {
    type Out = ();

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        let KeyBackup { at, keys } = self.0;
        let sql = "UPDATE key_store SET last_backup = ?, backed_up = ?";
        tx.execute(sql, &values![at, keys]).await?;
        Ok(())
    }
}

/// Records that the key store was backed up.
///
/// # Errors
/// If the key store cannot be written.
pub async fn record_backup(keys: &Store, backup: KeyBackup) -> Result<(), KeyringError> {
    Ok(keys.write(RecordBackup(backup)).await?)
}

const SEAL_VERSION: &str =
    "SELECT key_version FROM tenant_seal WHERE mode = ? AND app = ? AND account = ?";

/// Reads the version that seals the tenant's rows.
pub(crate) fn seal_query(tenant: &Tenant) -> Query {
    Query::new(SEAL_VERSION, tenant_values(tenant))
}

/// The version in the rows of [`seal_query`]; `None` if none was recorded.
pub(crate) fn seal_version(rows: &[Row]) -> Result<Option<u32>, StorageError> {
    rows.first().map(|row| version_of(row, 0)).transpose()
}

/// As [`seal_version`], outside any transaction.
pub(crate) async fn committed_seal_version(
    data: &Store,
    tenant: &Tenant,
) -> Result<Option<u32>, StorageError> {
    seal_version(&data.query(SEAL_VERSION, &tenant_values(tenant)).await?)
}

pub(crate) async fn delete_seal_version(
    tx: &mut Tx<'_>,
    tenant: &Tenant,
) -> Result<(), StorageError> {
    tx.execute(
        "DELETE FROM tenant_seal WHERE mode = ? AND app = ? AND account = ?",
        &tenant_values(tenant),
    )
    .await?;
    Ok(())
}

/// Records the version that seals the tenant's rows, unless a later one is recorded.
pub(crate) fn raise_seal_version(tx: &mut Tx<'_>, tenant: &Tenant, version: u32) {
    let Tenant { mode, app, account } = tenant;
    tx.defer(
        "INSERT INTO tenant_seal (mode, app, account, key_version) VALUES (?, ?, ?, ?) \
         ON CONFLICT (mode, app, account) DO UPDATE SET key_version = excluded.key_version \
         WHERE excluded.key_version > tenant_seal.key_version",
        values![*mode, app, account, version],
    );
}
