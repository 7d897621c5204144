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
//! | `ak_…` | the operator | the admin API, and no tenant's data |
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
mod jobs;
pub mod limits;
mod objects;
mod operations;
pub mod reasons;
mod reset;
mod revocation;
mod row_mac;
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

use coffer_base::{Clock, Random, Redacted};
use coffer_kernel::{Authenticate, Parts, Prune, Quota};
use coffer_keyring::{Keyring, KeyringError};
use coffer_storage::Store;
use developer::Developer;
use directory::Directory;
use erasure::Eraser;
use jobs::{EraseTenants, FlushLastUsed, PruneEphemeralKeys, SettleRevocations, StoreRevocations};
use operations::{Shared, ephemeral_keys, routes};
use row_mac::RowMac;
use std::sync::Arc;

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
    /// The permissions that the other families' operations ask for.
    pub permissions: Vec<String>,
    /// The quotas that the families declare.
    pub quotas: Vec<Quota>,
    /// How the families' rows of a tenant are deleted.
    pub purge: Vec<Prune>,
}

/// Identity, as the server runs it.
pub struct Identity {
    /// Answers who is calling.
    pub authenticate: Arc<dyn Authenticate>,
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
        let developer = options.developer;
        let mut permissions = options.permissions;
        permissions.push(ephemeral_keys::PERMISSION.to_owned());
        permissions.sort();
        let permissions: Arc<[String]> = permissions.into();
        let known = (Arc::clone(&keyring), mac.clone());
        let directory = Arc::new(Directory::new(store.clone(), known.0, known.1, clock));
        let eraser = Arc::new(Eraser::new(keyring, mac.clone(), purge));
        let shared = Shared {
            directory: Arc::clone(&directory),
            eraser: Arc::clone(&eraser),
            store,
            mac,
            developer,
            permissions: Arc::clone(&permissions),
            quotas: quotas.into(),
        };
        let parts = Parts {
            routes: routes(&shared),
            jobs: vec![
                Arc::new(PruneEphemeralKeys),
                Arc::new(FlushLastUsed(Arc::clone(&directory))),
                Arc::new(StoreRevocations(Arc::clone(&directory))),
                Arc::new(SettleRevocations(Arc::clone(&eraser))),
                Arc::new(EraseTenants(eraser)),
            ],
            ..Parts::default()
        };
        let reset = ResetApp::new(shared);
        let authenticate: Arc<dyn Authenticate> = if developer {
            Arc::new(Developer::new(directory, random, run_key, permissions))
        } else {
            directory
        };
        Self { authenticate, parts, reset }
    }
}
