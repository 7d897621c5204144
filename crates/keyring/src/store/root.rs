//! The SQL of the roots that the key store accepts, and of what was done with them.

use super::version_of;
use coffer_base::Timestamp;
use coffer_crypto::root::Kind;
use coffer_storage::{Row, StorageError, Store, Tx, Work, values};

/// Whether a root opens the keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RootState {
    /// It does, and new master keys are wrapped under it.
    Current,
    /// It does too: servers move to it.
    Incoming,
    /// It does not any more.
    Retired,
}

impl RootState {
    const ALL: [Self; 3] = [Self::Current, Self::Incoming, Self::Retired];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Incoming => "incoming",
            Self::Retired => "retired",
        }
    }
}

/// A root as the key store has it.
#[derive(Clone, Debug)]
pub struct StoredRoot {
    /// The id of its root key.
    pub id: String,
    /// What keeps the root key.
    pub kind: Kind,
    /// Where it was kept when it was made, for people.
    pub place: String,
    /// When it was made.
    pub created: Timestamp,
    /// Whether it opens the keys.
    pub state: RootState,
    /// What its kind needs to give the root key again; empty where that is kept whole.
    pub kept: Vec<u8>,
}

/// The roots that open the keys, the current one first.
pub(crate) async fn accepted_roots(keys: &Store) -> Result<Vec<StoredRoot>, StorageError> {
    let sql = "SELECT id, kind, place, created, state, kept FROM root \
               WHERE state <> 'retired' ORDER BY state, id";
    keys.query(sql, &[]).await?.into_iter().map(stored_root).collect()
}

/// The state of the root whose root key has this id; `None` if the store never had it.
pub(crate) async fn root_state(keys: &Store, id: &str) -> Result<Option<RootState>, StorageError> {
    let rows = keys.query("SELECT state FROM root WHERE id = ?", &values![id]).await?;
    rows.first().map(|row| state(row.text(0)?)).transpose()
}

fn state(word: &str) -> Result<RootState, StorageError> {
    let state = RootState::ALL.into_iter().find(|known| known.as_str() == word);
    state.ok_or_else(|| StorageError::Corrupt("root.state".into()))
}

fn stored_root(mut row: Row) -> Result<StoredRoot, StorageError> {
    let corrupt = || StorageError::Corrupt("root.kind".into());
    Ok(StoredRoot {
        id: row.text(0)?.to_owned(),
        kind: Kind::parse(row.text(1)?).ok_or_else(corrupt)?,
        place: row.text(2)?.to_owned(),
        created: Timestamp::from_unix(row.int(3)?),
        state: state(row.text(4)?)?,
        kept: row.take_optional_blob(5)?.unwrap_or_default(),
    })
}

/// The master keys that are not destroyed, by ascending version, as the incoming root `id` wraps
/// them.
pub(crate) async fn incoming_masters(
    keys: &Store,
    id: &str,
) -> Result<Vec<(u32, Vec<u8>)>, StorageError> {
    let sql = "SELECT version, wrapped FROM incoming_master WHERE root = ? AND EXISTS \
               (SELECT 1 FROM master_key WHERE master_key.version = incoming_master.version \
               AND master_key.wrapped IS NOT NULL) ORDER BY version";
    keys.query(sql, &values![id]).await?.into_iter().map(master).collect()
}

fn master(mut row: Row) -> Result<(u32, Vec<u8>), StorageError> {
    Ok((version_of(&row, 0)?, row.take_blob(1)?))
}

/// One key of any tenant that a master key wraps: mode, app, account, purpose, version, wrapped.
pub(crate) async fn sample(keys: &Store, master: u32) -> Result<Option<Row>, StorageError> {
    let sql = "SELECT mode, app, account, purpose, version, wrapped FROM tenant_key \
               WHERE master_version = ? AND wrapped IS NOT NULL LIMIT 1";
    Ok(keys.scan(sql, &values![master]).await?.into_iter().next())
}

/// What the name of an operation has at its end if it failed.
pub const FAILED: &str = ".failed";

/// What commands do with roots and with backups, as the audit names it; with [`FAILED`] behind it
/// where it matters that it was tried.
pub const OPERATIONS: [&str; 11] = [
    "keyring.root.migrate",
    "keyring.root.finish",
    "keyring.root.cancel",
    "keyring.root.renew",
    "keyring.import",
    "keyring.export",
    "backup.create",
    "backup.create.failed",
    "backup.drill",
    "backup.drill.failed",
    "backup.restore",
];

/// Something that a command did, for the audit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RootEvent {
    /// Its own id, so that it is recorded once.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// What was done, as the audit names it: one of `OPERATIONS`.
    pub operation: &'static str,
    /// To which root: its kind and its id; with which set of backups, empty if with none.
    pub subject: String,
}

impl RootEvent {
    fn insert(&self, tx: &mut Tx<'_>) {
        tx.defer(
            "INSERT INTO root_event (number, id, at, operation, subject) VALUES \
             ((SELECT coalesce(max(number), 0) + 1 FROM root_event), ?, ?, ?, ?)",
            values![&self.id, self.at, self.operation, &self.subject],
        );
    }
}

/// The oldest events that are not in the audit yet.
///
/// # Errors
/// If the key store cannot be read.
pub async fn root_events(keys: &Store) -> Result<Vec<RootEvent>, StorageError> {
    let sql = "SELECT id, at, operation, subject FROM root_event ORDER BY number LIMIT 100";
    let rows = keys.query(sql, &[]).await?;
    let event = |row: &Row| {
        let word = row.text(2)?;
        let operation = OPERATIONS.into_iter().find(|known| *known == word);
        Ok(RootEvent {
            id: row.text(0)?.to_owned(),
            at: Timestamp::from_unix(row.int(1)?),
            operation: operation
                .ok_or_else(|| StorageError::Corrupt("root_event.operation".into()))?,
            subject: row.text(3)?.to_owned(),
        })
    };
    rows.iter().map(event).collect()
}

/// Takes an event away once the audit has it.
pub struct ForgetRootEvent(
    /// Its id.
    pub String,
);

impl Work for ForgetRootEvent {
    type Out = ();

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        tx.execute("DELETE FROM root_event WHERE id = ?", &values![&self.0]).await.map(drop)
    }
}

/// Records something that changes no root.
pub(crate) struct RecordEvent(pub(crate) RootEvent);

impl Work for RecordEvent {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        lock_masters(tx).await?;
        self.0.insert(tx);
        Ok(())
    }
}

/// How a root that is added is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Use {
    /// Beside the current one.
    Incoming,
    /// In its place: it, and any incoming one, are retired.
    Current,
}

/// Adds a root, with all master keys wrapped under it, in the place of the incoming one if there is
/// one. Returns whether the master keys are still those that were wrapped: if not, it adds nothing.
pub(crate) struct AddRoot {
    pub(crate) root: StoredRoot,
    pub(crate) masters: Vec<(u32, Vec<u8>)>,
    pub(crate) used: Use,
    pub(crate) event: RootEvent,
}

impl Work for AddRoot {
    type Out = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StorageError> {
        if lock_masters(tx).await? != self.masters.iter().map(|(v, _)| *v).collect::<Vec<_>>() {
            return Ok(false);
        }
        retire(tx, "incoming").await?;
        tx.execute("DELETE FROM incoming_master", &[]).await?;
        if self.used == Use::Current {
            retire(tx, "current").await?;
        }
        insert_root(tx, &self.root);
        for (version, wrapped) in &self.masters {
            match self.used {
                Use::Incoming => tx.defer(
                    "INSERT INTO incoming_master (version, root, wrapped) VALUES (?, ?, ?)",
                    values![*version, &self.root.id, wrapped],
                ),
                Use::Current => tx.defer(
                    "UPDATE master_key SET wrapped = ? WHERE version = ?",
                    values![wrapped, *version],
                ),
            }
        }
        self.event.insert(tx);
        Ok(true)
    }
}

/// Makes the incoming root the current one, and retires that. Returns whether it has all master
/// keys: if not, nothing is changed.
pub(crate) struct FinishRoot {
    pub(crate) id: String,
    pub(crate) event: RootEvent,
}

impl Work for FinishRoot {
    type Out = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StorageError> {
        let all = lock_masters(tx).await?;
        let sql = "SELECT version FROM incoming_master WHERE root = ? ORDER BY version";
        let incoming = versions(&tx.query(sql, &values![&self.id]).await?)?;
        if !all.iter().all(|version| incoming.contains(version)) {
            return Ok(false);
        }
        tx.execute(
            "UPDATE master_key SET wrapped = (SELECT incoming_master.wrapped FROM incoming_master \
             WHERE incoming_master.version = master_key.version AND incoming_master.root = ?) \
             WHERE wrapped IS NOT NULL",
            &values![&self.id],
        )
        .await?;
        retire(tx, "current").await?;
        let sql = "UPDATE root SET state = 'current' WHERE id = ?";
        tx.execute(sql, &values![&self.id]).await?;
        tx.execute("DELETE FROM incoming_master", &[]).await?;
        self.event.insert(tx);
        Ok(true)
    }
}

/// Takes the incoming root back. Returns whether there was one.
pub(crate) struct CancelRoot(pub(crate) RootEvent);

impl Work for CancelRoot {
    type Out = bool;

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StorageError> {
        lock_masters(tx).await?;
        let retired = retire(tx, "incoming").await?;
        tx.execute("DELETE FROM incoming_master", &[]).await?;
        if retired > 0 {
            self.0.insert(tx);
        }
        Ok(retired > 0)
    }
}

/// Replaces what a root needs to give its key again.
pub(crate) struct RenewRoot {
    pub(crate) id: String,
    pub(crate) kept: Vec<u8>,
    pub(crate) event: RootEvent,
}

impl Work for RenewRoot {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        lock_masters(tx).await?;
        let sql = "UPDATE root SET kept = ? WHERE id = ? AND state <> 'retired'";
        tx.execute(sql, &values![&self.kept, &self.id]).await?;
        self.event.insert(tx);
        Ok(())
    }
}

pub(crate) fn insert_root(tx: &mut Tx<'_>, root: &StoredRoot) {
    tx.defer(
        "INSERT INTO root (id, kind, place, created, state, kept) VALUES (?, ?, ?, ?, ?, ?) \
         ON CONFLICT (id) DO UPDATE SET state = excluded.state, kept = excluded.kept",
        values![
            &root.id,
            root.kind.as_str(),
            &root.place,
            root.created,
            root.state.as_str(),
            &root.kept,
        ],
    );
}

/// The versions of the master keys that are not destroyed. Of several transactions that change
/// roots or master keys, one goes first.
pub(crate) async fn lock_masters(tx: &mut Tx<'_>) -> Result<Vec<u32>, StorageError> {
    tx.query("SELECT singleton FROM key_store FOR UPDATE", &[]).await?;
    let sql = "SELECT version FROM master_key WHERE wrapped IS NOT NULL ORDER BY version";
    versions(&tx.query(sql, &[]).await?)
}

fn versions(rows: &[Row]) -> Result<Vec<u32>, StorageError> {
    rows.iter().map(|row| version_of(row, 0)).collect()
}

/// Retires the roots of a state, and forgets what gives their keys.
async fn retire(tx: &mut Tx<'_>, state: &'static str) -> Result<u64, StorageError> {
    let sql = "UPDATE root SET state = 'retired', kept = NULL WHERE state = ?";
    tx.execute(sql, &values![state]).await
}
