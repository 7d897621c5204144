//! The resource families that this server has. Adding one is a line in each function.

use coffer_base::Timestamp;
use coffer_kernel::{Job, Routes, Scheduled, Sweep};
use coffer_keyring::{Keyring, KeyringError};
use coffer_storage::{MigrationSet, Store};
use std::sync::Arc;

/// The schemas of the data store, in the order in which they are made.
pub fn migrations() -> Vec<MigrationSet> {
    vec![
        coffer_keyring::DATA_MIGRATIONS,
        coffer_audit::MIGRATIONS,
        coffer_kernel::MIGRATIONS,
        coffer_identity::MIGRATIONS,
        coffer_secrets::MIGRATIONS,
        coffer_ledger::MIGRATIONS,
        coffer_reserves::MIGRATIONS,
    ]
}

/// What an operator can set of the families.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Settings {
    /// The Secret Store.
    pub secrets: coffer_secrets::Settings,
    /// Reserves.
    pub reserves: coffer_reserves::Settings,
}

/// The families' operations.
pub fn register(routes: &mut Routes, settings: Settings) {
    coffer_secrets::register(routes, settings.secrets);
    coffer_ledger::register(routes, &rules(settings));
    coffer_reserves::register(routes, settings.reserves);
}

/// What the families do in the background.
pub fn jobs() -> Vec<Arc<dyn Job>> {
    vec![Arc::new(coffer_secrets::ExpireSecrets)]
}

/// What the families do at given times, in the order in which it happens at one time.
pub fn scheduled(settings: Settings) -> Vec<Arc<dyn Scheduled>> {
    [coffer_ledger::scheduled(&rules(settings)), coffer_reserves::scheduled()].concat()
}

/// The rules by which money of the ledger is reserved.
const fn rules(settings: Settings) -> coffer_reserves::Rules {
    coffer_reserves::Rules { settings: settings.reserves }
}

/// Opens everything that is sealed in `data`, and answers how much there was of what.
///
/// # Errors
/// [`KeyringError`] of the first envelope that does not open.
pub async fn open_all(
    data: &Store,
    keyring: &Keyring,
    now: Timestamp,
) -> Result<Vec<(&'static str, u64)>, KeyringError> {
    let secrets = coffer_secrets::open_all(data, keyring, now).await?;
    let answers = coffer_kernel::open_answers(data, keyring, now).await?;
    Ok(vec![("secrets", secrets), ("kept answers", answers)])
}

/// How a tenant's rows are erased: see [`coffer_kernel::erase_tenant`]. Ledgers are none of them:
/// they are the platform's books, which its apps share and nobody erases. The kernel's come last,
/// since removing a family's rows can leave tombstones there.
pub fn erase() -> Vec<Sweep> {
    [coffer_secrets::ERASE, coffer_kernel::ERASE].concat()
}
