//! What wrapped keys are bound to.

use crate::store::Purpose;
use coffer_base::Tenant;
use coffer_crypto::AssociatedData;

/// The version of a root key, which is always the same: another root key has another id.
pub(crate) const ROOT_VERSION: u32 = 1;

/// What a wrapped master key is bound to.
pub(crate) fn master_data(store_id: &str, version: u32) -> AssociatedData {
    AssociatedData::new("master-key")
        .text(store_id)
        .int(i64::from(version))
        .int(i64::from(ROOT_VERSION))
}

/// What a tenant's wrapped key is bound to.
pub(crate) fn tenant_data(
    store_id: &str,
    tenant: &Tenant,
    purpose: Purpose,
    version: u32,
    master_version: u32,
) -> AssociatedData {
    AssociatedData::new("tenant-key")
        .text(store_id)
        .text(purpose.as_str())
        .int(tenant.mode.code())
        .text(tenant.app.as_str())
        .text(tenant.account.as_str())
        .int(i64::from(version))
        .int(i64::from(master_version))
}
