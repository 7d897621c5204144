//! The families of resources that this server has. Adding one is a line here.

use coffer_kernel::{Family, KERNEL, Setting};

/// The families, in the order in which their tables are made and their tasks run.
pub const FAMILIES: &[Family] = &[
    coffer_secrets::FAMILY,
    coffer_installs::FAMILY,
    coffer_ledger::family::<coffer_reserves::Rules>(),
    coffer_reserves::FAMILY,
    coffer_webhooks::FAMILY,
];

/// What an operator can set of the families, and of keys.
pub fn settings() -> impl Iterator<Item = &'static Setting> {
    let families = FAMILIES.iter().chain([&KERNEL]).flat_map(|family| family.settings);
    families.chain(coffer_identity::SETTINGS)
}
