//! The engine's threads.

use std::thread::{Builder, JoinHandle};

use crate::error::{Cause, Result, StorageError};

/// Starts a named thread.
///
/// # Errors
/// [`StorageError::Unavailable`] if the operating system starts no more threads.
pub(super) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    Builder::new().name(name.to_owned()).spawn(body).map_err(|error| {
        let text = format!("cannot start a thread: {error}");
        StorageError::Unavailable(Cause::with_source(text, error))
    })
}
