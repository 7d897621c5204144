//! The SQL of master keys, and of moving tenants' keys from one to the next.

use super::{NewKey, StoredKey, insert_key, stored_key, tenant_values, version_of};
use coffer_base::{AccountId, AppId, Mode, Tenant, Timestamp, limit};
use coffer_storage::{Row, StorageError, Store, Tx, Value, Work, values};

/// Master keys by ascending version, as the current root wraps them; without those that were
/// destroyed.
pub(crate) async fn master_keys(keys: &Store) -> Result<Vec<(u32, Vec<u8>)>, StorageError> {
    let sql = "SELECT version, wrapped FROM master_key WHERE wrapped IS NOT NULL ORDER BY version";
    let rows = keys.query(sql, &[]).await?;
    rows.into_iter().map(|mut row| Ok((version_of(&row, 0)?, row.take_blob(1)?))).collect()
}

/// Whether a version is the newest master key. It cannot be destroyed before this transaction ends.
pub(crate) async fn lock_newest_master(
    tx: &mut Tx<'_>,
    version: u32,
) -> Result<bool, StorageError> {
    let rows = tx
        .query(
            "SELECT version FROM master_key WHERE version = ? AND wrapped IS NOT NULL \
             AND version = (SELECT max(newest.version) FROM master_key AS newest) FOR SHARE",
            &values![version],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// Inserts a new master key, unless a rotation has made its own already, or a root is incoming that
/// would lack it.
pub(crate) struct InsertMaster {
    pub(crate) version: u32,
    pub(crate) wrapped: Vec<u8>,
    pub(crate) rotation: i64,
    pub(crate) now: Timestamp,
}

impl Work for InsertMaster {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        super::lock_masters(tx).await?;
        tx.execute(
            "INSERT INTO master_key (version, created, rotation, wrapped) \
             SELECT ?1, ?2, ?3, ?4 FROM key_store \
             WHERE NOT EXISTS (SELECT 1 FROM master_key WHERE rotation = ?3) \
             AND NOT EXISTS (SELECT 1 FROM root WHERE state = 'incoming') \
             ON CONFLICT (version) DO NOTHING",
            &values![self.version, self.now, self.rotation, &self.wrapped],
        )
        .await
        .map(drop)
    }
}

/// Destroys the master keys before a version, if they wrap nothing any more. Returns how many keys
/// they still wrap.
pub(crate) struct DestroyMasters {
    pub(crate) newest: u32,
}

impl Work for DestroyMasters {
    type Out = i64;

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<i64, StorageError> {
        // It waits for those who insert keys under them, and counts what they have inserted.
        let lock = "SELECT version FROM master_key WHERE version < ? AND wrapped IS NOT NULL \
                    FOR UPDATE";
        tx.query(lock, &values![self.newest]).await?;
        let count = "SELECT count(*) FROM tenant_key WHERE master_version < ? \
                     AND wrapped IS NOT NULL";
        let rows = tx.query(count, &values![self.newest]).await?;
        let left = rows.first().map_or(Ok(0), |row| row.int(0))?;
        if left == 0 {
            let destroy = "UPDATE master_key SET wrapped = NULL WHERE version < ? \
                           AND wrapped IS NOT NULL";
            tx.execute(destroy, &values![self.newest]).await?;
            let incoming = "DELETE FROM incoming_master WHERE version < ?";
            tx.execute(incoming, &values![self.newest]).await?;
        }
        Ok(left)
    }
}

/// The version of the newest master key, destroyed ones included, when it was made, and the number
/// of the rotation that made it.
pub(crate) async fn newest_master(keys: &Store) -> Result<(u32, Timestamp, i64), StorageError> {
    let sql = "SELECT version, created, rotation FROM master_key ORDER BY version DESC LIMIT 1";
    let rows = keys.query(sql, &[]).await?;
    let Some(row) = rows.first() else { return Ok((0, Timestamp::from_unix(0), 0)) };
    Ok((version_of(row, 0)?, Timestamp::from_unix(row.int(1)?), row.int(2)?))
}

/// A key of whichever tenant.
pub(crate) struct KeyOfTenant {
    pub(crate) tenant: Tenant,
    pub(crate) key: StoredKey,
}

impl KeyOfTenant {
    /// Where the next page of [`keys_of_older_masters`] begins.
    pub(crate) fn place(&self) -> [Value; 5] {
        let [mode, app, account] = tenant_values(&self.tenant);
        values![mode, app, account, self.key.purpose.as_str(), self.key.version]
    }
}

/// The next keys that an older master key than `newest` wraps, behind a place.
pub(crate) async fn keys_of_older_masters(
    keys: &Store,
    newest: u32,
    after: Option<[Value; 5]>,
) -> Result<Vec<KeyOfTenant>, StorageError> {
    let sql = "SELECT purpose, version, master_version, wrapped, mode, app, account \
               FROM tenant_key WHERE wrapped IS NOT NULL AND master_version < ? \
               AND (mode, app, account, purpose, version) > (?, ?, ?, ?, ?) \
               ORDER BY mode, app, account, purpose, version LIMIT ?";
    let before_all = || values![-1_i64, "", "", "", 0_i64];
    let [mode, app, account, purpose, version] = after.unwrap_or_else(before_all);
    let batch = limit::JOB_BATCH;
    let params = values![newest, mode, app, account, purpose, version, batch];
    let rows = keys.scan(sql, &params).await?;
    let key = |row: Row| {
        let tenant = tenant_at(&row, 4)?;
        Ok(KeyOfTenant { tenant, key: stored_key(row)? })
    };
    rows.into_iter().map(key).collect()
}

/// The tenant in three columns of a row of the key store.
pub(super) fn tenant_at(row: &Row, column: usize) -> Result<Tenant, StorageError> {
    let corrupt = || StorageError::Corrupt("a key belongs to no tenant".into());
    Ok(Tenant {
        mode: Mode::from_code(row.int(column)?).ok_or_else(corrupt)?,
        app: AppId::parse(row.text(column + 1)?).map_err(|_| corrupt())?,
        account: AccountId::parse_stored(row.text(column + 2)?).map_err(|_| corrupt())?,
    })
}

/// Puts keys that were wrapped anew into the place of what they were, unless that has changed.
pub(crate) struct Rewrap {
    /// Each key as it was, and as it is to be.
    pub(crate) keys: Vec<(KeyOfTenant, Vec<u8>)>,
    pub(crate) master_version: u32,
}

impl Work for Rewrap {
    type Out = ();

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        if !lock_newest_master(tx, self.master_version).await? {
            return Ok(());
        }
        for (KeyOfTenant { tenant, key }, wrapped) in &self.keys {
            let [mode, app, account] = tenant_values(tenant);
            let StoredKey { purpose, version, wrapped: before, .. } = key;
            tx.defer(
                "UPDATE tenant_key SET wrapped = ?, master_version = ? WHERE mode = ? AND app = ? \
                 AND account = ? AND purpose = ? AND version = ? AND wrapped = ?",
                values![
                    wrapped,
                    self.master_version,
                    mode,
                    app,
                    account,
                    purpose.as_str(),
                    *version,
                    before.clone(),
                ],
            );
        }
        Ok(())
    }
}

/// Inserts the next version of a tenant's sealing key, if the one before it was not destroyed
/// meanwhile. Returns whether the master key that wraps it is still the newest.
pub(crate) struct InsertNext {
    pub(crate) tenant: Tenant,
    pub(crate) key: NewKey,
    pub(crate) rotation: i64,
    pub(crate) now: Timestamp,
}

impl Work for InsertNext {
    type Out = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StorageError> {
        let Self { tenant, key, rotation, now } = self;
        if !lock_newest_master(tx, key.master_version).await? {
            return Ok(false);
        }
        let [mode, app, account] = tenant_values(tenant);
        let before = key.version.saturating_sub(1);
        // Whoever destroys it waits for the lock, and looks for newer ones afterwards.
        let lock = "SELECT version FROM tenant_key WHERE mode = ? AND app = ? AND account = ? \
                    AND purpose = 'sealing' AND version = ? AND wrapped IS NOT NULL FOR UPDATE";
        if !tx.query(lock, &values![mode, app, account, before]).await?.is_empty() {
            insert_key(tx, tenant, key, *rotation, *now).await?;
        }
        Ok(true)
    }
}

/// The newest sealing key of a tenant, which is not destroyed.
#[derive(Clone, Debug)]
pub struct NewestKey {
    /// Whose it is.
    pub tenant: Tenant,
    /// Its version.
    pub version: u32,
    /// When it was made.
    pub created: Timestamp,
    /// The number of the rotation that made it; 0 if none did.
    pub rotation: i64,
    /// How many values it has sealed, as far as is written down.
    pub uses: i64,
}

/// The newest sealing keys of the next tenants behind `after`; tenants whose keys are destroyed
/// have none.
///
/// # Errors
/// When the key store cannot be read.
pub async fn newest_keys(
    keys: &Store,
    after: Option<&Tenant>,
) -> Result<Vec<NewestKey>, StorageError> {
    let sql = "SELECT mode, app, account, version, created, rotation, uses FROM tenant_key \
               WHERE (mode, app, account) > (?, ?, ?) AND purpose = 'sealing' \
               AND wrapped IS NOT NULL AND NOT EXISTS (SELECT 1 FROM tenant_key AS newer \
               WHERE newer.mode = tenant_key.mode AND newer.app = tenant_key.app \
               AND newer.account = tenant_key.account AND newer.purpose = 'sealing' \
               AND newer.version > tenant_key.version AND newer.wrapped IS NOT NULL) \
               ORDER BY mode, app, account LIMIT ?";
    let [mode, app, account] = after.map_or_else(|| values![-1_i64, "", ""], tenant_values);
    let rows = keys.scan(sql, &values![mode, app, account, limit::JOB_BATCH]).await?;
    let key = |row: &Row| {
        Ok(NewestKey {
            tenant: tenant_at(row, 0)?,
            version: version_of(row, 3)?,
            created: Timestamp::from_unix(row.int(4)?),
            rotation: row.int(5)?,
            uses: row.int(6)?,
        })
    };
    rows.iter().map(key).collect()
}

/// Destroys a tenant's sealing keys before a version; that one must be there. Returns how many.
pub(crate) struct DestroyOlder {
    pub(crate) tenant: Tenant,
    pub(crate) newest: u32,
}

impl Work for DestroyOlder {
    type Out = u64;

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StorageError> {
        let [mode, app, account] = tenant_values(&self.tenant);
        let older = "UPDATE tenant_key SET wrapped = NULL WHERE mode = ? AND app = ? \
                     AND account = ? AND purpose = 'sealing' AND version < ? \
                     AND wrapped IS NOT NULL";
        tx.execute(older, &values![mode, app, account, self.newest]).await
    }
}

/// Adds to what sealing keys have sealed.
pub(crate) struct AddUses(pub(crate) Vec<(Tenant, u32, u64)>);

impl Work for AddUses {
    type Out = ();

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        for (tenant, version, uses) in &self.0 {
            let [mode, app, account] = tenant_values(tenant);
            let uses = i64::try_from(*uses).unwrap_or(i64::MAX);
            tx.defer(
                "UPDATE tenant_key SET uses = uses + ? WHERE mode = ? AND app = ? \
                 AND account = ? AND purpose = 'sealing' AND version = ?",
                values![uses, mode, app, account, *version],
            );
        }
        Ok(())
    }
}

/// What there is of keys that are not destroyed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KeyCounts {
    /// The master keys: version, when it was made, how many keys of tenants it wraps.
    pub masters: Vec<(u32, Timestamp, i64)>,
    /// Sealing keys that are their tenants' newest.
    pub active: i64,
    /// Sealing keys that were replaced, and are kept.
    pub replaced: i64,
    /// When the oldest of all sealing keys was made; `None` if there is none.
    pub oldest: Option<Timestamp>,
    /// The most values that one key has sealed, as far as is written down.
    pub most_uses: i64,
}

/// Counts the keys.
///
/// # Errors
/// When the key store cannot be read.
pub async fn key_counts(keys: &Store) -> Result<KeyCounts, StorageError> {
    let masters = "SELECT version, created, (SELECT count(*) FROM tenant_key \
                   WHERE tenant_key.master_version = master_key.version \
                   AND tenant_key.wrapped IS NOT NULL) FROM master_key \
                   WHERE wrapped IS NOT NULL ORDER BY version";
    let masters = keys.scan(masters, &[]).await?;
    let masters = masters
        .iter()
        .map(|row| Ok((version_of(row, 0)?, Timestamp::from_unix(row.int(1)?), row.int(2)?)));
    let masters = masters.collect::<Result<_, StorageError>>()?;
    let all = "SELECT count(*), count(CASE WHEN EXISTS (SELECT 1 FROM tenant_key AS newer \
               WHERE newer.mode = tenant_key.mode AND newer.app = tenant_key.app \
               AND newer.account = tenant_key.account AND newer.purpose = 'sealing' \
               AND newer.version > tenant_key.version AND newer.wrapped IS NOT NULL) THEN 1 END), \
               min(created), coalesce(max(uses), 0) FROM tenant_key \
               WHERE purpose = 'sealing' AND wrapped IS NOT NULL";
    let rows = keys.scan(all, &[]).await?;
    let Some(row) = rows.first() else { return Ok(KeyCounts { masters, ..KeyCounts::default() }) };
    let (all, replaced) = (row.int(0)?, row.int(1)?);
    Ok(KeyCounts {
        masters,
        active: all.saturating_sub(replaced),
        replaced,
        oldest: row.optional_int(2)?.map(Timestamp::from_unix),
        most_uses: row.int(3)?,
    })
}

/// The newest master key that is there: its version, and when it was made. Unlike [`key_counts`] it
/// reads one row, however many tenants there are.
///
/// # Errors
/// When the key store cannot be read.
pub async fn newest_master_key(keys: &Store) -> Result<Option<(u32, Timestamp)>, StorageError> {
    let sql = "SELECT version, created FROM master_key WHERE wrapped IS NOT NULL \
               ORDER BY version DESC LIMIT 1";
    let rows = keys.query(sql, &[]).await?;
    let master = |row| Ok((version_of(row, 0)?, Timestamp::from_unix(row.int(1)?)));
    rows.first().map(master).transpose()
}

/// The highest number of a rotation that has made a key.
///
/// # Errors
/// When the key store cannot be read.
pub async fn highest_rotation(keys: &Store) -> Result<i64, StorageError> {
    let of = |sql: &'static str| async move {
        let rows = keys.scan(sql, &[]).await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    };
    let tenants = of("SELECT coalesce(max(rotation), 0) FROM tenant_key").await?;
    let masters = of("SELECT coalesce(max(rotation), 0) FROM master_key").await?;
    Ok(tenants.max(masters))
}

/// When an operator sealed all servers; `None` if nobody has, or it has ended.
///
/// # Errors
/// When the key store cannot be read.
pub async fn stopped(keys: &Store) -> Result<Option<Timestamp>, StorageError> {
    let rows = keys.query("SELECT stopped FROM key_store", &[]).await?;
    let stopped = rows.first().map(|row| row.optional_int(0)).transpose()?.flatten();
    Ok(stopped.map(Timestamp::from_unix))
}

/// Records that all servers are sealed since a time, or, without one, that they are not.
pub(crate) struct MarkStopped(pub(crate) Option<Timestamp>);

impl Work for MarkStopped {
    type Out = ();

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        tx.execute("UPDATE key_store SET stopped = ?", &values![self.0]).await.map(drop)
    }
}
