//! Background jobs: work that runs again and again, in small transactions.

use crate::event::{Cause, EventListeners};
use crate::principal::BoxFuture;
use coffer_base::{AccountId, Clock, Owner, Random, Timestamp};
use coffer_keyring::Keyring;
use coffer_outbound::HttpClient;
use coffer_storage::{Share, StorageError, Store};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Work that is repeated. A pass does all that is due, in transactions of at most
/// [`coffer_base::limit::JOB_BATCH`] rows, and may be cut anywhere: the next one goes on.
pub trait Job: Send + Sync + 'static {
    /// The word for it in logs.
    fn name(&self) -> &'static str;

    /// Time between two passes.
    fn every(&self) -> Duration;

    /// One pass; answers how many things it did.
    fn run<'a>(&'a self, context: &'a JobContext) -> BoxFuture<'a, Result<u64, StorageError>>;
}

/// What work that no request started runs on.
#[derive(Clone)]
pub struct JobContext {
    /// The data store.
    pub store: Store,
    /// Tenants' keys.
    pub keyring: Arc<Keyring>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub random: Arc<dyn Random>,
    /// Who writes more when an event is appended.
    pub listeners: EventListeners,
    /// Requests to other servers.
    pub http: HttpClient,
    /// The platform that scheduled work is limited to, whose clock is ahead of the others'; all of
    /// them if it is `None`.
    pub platform: Option<AccountId>,
    /// Turns true when the server stops. A pass may be cut anywhere, so only work that holds
    /// something outside the store needs to look at it.
    pub stop: watch::Receiver<bool>,
}

impl JobContext {
    /// What events of an owner that happen at `now`, by no request, say of their cause. Where a
    /// pass is for all platforms, `now` is that of those whose clock was never moved.
    pub fn cause(&self, owner: &Owner, now: Timestamp) -> Cause<'_> {
        let ahead = match self.platform {
            Some(_) => 0,
            None => self.clock.ahead_of(&owner.platform),
        };
        Cause {
            request: None,
            idempotency_key: None,
            now: now.plus(ahead),
            random: &*self.random,
            listeners: &self.listeners,
        }
    }
}

/// Runs one job until the server stops, which cuts its pass. A pass that fails is logged, and the
/// next one tries again.
pub async fn run_job(job: Arc<dyn Job>, mut context: JobContext) {
    context.store = context.store.of_share(Share::JOBS);
    let mut stop = context.stop.clone();
    loop {
        let pass = tokio::select! {
            pass = job.run(&context) => pass,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match pass {
            Ok(0) => tracing::debug!(job = job.name(), "nothing due"),
            Ok(done) => tracing::info!(job = job.name(), done, "pass done"),
            Err(error) => tracing::error!(job = job.name(), %error, "pass failed"),
        }
        tokio::select! {
            () = tokio::time::sleep(job.every()) => {}
            _ = stop.changed() => return,
        }
    }
}
