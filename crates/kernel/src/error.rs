//! From failures of storage and keys to the errors of the API.

use coffer_dialect::ApiError;
use coffer_keyring::KeyringError;
use coffer_storage::StorageError;

/// The error of a request whose storage failed. The cause goes to the log only.
pub fn storage_failure(error: &StorageError) -> ApiError {
    match error {
        StorageError::Busy => ApiError::busy(),
        StorageError::Unavailable(_) | StorageError::NoSpace(_) | StorageError::Closed => {
            ApiError::unavailable(error.to_string())
        }
        StorageError::LockTimeout => ApiError::lock_timeout(),
        StorageError::UnknownOutcome(_) => ApiError::unknown_outcome(error.to_string()),
        _ => ApiError::internal(error.to_string()),
    }
}

/// The error of a request whose key or sealed value failed. It never holds a value.
pub fn keyring_failure(error: &KeyringError) -> ApiError {
    match error {
        KeyringError::Storage(source) => storage_failure(source),
        KeyringError::Stopped => ApiError::sealed(),
        _ => ApiError::internal(error.to_string()),
    }
}
