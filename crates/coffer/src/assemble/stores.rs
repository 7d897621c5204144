//! The stores of an installation: where they are, how they are opened, how their schemas change.

use super::{AssembleError, AssembleOptions, DATA_FILE};
use crate::family_set::FamilySet;
use crate::store_place;
use coffer_audit::Entry;
use coffer_base::{Tenant, Timestamp};
use coffer_keyring::KEY_MIGRATIONS;
use coffer_storage::{
    DirectoryLock, DiskSpace, MigrationReport, MigrationSet, Options, PostgresOptions,
    StorageError, Store, Transfer,
};
use std::path::Path;

/// Where the stores are.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a program has one of it, made at its start")]
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

/// The stores of an installation, open. Those in files are locked against other processes.
pub struct Stores {
    /// The data.
    pub data: Store,
    /// The keys.
    pub keys: Store,
    /// The migrations that opening applied.
    pub migrations: Vec<MigrationReport>,
    /// The locks of the directories, if the stores are files.
    _locks: Vec<DirectoryLock>,
}

impl Stores {
    /// Opens both files, creates them if they are missing, and migrates their schemas to this
    /// build's.
    fn open_embedded(options: &AssembleOptions, now: Timestamp) -> Result<Self, AssembleError> {
        let AssembleOptions { data_dir, faults, families, .. } = options;
        store_place::require_settled(data_dir)?;
        let (data_file, keys_file) = (data_dir.join(DATA_FILE), options.keys_file());
        // The key store is created first, so data without one means that it was lost, or that its
        // volume is not mounted: nothing is made in its place.
        if has_content(&data_file)? && !has_content(&keys_file)? {
            return Err(AssembleError::KeysMissing(keys_file));
        }
        let mut spaces = Vec::new();
        let directories = std::iter::once(data_dir).chain(options.key_dir.as_ref());
        let mut locks = Vec::new();
        for directory in directories {
            create_directory(directory)?;
            if !locks.is_empty() && is_same(directory, data_dir) {
                continue;
            }
            // First of all: on a full disk, nothing below works without the ballast's room.
            spaces.push(DiskSpace::watch(directory, faults)?);
            locks.push(DirectoryLock::acquire(directory)?);
        }
        let (space, keys_space) = (spaces.first().cloned(), spaces.last().cloned());
        // A copy of the keys from before a migration would keep keys that are destroyed later.
        let options = Options { faults: faults.of_keys(), space: keys_space, ..Options::default() };
        let options = Options { copy_before_migration: false, ..options };
        let (keys, keys_report) = Store::open_sqlite(&keys_file, &[KEY_MIGRATIONS], now, options)?;
        let options = Options { faults: faults.clone(), space, ..Options::default() };
        let (data, data_report) =
            Store::open_sqlite(&data_file, &families.migrations(), now, options)?;
        Ok(Self { data, keys, migrations: vec![data_report, keys_report], _locks: locks })
    }

    /// Opens both stores where `options` says that they are. A PostgreSQL database must have this
    /// build's schema already, since other servers may depend on the one that it has.
    ///
    /// # Errors
    /// [`AssembleError::Storage`] if another process uses the directory, if a database cannot be
    /// reached, if a schema is newer than this build's, or if a transfer to here is incomplete;
    /// [`AssembleError::KeysMissing`] if there is data and no key store.
    pub async fn open_configured(
        options: &AssembleOptions,
        now: Timestamp,
    ) -> Result<Self, AssembleError> {
        let stores = Self::open_incomplete(options, now).await?;
        if Transfer::is_incomplete(&stores.data).await? {
            let why = "the move of a store to here was interrupted, or what arrived was not the \
                       same: run `coffer migrate-store` again, or begin with an empty target";
            return Err(StorageError::Schema(why.into()).into());
        }
        Ok(stores)
    }

    /// As [`Stores::open_configured`], but also opens stores with an incomplete transfer, so that
    /// it can be continued.
    ///
    /// # Errors
    /// As [`Stores::open_configured`], but for the incomplete transfer.
    pub async fn open_incomplete(
        options: &AssembleOptions,
        now: Timestamp,
    ) -> Result<Self, AssembleError> {
        let Database::Postgres { data, keys } = &options.database else {
            let stores = Self::open_embedded(options, now)?;
            // A store that was in use was copied before its schema was changed.
            if let Some(report) = stores.migrations.iter().find(|one| one.copy.is_some()) {
                let entry = migrated("program.migrate", report, now);
                coffer_audit::record(&stores.data, entry).await?;
            }
            return Ok(stores);
        };
        let keys = Store::open_postgres(keys.clone(), &[KEY_MIGRATIONS]).await?;
        let data = data.clone().with_faults(options.faults.clone());
        let data = Store::open_postgres(data, &options.families.migrations()).await?;
        Ok(Self { data, keys, migrations: Vec::new(), _locks: Vec::new() })
    }

    /// Commits what is queued and closes both stores.
    pub async fn close(&self) {
        self.data.close().await;
        self.keys.close().await;
    }
}

/// As [`store_place::has_content`], with an error that names the file.
fn has_content(path: &Path) -> Result<bool, AssembleError> {
    let failed = |source| AssembleError::File { path: path.to_owned(), source };
    store_place::has_content(path).map_err(failed)
}

/// Whether both are one directory, by whatever names.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    real(one).is_some_and(|one| Some(one) == real(other))
}

fn create_directory(path: &Path) -> Result<(), AssembleError> {
    use std::os::unix::fs::DirBuilderExt;
    let created = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    created.map_err(|source| AssembleError::File { path: path.to_owned(), source })
}

/// Creates the schemas of PostgreSQL databases that are empty. One with a schema stays as it is,
/// since `coffer init` must not change a store that is in use. Stores in files get their schemas
/// when they are opened.
///
/// # Errors
/// [`AssembleError::Storage`] if a database cannot be reached or has another schema than this
/// build's.
pub async fn create_schemas(
    database: &Database,
    families: &FamilySet,
    now: Timestamp,
) -> Result<(), AssembleError> {
    let Database::Postgres { data, keys } = database else { return Ok(()) };
    create_schema(keys, &[KEY_MIGRATIONS], now).await?;
    create_schema(data, &families.migrations(), now).await
}

async fn create_schema(
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

/// Applies the first half of the pending migrations to PostgreSQL databases: servers of the
/// version before keep working. Stores in files are migrated when they are opened.
///
/// # Errors
/// [`AssembleError::Storage`] if a database cannot be reached or a statement fails.
pub async fn expand(
    database: &Database,
    now: Timestamp,
) -> Result<Vec<MigrationReport>, AssembleError> {
    let Database::Postgres { data, keys } = database else { return Ok(Vec::new()) };
    let keys = Store::expand_postgres(keys.clone(), &[KEY_MIGRATIONS], now).await?;
    let sets = FamilySet::default().migrations();
    let expanded = Store::expand_postgres(data.clone(), &sets, now).await?;
    audit_migration(data, "program.migrate.up", &expanded, now).await?;
    Ok(vec![expanded, keys])
}

/// Has the audit say which migrations were applied to a database that was in use, if any were.
async fn audit_migration(
    data: &PostgresOptions,
    operation: &'static str,
    report: &MigrationReport,
    now: Timestamp,
) -> Result<(), StorageError> {
    if report.applied.is_empty() {
        return Ok(());
    }
    let store = Store::open_postgres(data.clone(), &FamilySet::default().migrations()).await?;
    let recorded = coffer_audit::record(&store, migrated(operation, report, now)).await;
    store.close().await;
    recorded
}

fn migrated(operation: &'static str, report: &MigrationReport, now: Timestamp) -> Entry {
    let applied = report.applied.iter();
    let applied: Vec<_> = applied.map(|one| format!("{} {}", one.component, one.version)).collect();
    let entry = Entry::of_program(operation, Tenant::system(), now);
    Entry { detail: Some(applied.join(", ")), ..entry }
}

/// Spreads the tables of the data over the servers of a Citus cluster, or with `dry_run` only says
/// how: the statements for it. The keys stay where they are.
///
/// # Errors
/// [`AssembleError::Storage`] if the database has no Citus, cannot be reached, or a statement
/// fails.
pub async fn distribute(
    database: &Database,
    families: &FamilySet,
    dry_run: bool,
) -> Result<Vec<String>, AssembleError> {
    let Database::Postgres { data, .. } = database else { return Ok(Vec::new()) };
    Ok(Store::distribute_postgres(data.clone(), &families.migrations(), dry_run).await?)
}

/// Applies the second half of the migrations to PostgreSQL databases, which refuse servers of the
/// version before from then on.
///
/// # Errors
/// [`AssembleError::Storage`] if a database cannot be reached or a statement fails.
pub async fn finish(
    database: &Database,
    now: Timestamp,
) -> Result<Vec<MigrationReport>, AssembleError> {
    let Database::Postgres { data, keys } = database else { return Ok(Vec::new()) };
    let keys = Store::finish_postgres(keys.clone(), &[KEY_MIGRATIONS]).await?;
    let sets = FamilySet::default().migrations();
    let finished = Store::finish_postgres(data.clone(), &sets).await?;
    audit_migration(data, "program.migrate.finish", &finished, now).await?;
    Ok(vec![finished, keys])
}
