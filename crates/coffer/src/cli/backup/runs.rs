//! Recording what came of backups and drills, beside a server that may run.

use super::super::exit::Failure;
use super::super::output;
use crate::config::Config;
use coffer::assemble::{Database, KEYS_FILE};
use coffer_base::{Clock, SystemClock};
use coffer_keyring::{KEY_MIGRATIONS, KeyBackup, LastRun, RunKind};
use coffer_storage::{Options, Store};

/// Records what came of one, and how many keys were backed up if some were. That it cannot be is no
/// failure of a backup, and said.
pub(super) async fn record(
    config: &Config,
    kind: RunKind,
    outcome: Result<String, String>,
    keys: Option<i64>,
) {
    if let Err(why) = try_record(config, kind, outcome, keys).await {
        output::note(&format!(
            "\nWhat came of it could not be recorded, so `coffer doctor` does not know of it: {}",
            why.message
        ));
    }
}

async fn try_record(
    config: &Config,
    kind: RunKind,
    outcome: Result<String, String>,
    keys: Option<i64>,
) -> Result<(), Failure> {
    let at = SystemClock.now();
    let store = open_to_record(config).await?;
    let recorded = async {
        if let Some(keys) = keys {
            coffer_keyring::record_backup(&store, KeyBackup { at, keys }).await?;
        }
        Ok::<_, Failure>(coffer_keyring::record_run(&store, kind, at, outcome).await?)
    };
    let recorded = recorded.await;
    store.close().await;
    recorded
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
