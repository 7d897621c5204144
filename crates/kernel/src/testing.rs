//! For tests of families: what jobs and scheduled tasks run on, and how a list finds its rows.

use crate::apps::Apps;
use crate::clock_guard::ClockGuard;
use crate::jobs::JobContext;
use coffer_base::{TestClock, TestRandom, Timestamp};
use coffer_keyring::KeyringError;
use coffer_outbound::{HttpClient, Limits};
use coffer_storage::{StorageError, Store, Value};
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
        guard: Arc::new(ClockGuard::new(Arc::new(TestClock::at(now)))),
        fresh: Arc::default(),
        random,
        apps: Apps::default(),
        listeners: Arc::new([]),
        shapes: Arc::from([]),
        http: HttpClient::new(limits).expect("TLS's defaults fit each other"),
        platform: None,
        figures: Arc::default(),
        stop,
    })
}

/// The steps in which the embedded database carries out a statement with so many parameters.
///
/// # Errors
/// If it is none.
pub async fn plan(
    store: &Store,
    sql: &'static str,
    parameters: usize,
) -> Result<Vec<String>, StorageError> {
    let explained = format!("EXPLAIN QUERY PLAN {sql}").leak();
    let rows = store.query(explained, &vec![Value::Null; parameters]).await?;
    rows.iter().map(|row| row.text(3).map(str::to_owned)).collect()
}

/// The steps of a plan that look at rows of other owners, or walk through a table whose rows no
/// index has. `derived` are the names of tables that the statement itself makes.
pub fn walks<'p>(plan: &'p [String], derived: &[&str]) -> Vec<&'p str> {
    let is_walk = |step: &str| match step.split_once(' ') {
        Some(("SCAN", what)) => {
            let name = what.split(' ').next().unwrap_or(what);
            !derived.contains(&name) && name != "CONSTANT"
        }
        Some(("SEARCH", what)) => !what.contains("account=?"),
        _ => false,
    };
    plan.iter().map(String::as_str).filter(|step| is_walk(step)).collect()
}
