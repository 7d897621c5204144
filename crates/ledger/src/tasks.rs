//! Scheduled tasks on ledgers, in transactions of bounded size so that requests get their turn.
//! What tasks of several crates share is here: how they are called, and in which order they lock
//! ledgers.

pub(crate) mod arrivals;
pub(crate) mod available;
pub(crate) mod parked;
pub(crate) mod transactions;

use crate::store::journal;
use coffer_base::{Owner, Timestamp};
use coffer_kernel::event::Cause;
use coffer_kernel::schedule::Due;
use coffer_kernel::{BoxFuture, Failure, JobContext, ScheduledTask};
use coffer_storage::{StorageError, Store, Tx, Work};
use std::future::Future;

/// A scheduled task on the rows of ledgers.
pub trait LedgerTask: Clone + Send + Sync + 'static {
    /// Whether it also has work between two midnights: the scheduler then calls it with the current
    /// time too.
    const BETWEEN_MIDNIGHTS: bool;

    /// The name of its watermark in the store, and its word in logs. It never changes.
    fn name(&self) -> &'static str;

    /// Whether anything is due: a read, since mostly nothing is.
    ///
    /// # Errors
    /// If the database does not answer.
    fn has_work(
        &self,
        store: &Store,
        due: &Due,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// Does a batch of it in one transaction. Returns whether it found any, and is then called
    /// again until nothing is left.
    ///
    /// # Errors
    /// If the database does not answer, or a rule fails.
    fn run_batch(
        &self,
        tx: &mut Tx<'_>,
        task: &TaskContext,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;
}

/// A [`LedgerTask`] as the kernel's scheduler calls it.
#[derive(Clone, Debug)]
pub struct Task<T>(pub T);

impl<T: LedgerTask> ScheduledTask for Task<T> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn between_midnights(&self) -> bool {
        T::BETWEEN_MIDNIGHTS
    }

    fn step<'a>(
        &'a self,
        context: &'a JobContext,
        due: Timestamp,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<bool, StorageError>> {
        Box::pin(async move {
            let due = Due { at: due, platform: context.platform.clone() };
            if !self.0.has_work(&context.store, &due).await? {
                return Ok(false);
            }
            let task = TaskContext { due, now, job: context.clone() };
            context.store.write(TaskBatch(self.0.clone(), task)).await
        })
    }
}

/// When a batch takes place.
pub struct TaskContext {
    /// What is due; its time is earlier than `now` after an outage.
    pub due: Due,
    /// The real time.
    pub now: Timestamp,
    /// Of it a batch uses the source of random ids and what its events name as their cause.
    job: JobContext,
}

impl TaskContext {
    /// The cause of the events of one owner in the batch.
    pub fn cause(&self, owner: &Owner) -> Cause<'_> {
        self.job.cause(owner, self.now)
    }
}

/// A batch as a unit of work of the store, which may run it again if the database asks for a retry.
struct TaskBatch<T>(T, TaskContext);

impl<T: LedgerTask> Work for TaskBatch<T> {
    type Out = bool;

    fn of_many_accounts(&self) -> bool {
        true
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StorageError> {
        self.0.run_batch(tx, &self.1).await
    }
}

/// A refusal where there is no caller to refuse: a fault of the program.
pub fn unexpected(failure: Failure) -> StorageError {
    match failure {
        Failure::Storage(error) => error,
        Failure::Refused(error) => StorageError::Internal(error.message().to_owned().into()),
    }
}

/// Groups consecutive rows of the same owner, so that each ledger has one transaction in a batch.
pub fn by_owner<T>(rows: Vec<(Owner, T)>) -> Vec<(Owner, Vec<T>)> {
    let mut runs: Vec<(Owner, Vec<T>)> = Vec::new();
    for (owner, row) in rows {
        match runs.last_mut() {
            Some((of, run)) if *of == owner => run.push(row),
            _ => runs.push((owner, vec![row])),
        }
    }
    runs
}

/// Locks the ledgers that `rows` belong to, all in one order; the owners, sorted. Requests lock a
/// ledger before they touch its rows. A task, which finds rows first, must not touch them before it
/// has locked their ledgers either, or each would wait for the other. It then reads the rows again
/// and drops those of other ledgers: see [`with_locked_ledgers`].
///
/// # Errors
/// If the database does not answer, or another transaction is in the way.
pub async fn lock_ledgers<T: Sync>(
    tx: &mut Tx<'_>,
    rows: &[(Owner, T)],
) -> Result<Vec<Owner>, StorageError> {
    let mut owners: Vec<&Owner> = rows.iter().map(|(owner, _)| owner).collect();
    owners.sort();
    owners.dedup();
    journal::lock(tx, &owners).await?;
    Ok(owners.into_iter().cloned().collect())
}

/// The rows whose ledgers are among `owners`, which [`lock_ledgers`] returned.
pub fn with_locked_ledgers<T>(mut rows: Vec<(Owner, T)>, owners: &[Owner]) -> Vec<(Owner, T)> {
    rows.retain(|(owner, _)| owners.binary_search(owner).is_ok());
    rows
}
