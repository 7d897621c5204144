//! The SQL of what the key store says of itself: whether keys of apps may be made, and its epoch.

use crate::error::KeyringError;
use coffer_base::Timestamp;
use coffer_storage::{StorageError, Store, Tx, Work, values};

/// Whether no keys of apps may be made.
///
/// # Errors
/// If the key store cannot be read.
pub async fn is_making_locked(keys: &Store) -> Result<bool, StorageError> {
    let rows = keys.query("SELECT making_locked FROM key_store", &[]).await?;
    rows.first().map_or(Ok(false), |row| Ok(row.int(0)? != 0))
}

/// Locks or unlocks the making of keys.
struct LockMaking(bool);

impl Work for LockMaking {
    type Out = ();

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        let sql = "UPDATE key_store SET making_locked = ?";
        tx.execute(sql, &values![i64::from(self.0)]).await.map(drop)
    }
}

/// Lets no keys of apps be made any more, or lets them be made again: on all servers, and whatever
/// becomes of them.
///
/// # Errors
/// If the key store cannot be written.
pub async fn lock_making(keys: &Store, locked: bool) -> Result<(), KeyringError> {
    Ok(keys.write(LockMaking(locked)).await?)
}

/// Whether a sealing key of the account that was made by `created`, in any of its generations, is
/// not destroyed yet and was not made by the rotation with this number or a later one.
///
/// # Errors
/// If the key store cannot be read.
pub async fn has_older_keys(
    keys: &Store,
    account: &str,
    created: Timestamp,
    rotation: i64,
) -> Result<bool, StorageError> {
    let sql = "SELECT 1 FROM tenant_key WHERE (account = ? OR substr(account, 1, length(?)) = ?) \
               AND purpose = 'sealing' AND wrapped IS NOT NULL AND rotation < ? AND created <= ? \
               LIMIT 1";
    let generations = format!("{account}~");
    let params = values![account, generations.as_str(), generations.as_str(), rotation, created];
    Ok(!keys.query(sql, &params).await?.is_empty())
}

/// Begins the next epoch.
struct AdvanceEpoch;

impl Work for AdvanceEpoch {
    type Out = i64;

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<i64, StorageError> {
        let rows = tx.query("UPDATE key_store SET epoch = epoch + 1 RETURNING epoch", &[]).await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }
}

/// Begins the next epoch of the key store, and answers it: copies that are made from now on tell
/// themselves from all that were made before.
///
/// # Errors
/// If the key store cannot be written.
pub async fn advance_epoch(keys: &Store) -> Result<i64, KeyringError> {
    Ok(keys.write(AdvanceEpoch).await?)
}

/// The key store's epoch: it grows whenever keys are destroyed. A copy from an earlier epoch holds
/// keys that are destroyed here.
///
/// # Errors
/// If the key store cannot be read.
pub async fn key_epoch(keys: &Store) -> Result<i64, StorageError> {
    let rows = keys.query("SELECT epoch FROM key_store", &[]).await?;
    rows.first().map_or(Ok(0), |row| row.int(0))
}
