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
use crate::turn::Turn;
use coffer_base::{Owner, Random, Timestamp, limit};
use coffer_kernel::Failure;
use coffer_storage::StorageError;
use std::sync::Arc;

/// What a step is given, for its unit of work.
#[derive(Clone)]
struct Moment {
    name: &'static str,
    due: Timestamp,
    now: Timestamp,
    random: Arc<dyn Random>,
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
