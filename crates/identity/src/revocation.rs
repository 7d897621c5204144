//! Revocations on their way from the data, where a transaction lists them, to the key store.
//!
//! The two stores share no transaction. A revocation is listed by the transaction that makes it,
//! under a MAC, and moved before the response. If the server dies in between, the row is marked
//! already, and a job moves what is listed.

use crate::row_mac::RowMac;
use crate::store::{self, ForgetRevocations};
use coffer_keyring::KeyringError;
use coffer_storage::Store;

/// Moves what is listed in `data` to the key store.
///
/// # Errors
/// When a store fails; what was moved stays moved.
pub(crate) async fn settle(data: &Store, keys: &Store, mac: &RowMac) -> Result<u64, KeyringError> {
    let mut settled = 0u64;
    loop {
        let listed = store::pending_revocations(data, mac).await?;
        if listed.rows.is_empty() {
            return Ok(settled);
        }
        if !listed.valid.is_empty() {
            coffer_keyring::revoke(keys, listed.valid).await?;
        }
        settled = settled.saturating_add(u64::try_from(listed.rows.len()).unwrap_or(u64::MAX));
        data.write(ForgetRevocations(listed.rows)).await?;
    }
}
