//! The keys by which the installation signs.

use crate::error::KeyringError;
use crate::keyring::Keyring;
use coffer_base::Tenant;
use coffer_crypto::SigningKey;

impl Keyring {
    /// The installation's signing key for `purpose`. It follows from the lookup key of the
    /// installation's own tenant, which no rotation changes, and is stored nowhere.
    ///
    /// # Errors
    /// [`KeyringError::RowKeyLost`] if that is not in the key store, [`KeyringError::Crypto`] if it
    /// was tampered with, [`KeyringError::Storage`] if the key store cannot be read.
    pub async fn signing_key(&self, purpose: &'static str) -> Result<SigningKey, KeyringError> {
        let keys = self.existing(&Tenant::system()).await?.ok_or(KeyringError::RowKeyLost)?;
        let failed = |source| KeyringError::Crypto { what: "a signing key", source };
        keys.lookup.signing_key(purpose).map_err(failed)
    }
}
