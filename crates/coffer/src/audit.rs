//! The audit of a running server: its log is continued and anchored in the background, and read and
//! pruned by `/v1/admin/audit`.

mod anchor;
mod entries;
mod prune;

pub use anchor::{Anchor, AnchorFigures};
pub(crate) use entries::number;

use anchor::Anchoring;
use coffer_audit::{LogError, LogFault, LogHealth, Sequencer};
use coffer_base::Clock;
use coffer_kernel::{Job, JobContext, Routes};
use coffer_keyring::Keyring;
use coffer_storage::StorageError;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// How often committed entries are taken into the log: until then an entry that somebody deletes
/// behind the server's back leaves no trace on PostgreSQL.
const EVERY: Duration = Duration::from_secs(1);

/// How often the key store is told how far the log has come: it is written rarely, and what it
/// knows need not be the newest.
const MARK_EVERY: Duration = Duration::from_secs(60);

/// The audit's log in a running server.
pub struct AuditLog {
    sequencer: Sequencer,
    health: Arc<LogHealth>,
    /// When the key store was told last, in monotonic time.
    marked: Mutex<Option<Duration>>,
    keyring: Arc<Keyring>,
    clock: Arc<dyn Clock>,
    anchoring: OnceLock<Anchoring>,
}

impl AuditLog {
    /// The log of the stores of `context`.
    pub fn new(context: &JobContext, clock: Arc<dyn Clock>) -> Arc<Self> {
        let sequencer = Sequencer::new(context.store.clone(), Arc::clone(&context.keyring))
            .with_fresh(Arc::clone(&context.fresh));
        let keyring = Arc::clone(&context.keyring);
        Arc::new(Self {
            sequencer,
            health: Arc::default(),
            marked: Mutex::default(),
            keyring,
            clock,
            anchoring: OnceLock::new(),
        })
    }

    /// What is wrong with the log, if anything is.
    pub const fn health(&self) -> &Arc<LogHealth> {
        &self.health
    }

    /// Puts the log's checkpoints to `anchor` too, from now on. Only the first call counts.
    pub fn anchor_at(&self, anchor: Anchor) {
        let _ = self.anchoring.set(Anchoring::new(anchor));
    }

    /// What came of anchoring; `None` without an anchor.
    pub fn anchored(&self) -> Option<AnchorFigures> {
        self.anchoring.get().map(Anchoring::figures)
    }

    /// Takes all entries that are committed into the log; while the store is sealed they wait,
    /// since there is no key to sign with. They also wait while what is stored of the log does not
    /// fit its signed head: that is no failure of who asks, and [`Self::health`] has it.
    ///
    /// # Errors
    /// When a store does not answer.
    pub async fn catch_up(&self) -> Result<(), StorageError> {
        if self.keyring.is_stopped() {
            return Ok(());
        }
        match self.settle(LogFault::Append, self.sequencer.run(self.clock.now()).await) {
            // The entries are there, and wait for room.
            Ok(_) | Err(StorageError::NoSpace(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Tells the key store how far the log has come: now and then, or `at_once`. Not while the log
    /// does not fit its head.
    ///
    /// # Errors
    /// When a store does not answer.
    pub async fn mark(&self, at_once: bool) -> Result<(), StorageError> {
        let now = self.clock.monotonic();
        {
            let mut marked = self.marked.lock().unwrap_or_else(PoisonError::into_inner);
            let is_early = marked.is_some_and(|last| now.saturating_sub(last) < MARK_EVERY);
            if self.keyring.is_stopped() || self.health.is_stopped() || (is_early && !at_once) {
                return Ok(());
            }
            *marked = Some(now);
        }
        match self.settle(LogFault::Mark, self.sequencer.mark().await) {
            Ok(()) | Err(StorageError::NoSpace(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Deletes what was pruned; returns how many entries.
    async fn prune(&self) -> Result<u64, StorageError> {
        if self.keyring.is_stopped() {
            return Ok(0);
        }
        self.settle(LogFault::Prune, self.sequencer.prune().await)
    }

    /// Notes what is wrong with the log: for whoever waited, nothing was done then.
    fn settle<T: Default>(
        &self,
        fault: LogFault,
        outcome: Result<T, LogError>,
    ) -> Result<T, StorageError> {
        match outcome {
            Ok(done) => {
                self.health.note(fault, None);
                Ok(done)
            }
            Err(error @ LogError::Broken(_)) => {
                self.health.note(fault, Some(error.to_string()));
                Ok(T::default())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Adds the operations and the job.
pub fn register(routes: &mut Routes, log: &Arc<AuditLog>) {
    entries::register(routes, log);
    routes.write(prune::Prune(Arc::clone(log)));
}

/// Continues the log, deletes what was pruned, and anchors checkpoints.
pub struct KeepAudit(pub Arc<AuditLog>);

impl Job for KeepAudit {
    fn name(&self) -> &'static str {
        "audit"
    }

    fn every(&self) -> Duration {
        EVERY
    }

    fn run<'a>(
        &'a self,
        context: &'a JobContext,
    ) -> Pin<Box<dyn Future<Output = Result<u64, StorageError>> + Send + 'a>> {
        Box::pin(async move {
            let log = &self.0;
            log.catch_up().await?;
            log.mark(false).await?;
            let pruned = log.prune().await?;
            if let Some(anchoring) = log.anchoring.get() {
                anchoring.run(&context.store, &context.http, &*log.clock).await?;
            }
            // That entries were taken in is no news: it happens every second.
            Ok(pruned)
        })
    }
}
