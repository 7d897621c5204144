//! Tenants whose data is sealed under keys that the key store does not have.

use super::SEAL_VERSION;
use crate::error::KeyringError;
use coffer_storage::{Store, Value, values};

/// Tenants whose data nobody can open.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Unopenable {
    /// The key store does not have their keys, as after an older backup of the keys was put beside
    /// newer data.
    pub missing: u64,
    /// Their keys were destroyed, as after an older backup of the data was put beside newer keys.
    pub destroyed: u64,
}

/// How many tenants have data that is sealed under a key which the key store does not have any
/// more, or never had.
///
/// # Errors
/// If a store cannot be read, or holds a tenant that is none.
pub async fn tenants_without_key(data: &Store, keys: &Store) -> Result<Unopenable, KeyringError> {
    let mut found = Unopenable::default();
    for part in data.parts().await? {
        add_tenants_of_part(&part, keys, &mut found).await?;
    }
    Ok(found)
}

async fn add_tenants_of_part(
    data: &Store,
    keys: &Store,
    found: &mut Unopenable,
) -> Result<(), KeyringError> {
    const PAGE: &str = "SELECT mode, app, account, key_version FROM tenant_seal \
         WHERE (mode, app, account) > (?, ?, ?) ORDER BY mode, app, account LIMIT 500";
    let mut after = values![-1_i64, "", ""];
    loop {
        let rows = data.query_part(PAGE, &after).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = values![last.int(0)?, last.text(1)?, last.text(2)?];
        for row in &rows {
            let tenant = values![row.int(0)?, row.text(1)?, row.text(2)?];
            let state = key_state(keys, &tenant, row.int(3)?).await?;
            // The tenant may have been erased since the page was read.
            if state == Some(true) || !is_sealed(data, &tenant).await? {
                continue;
            }
            let count = if state.is_none() { &mut found.missing } else { &mut found.destroyed };
            *count = count.saturating_add(1);
        }
    }
}

/// Whether a key is there; `None` if it never was.
async fn key_state(
    keys: &Store,
    tenant: &[Value; 3],
    version: i64,
) -> Result<Option<bool>, KeyringError> {
    let sql = "SELECT wrapped FROM tenant_key WHERE mode = ? AND app = ? AND account = ? \
               AND purpose = 'sealing' AND version = ?";
    let [mode, app, account] = tenant.clone();
    let rows = keys.query(sql, &[mode, app, account, version.into()]).await?;
    Ok(rows.first().map(|row| row.optional_blob(0)).transpose()?.map(|key| key.is_some()))
}

async fn is_sealed(data: &Store, tenant: &[Value; 3]) -> Result<bool, KeyringError> {
    Ok(!data.query(SEAL_VERSION, tenant).await?.is_empty())
}
