//! `coffer doctor --repair DIRECTORY`: what can be read of damaged stores, saved beside them.

use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Output;
use crate::cli::runtime::Runtime;
use crate::cli::setup;
use crate::config::Config;
use coffer::assemble::{self, DATA_FILE, Database, KEYS_FILE};
use coffer::family_set::FamilySet;
use coffer_base::{Clock, SystemClock};
use coffer_keyring::KEY_MIGRATIONS;
use coffer_storage::{Saved, Store, salvage};
use serde_json::{Value, json};
use std::path::Path;

/// Saves what can be read of both stores into `directory`, which must be new or empty, and checks
/// what was saved; [`Exit::Failed`] if that is not all, or not right.
///
/// # Errors
/// If the stores are PostgreSQL databases, if there is something in `directory`, or if not even the
/// list of tables of a store can be read.
pub fn repair(config: &Config, directory: &Path, output: Output) -> Result<Exit, Failure> {
    if let Database::Postgres { .. } = config.database()? {
        let text = "a PostgreSQL database is repaired with PostgreSQL's own tools; \
                    `coffer doctor --repair` is for stores in files";
        return Err(Failure::failed(text.to_owned()));
    }
    if std::fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some()) {
        let text = "has something in it: what is saved goes into a new directory";
        return Err(Failure::failed(format!("{} {text}", directory.display())));
    }
    let now = SystemClock.now();
    let (data, keys) = (config.data_dir().join(DATA_FILE), config.key_dir().join(KEYS_FILE));
    let families = FamilySet::default();
    let keys = salvage(&keys, &directory.join(KEYS_FILE), &[KEY_MIGRATIONS], now)?;
    let data = salvage(&data, &directory.join(DATA_FILE), &families.migrations(), now)?;
    let problems = Runtime::new()?.block_on(problems(config, directory));
    let document = document(directory, &data, &keys, &problems);
    output.show(&document, |_| lines(directory, [&data, &keys], &problems))?;
    let is_whole = data.iter().chain(&keys).all(|saved| saved.is_whole) && problems.is_empty();
    Ok(if is_whole { Exit::Done } else { Exit::Failed })
}

/// What is wrong with the stores that were saved.
async fn problems(config: &Config, directory: &Path) -> Vec<String> {
    match check(config, directory).await {
        Ok(problems) => problems,
        Err(failure) => vec![failure.message],
    }
}

async fn check(config: &Config, directory: &Path) -> Result<Vec<String>, Failure> {
    let families = FamilySet::default();
    let data = Store::open_sqlite_read_only(&directory.join(DATA_FILE), &families.migrations())?;
    let keys = Store::open_sqlite_read_only(&directory.join(KEYS_FILE), &[KEY_MIGRATIONS])?;
    let Some(store_id) = coffer_keyring::store_id(&data).await? else {
        return Ok(vec!["the row that says which store this is was lost".to_owned()]);
    };
    let mut problems = Vec::new();
    let (keyring, _) =
        assemble::open_keyring(&setup::production(config)?, &keys, &store_id).await?;
    if let Err(error) = families.open_all(&data, &keyring).await {
        problems
            .push(format!("not everything opens; who reads what does not gets an error: {error}"));
    }
    let without = coffer_keyring::tenants_without_key(&data, &keys).await?.missing;
    if without > 0 {
        problems.push(format!("{without} tenants' keys were lost, and with them what they seal"));
    }
    let differences = families.verify(&data).await?.differences.len();
    if differences > 0 {
        problems.push(format!("{differences} differences in the books: `coffer ledger verify`"));
    }
    Ok(problems)
}

fn document(directory: &Path, data: &[Saved], keys: &[Saved], problems: &[String]) -> Value {
    let tables = |saved: &[Saved]| -> Vec<Value> {
        let table =
            |one: &Saved| json!({"table": one.table, "rows": one.rows, "whole": one.is_whole});
        saved.iter().map(table).collect()
    };
    json!({
        "directory": directory.display().to_string(),
        "data": tables(data),
        "keys": tables(keys),
        "problems": problems,
    })
}

fn lines(directory: &Path, stores: [&Vec<Saved>; 2], problems: &[String]) -> String {
    let mut lines = Vec::new();
    for saved in stores.into_iter().flatten().filter(|saved| saved.rows > 0 || !saved.is_whole) {
        let verdict = if saved.is_whole { "whole" } else { "PART " };
        lines.push(format!("{verdict}  {:>9} rows  {}", saved.rows, saved.table));
    }
    lines.extend(problems.iter().map(|problem| format!("FAIL   {problem}")));
    lines.push(format!(
        "Saved into {}. To serve it, name it with --data-dir, with the same root key.",
        directory.display()
    ));
    lines.join("\n")
}
