//! Tenants' keys: the only crate that turns a tenant into a key.
//!
//! ```text
//! root of trust ── wraps ── master key ── wraps ── tenant's sealing key, tenant's lookup key
//! ```
//!
//! Wrapped keys are stored in a database of their own, the key store. This crate uses storage and
//! crypto, and must not know HTTP or any family.

mod error;
mod keyring;
mod store;
mod tenant;
#[cfg(feature = "testing")]
pub mod testing;

pub use coffer_crypto::{AssociatedData, Digest};
pub use error::KeyringError;
pub use keyring::{Keyring, KeyringOptions};
pub use store::{
    DATA_MIGRATIONS, KEY_MIGRATIONS, KeyBackup, key_count, key_store_id, last_backup, newest_key,
    record_backup, store_id, tenants_without_key, write_store_id,
};
pub use tenant::{SealCheck, TenantKeys, check_seal, retire_seal, seal_query};
