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
mod revocation;
mod row_key;
mod store;
mod tenant;
#[cfg(feature = "testing")]
pub mod testing;

pub use coffer_crypto::{AssociatedData, Digest};
pub use error::KeyringError;
pub use keyring::{Keyring, KeyringOptions};
pub use revocation::{
    FLOORS_AT_ONCE, Revocation, all_floors, floors, highest_floor, prune_revocations, revoke,
};
pub use row_key::RowKey;
pub use store::{
    DATA_MIGRATIONS, KEY_MIGRATIONS, KeyBackup, KeyStoreUse, advance_epoch, count_use,
    is_making_locked, key_count, key_epoch, key_store_id, key_store_use, last_backup, lock_making,
    mark_key_store, newest_key, record_backup, store_id, tenants_without_key, uses, write_store_id,
};
pub use tenant::{SealCheck, TenantKeys, check_seal, retire_seal, seal_query};
