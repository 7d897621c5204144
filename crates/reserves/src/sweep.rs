//! What happens by itself, each in transactions of at most [`limit::SWEEP_HOLDS`] holds (reserves
//! §11, decisions 24 to 28): money that becomes available, holds whose date has come, plans that
//! end, plans that were disabled, and plans that were moved.

mod announce;
mod available;
mod close;
mod due;

pub(crate) use announce::AnnounceDates;
pub(crate) use available::MakeAvailable;
pub(crate) use close::{ClosePlans, Closing};
pub(crate) use due::ReleaseDue;

use crate::hold::Hold;
use crate::release::{Because, Part, release};
use crate::store::ledger;
use crate::turn::Turn;
use coffer_base::{Owner, Timestamp, limit};
use coffer_kernel::event::Cause;
use coffer_kernel::{BoxFuture, Failure, JobContext, ScheduledTask};
use coffer_storage::{StorageError, Store, Tx, Work};
use std::future::Future;

/// One kind of what happens by itself.
pub(crate) trait Sweep: Copy + Send + Sync + 'static {
    /// The name of its mark.
    fn name(self) -> &'static str;

    /// Whether it also has work between two midnights.
    const BETWEEN_MIDNIGHTS: bool;

    /// Whether something is to be done that is due by `due`: a read, since mostly nothing is.
    fn any(
        self,
        store: &Store,
        due: Timestamp,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// Does some of it, and says whether there was any.
    fn batch(
        self,
        tx: &mut Tx<'_>,
        moment: &Moment,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;
}

/// A sweep as a task of the scheduler.
pub(crate) struct Task<S>(pub(crate) S);

impl<S: Sweep> ScheduledTask for Task<S> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn between_midnights(&self) -> bool {
        S::BETWEEN_MIDNIGHTS
    }

    fn step<'a>(
        &'a self,
        context: &'a JobContext,
        due: Timestamp,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<bool, StorageError>> {
        Box::pin(async move {
            if !self.0.any(&context.store, due).await? {
                return Ok(false);
            }
            let moment = Moment { due, now, context: context.clone() };
            context.store.write(Batch(self.0, moment)).await
        })
    }
}

/// What a step is given.
pub(crate) struct Moment {
    due: Timestamp,
    now: Timestamp,
    context: JobContext,
}

impl Moment {
    /// What the events of the step say that they came from.
    fn cause(&self) -> Cause<'_> {
        self.context.cause(self.now)
    }
}

struct Batch<S>(S, Moment);

impl<S: Sweep> Work for Batch<S> {
    type Out = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StorageError> {
        self.0.batch(tx, &self.1).await
    }
}

/// Nobody asked, so there is nobody to refuse.
fn failed(failure: Failure) -> StorageError {
    match failure {
        Failure::Storage(error) => error,
        Failure::Refused(error) => StorageError::Engine(error.message().to_owned()),
    }
}

/// How many there are, as limits count.
fn count<T>(items: &[T]) -> i64 {
    i64::try_from(items.len()).unwrap_or(limit::SWEEP_HOLDS)
}

/// The runs of rows that belong to one owner.
fn by_owner<T>(rows: Vec<(Owner, T)>) -> Vec<(Owner, Vec<T>)> {
    let mut runs: Vec<(Owner, Vec<T>)> = Vec::new();
    for (owner, row) in rows {
        match runs.last_mut() {
            Some((of, run)) if *of == owner => run.push(row),
            _ => runs.push((owner, vec![row])),
        }
    }
    runs
}

/// Holds the ledgers that rows belong to, all in one order. Requests take a ledger before they
/// touch its rows; a sweep, which finds rows first, must not touch them before it has the ledgers
/// either, or each would wait for the other. What it then works on it finds anew, see [`held`].
async fn hold_ledgers<T: Sync>(
    tx: &mut Tx<'_>,
    rows: &[(Owner, T)],
) -> Result<Vec<Owner>, StorageError> {
    let mut owners: Vec<&Owner> = rows.iter().map(|(owner, _)| owner).collect();
    owners.sort();
    owners.dedup();
    ledger::lock(tx, &owners).await?;
    Ok(owners.into_iter().cloned().collect())
}

/// The rows of those whose ledgers are held.
fn held<T>(mut rows: Vec<(Owner, T)>, owners: &[Owner]) -> Vec<(Owner, T)> {
    rows.retain(|(owner, _)| owners.binary_search(owner).is_ok());
    rows
}

/// Releases all that the holds have left, which are of one owner: one release for each run of
/// holds that are `alike`.
async fn release_alike<K: PartialEq + Send>(
    turn: &mut Turn<'_, '_>,
    holds: Vec<Hold>,
    alike: impl Fn(&Hold) -> K + Send,
    because: impl Fn(&Hold) -> Because + Send,
) -> Result<(), Failure> {
    let mut holds = holds.into_iter().peekable();
    while let Some(first) = holds.next() {
        let (key, because) = (alike(&first), because(&first));
        let mut parts = vec![Part::rest(first)];
        while let Some(next) = holds.next_if(|next| alike(next) == key) {
            parts.push(Part::rest(next));
        }
        release(turn, &parts, because).await?;
    }
    Ok(())
}
