//! Secrets by name, for whoever asks where one of them is.

use super::tenant_values;
use crate::limits;
use crate::secret::{Locator, Scope};
use coffer_base::{Slots, Tenant, Timestamp};
use coffer_kernel::tenant_of_row;
use coffer_storage::{Row, StorageError, Store, values};

/// A secret by name, without its payload.
pub(crate) struct Named {
    pub(crate) id: String,
    pub(crate) tenant: Tenant,
    pub(crate) locator: Locator,
    pub(crate) created: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
}

fn named(mut row: Row) -> Result<Named, StorageError> {
    let tenant = tenant_of_row(&row)?;
    let user = row.optional_text(3)?.map(str::to_owned);
    let scope = user.map_or(Scope::Account, Scope::User);
    let locator = Locator { scope, name: row.take_text(4)? };
    let created = Timestamp::from_unix(row.int(5)?);
    let expires_at = row.optional_int(6)?.map(Timestamp::from_unix);
    Ok(Named { id: row.take_text(7)?, tenant, locator, created, expires_at })
}

/// Secrets of a tenant, expired ones too, at most [`limits::NAMES_EXPLAINED`]: for whoever asks
/// where one of them is.
pub(crate) async fn names_of(store: &Store, tenant: &Tenant) -> Result<Vec<Named>, StorageError> {
    let sql = "SELECT mode, app, account, scope_user, name, created, expires_at, id FROM secret \
               WHERE slot >= ? AND slot <= ? AND mode = ? AND app = ? AND account = ? LIMIT ?";
    let slots = Slots::of_tenant(tenant);
    let [mode, app, account] = tenant_values(tenant);
    let most = limits::NAMES_EXPLAINED;
    let params = values![slots.first(), slots.last(), mode, app, account, most];
    store.in_turn().query(sql, &params).await?.into_iter().map(named).collect()
}

/// The same of an app in one mode, for all accounts.
pub(crate) async fn names_of_app(
    store: &Store,
    tenant: &Tenant,
) -> Result<Vec<Named>, StorageError> {
    let sql = "SELECT mode, app, account, scope_user, name, created, expires_at, id FROM secret \
               WHERE slot >= ? AND slot <= ? AND mode = ? AND app = ? LIMIT ?";
    let slots = Slots::of_app(tenant.mode, tenant.app.as_str());
    let [mode, app, _] = tenant_values(tenant);
    let params = values![slots.first(), slots.last(), mode, app, limits::NAMES_EXPLAINED];
    let mut all = Vec::new();
    for part in store.in_turn().parts().await? {
        for row in part.query_part(sql, &params).await? {
            all.push(named(row)?);
        }
    }
    Ok(all)
}
