//! The keyring: from a tenant to its keys.

mod rotate;
mod stop;

pub use rotate::{RewrapPlace, Rewrapped, open_transactions};

use crate::error::KeyringError;
use crate::master::{MasterKeys, ReadRoot, wrapped_master};
use crate::root::NewRoot;
use crate::row_key::RowKey;
use crate::store::{
    self, DestroyKeys, InitKeyStore, InsertKeys, NewKey, Purpose, RootState, StoredKey,
};
use crate::tenant::TenantKeys;
use crate::uses::Uses;
use crate::wrapping::tenant_data;
use coffer_base::{Clock, Random, SystemClock, Tenant, Timestamp, limit};
use coffer_crypto::root::RootKey;
use coffer_crypto::{LookupKey, SealingKey, unwrap, wrap};
use coffer_storage::Store;
use quick_cache::sync::Cache;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// What a keyring is opened with.
pub struct KeyringOptions {
    /// The key store.
    pub keys: Store,
    /// The id of the data store whose keys these are.
    pub store_id: String,
    /// Where new keys come from.
    pub random: Arc<dyn Random>,
}

/// All tenants' keys. At most [`limit::TENANTS_IN_MEMORY`] tenants' are cached; where other servers
/// share the key store, only for [`limit::TRUST_SECONDS`], since another server may have destroyed
/// them and created others.
pub struct Keyring {
    keys: Store,
    store_id: Arc<str>,
    random: Arc<dyn Random>,
    /// Measures how long ago keys were read.
    clock: Arc<dyn Clock>,
    /// Where the root key is read again; a keyring without it learns of no new master key.
    root: Option<Arc<dyn ReadRoot>>,
    /// `None` during an emergency stop.
    masters: RwLock<Option<Arc<MasterKeys>>>,
    /// The installation's own keys, which stay during an emergency stop: without them no operator
    /// is known who could end it. `None` otherwise.
    own: RwLock<Option<Arc<TenantKeys>>>,
    /// Counts stops that were asked of this server, so that none is ended by a look at the key
    /// store from before it.
    stops: AtomicU64,
    /// A stop of this server that the key store does not know of yet.
    unmarked: AtomicBool,
    uses: Uses,
    /// A tenant's keys, with the monotonic time before they were read.
    cache: Cache<Tenant, (Duration, Arc<TenantKeys>)>,
    /// Look-ups that the cache could not answer.
    misses: AtomicU64,
    /// Counts destructions, so that keys read before one are not cached after it.
    destructions: AtomicU64,
}

impl Keyring {
    /// Initializes an empty key store with its first master key.
    ///
    /// # Errors
    /// [`KeyringError::Storage`] if it was initialized before: new keys beside data that was sealed
    /// under lost ones would only hide the loss.
    pub async fn init(
        options: &KeyringOptions,
        root: &RootKey,
        now: Timestamp,
    ) -> Result<(), KeyringError> {
        Self::init_under(options, &NewRoot::whole(root, String::new()), now).await
    }

    /// Likewise, under a root key that something keeps.
    ///
    /// # Errors
    /// [`KeyringError::Storage`] if it was initialized before, or cannot be written.
    pub async fn init_under(
        options: &KeyringOptions,
        root: &NewRoot<'_>,
        now: Timestamp,
    ) -> Result<(), KeyringError> {
        let KeyringOptions { keys, store_id, random } = options;
        let wrapped_master = wrapped_master(root.key, store_id, 1, &**random)?;
        let root = root.stored(RootState::Current, now);
        keys.write(InitKeyStore { store_id: store_id.clone(), root, wrapped_master, now }).await?;
        Ok(())
    }

    /// Opens a key store with the root key.
    ///
    /// # Errors
    /// [`KeyringError::Empty`] if it was never initialized or has no master key,
    /// [`KeyringError::OtherStore`] if the keys are another store's,
    /// [`KeyringError::WrongRoot`] if the root key does not open them, [`KeyringError::RootBehind`]
    /// if it is incoming and lacks one, [`KeyringError::Storage`] if it cannot be read.
    pub async fn open(options: KeyringOptions, root: &RootKey) -> Result<Self, KeyringError> {
        let KeyringOptions { keys, store_id, random } = options;
        match store::key_store_id(&keys).await? {
            Some(of_keys) if of_keys != store_id => {
                return Err(KeyringError::OtherStore { data: store_id, keys: of_keys });
            }
            Some(_) => {}
            None => return Err(KeyringError::Empty),
        }
        let masters = MasterKeys::read(&keys, &store_id, root).await?;
        let keyring = Self {
            keys,
            store_id: Arc::from(store_id),
            random,
            clock: Arc::new(SystemClock),
            root: None,
            masters: RwLock::new(Some(Arc::new(masters))),
            own: RwLock::default(),
            stops: AtomicU64::new(0),
            unmarked: AtomicBool::new(false),
            uses: Uses::default(),
            cache: Cache::new(limit::TENANTS_IN_MEMORY),
            misses: AtomicU64::new(0),
            destructions: AtomicU64::new(0),
        };
        if store::stopped(&keyring.keys).await?.is_some() {
            keyring.drop_keys().await?;
        }
        Ok(keyring)
    }

    /// The time, for what is recorded of keys.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The same keyring, which measures by `clock` how long ago keys were read.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The same keyring, which reads the root key again where it needs it: a server's.
    pub fn with_root(mut self, root: Arc<dyn ReadRoot>) -> Self {
        self.root = Some(root);
        self
    }

    /// How many tenants' keys are cached, and how often a tenant's were not.
    pub fn cache_figures(&self) -> (usize, u64) {
        (self.cache.len(), self.misses.load(Ordering::Relaxed))
    }

    /// The id of the store whose keys these are.
    pub fn store_id(&self) -> &str {
        &self.store_id
    }

    /// The key store.
    pub fn store(&self) -> &Store {
        &self.keys
    }

    /// The tenant's keys, created and stored if it has none.
    ///
    /// # Errors
    /// [`KeyringError::Crypto`] if a wrapped key was tampered with, [`KeyringError::KeysLost`] if
    /// one of them is missing, [`KeyringError::Storage`] if the key store fails.
    pub async fn tenant(
        &self,
        tenant: &Tenant,
        now: Timestamp,
    ) -> Result<Arc<TenantKeys>, KeyringError> {
        let stored = match self.look_up(tenant).await? {
            Lookup::Keys(keys) => return Ok(keys),
            Lookup::NoKeys(stored) => stored,
        };
        Box::pin(self.create(tenant, &stored, now)).await?;
        self.existing(tenant).await?.ok_or(KeyringError::KeyMissing { version: 0 })
    }

    /// The tenant's keys, or `None` if it has none: then it has nothing sealed either.
    ///
    /// # Errors
    /// [`KeyringError::Crypto`] if a wrapped key was tampered with, [`KeyringError::KeysLost`] if
    /// one of the two keys is missing, [`KeyringError::Storage`] if the key store cannot be read.
    pub async fn existing(&self, tenant: &Tenant) -> Result<Option<Arc<TenantKeys>>, KeyringError> {
        Ok(match self.look_up(tenant).await? {
            Lookup::Keys(keys) => Some(keys),
            Lookup::NoKeys(_) => None,
        })
    }

    /// The key under which rows of the data have a MAC, created if the installation is new.
    ///
    /// # Errors
    /// When the key store fails, or what it has of the key is incomplete or was tampered with.
    pub async fn create_row_key(&self, now: Timestamp) -> Result<RowKey, KeyringError> {
        let keys = self.tenant(&Tenant::system(), now).await?;
        Ok(RowKey::new(&keys))
    }

    /// The key under which rows of the data have a MAC.
    ///
    /// # Errors
    /// [`KeyringError::KeysLost`] if it is not in the key store, [`KeyringError::Crypto`] if it was
    /// tampered with, [`KeyringError::Storage`] if the key store cannot be read.
    pub async fn row_key(&self) -> Result<RowKey, KeyringError> {
        let keys = self.existing(&Tenant::system()).await?;
        let keys = keys.ok_or(KeyringError::RowKeyLost)?;
        Ok(RowKey::new(&keys))
    }

    async fn look_up(&self, tenant: &Tenant) -> Result<Lookup, KeyringError> {
        let shared = self.keys.is_shared();
        let now = if shared { self.clock.monotonic() } else { Duration::ZERO };
        let trust = Duration::from_secs(limit::TRUST_SECONDS);
        if let Some((read, keys)) = self.cache.get(tenant)
            && (!shared || now.saturating_sub(read) < trust)
        {
            return Ok(Lookup::Keys(keys));
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        let before = self.destructions.load(Ordering::SeqCst);
        // In a box, since it is rare and would make every request's future deeper.
        let looked_up = Box::pin(self.read(tenant)).await?;
        if let Lookup::Keys(keys) = &looked_up
            && !self.is_stopped()
        {
            self.cache.insert(tenant.clone(), (now, Arc::clone(keys)));
            if self.destructions.load(Ordering::SeqCst) != before {
                self.cache.remove(tenant);
            }
        }
        Ok(looked_up)
    }

    /// Reads a tenant's keys from the key store, whatever the cache has.
    async fn read(&self, tenant: &Tenant) -> Result<Lookup, KeyringError> {
        let Some(masters) = self.masters() else { return self.own_keys(tenant).map(Lookup::Keys) };
        let stored = store::tenant_keys(&self.keys, tenant).await?;
        let unwrapped = match self.unwrap_tenant(&masters, tenant, &stored) {
            // Another server has made it.
            Err(KeyringError::MasterMissing { .. }) => {
                self.unwrap_tenant(&*self.reload_masters().await?, tenant, &stored)
            }
            unwrapped => unwrapped,
        };
        let keys = unwrapped?.map(Arc::new);
        Ok(keys.map_or(Lookup::NoKeys(stored), Lookup::Keys))
    }

    /// The keys with which to open what a tenant has sealed: `None` if they were destroyed, and
    /// what is left of it, as in an older backup of the data, is gone for good.
    ///
    /// # Errors
    /// [`KeyringError::KeysLost`] if the key store never had them, and as [`Keyring::existing`].
    pub async fn unless_destroyed(
        &self,
        tenant: &Tenant,
    ) -> Result<Option<Arc<TenantKeys>>, KeyringError> {
        match self.look_up(tenant).await? {
            Lookup::Keys(keys) => Ok(Some(keys)),
            Lookup::NoKeys(stored) if stored.is_empty() => Err(KeyringError::KeysLost),
            Lookup::NoKeys(_) => Ok(None),
        }
    }

    /// Checks that a tenant without keys has nothing sealed in `data` either: a key store that was
    /// restored from an older backup lacks keys, and new ones would hide that.
    ///
    /// # Errors
    /// [`KeyringError::KeysLost`] if it has, [`KeyringError::Storage`] if a store cannot be read.
    pub async fn check_not_lost(&self, data: &Store, tenant: &Tenant) -> Result<(), KeyringError> {
        let sealed = store::committed_seal_version(data, tenant).await?.is_some();
        // A destroyed key leaves its row: that tenant was erased, and has lost nothing.
        if sealed && store::tenant_keys(&self.keys, tenant).await?.is_empty() {
            return Err(KeyringError::KeysLost);
        }
        Ok(())
    }

    /// The version of the newest sealing key that the tenant ever had; 0 if none.
    ///
    /// # Errors
    /// [`KeyringError::Storage`] if the key store cannot be read.
    pub async fn newest_version(&self, tenant: &Tenant) -> Result<u32, KeyringError> {
        let stored = store::tenant_keys(&self.keys, tenant).await?;
        let sealing = stored.iter().filter(|key| key.purpose == Purpose::Sealing);
        Ok(sealing.map(|key| key.version).max().unwrap_or(0))
    }

    /// As [`Keyring::existing`], whatever the cache has: what is destroyed because of what they
    /// open depends on it.
    ///
    /// # Errors
    /// [`KeyringError::Crypto`] if a wrapped key was tampered with, [`KeyringError::Storage`] if
    /// the key store cannot be read.
    pub async fn existing_now(
        &self,
        tenant: &Tenant,
    ) -> Result<Option<Arc<TenantKeys>>, KeyringError> {
        Ok(match self.read(tenant).await? {
            Lookup::Keys(keys) => Some(keys),
            Lookup::NoKeys(_) => None,
        })
    }

    /// Evicts the tenant's keys from the cache, so that they are read again.
    pub fn evict(&self, tenant: &Tenant) {
        self.cache.remove(tenant);
    }

    /// Destroys the tenant's keys up to version `newest`: no server can open what was sealed under
    /// them any more, here or in a backup of the data. Call [`crate::retire_seal`] before it, and
    /// [`Keyring::empty_log`] after it.
    ///
    /// # Errors
    /// [`KeyringError::Storage`] if the key store cannot be written.
    pub async fn destroy(&self, tenant: &Tenant, newest: u32) -> Result<(), KeyringError> {
        self.keys.write(DestroyKeys { tenant: tenant.clone(), newest }).await?;
        self.destructions.fetch_add(1, Ordering::SeqCst);
        self.cache.remove(tenant);
        Ok(())
    }

    /// Takes what was destroyed out of the key store's write-ahead log: from then on no copy of the
    /// files that is made later has it.
    ///
    /// # Errors
    /// [`KeyringError::Storage`] while somebody reads the key store for long, such as a backup.
    pub async fn empty_log(&self) -> Result<(), KeyringError> {
        Ok(self.keys.checkpoint().await?)
    }

    /// Creates the next version of the tenant's keys. `stored` must be the rows in which no live
    /// key was found: then all who create the tenant's keys at once insert the same version, and
    /// the primary key admits one of them. Rows that are read again could hold the keys of another
    /// server, and a second pair after them would hide what those had sealed.
    async fn create(
        &self,
        tenant: &Tenant,
        stored: &[StoredKey],
        now: Timestamp,
    ) -> Result<(), KeyringError> {
        let next = |purpose| {
            let known = stored.iter().filter(|key| key.purpose == purpose).map(|key| key.version);
            known.max().unwrap_or(0).saturating_add(1)
        };
        let (sealing, lookup) = (next(Purpose::Sealing), next(Purpose::Lookup));
        let mut masters = self.live_masters()?;
        for _ in 0..CREATE_ATTEMPTS {
            let keys = vec![
                self.new_key(&masters, tenant, Purpose::Sealing, sealing)?,
                self.new_key(&masters, tenant, Purpose::Lookup, lookup)?,
            ];
            if self.keys.write(InsertKeys { tenant: tenant.clone(), keys, now }).await? {
                return Ok(());
            }
            masters = self.reload_masters().await?;
        }
        Err(KeyringError::Busy)
    }

    /// A new key of a tenant, wrapped under the newest master key.
    fn new_key(
        &self,
        masters: &MasterKeys,
        tenant: &Tenant,
        purpose: Purpose,
        version: u32,
    ) -> Result<NewKey, KeyringError> {
        let (master_version, master) = masters.active()?;
        let data = tenant_data(&self.store_id, tenant, purpose, version, master_version);
        let random = &*self.random;
        let wrapped = match purpose {
            Purpose::Sealing => {
                wrap(master, master_version, &data, &SealingKey::generate(random), random)
            }
            Purpose::Lookup => {
                wrap(master, master_version, &data, &LookupKey::generate(random), random)
            }
        };
        let wrapped =
            wrapped.map_err(|source| KeyringError::Crypto { what: "a new key", source })?;
        Ok(NewKey { purpose, version, master_version, wrapped })
    }

    /// The master keys; `None` during an emergency stop.
    fn masters(&self) -> Option<Arc<MasterKeys>> {
        self.masters.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn live_masters(&self) -> Result<Arc<MasterKeys>, KeyringError> {
        self.masters().ok_or(KeyringError::Stopped)
    }

    /// Reads the master keys again, with the root key.
    async fn read_masters(&self) -> Result<MasterKeys, KeyringError> {
        let root = self.root.as_ref().ok_or(KeyringError::NoRoot)?;
        let root = root.load().await.map_err(KeyringError::Root)?;
        MasterKeys::read(&self.keys, &self.store_id, &root).await
    }

    /// Learns of master keys that were made since they were last read.
    async fn reload_masters(&self) -> Result<Arc<MasterKeys>, KeyringError> {
        let read = Arc::new(self.read_masters().await?);
        let mut masters = self.masters.write().unwrap_or_else(PoisonError::into_inner);
        if masters.is_none() {
            return Err(KeyringError::Stopped);
        }
        *masters = Some(Arc::clone(&read));
        Ok(read)
    }

    /// The tenant's keys that are not destroyed; `None` if there are none.
    fn unwrap_tenant(
        &self,
        masters: &MasterKeys,
        tenant: &Tenant,
        stored: &[StoredKey],
    ) -> Result<Option<TenantKeys>, KeyringError> {
        let mut sealing = Vec::new();
        let mut lookup = None;
        for key in stored {
            let Some(wrapped) = &key.wrapped else { continue };
            let master = masters.version(key.master_version)?;
            let data =
                tenant_data(&self.store_id, tenant, key.purpose, key.version, key.master_version);
            let broken = |source| KeyringError::Crypto { what: "a tenant's key", source };
            match key.purpose {
                Purpose::Sealing => {
                    sealing.push((key.version, unwrap(master, &data, wrapped).map_err(broken)?));
                }
                Purpose::Lookup => {
                    let key: LookupKey = unwrap(master, &data, wrapped).map_err(broken)?;
                    lookup = Some(Arc::new(key.digester()));
                }
            }
        }
        let lookup = match lookup {
            None if sealing.is_empty() => return Ok(None),
            Some(lookup) if !sealing.is_empty() => lookup,
            // Keys of both purposes are created and destroyed together: one was deleted.
            _ => return Err(KeyringError::KeysLost),
        };
        let active = sealing.last().map_or(0, |(version, _)| *version);
        Ok(Some(TenantKeys {
            store_id: Arc::clone(&self.store_id),
            tenant: tenant.clone(),
            sealing,
            lookup,
            random: Arc::clone(&self.random),
            uses: self.uses.of(tenant, active),
            outdated: AtomicBool::new(false),
        }))
    }
}

/// The result of looking up a tenant's keys.
enum Lookup {
    Keys(Arc<TenantKeys>),
    /// No live key; the rows of destroyed ones, if any.
    NoKeys(Vec<StoredKey>),
}

/// How often keys are made anew because another server has made a new master key meanwhile: it
/// makes one in a while.
const CREATE_ATTEMPTS: u32 = 3;
