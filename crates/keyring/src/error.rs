//! What can go wrong with keys.

use coffer_crypto::CryptoError;
use coffer_storage::StorageError;
use std::fmt;

/// A failure of the key store or of a key.
#[derive(Debug)]
pub enum KeyringError {
    /// The key store did not answer as it should.
    Storage(StorageError),
    /// A wrapped key or a sealed value could not be opened: it was changed, moved, or belongs to
    /// another store.
    Crypto {
        /// What was being opened.
        what: &'static str,
        /// Why it could not be.
        source: CryptoError,
    },
    /// The key store belongs to another data store.
    OtherStore {
        /// The data store's id.
        data: String,
        /// The key store's id.
        keys: String,
    },
    /// The key store was never founded, although the data was.
    Empty,
    /// The tenant has sealed data, and its keys are not in the key store.
    KeysLost,
    /// The root key does not open the master key.
    WrongRoot,
    /// A key that a stored value names is not there (any more).
    KeyMissing {
        /// The version that the value names.
        version: u32,
    },
}

impl fmt::Display for KeyringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Storage(source) => write!(f, "the key store failed: {source}"),
            Self::Crypto { what, source } => write!(f, "{what} could not be opened: {source}"),
            Self::OtherStore { data, keys } => write!(
                f,
                "the key store belongs to store {keys}, the data to store {data}; put the \
                 keys.db that was made with this data beside it"
            ),
            Self::Empty => f.write_str(
                "the key store is empty, and the data was sealed under other keys; put back the \
                 keys.db that was made with this data",
            ),
            Self::KeysLost => f.write_str(
                "the tenant has sealed data, but its keys are not in the key store; put back the \
                 newest copy of keys.db",
            ),
            Self::WrongRoot => f.write_str(
                "the root key does not open this store's master key; give the root key that was \
                 made with this store",
            ),
            Self::KeyMissing { version } => {
                write!(f, "key version {version} of the tenant is not in the key store")
            }
        }
    }
}

impl std::error::Error for KeyringError {}

impl From<StorageError> for KeyringError {
    fn from(source: StorageError) -> Self {
        Self::Storage(source)
    }
}
