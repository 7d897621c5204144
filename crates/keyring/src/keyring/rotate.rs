//! What a rotation does to keys. All of it may be repeated, and done by several servers at once.

use super::{CREATE_ATTEMPTS, Keyring, tenant_data};
use crate::error::KeyringError;
use crate::master::{MasterKeys, wrapped_master};
use crate::rotation::Rotation;
use crate::store::{
    self, AddUses, DestroyMasters, DestroyOlder, InsertMaster, InsertNext, KeyOfTenant, NewestKey,
    Purpose, RaiseSeal, Rewrap,
};
use coffer_base::{Tenant, Timestamp};
use coffer_crypto::root::RootKey;
use coffer_crypto::{AssociatedData, LookupKey, SealingKey, unwrap, wrap};
use coffer_storage::Store;
use std::sync::atomic::Ordering;

impl Keyring {
    /// Makes the rotation's master key, unless it has made it before.
    ///
    /// # Errors
    /// [`KeyringError::Root`] if the root key cannot be read, [`KeyringError::RootMoving`] while
    /// the store moves to another root, [`KeyringError::Storage`] if the key store fails.
    pub async fn make_master(
        &self,
        rotation: &Rotation,
        now: Timestamp,
    ) -> Result<(), KeyringError> {
        let (newest, _, made_by) = store::newest_master(&self.keys).await?;
        if made_by < rotation.number {
            let root = self.root.as_ref().ok_or(KeyringError::NoRoot)?;
            let root = root.load().await.map_err(KeyringError::Root)?;
            check_current(&self.keys, &root).await?;
            let version = newest.saturating_add(1);
            let wrapped = wrapped_master(&root, &self.store_id, version, &*self.random)?;
            let insert = InsertMaster { version, wrapped, rotation: rotation.number, now };
            self.keys.write(insert).await?;
            if store::newest_master(&self.keys).await?.2 < rotation.number {
                return Err(KeyringError::RootMoving);
            }
        }
        self.reload_masters().await.map(drop)
    }

    /// When the newest master key was made.
    ///
    /// # Errors
    /// [`KeyringError::Storage`] if the key store cannot be read.
    pub async fn master_created(&self) -> Result<Timestamp, KeyringError> {
        Ok(store::newest_master(&self.keys).await?.1)
    }

    /// Wraps tenants' keys that an older master key wraps under the newest: the next of them,
    /// behind `place`. Returns how many there were, how many of them did not open, and where to go
    /// on; that is `None` at the end.
    ///
    /// # Errors
    /// [`KeyringError::Storage`] if the key store fails, [`KeyringError::Stopped`] during a stop.
    pub async fn rewrap(&self, place: Option<RewrapPlace>) -> Result<Rewrapped, KeyringError> {
        let masters = self.live_masters()?;
        let (newest, _) = masters.active()?;
        let place = place.map(|RewrapPlace(place)| place);
        let page = store::keys_of_older_masters(&self.keys, newest, place).await?;
        let next = page.last().map(|last| RewrapPlace(last.place()));
        let found = page.len();
        let (mut keys, mut damaged) = (Vec::new(), 0);
        for key in page {
            match self.rewrapped(&masters, &key) {
                Ok(wrapped) => keys.push((key, wrapped)),
                Err(error) => {
                    let app = key.tenant.app.as_str();
                    tracing::error!(%error, app, "a tenant's key cannot be wrapped anew");
                    damaged += 1;
                }
            }
        }
        self.keys.write(Rewrap { keys, master_version: newest }).await?;
        Ok(Rewrapped { found, damaged, next })
    }

    fn rewrapped(
        &self,
        masters: &MasterKeys,
        KeyOfTenant { tenant, key }: &KeyOfTenant,
    ) -> Result<Vec<u8>, KeyringError> {
        let (newest, active) = masters.active()?;
        let (purpose, version) = (key.purpose, key.version);
        let bound = |master| tenant_data(&self.store_id, tenant, purpose, version, master);
        let old = masters.version(key.master_version)?;
        let wrapped = key.wrapped.as_deref().unwrap_or_default();
        let (before, after): (AssociatedData, _) = (bound(key.master_version), bound(newest));
        let random = &*self.random;
        let wrapped = match purpose {
            Purpose::Sealing => unwrap::<SealingKey>(old, &before, wrapped)
                .and_then(|key| wrap(active, newest, &after, &key, random)),
            Purpose::Lookup => unwrap::<LookupKey>(old, &before, wrapped)
                .and_then(|key| wrap(active, newest, &after, &key, random)),
        };
        wrapped.map_err(|source| KeyringError::Crypto { what: "a tenant's key", source })
    }

    /// Destroys the master keys before the newest, if they wrap nothing any more. Returns how many
    /// keys they still wrap.
    ///
    /// # Errors
    /// [`KeyringError::Storage`] if the key store fails, [`KeyringError::Stopped`] during a stop.
    pub async fn destroy_masters(&self) -> Result<i64, KeyringError> {
        let (newest, _) = self.reload_masters().await?.active()?;
        let left = self.keys.write(DestroyMasters { newest }).await?;
        self.reload_masters().await?;
        Ok(left)
    }

    /// Makes the next version of a tenant's sealing key, unless the rotation has made it before,
    /// or the tenant was erased meanwhile.
    ///
    /// # Errors
    /// [`KeyringError::Storage`] if the key store fails, [`KeyringError::Stopped`] during a stop.
    pub async fn make_next(
        &self,
        before: &NewestKey,
        rotation: &Rotation,
        now: Timestamp,
    ) -> Result<(), KeyringError> {
        let NewestKey { tenant, version, .. } = before;
        let next = version.saturating_add(1);
        let mut masters = self.live_masters()?;
        for _ in 0..CREATE_ATTEMPTS {
            let key = self.new_key(&masters, tenant, Purpose::Sealing, next)?;
            let tenant = tenant.clone();
            let insert = InsertNext { tenant, key, rotation: rotation.number, now };
            if self.keys.write(insert).await? {
                self.forget(&before.tenant);
                return Ok(());
            }
            masters = self.reload_masters().await?;
        }
        Err(KeyringError::Busy)
    }

    /// Lets new rows of the tenant be sealed under this version only, from now on.
    ///
    /// # Errors
    /// [`KeyringError::Storage`] if the data store fails.
    pub async fn activate(&self, data: &Store, key: &NewestKey) -> Result<(), KeyringError> {
        let raise = RaiseSeal { tenant: key.tenant.clone(), version: key.version };
        Ok(data.write(raise).await?)
    }

    /// Evicts keys that have changed, also those that somebody is reading at this moment.
    fn forget(&self, tenant: &Tenant) {
        self.destructions.fetch_add(1, Ordering::SeqCst);
        self.cache.remove(tenant);
    }

    /// Destroys the tenant's sealing keys before this version; its records must be sealed under
    /// this one. Returns how many.
    ///
    /// # Errors
    /// [`KeyringError::Storage`] if the key store fails.
    pub async fn destroy_older(&self, key: &NewestKey) -> Result<u64, KeyringError> {
        let destroy = DestroyOlder { tenant: key.tenant.clone(), newest: key.version };
        let destroyed = self.keys.write(destroy).await?;
        self.forget(&key.tenant);
        Ok(destroyed)
    }

    /// Writes down how many values the keys have sealed since this was last called. Returns for
    /// how many keys.
    ///
    /// # Errors
    /// [`KeyringError::Storage`] if the key store fails: then that is lost.
    pub async fn record_uses(&self) -> Result<u64, KeyringError> {
        let uses = self.uses.take();
        let count = u64::try_from(uses.len()).unwrap_or(u64::MAX);
        if count > 0 {
            self.keys.write(AddUses(uses)).await?;
        }
        Ok(count)
    }
}

/// Where [`Keyring::rewrap`] goes on.
#[derive(Clone, Debug)]
pub struct RewrapPlace([coffer_storage::Value; 5]);

/// What [`Keyring::rewrap`] did.
#[derive(Debug)]
pub struct Rewrapped {
    /// How many keys an older master key wrapped.
    pub found: usize,
    /// How many of them did not open.
    pub damaged: u64,
    /// Where to go on; `None` at the end.
    pub next: Option<RewrapPlace>,
}

/// The transactions that are open in one part of a shared store.
///
/// # Errors
/// [`KeyringError::Storage`] if its server does not answer.
pub async fn open_transactions(part: &Store) -> Result<Vec<String>, KeyringError> {
    Ok(store::open_transactions(part).await?)
}

/// That a new master key would be wrapped for every server: under the one root that there is.
async fn check_current(keys: &Store, root: &RootKey) -> Result<(), KeyringError> {
    match store::accepted_roots(keys).await?.as_slice() {
        [current] if current.id == root.id() => Ok(()),
        _ => Err(KeyringError::RootMoving),
    }
}
