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
mod developer;
mod directory;
mod erasure;
mod jobs;
pub mod limits;
mod objects;
mod operations;
mod reset;
mod store;
mod unchecked_keys;
mod wire;

pub use api_key::{NewKey, create_admin_key};
pub use reset::{Reset, ResetApp};
pub use store::MIGRATIONS;

use coffer_base::{Clock, Random, Redacted};
use coffer_kernel::{Authenticate, Parts, Prune, Quota};
use coffer_keyring::Keyring;
use coffer_storage::Store;
use developer::Developer;
use directory::Directory;
use erasure::Eraser;
use jobs::{EraseTenants, FlushLastUsed, PruneEphemeralKeys};
use operations::{Shared, ephemeral_keys, routes};
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
    /// The time of each platform.
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
    /// Puts it together.
    pub fn new(options: IdentityOptions) -> Self {
        let IdentityOptions { store, keyring, random, clock, run_key, quotas, purge, .. } = options;
        let developer = options.developer;
        let mut permissions = options.permissions;
        permissions.push(ephemeral_keys::PERMISSION.to_owned());
        permissions.sort();
        let permissions: Arc<[String]> = permissions.into();
        let directory = Arc::new(Directory::new(store.clone(), clock));
        let eraser = Arc::new(Eraser::new(keyring, purge));
        let shared = Shared {
            directory: Arc::clone(&directory),
            eraser: Arc::clone(&eraser),
            store,
            developer,
            permissions: Arc::clone(&permissions),
            quotas: quotas.into(),
        };
        let parts = Parts {
            routes: routes(&shared),
            jobs: vec![
                Arc::new(PruneEphemeralKeys),
                Arc::new(FlushLastUsed(Arc::clone(&directory))),
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
