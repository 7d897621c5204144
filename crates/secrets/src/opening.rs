//! Opening every secret of a store, to see that it can be.

use crate::store;
use coffer_keyring::{Keyring, KeyringError};
use coffer_storage::Store;

/// Opens every secret of all tenants, and answers how many there are. Those whose keys were
/// destroyed, as in an older backup of the data, are not counted.
///
/// # Errors
/// [`KeyringError`] of the first that does not open: its key is missing, or it was changed, or it
/// stands where it does not belong.
pub async fn open_all(data: &Store, keyring: &Keyring) -> Result<u64, KeyringError> {
    let mut opened = 0u64;
    for part in data.parts().await? {
        opened = opened.saturating_add(open_part(&part, keyring).await?);
    }
    Ok(opened)
}

async fn open_part(data: &Store, keyring: &Keyring) -> Result<u64, KeyringError> {
    let mut opened = 0u64;
    let mut after = None;
    loop {
        let page = store::all(data, after.as_ref()).await?;
        let Some(last) = page.last() else { return Ok(opened) };
        after = Some(last.key.clone());
        for secret in &page {
            let Some(keys) = keyring.unless_destroyed(&secret.tenant).await? else { continue };
            let bound = secret.locator.associated_data(&keys, secret.expires_at);
            keys.open(&bound, &secret.sealed)?;
            opened = opened.saturating_add(1);
        }
    }
}
