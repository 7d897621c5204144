//! Who is who, and who may: accounts, apps, installs and keys.
//!
//! This crate answers the kernel's question who is calling, from the directory, and in developer
//! mode adds whoever is not in it yet; it declares the operations of the admin API and of ephemeral
//! keys. It never sees what the other families store.
//!
//! | key | who has it | what it opens |
//! |---|---|---|
//! | `sk_…` | an app's backend | all that the app stores, in one mode |
//! | `rk_…` | a part of that backend | the same, as far as its permissions go |
//! | `ek_…` | a user's device, for a day at most | the user's scope, and the account's in part |
//! | `ak_…` | the operator, or a person who has signed in | the admin API, and no tenant's data |
//!
//! A key of an app opens the data of the account that develops the app, and of every account on
//! which the app is installed. Tokens are stored as hashes only, so a token that was lost cannot be
//! shown again.

mod api_key;
mod denied;
mod developer;
mod directory;
mod erasure;
mod explain;
mod floors;
mod installs;
mod jobs;
pub mod limits;
mod objects;
mod operations;
pub mod reasons;
mod registry;
mod reset;
mod revocation;
mod row_mac;
mod sign_in;
mod store;
mod unchecked_keys;
mod unstored;
mod verify;
mod wire;

pub use api_key::{NewKey, create_admin_key};
pub use explain::EXPLAINERS;
pub use reset::{Reset, ResetApp};
pub use store::{MIGRATIONS, erasing};
pub use verify::{RowFindings, verify_rows};

use coffer_base::{Clock, Random, Redacted, Timestamp, id::random_id, limit};
use coffer_kernel::{
    Authenticate, InstallListener, Parts, Prune, Quota, Registry, Setting, SettingKind, Settings,
    SignIns,
};
use coffer_keyring::{Keyring, KeyringError};
use coffer_storage::Store;
use developer::Developer;
use directory::Directory;
use erasure::Eraser;
use installs::Installs;
use jobs::{
    EraseTenants, FlushLastUsed, PruneEphemeralKeys, PruneTombstones, SettleRevocations,
    StoreRevocations,
};
use operations::api_keys::UnlockMaking;
use operations::{KeyPolicy, Shared, ephemeral_keys, routes};
use registry::Rows;
use row_mac::RowMac;
use sign_in::People;
use std::sync::Arc;

/// How long a key lives whose maker names no expiry. It is for keys that the admin API makes, but
/// not for the first admin key, which is made on the host.
pub const KEY_LIFETIME_DAYS: Setting = Setting {
    name: "key_lifetime_days",
    default: "0",
    kind: SettingKind::Number { from: 0, to: limits::KEY_LIFETIME_DAYS_CEILING },
    about: "days after which a key ends that is made without an expiry, 1 to 3650; 0 for never",
};

/// Whether this server makes no keys that open secrets.
pub const LOCK_KEYS: Setting = Setting {
    name: "lock_keys",
    default: "false",
    kind: SettingKind::Switch,
    about: "make and roll no keys of apps, as after coffer keys lock",
};

/// What an operator can set.
pub const SETTINGS: &[Setting] = &[KEY_LIFETIME_DAYS, LOCK_KEYS];

/// Lets keys of apps be made again, after an operator has locked that. Only whoever is on the host
/// and has the root key can: no request leads here.
///
/// # Errors
/// When a store cannot be written: then the audit may already have the entry.
pub async fn unlock_making(
    store: &Store,
    keyring: &Keyring,
    random: &dyn Random,
    now: Timestamp,
) -> Result<(), KeyringError> {
    let request = random_id("req", limit::REQUEST_ID_CHARACTERS, random);
    store.write(UnlockMaking { now, request }).await?;
    coffer_keyring::lock_making(keyring.store(), false).await
}

/// What identity is put together from. Permissions, quotas and purges are those of all families,
/// which identity passes on without knowing what they mean.
pub struct IdentityOptions {
    /// The data store.
    pub store: Store,
    /// Tenants' keys, which erasing destroys.
    pub keyring: Arc<Keyring>,
    /// Where keys and ids come from.
    pub random: Arc<dyn Random>,
    /// The time of each platform, and how old is what is cached.
    pub clock: Arc<dyn Clock>,
    /// Whether this is developer mode, in which any test key is accepted.
    pub developer: bool,
    /// In developer mode, what keys must begin with; `None` lets everybody in.
    pub run_key: Option<Redacted<String>>,
    /// What the operator has set.
    pub settings: Settings,
    /// The permissions that the other families' operations ask for.
    pub permissions: Vec<String>,
    /// The quotas that the families declare.
    pub quotas: Vec<Quota>,
    /// How the families' rows of a tenant are deleted.
    pub purge: Vec<Prune>,
    /// How their rows of one of its users are deleted.
    pub purge_user: Vec<Prune>,
    /// What they write when an install changes.
    pub install_listeners: Vec<Arc<dyn InstallListener>>,
}

/// Identity, as the server runs it.
pub struct Identity {
    /// Answers who is calling.
    pub authenticate: Arc<dyn Authenticate>,
    /// Answers families who is who.
    pub registry: Arc<dyn Registry>,
    /// Makes and revokes the keys of people who sign in elsewhere.
    pub sign_ins: Arc<dyn SignIns>,
    /// Its operations and jobs.
    pub parts: Parts,
    /// What empties an app, in developer mode.
    pub reset: ResetApp,
}

impl Identity {
    /// Puts it together. Data that was restored from a backup is told first which places of rows
    /// were revoked since.
    ///
    /// # Errors
    /// When a store cannot be read, or the installation's own keys are lost.
    pub async fn open(options: IdentityOptions) -> Result<Self, KeyringError> {
        let IdentityOptions { store, keyring, .. } = &options;
        let mac = RowMac::new(keyring.row_key().await?);
        let floor = coffer_keyring::highest_floor(keyring.store()).await?;
        if store::last_seq(store).await? < floor {
            store.write(store::RaiseSequence(floor)).await?;
        }
        Ok(Self::new(options, mac))
    }

    fn new(options: IdentityOptions, mac: RowMac) -> Self {
        let IdentityOptions { store, keyring, random, clock, run_key, quotas, purge, .. } = options;
        let purge_user = options.purge_user;
        let listeners = options.install_listeners.into();
        let (developer, policy) = (options.developer, KeyPolicy::of(&options.settings));
        let mut permissions = options.permissions;
        permissions.push(ephemeral_keys::PERMISSION.to_owned());
        permissions.sort();
        let permissions: Arc<[String]> = permissions.into();
        let known = (Arc::clone(&keyring), mac.clone());
        let directory =
            Arc::new(Directory::new(store.clone(), known.0, known.1, Arc::clone(&clock)));
        let keys = Arc::clone(&keyring);
        let people_clock = Arc::clone(&clock);
        let eraser = Arc::new(Eraser::new(keys, mac.clone(), purge, purge_user, clock));
        let shared = Shared {
            directory: Arc::clone(&directory),
            eraser: Arc::clone(&eraser),
            keyring,
            policy,
            store,
            installs: Installs { mac: mac.clone(), listeners },
            mac,
            developer,
            permissions: Arc::clone(&permissions),
            quotas: quotas.into(),
        };
        let parts = Parts {
            routes: routes(&shared),
            jobs: vec![
                Arc::new(PruneEphemeralKeys),
                Arc::new(PruneTombstones),
                Arc::new(FlushLastUsed(Arc::clone(&directory))),
                Arc::new(StoreRevocations(Arc::clone(&directory))),
                Arc::new(SettleRevocations(Arc::clone(&eraser))),
                Arc::new(EraseTenants(eraser)),
            ],
            ..Parts::default()
        };
        let registry = Arc::new(Rows(shared.clone()));
        let people = People::new(shared.clone(), Arc::clone(&random), people_clock);
        let reset = ResetApp::new(shared);
        let authenticate: Arc<dyn Authenticate> = if developer {
            Arc::new(Developer::new(directory, random, run_key, permissions))
        } else {
            directory
        };
        Self { authenticate, registry, sign_ins: Arc::new(people), parts, reset }
    }
}
