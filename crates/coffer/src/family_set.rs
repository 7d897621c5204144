//! A list of families as one: everything that is asked of all of them at once.

use crate::families::FAMILIES;
use coffer_kernel::verify::{Findings, verify};
use coffer_kernel::{
    Amount, CountedTable, Family, KERNEL, Parts, Prune, Quota, SealedTable, Settings, TableFigures,
};
use coffer_keyring::{Keyring, KeyringError};
use coffer_storage::{MigrationSet, StorageError, Store};

/// The families of an installation.
#[derive(Clone)]
pub struct FamilySet(Vec<Family>);

impl Default for FamilySet {
    fn default() -> Self {
        Self(FAMILIES.to_vec())
    }
}

impl FamilySet {
    /// The same with one more family.
    #[must_use]
    pub fn with(mut self, family: Family) -> Self {
        self.0.push(family);
        self
    }

    /// All of them. The kernel's own share comes last, since purging a family's rows can leave
    /// tombstones there.
    pub fn all(&self) -> impl Iterator<Item = &Family> + Clone {
        self.0.iter().chain([&KERNEL])
    }

    /// The tables of the data store, in the order in which they are made.
    pub fn migrations(&self) -> Vec<MigrationSet> {
        let first = [coffer_keyring::DATA_MIGRATIONS, coffer_audit::MIGRATIONS];
        let kernel = KERNEL.migrations.iter().copied().chain([coffer_identity::MIGRATIONS]);
        let families = self.0.iter().flat_map(|family| family.migrations);
        first.into_iter().chain(kernel).chain(families.copied()).collect()
    }

    /// How a tenant's rows are deleted.
    pub fn purge(&self) -> Vec<Prune> {
        self.all().flat_map(|family| family.purge).copied().collect()
    }

    /// How the rows of one user of a tenant are deleted.
    pub fn purge_user(&self) -> Vec<Prune> {
        self.all().flat_map(|family| family.purge_user).copied().collect()
    }

    /// The quotas that apps can have.
    pub fn quotas(&self) -> Vec<Quota> {
        let amounts = self.amounts().into_iter().map(|amount| amount.quota);
        self.all().flat_map(|family| family.quotas).copied().chain(amounts).collect()
    }

    /// What is counted for each app.
    pub fn amounts(&self) -> Vec<Amount> {
        self.all().flat_map(|family| family.usage.amounts).copied().collect()
    }

    /// The tables that are counted.
    pub fn counts(&self) -> Vec<CountedTable> {
        self.all().flat_map(|family| family.usage.counts).copied().collect()
    }

    /// The running parts of all families, in one.
    pub fn parts(&self, settings: &Settings) -> Parts {
        let mut whole = Parts::default();
        for family in self.all() {
            whole.append((family.parts)(settings));
        }
        whole
    }

    /// Verifies what must hold of the families' tables.
    ///
    /// # Errors
    /// When the database does not answer, or a row is corrupt.
    pub async fn verify(&self, store: &Store) -> Result<Findings, StorageError> {
        verify(store, self.all().flat_map(|family| family.checks)).await
    }

    /// What is measured of their tables.
    pub fn figures(&self) -> Vec<TableFigures> {
        self.all().flat_map(|family| family.figures).copied().collect()
    }

    /// The tables with sealed values.
    pub fn sealed_tables(&self) -> Vec<SealedTable> {
        self.all().flat_map(|family| family.seals).map(|seal| seal.table).collect()
    }

    /// Opens everything that is sealed in `data`, and answers how much there was of what.
    ///
    /// # Errors
    /// [`KeyringError`] of the first record that does not open.
    pub async fn open_all(
        &self,
        data: &Store,
        keyring: &Keyring,
    ) -> Result<Vec<(&'static str, u64)>, KeyringError> {
        let mut opened = Vec::new();
        for seal in self.all().flat_map(|family| family.seals) {
            opened.push((seal.name, seal.table.open_all(data, keyring).await?));
        }
        Ok(opened)
    }
}
