//! The audit of a running server: its log is continued and anchored in the background, and read and
//! pruned by `/v1/admin/audit`.

mod anchor;
mod entries;
mod prune;

pub use anchor::{Anchor, AnchorFigures};

use anchor::Anchoring;
use coffer_audit::Sequencer;
use coffer_base::Clock;
use coffer_kernel::{Job, JobContext, Routes};
use coffer_keyring::Keyring;
use coffer_storage::StorageError;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How often committed entries are taken into the log: until then an entry that somebody deletes
/// behind the server's back leaves no trace on PostgreSQL.
const EVERY: Duration = Duration::from_secs(1);

/// The audit's log in a running server.
pub struct AuditLog {
    sequencer: Sequencer,
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
        Arc::new(Self { sequencer, keyring, clock, anchoring: OnceLock::new() })
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
    /// since there is no key to sign with.
    ///
    /// # Errors
    /// When a store does not answer, or the log is broken.
    pub async fn catch_up(&self) -> Result<(), StorageError> {
        if self.keyring.is_stopped() {
            return Ok(());
        }
        match self.sequencer.run(self.clock.now()).await.map_err(StorageError::from) {
            // The entries are there, and wait for room.
            Ok(_) | Err(StorageError::NoSpace(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Adds the operations and the job.
pub fn register(routes: &mut Routes, log: &Arc<AuditLog>) {
    entries::register(routes, log);
    routes.write(prune::Prune);
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
            let pruned = log.sequencer.prune().await.map_err(StorageError::from)?;
            if let Some(anchoring) = log.anchoring.get() {
                anchoring.run(&context.store, &context.http, &*log.clock).await?;
            }
            // That entries were taken in is no news: it happens every second.
            Ok(pruned)
        })
    }
}
