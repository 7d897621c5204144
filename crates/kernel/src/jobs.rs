//! Background jobs: work that runs again and again, in small transactions.

use crate::apps::Apps;
use crate::clock_guard::{ClockGuard, ClockState, DueTimes};
use crate::event::{Cause, EventListeners, EventShapes};
use crate::figures::JobFigures;
use crate::principal::BoxFuture;
use coffer_audit::Fresh;
use coffer_base::{AccountId, Owner, Random, Timestamp, limit};
use coffer_keyring::Keyring;
use coffer_outbound::HttpClient;
use coffer_storage::{Share, StorageError, Store};
use std::sync::Arc;
use std::time::{Duration, Instant};
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

    /// What is to be done once all requests have ended, before the stores are closed.
    fn end<'a>(&'a self, _context: &'a JobContext) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// What a walk through the parts of a store has done: one part that fails, since its server is
/// down, keeps no other waiting.
#[derive(Debug, Default)]
pub struct Tally {
    done: u64,
    failed: Option<StorageError>,
}

impl Tally {
    /// Adds what came of one part.
    pub fn add(&mut self, part: Result<u64, StorageError>) {
        match part {
            Ok(done) => self.done = self.done.saturating_add(done),
            Err(error) => self.failed = Some(error),
        }
    }

    /// Whether every part so far did what there was to do.
    pub fn is_whole(&self) -> bool {
        self.failed.is_none()
    }

    /// What all parts together did.
    ///
    /// # Errors
    /// The last failure of a part; the others did what there was to do.
    pub fn end(self) -> Result<u64, StorageError> {
        self.failed.map_or(Ok(self.done), Err)
    }
}

/// What work that no request started runs on.
#[derive(Clone)]
pub struct JobContext {
    /// The data store.
    pub store: Store,
    /// Tenants' keys.
    pub keyring: Arc<Keyring>,
    /// Whether the clock can be believed: what destroys or releases anything asks it for the time.
    pub guard: Arc<ClockGuard>,
    /// The hashes of entries of the audit that were just written.
    pub fresh: Arc<Fresh>,
    /// Where ids come from.
    pub random: Arc<dyn Random>,
    /// Who develops which app.
    pub apps: Apps,
    /// Who writes more when an event is appended.
    pub listeners: EventListeners,
    /// How events look in older versions.
    pub shapes: EventShapes,
    /// Requests to other servers.
    pub http: HttpClient,
    /// The platform that scheduled work is limited to, whose clock is ahead of the others'; all of
    /// them if it is `None`.
    pub platform: Option<AccountId>,
    /// What all jobs did.
    pub figures: Arc<JobFigures>,
    /// Turns true when the server stops. A pass may be cut anywhere, so only work that holds
    /// something outside the store needs to look at it.
    pub stop: watch::Receiver<bool>,
}

impl JobContext {
    /// The times that work is due by; `None` while the clock may be wrong, when nothing is.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn due_times(&self) -> Result<Option<DueTimes>, StorageError> {
        Ok(match self.guard.look(&self.store).await? {
            ClockState::Right(times) => Some(times),
            ClockState::Settling | ClockState::Doubtful(_) => None,
        })
    }

    /// What events of an owner that happen at `now`, by no request, say of their cause. Where a
    /// pass is for all platforms, `now` is that of those whose clock was never moved.
    pub fn cause(&self, owner: &Owner, now: Timestamp) -> Cause<'_> {
        let ahead = match self.platform {
            Some(_) => 0,
            None => self.guard.ahead_of(&owner.platform),
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

/// Runs one pass of a job, and counts it.
///
/// # Errors
/// As the job.
pub async fn run_pass(job: &dyn Job, context: &JobContext) -> Result<u64, StorageError> {
    let figure = context.figures.of(job.name(), job.every());
    let started = Instant::now();
    let pass = job.run(context).await;
    figure.record(&pass, started.elapsed(), context.keyring.now());
    pass
}

/// Runs one job until the server stops, which cuts its pass. A pass that fails is logged, and the
/// next one tries again.
pub async fn run_job(job: Arc<dyn Job>, mut context: JobContext) {
    context.store = context.store.of_share(Share::JOBS);
    let mut stop = context.stop.clone();
    loop {
        let pass = tokio::select! {
            pass = run_pass(&*job, &context) => pass,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match pass {
            Ok(0) => tracing::debug!(job = job.name(), "nothing due"),
            Ok(done) => tracing::info!(job = job.name(), done, "pass done"),
            Err(error) => tracing::error!(job = job.name(), %error, "pass failed"),
        }
        // What waited for the clock is not to wait for the job's next turn as well.
        let again = Duration::from_secs(limit::SCHEDULE_EVERY_SECONDS);
        let every = job.every();
        let pause = if context.guard.is_waiting() { every.min(again) } else { every };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.changed() => return,
        }
    }
}
