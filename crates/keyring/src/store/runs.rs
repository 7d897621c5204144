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
}

/// What came of the last one of a kind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LastRun {
    /// When it ended.
    pub at: Timestamp,
    /// What came of it, in words.
    pub outcome: String,
    /// When the last one ended that succeeded; if it is this one, the same as `at`.
    pub succeeded: Option<Timestamp>,
}

impl LastRun {
    /// Whether it succeeded.
    pub fn is_good(&self) -> bool {
        self.succeeded == Some(self.at)
    }
}

/// What came of the last one of a kind; `None` if there was none.
///
/// # Errors
/// If the key store cannot be read.
pub async fn last_run(keys: &Store, kind: RunKind) -> Result<Option<LastRun>, StorageError> {
    let sql = "SELECT at, outcome, succeeded FROM last_run WHERE kind = ?";
    let rows = keys.query(sql, &values![kind.as_str()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(LastRun {
        at: Timestamp::from_unix(row.int(0)?),
        outcome: row.text(1)?.to_owned(),
        succeeded: row.optional_int(2)?.map(Timestamp::from_unix),
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
        let sql = "INSERT INTO last_run (kind, at, outcome, succeeded) VALUES (?, ?, ?, ?) \
                   ON CONFLICT (kind) DO UPDATE SET at = excluded.at, outcome = excluded.outcome, \
                   succeeded = coalesce(excluded.succeeded, last_run.succeeded)";
        tx.execute(sql, &values![self.kind.as_str(), self.at, words, succeeded]).await?;
        Ok(())
    }
}
