//! The stores of an installation: where they are, how they are opened, how their schemas change.

use super::{AssembleError, AssembleOptions, DATA_FILE, KEYS_FILE};
use crate::family_set::FamilySet;
use coffer_base::Timestamp;
use coffer_keyring::KEY_MIGRATIONS;
use coffer_storage::{
    DirectoryLock, MigrationReport, MigrationSet, Options, PostgresOptions, StorageError, Store,
    Transfer,
};
use std::path::Path;

/// Where the stores are.
#[derive(Clone, Debug)]
pub enum Database {
    /// In files of the data directory.
    Embedded,
    /// In PostgreSQL, which any number of servers share.
    Postgres {
        /// The data.
        data: PostgresOptions,
        /// The keys.
        keys: PostgresOptions,
    },
}

/// The stores of an installation, opened and locked against other servers.
pub struct Stores {
    /// The data.
    pub data: Store,
    /// The keys.
    pub keys: Store,
    /// What the schemas needed.
    pub migrations: Vec<MigrationReport>,
    /// Of the directory, if the stores are in it.
    _lock: Option<DirectoryLock>,
}

impl Stores {
    /// Opens both files, makes them if they are missing, and brings their schemas up to date.
    fn open_embedded(options: &AssembleOptions, now: Timestamp) -> Result<Self, AssembleError> {
        let AssembleOptions { data_dir, faults, families, .. } = options;
        make_directory(data_dir)?;
        let lock = DirectoryLock::acquire(data_dir)?;
        let (data_file, keys_file) = (data_dir.join(DATA_FILE), data_dir.join(KEYS_FILE));
        // The keys are made first, so data without keys has lost them.
        if data_file.exists() && !keys_file.exists() {
            return Err(AssembleError::KeysMissing(keys_file));
        }
        // A copy of the keys from before a migration would keep keys that are destroyed later.
        let options = Options { copy_before_migration: false, ..Options::default() };
        let (keys, keys_report) = Store::open_sqlite(&keys_file, &[KEY_MIGRATIONS], now, options)?;
        let options = Options { faults: faults.clone(), ..Options::default() };
        let (data, data_report) =
            Store::open_sqlite(&data_file, &families.migrations(), now, options)?;
        Ok(Self { data, keys, migrations: vec![data_report, keys_report], _lock: Some(lock) })
    }

    /// Opens both stores where `options` says that they are. Those that other servers share must
    /// have this build's schema.
    ///
    /// # Errors
    /// [`AssembleError::Storage`] if another process uses the directory, a database cannot be
    /// reached, a schema is newer, or the store holds only what was moved there before the move was
    /// cut; [`AssembleError::KeysMissing`] if there is data and no key store.
    pub async fn of(options: &AssembleOptions, now: Timestamp) -> Result<Self, AssembleError> {
        let stores = Self::even_half_moved(options, now).await?;
        if Transfer::was_cut_in(&stores.data).await? {
            let why = "the move of a store to here was cut, or what arrived was not the same: run \
                       `coffer migrate-store` again, or begin with an empty place";
            return Err(StorageError::Schema(why.to_owned()).into());
        }
        Ok(stores)
    }

    /// As [`Stores::of`], for whoever moves a store there.
    ///
    /// # Errors
    /// As [`Stores::of`].
    pub async fn even_half_moved(
        options: &AssembleOptions,
        now: Timestamp,
    ) -> Result<Self, AssembleError> {
        match &options.database {
            Database::Embedded => Self::open_embedded(options, now),
            Database::Postgres { data, keys } => {
                let keys = Store::open_postgres(keys.clone(), &[KEY_MIGRATIONS]).await?;
                let data = Store::open_postgres(
                    data.clone().with_faults(options.faults.clone()),
                    &options.families.migrations(),
                )
                .await?;
                Ok(Self { data, keys, migrations: Vec::new(), _lock: None })
            }
        }
    }

    /// Finishes what is queued and closes the files.
    pub async fn close(&self) {
        self.data.close().await;
        self.keys.close().await;
    }
}

fn make_directory(path: &Path) -> Result<(), AssembleError> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| AssembleError::File(path.to_owned(), error))
}

/// Makes the schemas of shared databases that were never used. One that was used is left as it is:
/// founding must not change a store that somebody has.
///
/// # Errors
/// [`AssembleError::Storage`], also if a database has another schema than this build's.
pub async fn make(options: &AssembleOptions, now: Timestamp) -> Result<(), AssembleError> {
    let Database::Postgres { data, keys } = &options.database else { return Ok(()) };
    make_one(keys, &[KEY_MIGRATIONS], now).await?;
    make_one(data, &options.families.migrations(), now).await
}

async fn make_one(
    options: &PostgresOptions,
    sets: &[MigrationSet],
    now: Timestamp,
) -> Result<(), AssembleError> {
    match Store::open_postgres(options.clone(), sets).await {
        Ok(store) => store.close().await,
        Err(StorageError::NoStore(_)) => {
            Store::expand_postgres(options.clone(), sets, now).await?;
            Store::finish_postgres(options.clone(), sets).await?;
        }
        Err(other) => return Err(other.into()),
    }
    Ok(())
}

/// Gives shared databases the first half of what their schemas lack: servers of the version before
/// go on. Embedded ones are brought up to date when they are opened.
///
/// # Errors
/// [`AssembleError::Storage`].
pub async fn expand(
    database: &Database,
    now: Timestamp,
) -> Result<Vec<MigrationReport>, AssembleError> {
    let Database::Postgres { data, keys } = database else { return Ok(Vec::new()) };
    let keys = Store::expand_postgres(keys.clone(), &[KEY_MIGRATIONS], now).await?;
    let data =
        Store::expand_postgres(data.clone(), &FamilySet::default().migrations(), now).await?;
    Ok(vec![data, keys])
}

/// Gives shared databases the second half: servers of the version before are refused from then on.
///
/// # Errors
/// [`AssembleError::Storage`].
pub async fn finish(database: &Database) -> Result<Vec<MigrationReport>, AssembleError> {
    let Database::Postgres { data, keys } = database else { return Ok(Vec::new()) };
    let keys = Store::finish_postgres(keys.clone(), &[KEY_MIGRATIONS]).await?;
    let data = Store::finish_postgres(data.clone(), &FamilySet::default().migrations()).await?;
    Ok(vec![data, keys])
}
