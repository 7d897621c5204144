//! Which roots open the key store, and how it moves from one to another.
//!
//! Master keys are wrapped under the root key of the current root. A move adds an incoming root:
//! the same master keys, wrapped under its root key too, so that servers start with either. Once it
//! is finished, only the new root opens them. No tenant's key and no data changes.

use crate::error::KeyringError;
use crate::store::{
    self, AddRoot, CancelRoot, FinishRoot, Purpose, RecordEvent, RenewRoot, RootEvent, RootState,
    StoredRoot, Use,
};
use crate::wrapping::{ROOT_VERSION, master_data, tenant_data};
use coffer_base::{AccountId, AppId, Mode, Random, Tenant, Timestamp, id::random_id};
use coffer_crypto::key::Key;
use coffer_crypto::keyring_file::KeyringFile;
use coffer_crypto::root::{Kind, RootKey};
use coffer_crypto::{AssociatedData, LookupKey, SealingKey, unwrap, wrap};
use coffer_storage::{Row, StorageError, Store};

/// Letters and digits of an event's id.
const EVENT_ID_CHARACTERS: usize = 20;

/// A root key that something keeps.
pub struct NewRoot<'k> {
    /// The key.
    pub key: &'k RootKey,
    /// What keeps it.
    pub kind: Kind,
    /// Where, for people.
    pub place: String,
    /// What that needs to give it again; empty where it is kept whole.
    pub kept: Vec<u8>,
}

impl<'k> NewRoot<'k> {
    /// A key that the operator keeps whole.
    pub fn whole(key: &'k RootKey, place: String) -> Self {
        Self { key, kind: Kind::Key, place, kept: Vec::new() }
    }

    pub(crate) fn stored(&self, state: RootState, created: Timestamp) -> StoredRoot {
        let (id, kind) = (self.key.id(), self.kind);
        let (place, kept) = (self.place.clone(), self.kept.clone());
        StoredRoot { id, kind, place, created, state, kept }
    }

    fn subject(&self) -> String {
        subject(self.kind, &self.key.id())
    }
}

fn subject(kind: Kind, id: &str) -> String {
    format!("{kind} {id}")
}

/// What the time and randomness of a change are.
#[derive(Clone, Copy)]
pub struct Change<'c> {
    /// Where ids, salts and nonces come from.
    pub random: &'c dyn Random,
    /// The time.
    pub now: Timestamp,
}

impl Change<'_> {
    fn event(&self, operation: &'static str, subject: String) -> RootEvent {
        let id = random_id("rootevt", EVENT_ID_CHARACTERS, self.random);
        RootEvent { id, at: self.now, operation, subject }
    }
}

/// Leaves what a command did with backups for the audit, which a server takes from there.
///
/// # Errors
/// [`KeyringError::Storage`] if the key store cannot be written.
pub async fn record_event(
    keys: &Store,
    operation: &'static str,
    subject: String,
    change: Change<'_>,
) -> Result<(), KeyringError> {
    Ok(keys.write(RecordEvent(change.event(operation, subject))).await?)
}

/// The roots that open the keys, the current one first.
///
/// # Errors
/// [`KeyringError::Storage`] if the key store cannot be read.
pub async fn accepted_roots(keys: &Store) -> Result<Vec<StoredRoot>, KeyringError> {
    Ok(store::accepted_roots(keys).await?)
}

/// The state of the root whose root key has this id; `None` if the store never had it.
///
/// # Errors
/// [`KeyringError::Storage`] if the key store cannot be read.
pub async fn root_state(keys: &Store, id: &str) -> Result<Option<RootState>, KeyringError> {
    Ok(store::root_state(keys, id).await?)
}

/// All master keys of a store, unwrapped.
pub struct Masters {
    store_id: String,
    /// Ascending by version; the last is the active one.
    keys: Vec<(u32, SealingKey)>,
}

impl Masters {
    /// Opens them with a root key.
    ///
    /// # Errors
    /// [`KeyringError::WrongRoot`] if it is none that the store accepts,
    /// [`KeyringError::RootBehind`] if it is incoming and lacks a master key, and
    /// [`KeyringError::Empty`] if there is none.
    pub async fn open(keys: &Store, store_id: &str, root: &RootKey) -> Result<Self, KeyringError> {
        let id = root.id();
        let all = store::master_keys(keys).await?;
        let accepted = store::accepted_roots(keys).await?;
        let is_incoming =
            |known: &&StoredRoot| known.id == id && known.state == RootState::Incoming;
        let wrapped = match accepted.iter().find(is_incoming) {
            Some(_) => complete(&all, store::incoming_masters(keys, &id).await?)?,
            None => all,
        };
        if wrapped.is_empty() {
            return Err(KeyringError::Empty);
        }
        Self::unwrap(store_id, root, &wrapped)
    }

    fn unwrap(
        store_id: &str,
        root: &RootKey,
        wrapped: &[(u32, Vec<u8>)],
    ) -> Result<Self, KeyringError> {
        let keys = wrapped.iter().map(|(version, wrapped)| {
            let data = master_data(store_id, *version);
            let key = unwrap(root.sealing_key(), &data, wrapped);
            Ok((*version, key.map_err(KeyringError::WrongRoot)?))
        });
        let keys = keys.collect::<Result<_, KeyringError>>()?;
        Ok(Self { store_id: store_id.to_owned(), keys })
    }

    /// The keys, with their versions.
    pub(crate) fn into_keys(self) -> Vec<(u32, SealingKey)> {
        self.keys
    }

    fn wrapped(
        &self,
        root: &RootKey,
        random: &dyn Random,
    ) -> Result<Vec<(u32, Vec<u8>)>, KeyringError> {
        let wrap = |(version, key): &(u32, SealingKey)| {
            Ok((*version, wrap_master(root, &self.store_id, *version, key, random)?))
        };
        self.keys.iter().map(wrap).collect()
    }

    /// Lets `root` open the keys beside the current root. An incoming root from before is taken
    /// back.
    ///
    /// # Errors
    /// [`KeyringError::MastersChanged`] if a master key was made or destroyed meanwhile,
    /// [`KeyringError::Storage`] if the key store cannot be written.
    pub async fn accept(
        &self,
        keys: &Store,
        root: &NewRoot<'_>,
        change: Change<'_>,
    ) -> Result<(), KeyringError> {
        self.add(keys, root, Use::Incoming, "keyring.root.migrate", change).await
    }

    /// Makes `root` the only one that opens the keys.
    ///
    /// # Errors
    /// [`KeyringError::MastersChanged`] if a master key was made or destroyed meanwhile,
    /// [`KeyringError::Storage`] if the key store cannot be written.
    pub async fn replace(
        &self,
        keys: &Store,
        root: &NewRoot<'_>,
        change: Change<'_>,
    ) -> Result<(), KeyringError> {
        self.add(keys, root, Use::Current, "keyring.import", change).await
    }

    async fn add(
        &self,
        keys: &Store,
        root: &NewRoot<'_>,
        used: Use,
        operation: &'static str,
        change: Change<'_>,
    ) -> Result<(), KeyringError> {
        let state = if used == Use::Incoming { RootState::Incoming } else { RootState::Current };
        let added = keys.write(AddRoot {
            root: root.stored(state, change.now),
            masters: self.wrapped(root.key, change.random)?,
            used,
            event: change.event(operation, root.subject()),
        });
        if added.await? { Ok(()) } else { Err(KeyringError::MastersChanged) }
    }

    /// The master keys for a file, under a root key of its own; the export is recorded.
    ///
    /// # Errors
    /// [`KeyringError::Storage`] if it cannot be recorded: then there is no file either.
    pub async fn export(
        &self,
        keys: &Store,
        root: &NewRoot<'_>,
        change: Change<'_>,
    ) -> Result<KeyringFile, KeyringError> {
        let masters = self.wrapped(root.key, change.random)?;
        let (store_id, kind) = (self.store_id.clone(), root.kind);
        let file = KeyringFile { store_id, kind, kept: root.kept.clone(), masters };
        keys.write(RecordEvent(change.event("keyring.export", root.subject()))).await?;
        Ok(file)
    }

    /// The master keys in a file, which must be those of the key store: each of the store's is
    /// there, and opens what it wraps. Those that the store has destroyed since are left out.
    ///
    /// # Errors
    /// [`KeyringError::OtherStore`] if they are another store's, [`KeyringError::WrongRoot`] if the
    /// root key is not that of the file, [`KeyringError::FileBehind`] if the store has a master key
    /// that the file lacks, [`KeyringError::Crypto`] if one does not open what it should.
    pub async fn of_file(
        keys: &Store,
        file: &KeyringFile,
        root: &RootKey,
    ) -> Result<Self, KeyringError> {
        let store_id = store::key_store_id(keys).await?.ok_or(KeyringError::Empty)?;
        if store_id != file.store_id {
            let keys = file.store_id.clone();
            return Err(KeyringError::OtherStore { data: store_id, keys });
        }
        let mut masters = Self::unwrap(&store_id, root, &file.masters)?;
        let live: Vec<u32> =
            store::master_keys(keys).await?.into_iter().map(|(version, _)| version).collect();
        masters.keys.retain(|(version, _)| live.contains(version));
        for version in live {
            let known = masters.keys.iter().find(|(known, _)| *known == version);
            let (_, key) = known.ok_or(KeyringError::FileBehind { version })?;
            if let Some(row) = store::sample(keys, version).await? {
                check_sample(&store_id, version, key, row)?;
            }
        }
        Ok(masters)
    }
}

/// That an incoming root has each of the store's master keys.
fn complete(
    all: &[(u32, Vec<u8>)],
    incoming: Vec<(u32, Vec<u8>)>,
) -> Result<Vec<(u32, Vec<u8>)>, KeyringError> {
    let has = |version: &u32| incoming.iter().any(|(known, _)| known == version);
    match all.iter().find(|(version, _)| !has(version)) {
        Some((version, _)) => Err(KeyringError::RootBehind { version: *version }),
        None => Ok(incoming),
    }
}

/// That a master key opens one of the keys that it wraps.
fn check_sample(
    store_id: &str,
    master_version: u32,
    master: &SealingKey,
    mut row: Row,
) -> Result<(), KeyringError> {
    let corrupt = || StorageError::Corrupt("a tenant's key has no proper owner".into());
    let tenant = Tenant {
        mode: Mode::from_code(row.int(0)?).ok_or_else(corrupt)?,
        app: AppId::parse(row.text(1)?).map_err(|_| corrupt())?,
        account: AccountId::parse_stored(row.text(2)?).map_err(|_| corrupt())?,
    };
    let purpose = Purpose::parse(row.text(3)?)?;
    let version = store::version_of(&row, 4)?;
    let wrapped = row.take_blob(5)?;
    let data = tenant_data(store_id, &tenant, purpose, version, master_version);
    let opened = match purpose {
        Purpose::Sealing => opens::<SealingKey>(master, &data, &wrapped),
        Purpose::Lookup => opens::<LookupKey>(master, &data, &wrapped),
    };
    opened.map_err(|source| KeyringError::Crypto { what: "a tenant's key", source })
}

fn opens<K: Key>(
    master: &SealingKey,
    data: &AssociatedData,
    wrapped: &[u8],
) -> Result<(), coffer_crypto::CryptoError> {
    unwrap::<K>(master, data, wrapped).map(drop)
}

/// Makes the incoming root the current one, and lets the one before open nothing any more. `root`
/// is its key, which shows that it is at hand.
///
/// # Errors
/// [`KeyringError::NothingIncoming`] if `root` is not the incoming root, and as [`Masters::open`].
pub async fn finish_root(
    keys: &Store,
    store_id: &str,
    root: &RootKey,
    change: Change<'_>,
) -> Result<(), KeyringError> {
    let id = root.id();
    let accepted = store::accepted_roots(keys).await?;
    let incoming = accepted.iter().find(|known| known.state == RootState::Incoming);
    let incoming = incoming.filter(|known| known.id == id).ok_or(KeyringError::NothingIncoming)?;
    Masters::open(keys, store_id, root).await?;
    let event = change.event("keyring.root.finish", subject(incoming.kind, &id));
    let finished = keys.write(FinishRoot { id, event }).await?;
    if finished { Ok(()) } else { Err(KeyringError::MastersChanged) }
}

/// Takes the incoming root back.
///
/// # Errors
/// [`KeyringError::NothingIncoming`] if there is none.
pub async fn cancel_root(keys: &Store, change: Change<'_>) -> Result<(), KeyringError> {
    let accepted = store::accepted_roots(keys).await?;
    let incoming = accepted.iter().find(|known| known.state == RootState::Incoming);
    let incoming = incoming.ok_or(KeyringError::NothingIncoming)?;
    let event = change.event("keyring.root.cancel", subject(incoming.kind, &incoming.id));
    let cancelled = keys.write(CancelRoot(event)).await?;
    if cancelled { Ok(()) } else { Err(KeyringError::NothingIncoming) }
}

/// Stores what a root needs to give its key again, after it was sealed anew.
///
/// # Errors
/// [`KeyringError::Storage`] if the key store cannot be written.
pub async fn renew_root(
    keys: &Store,
    root: &StoredRoot,
    kept: Vec<u8>,
    change: Change<'_>,
) -> Result<(), KeyringError> {
    let event = change.event("keyring.root.renew", subject(root.kind, &root.id));
    Ok(keys.write(RenewRoot { id: root.id.clone(), kept, event }).await?)
}

/// Wraps a master key under the root key.
pub(crate) fn wrap_master(
    root: &RootKey,
    store_id: &str,
    version: u32,
    master: &SealingKey,
    random: &dyn Random,
) -> Result<Vec<u8>, KeyringError> {
    let data = master_data(store_id, version);
    wrap(root.sealing_key(), ROOT_VERSION, &data, master, random)
        .map_err(|source| KeyringError::Crypto { what: "a master key", source })
}
