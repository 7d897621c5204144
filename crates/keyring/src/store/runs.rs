//! The SQL of what came of backups and drills.

use coffer_base::Timestamp;
use coffer_storage::{StorageError, Store, Tx, Work, values};

/// What is done now and then, and should succeed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RunKind {
    /// A backup of the data, the keys or both.
    Backup,
    /// A backup that was restored into a place of its own and verified.
    Drill,
}

impl RunKind {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Drill => "drill",
        }
    }

    /// What one is to the audit that a command made, and that succeeded or not.
    pub const fn operation(self, is_good: bool) -> &'static str {
        match (self, is_good) {
            (Self::Backup, true) => "backup.create",
            (Self::Backup, false) => "backup.create.failed",
            (Self::Drill, true) => "backup.drill",
            (Self::Drill, false) => "backup.drill.failed",
        }
    }
}

/// What came of the last one of a kind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LastRun {
    /// When it ended.
    pub at: Timestamp,
    /// What came of it, in words.
    pub outcome: String,
    /// Whether it succeeded.
    pub is_good: bool,
    /// When the last one ended that succeeded.
    pub succeeded: Option<Timestamp>,
}

/// What came of the last one of a kind; `None` if there was none.
///
/// # Errors
/// If the key store cannot be read.
pub async fn last_run(keys: &Store, kind: RunKind) -> Result<Option<LastRun>, StorageError> {
    let sql = "SELECT at, outcome, ok, succeeded FROM last_run WHERE kind = ?";
    let rows = keys.query(sql, &values![kind.as_str()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(LastRun {
        at: Timestamp::from_unix(row.int(0)?),
        outcome: row.text(1)?.to_owned(),
        is_good: row.int(2)? != 0,
        succeeded: row.optional_int(3)?.map(Timestamp::from_unix),
    }))
}

/// Records what came of one that ended at `at`: `Ok` and `Err` hold it in words.
///
/// # Errors
/// If the key store cannot be written.
pub async fn record_run(
    keys: &Store,
    kind: RunKind,
    at: Timestamp,
    outcome: Result<String, String>,
) -> Result<(), StorageError> {
    keys.write(RecordRun { kind, at, outcome }).await
}

struct RecordRun {
    kind: RunKind,
    at: Timestamp,
    outcome: Result<String, String>,
}

impl Work for RecordRun {
    type Out = ();

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        let (Ok(words) | Err(words)) = &self.outcome;
        let succeeded = self.outcome.is_ok().then_some(self.at);
        let sql = "INSERT INTO last_run (kind, at, outcome, ok, succeeded) VALUES (?, ?, ?, ?, ?) \
                   ON CONFLICT (kind) DO UPDATE SET at = excluded.at, outcome = excluded.outcome, \
                   ok = excluded.ok, succeeded = coalesce(excluded.succeeded, last_run.succeeded)";
        tx.execute(
            sql,
            &values![
                self.kind.as_str(),
                self.at,
                words,
                i64::from(self.outcome.is_ok()),
                succeeded
            ],
        )
        .await?;
        Ok(())
    }
}
