//! The SQL of what the key store knows of the audit's log.

use coffer_storage::{StorageError, Store, Tx, Work, values};

/// A checkpoint of the audit's log that the key store keeps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditMark {
    /// How many entries the log had.
    pub size: u64,
    /// The signed checkpoint; this crate does not look into it.
    pub note: String,
}

/// What the key store knows of the audit's log; `None` if no server ever told it.
///
/// # Errors
/// If the key store cannot be read.
pub async fn audit_mark(keys: &Store) -> Result<Option<AuditMark>, StorageError> {
    let rows = keys.query("SELECT size, note FROM audit_mark", &[]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let size = u64::try_from(row.int(0)?);
    let size = size.map_err(|_| StorageError::Corrupt("audit_mark.size".into()))?;
    Ok(Some(AuditMark { size, note: row.text(1)?.to_owned() }))
}

/// Keeps a checkpoint in the place of an older one; of two, the larger stays.
///
/// # Errors
/// If the key store cannot be written.
pub async fn keep_audit_mark(keys: &Store, mark: &AuditMark) -> Result<(), StorageError> {
    keys.write(KeepMark(mark.clone())).await
}

struct KeepMark(AuditMark);

impl Work for KeepMark {
    type Out = ();

    /// It is one row, which takes no room.
    fn grows(&self) -> bool {
        false
    }

    fn is_record(&self) -> bool {
        true
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        let size = i64::try_from(self.0.size).unwrap_or(i64::MAX);
        let sql = "INSERT INTO audit_mark (singleton, size, note) VALUES (1, ?, ?) \
                   ON CONFLICT (singleton) DO UPDATE SET size = excluded.size, \
                   note = excluded.note WHERE audit_mark.size < excluded.size";
        tx.execute(sql, &values![size, self.0.note.as_str()]).await.map(drop)
    }
}

/// Forgets what the key store knows of the audit's log, since an operator has put back an older
/// one: the next server begins anew with what it finds.
///
/// # Errors
/// If the key store cannot be written.
pub async fn forget_audit_mark(keys: &Store) -> Result<(), StorageError> {
    keys.write(ForgetMark).await
}

struct ForgetMark;

impl Work for ForgetMark {
    type Out = ();

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        tx.execute("DELETE FROM audit_mark", &[]).await.map(drop)
    }
}
