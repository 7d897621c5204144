//! Tenants' keys: the only crate that turns a tenant into a key.
//!
//! ```text
//! root key ── wraps ── master key ── wraps ── tenant's sealing key, tenant's lookup key
//! ```
//!
//! Wrapped keys are stored in a database of their own, the key store. This crate uses storage and
//! crypto, and must not know HTTP or any family.

mod error;
mod keyring;
mod master;
mod revocation;
mod root;
mod rotation;
mod row_key;
mod signing;
mod store;
mod tenant;
#[cfg(feature = "testing")]
pub mod testing;
mod uses;
mod wrapping;

pub use coffer_crypto::{AssociatedData, Digest};
pub use error::KeyringError;
pub use keyring::{Keyring, KeyringOptions, RewrapPlace, Rewrapped, open_transactions};
pub use master::{MasterKeys, ReadRoot};
pub use revocation::{
    FLOORS_AT_ONCE, Revocation, all_floors, floors, highest_floor, prune_revocations, revoke,
};
pub use root::{
    Change, Masters, NewRoot, accepted_roots, cancel_root, finish_root, record_event, renew_root,
    root_state,
};
pub use rotation::{Phase, Rotation, RotationPlan, RotationProgress};
pub use row_key::RowKey;
pub use store::{
    AuditMark, BeginRotation, DATA_MIGRATIONS, FAILED, ForgetRootEvent, Head, KEY_MIGRATIONS,
    KeyBackup, KeyCounts, KeyStoreUse, LastRun, NewestKey, RecordProgress, RootEvent, RootState,
    RunKind, StoredRoot, TakeRotation, Unopenable, advance_epoch, audit_mark, begin_rotation,
    count_use, destroyed_keys, forget_audit_mark, has_older_keys, head, highest_rotation,
    is_making_locked, keep_audit_mark, key_count, key_counts, key_epoch, key_store_id,
    key_store_use, last_backup, last_rotation, last_run, lock_making, mark_key_store, newest_key,
    newest_keys, newest_master_key, raise_head, record_backup, record_run, root_events, stopped,
    store_id, tenants_without_key, uses, write_store_id,
};
pub use tenant::{SealCheck, TenantKeys, check_seal, retire_seal, seal_query};
