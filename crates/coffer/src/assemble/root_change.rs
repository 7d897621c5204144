//! Moving an installation from one root of trust to another, and its keys to a file and back. Only
//! the key store is touched, beside servers that run.

use super::root::{FoundRoot, RootSource, blocking, find_root, make_root};
use super::{AssembleError, AssembleOptions, Database};
use coffer_base::{Random, Timestamp};
use coffer_crypto::keyring_file::KeyringFile;
use coffer_crypto::root::RootError;
use coffer_keyring::{
    Change, KEY_MIGRATIONS, KeyringError, Masters, StoredRoot, accepted_roots, cancel_root,
    finish_root, renew_root,
};
use coffer_storage::{Options, Store};
use std::path::Path;
use std::sync::Arc;

/// The key store of an installation, open beside its servers.
pub struct KeyStore<'o> {
    options: &'o AssembleOptions,
    store: Store,
    store_id: String,
    now: Timestamp,
}

impl<'o> KeyStore<'o> {
    /// Opens it.
    ///
    /// # Errors
    /// When there is none, or it has another schema than this build's.
    pub async fn open(options: &'o AssembleOptions) -> Result<Self, AssembleError> {
        let now = options.clock.now();
        let store = match &options.database {
            Database::Postgres { keys, .. } => {
                Store::open_postgres(keys.clone(), &[KEY_MIGRATIONS]).await?
            }
            Database::Embedded => open_file(&options.keys_file(), now).await?,
        };
        let Some(store_id) = coffer_keyring::key_store_id(&store).await? else {
            return Err(KeyringError::Empty.into());
        };
        options.check_kind(&store).await?;
        Ok(Self { options, store, store_id, now })
    }

    /// Closes it.
    pub async fn close(self) {
        self.store.close().await;
    }

    /// The id of the store whose keys these are.
    pub fn store_id(&self) -> &str {
        &self.store_id
    }

    fn random(&self) -> &Arc<dyn Random> {
        &self.options.random
    }

    fn change(&self) -> Change<'_> {
        Change { random: &**self.random(), now: self.now }
    }

    async fn find(&self) -> Result<FoundRoot, AssembleError> {
        let AssembleOptions { root, data_dir, .. } = self.options;
        find_root(root, data_dir, &self.store, &self.store_id).await
    }

    async fn make(&self, source: &RootSource) -> Result<FoundRoot, AssembleError> {
        make_root(source, &self.options.data_dir, &self.store_id, self.random()).await
    }

    /// The roots that open the keys, the current one first.
    ///
    /// # Errors
    /// When the key store cannot be read.
    pub async fn roots(&self) -> Result<Vec<StoredRoot>, AssembleError> {
        Ok(accepted_roots(&self.store).await?)
    }

    /// Lets a new root open the keys beside the current one. Run again after it was interrupted, it
    /// takes a file that it made before.
    ///
    /// # Errors
    /// When the current root does not open the keys, or the new one cannot keep its key.
    pub async fn migrate(&self, to: &RootSource) -> Result<FoundRoot, AssembleError> {
        let current = self.find().await?;
        let masters = Masters::open(&self.store, &self.store_id, &current.key).await?;
        let new = match self.make(to).await {
            Err(AssembleError::Root(RootError::Exists { path })) => {
                let there = find_root(to, &self.options.data_dir, &self.store, &self.store_id);
                let there = there.await?;
                if self.roots().await?.first().is_some_and(|root| root.id == there.key.id()) {
                    return Err(RootError::Exists { path }.into());
                }
                there
            }
            made => made?,
        };
        masters.accept(&self.store, &new.as_kept(), self.change()).await?;
        Ok(new)
    }

    /// Ends a move: only the new root, which must be the one that is configured now, opens the
    /// keys.
    ///
    /// # Errors
    /// When no move is under way, or the configured root is not its target.
    pub async fn finish(&self) -> Result<FoundRoot, AssembleError> {
        let new = self.find().await?;
        finish_root(&self.store, &self.store_id, &new.key, self.change()).await?;
        Ok(new)
    }

    /// Takes a move back.
    ///
    /// # Errors
    /// When none is under way, or the configured root does not open the keys.
    pub async fn cancel(&self) -> Result<(), AssembleError> {
        let root = self.find().await?;
        Masters::open(&self.store, &self.store_id, &root.key).await?;
        Ok(cancel_root(&self.store, self.change()).await?)
    }

    /// Seals the configured root's key anew, under the newest version of the key that seals it.
    ///
    /// # Errors
    /// When the root has no such thing, or cannot be reached.
    pub async fn renew(&self) -> Result<FoundRoot, AssembleError> {
        let RootSource::Sealed { root, .. } = &self.options.root else {
            return Err(AssembleError::NotRenewed);
        };
        let found = self.find().await?;
        let roots = self.roots().await?;
        let stored = roots.iter().find(|stored| stored.id == found.key.id());
        let stored = stored.ok_or(KeyringError::NothingIncoming)?;
        let (asked, kept) = (Arc::clone(root), found.kept.clone());
        let renewed = blocking(move || asked.renew(&kept)).await?;
        let renewed = renewed.ok_or(AssembleError::NotRenewed)?;
        let (asked, store_id, kept) = (Arc::clone(root), self.store_id.clone(), renewed.clone());
        let again = blocking(move || asked.open(&store_id, &kept)).await?;
        if again.id() != found.key.id() {
            return Err(RootError::Damaged { place: found.place }.into());
        }
        renew_root(&self.store, stored, renewed, self.change()).await?;
        Ok(found)
    }

    /// The master keys for a file, under a root of its own.
    ///
    /// # Errors
    /// When the configured root does not open the keys, or the export cannot be recorded.
    pub async fn export(&self, under: &RootSource) -> Result<KeyringFile, AssembleError> {
        let current = self.find().await?;
        let masters = Masters::open(&self.store, &self.store_id, &current.key).await?;
        let new = self.make(under).await?;
        Ok(masters.export(&self.store, &new.as_kept(), self.change()).await?)
    }

    /// Makes a new root the only one, with the master keys of a file: what opens a store again
    /// whose root is lost.
    ///
    /// # Errors
    /// When the file is another store's, or older than the newest master key, or its root does not
    /// open it, or the new root cannot keep its key.
    pub async fn import(
        &self,
        file: &KeyringFile,
        opened_by: &RootSource,
        to: &RootSource,
    ) -> Result<FoundRoot, AssembleError> {
        let RootSource::Sealed { root, .. } = opened_by else {
            return Err(AssembleError::NotRenewed);
        };
        let (root, store_id) = (Arc::clone(root), file.store_id.clone());
        let kept = file.kept.clone();
        let key = blocking(move || root.open(&store_id, &kept)).await?;
        let masters = Masters::of_file(&self.store, file, &key).await?;
        let new = self.make(to).await?;
        masters.replace(&self.store, &new.as_kept(), self.change()).await?;
        Ok(new)
    }
}

/// Opens the file of the keys, which must be there and of this build's schema.
async fn open_file(path: &Path, now: Timestamp) -> Result<Store, AssembleError> {
    if !path.is_file() {
        return Err(AssembleError::KeysMissing(path.to_owned()));
    }
    Store::open_sqlite_read_only(path, &[KEY_MIGRATIONS])?.close().await;
    let options = Options { copy_before_migration: false, ..Options::default() };
    Ok(Store::open_sqlite(path, &[KEY_MIGRATIONS], now, options)?.0)
}
