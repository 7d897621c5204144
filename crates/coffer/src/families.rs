//! The resource families that this server has. Adding one is a line in each function.

use coffer_kernel::{Job, Routes, Sweep};
use coffer_storage::MigrationSet;
use std::sync::Arc;

/// The schemas of the data store, in the order in which they are made.
pub fn migrations() -> Vec<MigrationSet> {
    vec![
        coffer_keyring::DATA_MIGRATIONS,
        coffer_audit::MIGRATIONS,
        coffer_kernel::MIGRATIONS,
        coffer_identity::MIGRATIONS,
        coffer_secrets::MIGRATIONS,
    ]
}

/// The families' operations.
pub fn register(routes: &mut Routes, settings: coffer_secrets::Settings) {
    coffer_secrets::register(routes, settings);
}

/// What the families do in the background.
pub fn jobs() -> Vec<Arc<dyn Job>> {
    vec![Arc::new(coffer_secrets::ExpireSecrets)]
}

/// How a tenant's rows are erased: see [`coffer_kernel::erase_tenant`]. The kernel's come last,
/// since removing a family's rows can leave tombstones there.
pub fn erase() -> Vec<Sweep> {
    [coffer_secrets::ERASE, coffer_kernel::ERASE].concat()
}
