//! `coffer backup`: copies of stores in files, also while a server runs.

use super::args::Backup;
use super::exit::{Exit, Failure};
use super::output::{self, Output};
use super::setup;
use crate::config::{self, Config, Value};
use coffer::assemble::{DATA_FILE, DEVELOPER_ROOT_FILE, Database, KEYS_FILE, RootSource};
use coffer::family_set::FamilySet;
use coffer_base::{Clock, SystemClock, Timestamp};
use coffer_crypto::root;
use coffer_keyring::KEY_MIGRATIONS;
use coffer_storage::{Options, Store};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Copies the data or the keys.
///
/// # Errors
/// If the stores are PostgreSQL databases or missing, or if the copy cannot be written.
pub fn run(config: &Config, verb: &Backup, output: Output) -> Result<Exit, Failure> {
    if let Database::Postgres { .. } = config.database()? {
        return Err(Failure::failed(
            "a PostgreSQL database is backed up with PostgreSQL's own tools, data and keys each \
             by itself; `coffer backup` is for stores in files"
                .to_owned(),
        ));
    }
    let data_dir = config.data_dir();
    if !data_dir.join(DATA_FILE).exists() {
        return Err(setup::no_store(&data_dir));
    }
    let runtime = setup::runtime()?;
    match verb {
        Backup::Create { file } => runtime.block_on(data(config, &data_dir, file, output)),
        Backup::Keys { file } => runtime.block_on(keys(&config.key_dir(), file, output)),
    }
}

async fn data(
    config: &Config,
    data_dir: &Path,
    file: &Path,
    output: Output,
) -> Result<Exit, Failure> {
    let from = data_dir.join(DATA_FILE);
    let store = Store::open_sqlite_read_only(&from, &FamilySet::default().migrations())?;
    let store_id = coffer_keyring::store_id(&store).await?;
    let bytes = coffer_storage::copy_file(&from, file)?;
    report(file, bytes, store_id.as_deref(), output)?;
    if !output.is_json() {
        let root = root_key_location(config, data_dir, store_id.as_deref().unwrap_or_default());
        output::note(&format!(
            "\nThis copy is worthless without the keys: the wrapped keys in {keys}, which \
             `coffer backup keys` copies, and the root key ({root}). Keep the three in \
             different places.",
            keys = config.key_dir().join(KEYS_FILE).display(),
        ));
    }
    Ok(Exit::Done)
}

async fn keys(key_dir: &Path, file: &Path, output: Output) -> Result<Exit, Failure> {
    let from = key_dir.join(KEYS_FILE);
    let store = Store::open_sqlite_read_only(&from, &[KEY_MIGRATIONS])?;
    let store_id = coffer_keyring::key_store_id(&store).await?;
    store.close().await;
    // Taken before the copy, since keys that are made meanwhile may be missing in it.
    let now = SystemClock.now();
    let bytes = coffer_storage::copy_file(&from, file)?;
    let recorded = record(&from, now).await;
    report(file, bytes, store_id.as_deref(), output)?;
    recorded?;
    if !output.is_json() {
        output::note(
            "\nThe keys in this copy are wrapped with the root key, which is not in it. Whoever \
             has both, and the data, reads every secret: keep them apart.\nA key that is \
             destroyed later lives on in this copy: remove it once there is a newer one.",
        );
    }
    Ok(Exit::Done)
}

/// Records the time of the backup, for `coffer doctor`. The schema is this build's already, so
/// opening the store migrates nothing, and a server may have it open too.
async fn record(keys_file: &Path, now: Timestamp) -> Result<(), Failure> {
    let options = Options { copy_before_migration: false, ..Options::default() };
    let (store, _report) = Store::open_sqlite(keys_file, &[KEY_MIGRATIONS], now, options)?;
    let recorded = coffer_keyring::record_backup(&store, now).await;
    store.close().await;
    Ok(recorded?)
}

fn report(file: &Path, bytes: u64, store: Option<&str>, output: Output) -> Result<(), Failure> {
    let json = json!({ "file": file.display().to_string(), "bytes": bytes, "store": store });
    output.show(&json, super::table::object)
}

/// Where the root key is, for people: the key itself is not read.
fn root_key_location(config: &Config, data_dir: &Path, store_id: &str) -> String {
    let shown = |path: PathBuf| path.display().to_string();
    if data_dir.join(DEVELOPER_ROOT_FILE).exists() {
        return shown(data_dir.join(DEVELOPER_ROOT_FILE));
    }
    if let Some(Value::Secret(_)) = config.value(&config::ROOT_KEY) {
        return "as given in COFFER_ROOT_KEY".to_owned();
    }
    match config.root_source() {
        Ok(RootSource::Search { explicit: Some(path), .. }) => shown(path),
        Ok(RootSource::Search { credentials_directory: Some(directory), .. })
            if directory.join(root::CREDENTIAL).exists() =>
        {
            shown(directory.join(root::CREDENTIAL))
        }
        _ => shown(root::default_path(&config::config_home(), store_id)),
    }
}
