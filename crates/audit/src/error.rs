//! Why the log could not be used.

use coffer_crypto::CryptoError;
use coffer_keyring::KeyringError;
use coffer_storage::StorageError;

/// Why the log could not be continued or read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The store.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The keys.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The signature.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// What is stored of the log does not fit together.
    #[error("{0}; `coffer audit verify` says more")]
    Broken(String),
}

impl From<LogError> for StorageError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Storage(error) | LogError::Keyring(KeyringError::Storage(error)) => error,
            other => Self::Corrupt(other.to_string().into()),
        }
    }
}
