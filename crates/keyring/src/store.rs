//! The SQL of the keys: the key store's tables, and the two tables that stand beside the data.

use crate::error::KeyringError;
use coffer_base::{Tenant, Timestamp};
use coffer_storage::{Migration, MigrationSet, Query, Row, StorageError, Store, Tx, Value, Work};

/// The key store's schema.
pub const KEY_MIGRATIONS: MigrationSet = MigrationSet {
    component: "keyring.keys",
    migrations: &[Migration {
        version: 1,
        name: "keys",
        sql: include_str!("../migrations/keys/0001_keys.sql"),
    }],
};

/// What the keys need beside the data.
pub const DATA_MIGRATIONS: MigrationSet = MigrationSet {
    component: "keyring.data",
    migrations: &[Migration {
        version: 1,
        name: "tenant_seal",
        sql: include_str!("../migrations/data/0001_tenant_seal.sql"),
    }],
};

/// A key as it is stored.
pub(crate) struct StoredKey {
    pub(crate) purpose: Purpose,
    pub(crate) version: u32,
    pub(crate) master_version: u32,
    /// `None` once destroyed.
    pub(crate) wrapped: Option<Vec<u8>>,
}

/// What a tenant's key is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// Seals values; versioned, since it is rotated.
    Sealing,
    /// Makes lookup digests and fingerprints; rotation leaves it as it is.
    Lookup,
}

impl Purpose {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Sealing => "sealing",
            Self::Lookup => "lookup",
        }
    }

    fn parse(word: &str) -> Result<Self, StorageError> {
        match word {
            "sealing" => Ok(Self::Sealing),
            "lookup" => Ok(Self::Lookup),
            _ => Err(StorageError::Corrupt("tenant_key.purpose".into())),
        }
    }
}

pub(crate) fn tenant_values(tenant: &Tenant) -> [Value; 3] {
    [
        Value::Int(tenant.mode.code()),
        Value::from(tenant.app.as_str()),
        Value::from(tenant.account.as_str()),
    ]
}

fn version_of(row: &Row, column: usize) -> Result<u32, StorageError> {
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
    rows.iter().map(stored_key).collect()
}

fn stored_key(row: &Row) -> Result<StoredKey, StorageError> {
    Ok(StoredKey {
        purpose: Purpose::parse(row.text(0)?)?,
        version: version_of(row, 1)?,
        master_version: version_of(row, 2)?,
        wrapped: row.optional_blob(3)?.map(<[u8]>::to_vec),
    })
}

/// A key that is about to be stored.
pub(crate) struct NewKey {
    pub(crate) purpose: Purpose,
    pub(crate) version: u32,
    pub(crate) master_version: u32,
    pub(crate) wrapped: Vec<u8>,
}

/// Adds keys of a tenant unless another server was first; either way some are there afterwards.
pub(crate) struct InsertKeys {
    pub(crate) tenant: Tenant,
    pub(crate) keys: Vec<NewKey>,
    pub(crate) now: Timestamp,
}

impl Work for InsertKeys {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        for key in &self.keys {
            let [mode, app, account] = tenant_values(&self.tenant);
            tx.execute(
                "INSERT INTO tenant_key (mode, app, account, purpose, version, state, \
                 master_version, created, wrapped) VALUES (?, ?, ?, ?, ?, 'active', ?, ?, ?) \
                 ON CONFLICT (mode, app, account, purpose, version) DO NOTHING",
                &[
                    mode,
                    app,
                    account,
                    Value::from(key.purpose.as_str()),
                    Value::Int(i64::from(key.version)),
                    Value::Int(i64::from(key.master_version)),
                    Value::Int(self.now.unix()),
                    Value::from(key.wrapped.as_slice()),
                ],
            )
            .await?;
        }
        Ok(())
    }
}

/// Takes the keys out of a tenant's rows for good.
pub(crate) struct DestroyKeys {
    pub(crate) tenant: Tenant,
    pub(crate) newest: u32,
}

impl Work for DestroyKeys {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        let [mode, app, account] = tenant_values(&self.tenant);
        tx.execute(
            "UPDATE tenant_key SET state = 'destroyed', wrapped = NULL \
             WHERE mode = ? AND app = ? AND account = ? AND version <= ?",
            &[mode, app, account, Value::Int(i64::from(self.newest))],
        )
        .await?;
        Ok(())
    }
}

/// A master key as it is stored: version, state, wrapped key.
pub(crate) async fn master_keys(
    keys: &Store,
) -> Result<Vec<(u32, String, Option<Vec<u8>>)>, StorageError> {
    keys.query("SELECT version, state, wrapped FROM master_key ORDER BY version", &[])
        .await?
        .iter()
        .map(|row| {
            let wrapped = row.optional_blob(2)?.map(<[u8]>::to_vec);
            Ok((version_of(row, 0)?, row.text(1)?.to_owned(), wrapped))
        })
        .collect()
}

/// Makes the key store's first rows: whose it is, and its first master key.
pub(crate) struct FoundKeyStore {
    pub(crate) store_id: String,
    pub(crate) wrapped_master: Vec<u8>,
    pub(crate) now: Timestamp,
}

impl Work for FoundKeyStore {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        tx.execute(
            "INSERT INTO key_store (only_row, store_id, created) VALUES (1, ?, ?)",
            &[Value::from(self.store_id.as_str()), Value::Int(self.now.unix())],
        )
        .await?;
        tx.execute(
            "INSERT INTO master_key (version, state, created, wrapped) VALUES (1, 'active', ?, ?)",
            &[Value::Int(self.now.unix()), Value::from(self.wrapped_master.as_slice())],
        )
        .await?;
        Ok(())
    }
}

/// The id of the store that a key store belongs to; `None` in one that has not been founded.
///
/// # Errors
/// [`StorageError`] of the engine.
pub async fn key_store_id(keys: &Store) -> Result<Option<String>, StorageError> {
    let rows = keys.query("SELECT store_id FROM key_store WHERE only_row = 1", &[]).await?;
    rows.first().map(|row| row.text(0).map(str::to_owned)).transpose()
}

/// The id of a data store; `None` in one that has not been founded.
///
/// # Errors
/// [`KeyringError::Storage`].
pub async fn store_id(data: &Store) -> Result<Option<String>, KeyringError> {
    let rows = data.query("SELECT store_id FROM store_identity WHERE only_row = 1", &[]).await?;
    Ok(rows.first().map(|row| row.text(0).map(str::to_owned)).transpose()?)
}

struct WriteStoreId {
    store_id: String,
    now: Timestamp,
}

impl Work for WriteStoreId {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        tx.execute(
            "INSERT INTO store_identity (only_row, store_id, created) VALUES (1, ?, ?)",
            &[Value::from(self.store_id.as_str()), Value::Int(self.now.unix())],
        )
        .await?;
        Ok(())
    }
}

/// Gives a new data store its id, once.
///
/// # Errors
/// [`KeyringError::Storage`], also if it has one.
pub async fn write_store_id(
    data: &Store,
    store_id: &str,
    now: Timestamp,
) -> Result<(), KeyringError> {
    Ok(data.write(WriteStoreId { store_id: store_id.to_owned(), now }).await?)
}

/// When the key store was last backed up by the program, if ever.
///
/// # Errors
/// [`KeyringError::Storage`].
pub async fn last_backup(keys: &Store) -> Result<Option<Timestamp>, KeyringError> {
    let rows = keys.query("SELECT backed_up FROM key_store WHERE only_row = 1", &[]).await?;
    let at = rows.first().map(|row| row.optional_int(0)).transpose()?.flatten();
    Ok(at.map(Timestamp::from_unix))
}

/// When the newest key of any tenant was made: a backup older than this lacks it.
///
/// # Errors
/// [`KeyringError::Storage`].
pub async fn newest_key(keys: &Store) -> Result<Option<Timestamp>, KeyringError> {
    let rows = keys.query("SELECT max(created) FROM tenant_key", &[]).await?;
    let at = rows.first().map(|row| row.optional_int(0)).transpose()?.flatten();
    Ok(at.map(Timestamp::from_unix))
}

struct RecordBackup(Timestamp);

impl Work for RecordBackup {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        tx.execute(
            "UPDATE key_store SET backed_up = ? WHERE only_row = 1",
            &[Value::Int(self.0.unix())],
        )
        .await?;
        Ok(())
    }
}

/// Notes that the key store was backed up.
///
/// # Errors
/// [`KeyringError::Storage`].
pub async fn record_backup(keys: &Store, now: Timestamp) -> Result<(), KeyringError> {
    Ok(keys.write(RecordBackup(now)).await?)
}

const SEAL_VERSION: &str =
    "SELECT key_version FROM tenant_seal WHERE mode = ? AND app = ? AND account = ?";

/// Asks which version seals the tenant's rows.
pub(crate) fn seal_query(tenant: &Tenant) -> Query {
    Query { sql: SEAL_VERSION, params: tenant_values(tenant).to_vec() }
}

/// What came of that question.
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

pub(crate) async fn forget_seal_version(
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

/// Notes the version that seals the tenant's rows, unless a later one does by now.
pub(crate) fn put_seal_version(tx: &mut Tx<'_>, tenant: &Tenant, version: u32) {
    let [mode, app, account] = tenant_values(tenant);
    tx.defer(
        "INSERT INTO tenant_seal (mode, app, account, key_version) VALUES (?, ?, ?, ?) \
         ON CONFLICT (mode, app, account) DO UPDATE SET key_version = excluded.key_version \
         WHERE excluded.key_version > tenant_seal.key_version",
        vec![mode, app, account, Value::Int(i64::from(version))],
    );
}
