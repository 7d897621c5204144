//! Recording what came of backups and drills, beside a server that may run.

use super::super::exit::Failure;
use super::super::output;
use crate::config::Config;
use coffer::assemble::{Database, KEYS_FILE};
use coffer_base::{Clock, SystemClock, Timestamp};
use coffer_crypto::SystemRandom;
use coffer_keyring::{Change, KEY_MIGRATIONS, KeyBackup, LastRun, RunKind};
use coffer_storage::{Options, Store};

/// What a backup or a drill was about.
#[derive(Default)]
pub(super) struct About {
    /// The set that was made or restored; empty if there is none.
    pub(super) set: String,
    /// How many keys were backed up, if some were.
    pub(super) keys: Option<i64>,
}

/// Records what came of one, for `coffer doctor` and for the audit. That it cannot be is no failure
/// of a backup, and said.
pub(super) async fn record(
    config: &Config,
    kind: RunKind,
    outcome: Result<String, String>,
    about: About,
) {
    if let Err(why) = try_record(config, kind, outcome, about).await {
        output::note(&format!(
            "\nWhat came of it could not be recorded, so `coffer doctor` and the audit do not know \
             of it: {}",
            why.message
        ));
    }
}

async fn try_record(
    config: &Config,
    kind: RunKind,
    outcome: Result<String, String>,
    about: About,
) -> Result<(), Failure> {
    let at = SystemClock.now();
    let store = open_to_record(config).await?;
    let operation = kind.operation(outcome.is_ok());
    let recorded = async {
        if let Some(keys) = about.keys {
            coffer_keyring::record_backup(&store, KeyBackup { at, keys }).await?;
        }
        coffer_keyring::record_run(&store, kind, at, outcome).await?;
        note_event(&store, operation, about.set, at).await
    };
    let recorded = recorded.await;
    store.close().await;
    recorded
}

/// Leaves for the audit that the set was restored, in the store that was restored.
pub(super) async fn record_restore(config: &Config, set: &str) {
    let record = async {
        let store = open_to_record(config).await?;
        let noted = note_event(&store, "backup.restore", set.to_owned(), SystemClock.now()).await;
        store.close().await;
        noted
    };
    if let Err(why) = record.await {
        let why = why.message;
        output::note(&format!("\nThe audit will not have the restore: {why}"));
    }
}

async fn note_event(
    store: &Store,
    operation: &'static str,
    subject: String,
    now: Timestamp,
) -> Result<(), Failure> {
    let change = Change { random: &SystemRandom, now };
    Ok(coffer_keyring::record_event(store, operation, subject, change).await?)
}

/// Opens a key store with this build's schema: opening it then migrates nothing.
async fn open_to_record(config: &Config) -> Result<Store, Failure> {
    if let Database::Postgres { keys, .. } = config.database()? {
        return Ok(Store::open_postgres(keys, &[KEY_MIGRATIONS]).await?);
    }
    let file = config.key_dir().join(KEYS_FILE);
    Store::open_sqlite_read_only(&file, &[KEY_MIGRATIONS])?.close().await;
    let options = Options { copy_before_migration: false, ..Options::default() };
    let (store, _) = Store::open_sqlite(&file, &[KEY_MIGRATIONS], SystemClock.now(), options)?;
    Ok(store)
}

/// What came of the last backup and of the last drill.
///
/// # Errors
/// If there is no key store, or if it cannot be read.
pub(super) async fn last_runs(config: &Config) -> Result<[(RunKind, Option<LastRun>); 2], Failure> {
    let store = match config.database()? {
        Database::Postgres { keys, .. } => Store::open_postgres(keys, &[KEY_MIGRATIONS]).await?,
        Database::Embedded => {
            let file = config.key_dir().join(KEYS_FILE);
            Store::open_sqlite_read_only(&file, &[KEY_MIGRATIONS])?
        }
    };
    let last = |kind| coffer_keyring::last_run(&store, kind);
    let (backup, drill) = (last(RunKind::Backup).await?, last(RunKind::Drill).await?);
    store.close().await;
    Ok([(RunKind::Backup, backup), (RunKind::Drill, drill)])
}
