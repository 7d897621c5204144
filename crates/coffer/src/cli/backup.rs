//! `coffer backup`: copies of stores in files, also while a server runs.

use super::args::Backup;
use super::exit::{Exit, Failure};
use super::output::{self, Output};
use super::setup;
use crate::config::{self, Config, Value};
use coffer::assemble::{DATA_FILE, DEVELOPER_ROOT_FILE, Database, KEYS_FILE, RootSource};
use coffer::store_place;
use coffer_base::{Clock, SystemClock};
use coffer_crypto::root;
use coffer_keyring::{KEY_MIGRATIONS, KeyBackup};
use coffer_storage::{Options, Store};
use serde_json::json;
use std::path::Path;

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
    let (Backup::Create { file } | Backup::Keys { file }) = verb;
    if file.as_os_str() == "-" {
        return Err(Failure::usage(
            "a copy is checked before it counts, so it goes to a file and not to standard output; \
             name one, and pass it on from there",
        ));
    }
    store_place::find(&data_dir)?;
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
    let bytes = coffer_storage::copy_file(&data_dir.join(DATA_FILE), file)?;
    // A copy needs no schema of this build, and so may have no such table.
    let store = Store::open_sqlite_as_it_is(file)?;
    let store_id = coffer_keyring::store_id(&store).await.ok().flatten();
    store.close().await;
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
    let bytes = coffer_storage::copy_file(&from, file)?;
    let copy = Store::open_sqlite_as_it_is(file)?;
    let store_id = coffer_keyring::key_store_id(&copy).await.ok().flatten();
    let keys = coffer_keyring::key_count(&copy).await;
    copy.close().await;
    report(file, bytes, store_id.as_deref(), output)?;
    let recorded = match keys {
        Ok(keys) => record(&from, KeyBackup { at: SystemClock.now(), keys }).await,
        Err(error) => Err(error.into()),
    };
    if let Err(why) = recorded {
        output::note(&format!(
            "\nThe copy is good. That it was made could not be recorded, so `coffer doctor` does \
             not know of it: {}",
            why.message
        ));
    }
    if !output.is_json() {
        output::note(
            "\nThe keys in this copy are wrapped with the root key, which is not in it. Whoever \
             has both, and the data, reads every secret: keep them apart.\nA key that is \
             destroyed later lives on in this copy: remove it once there is a newer one.",
        );
    }
    Ok(Exit::Done)
}

/// Records the backup, for `coffer doctor`, in a store with this build's schema: opening it then
/// migrates nothing, and a server may have it open too.
async fn record(keys_file: &Path, backup: KeyBackup) -> Result<(), Failure> {
    Store::open_sqlite_read_only(keys_file, &[KEY_MIGRATIONS])?.close().await;
    let options = Options { copy_before_migration: false, ..Options::default() };
    let (store, _report) = Store::open_sqlite(keys_file, &[KEY_MIGRATIONS], backup.at, options)?;
    let recorded = coffer_keyring::record_backup(&store, backup).await;
    store.close().await;
    Ok(recorded?)
}

fn report(file: &Path, bytes: u64, store: Option<&str>, output: Output) -> Result<(), Failure> {
    let json = json!({ "file": file.display().to_string(), "bytes": bytes, "store": store });
    output.show(&json, super::table::object)
}

/// Where the root key is, for people: the key itself is not read, and only a file is named that
/// exists.
fn root_key_location(config: &Config, data_dir: &Path, store_id: &str) -> String {
    let beside = data_dir.join(DEVELOPER_ROOT_FILE);
    if beside.exists() {
        return beside.display().to_string();
    }
    if let Some(Value::Secret(_)) = config.value(&config::ROOT_KEY) {
        return "as given in COFFER_ROOT_KEY".to_owned();
    }
    if config.text(&config::ROOT) != "key" {
        return format!("kept by {}", config.text(&config::ROOT));
    }
    let places = match config.root_source() {
        Ok(RootSource::Search { explicit: Some(path), .. }) => vec![path],
        Ok(RootSource::Search { credentials_directory, config_home, .. }) => {
            let credential =
                credentials_directory.map(|directory| directory.join(root::CREDENTIAL));
            credential.into_iter().chain([root::default_path(&config_home, store_id)]).collect()
        }
        _ => Vec::new(),
    };
    match places.iter().find(|path| path.exists()) {
        Some(path) => path.display().to_string(),
        None => {
            "which is kept elsewhere: in none of the places where this command looks".to_owned()
        }
    }
}
