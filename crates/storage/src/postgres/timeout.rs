//! Bounds on how long a server may take.

use std::future::Future;
use std::time::Duration;

use crate::error::{Result, StorageError};

/// Waits for `step` for at most `time`.
///
/// # Errors
/// [`StorageError::Unavailable`] after `time`; what `step` fails with.
pub(super) async fn within<T>(time: Duration, step: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(time, step).await.unwrap_or_else(|_| Err(timed_out(time)))
}

/// The error of a server that took longer than `time`.
pub(super) fn timed_out(time: Duration) -> StorageError {
    StorageError::Unavailable(format!("no answer within {} s", time.as_secs()).into())
}
