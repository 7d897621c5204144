//! What jobs and scheduled tasks run on, for tests of families.

use crate::jobs::JobContext;
use coffer_base::{TestClock, TestRandom, Timestamp};
use coffer_keyring::KeyringError;
use coffer_outbound::{HttpClient, Limits};
use coffer_storage::Store;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A context over `data`, with a new keyring at `keys`, a clock that stands at `now`, no listeners,
/// and a client that reaches nobody.
///
/// # Errors
/// [`KeyringError::Storage`] if there is something at `keys` already.
///
/// # Panics
/// If TLS cannot be set up, which is a fault of the build.
#[allow(clippy::expect_used, reason = "compiled for tests only")]
pub async fn job_context(
    data: &Store,
    keys: &Path,
    now: Timestamp,
) -> Result<JobContext, KeyringError> {
    let random = Arc::new(TestRandom::seeded(1));
    let keyring = coffer_keyring::testing::keyring(keys, random.clone(), now).await?;
    let limits =
        Limits { total: Duration::from_secs(60), response_bytes: 1024, addresses: |_| false };
    let (_, stop) = watch::channel(false);
    Ok(JobContext {
        store: data.clone(),
        keyring: Arc::new(keyring),
        clock: Arc::new(TestClock::at(now)),
        random,
        listeners: Arc::new([]),
        http: HttpClient::new(limits).expect("TLS's defaults fit each other"),
        platform: None,
        stop,
    })
}
