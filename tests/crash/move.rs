//! A move of a store that stops for good in its middle, to be killed there.
//!
//! `coffer-crash-move ROOT_KEY DIRECTORY DATA_URL KEYS_URL ROWS` moves the store in DIRECTORY to
//! the two databases, as `coffer migrate-store` does. Once so many rows were moved, those of an
//! earlier part included, it prints `held` and does nothing more.

use coffer::assemble::{AssembleOptions, Callers, Database, RootSource};
use coffer::family_set::FamilySet;
use coffer::store_transfer::{self, Phase};
use coffer_base::SystemClock;
use coffer_crypto::SystemRandom;
use coffer_kernel::Settings;
use coffer_storage::{Faults, Passwords, PostgresOptions, Progress};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [root_key, directory, data, keys, rows] = arguments.as_slice() else {
        panic!("coffer-crash-move ROOT_KEY DIRECTORY DATA_URL KEYS_URL ROWS");
    };
    let postgres = |url: &str| PostgresOptions::parse(url, &Passwords::default()).unwrap();
    let from = options(root_key, directory, Database::Embedded);
    let database = Database::Postgres { data: postgres(data), keys: postgres(keys) };
    let to = options(root_key, directory, database);
    let rows: u64 = rows.parse().unwrap();
    let mut moved = BTreeMap::new();
    let mut tell = |phase: Phase, progress: Option<&Progress>| {
        assert_eq!(phase, Phase::Moving, "all rows were moved, and {rows} never");
        if let Some(Progress { table, done, .. }) = progress {
            moved.insert(table.clone(), *done);
        }
        if moved.values().sum::<u64>() >= rows {
            println!("held");
            loop {
                std::thread::park();
            }
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(store_transfer::run(&from, &to, &mut tell)).unwrap();
}

fn options(root_key: &str, directory: &str, database: Database) -> AssembleOptions {
    AssembleOptions {
        data_dir: PathBuf::from(directory),
        key_dir: None,
        root: RootSource::Search {
            explicit: Some(PathBuf::from(root_key)),
            credentials_directory: None,
            config_home: PathBuf::new(),
        },
        database,
        developer: false,
        callers: Callers::default(),
        families: FamilySet::default(),
        settings: Settings::default(),
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        faults: Faults::none(),
    }
}
