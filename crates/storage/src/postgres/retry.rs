//! Units of work, run again when another transaction conflicted with them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use coffer_base::limit;
use coffer_metrics::Histogram;

use super::pool::Pool;
use super::session::Session;
use super::timeout::within;
use crate::attempt::Attempt;
use crate::command::{Command, Deferred};
use crate::error::{Result, StorageError};
use crate::fault::Faults;
use crate::gate::{Entrant, Purpose};
use crate::share::Share;
use crate::transaction::Tx;

/// What the engine did so far.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) units: AtomicU64,
    pub(super) commits: AtomicU64,
    pub(super) changes: AtomicU64,
    pub(super) round_trips: AtomicU64,
    pub(super) retries: AtomicU64,
    /// How long the last round trips of units took, which commit them.
    pub(super) durations: Histogram,
}

/// Runs a unit of work until no transaction conflicts with it, at most
/// [`limit::TRANSACTION_ATTEMPTS`] times.
pub(super) async fn run(
    pool: &Pool,
    share: Share,
    counters: &Counters,
    faults: &Faults,
    work: &Attempt,
) -> Result<()> {
    counters.units.fetch_add(1, Ordering::Relaxed);
    let entrant = Entrant { share, purpose: Purpose::Write };
    let mut conflict = StorageError::LockTimeout;
    for attempt in 0..limit::TRANSACTION_ATTEMPTS {
        let mut session = Session::of(pool.lease(entrant).await?);
        let outcome = run_once(&mut session, counters, faults, work).await;
        counters.round_trips.fetch_add(session.round_trips(), Ordering::Relaxed);
        match outcome {
            Ok(()) => {
                counters.commits.fetch_add(1, Ordering::Relaxed);
                let changes = session.changed() > 0 && !work.is_record();
                counters.changes.fetch_add(u64::from(changes), Ordering::Relaxed);
                session.give_back();
                return Ok(());
            }
            Err(error) => {
                conflict = recover(pool, session, error).await?;
            }
        }
        counters.retries.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(pause(attempt)).await;
    }
    match conflict {
        // A violation that remains once the other transaction has committed is our mistake.
        StorageError::Constraint(_) => Err(conflict),
        _ => Err(StorageError::LockTimeout),
    }
}

/// Ends a failed attempt; returns its error if the unit may be run again.
async fn recover(pool: &Pool, session: Session, error: StorageError) -> Result<StorageError> {
    let is_retryable = session.is_retryable();
    if !session.responded() {
        pool.evict_idle();
        if matches!(error, StorageError::Unavailable(_)) {
            // A session may have no timeout for statements, and its lost one would go on.
            pool.canceller(session.client()).cancel();
        }
    }
    session.end_after(&error).await;
    if is_retryable { Ok(error) } else { Err(error) }
}

async fn run_once(
    session: &mut Session,
    counters: &Counters,
    faults: &Faults,
    work: &Attempt,
) -> Result<()> {
    let time = Duration::from_secs(limit::TRANSACTION_SECONDS);
    let rest = within(time, async {
        let mut tx = Tx::remote(session);
        work.run(&mut tx).await?;
        tx.finish().await
    })
    .await?;
    if !faults.is_none() && inject(faults, session, &rest).await? {
        return Ok(());
    }
    let started = Instant::now();
    session.commit(&rest).await?;
    counters.durations.record(started.elapsed());
    if !faults.is_none() {
        let faults = faults.clone();
        let _ = tokio::task::spawn_blocking(move || faults.pass_commit()).await;
    }
    Ok(())
}

/// Injects what a test asks for before a commit; returns whether the unit was rolled back although
/// its caller is told that it was committed.
async fn inject(faults: &Faults, session: &mut Session, rest: &[Deferred]) -> Result<bool> {
    let blocking = faults.clone();
    let _ = tokio::task::spawn_blocking(move || blocking.reach_commit()).await;
    if faults.fails_this_commit() {
        return Err(StorageError::Unavailable("a test lets this commit fail".into()));
    }
    if !faults.drops_this_write() {
        return Ok(false);
    }
    // The rest is sent all the same, so that what would have failed fails.
    let rest: Vec<Command<'_>> = rest.iter().map(Deferred::command).collect();
    session.send_all(&rest).await?;
    session.roll_back().await;
    Ok(true)
}

/// How long to wait before the next attempt: about twice as long after each, and random, so that
/// two units that conflicted do not meet again.
fn pause(attempt: u32) -> Duration {
    let most = limit::RETRY_PAUSE_MICROSECONDS.saturating_mul(1 << attempt.min(8));
    Duration::from_micros(fastrand::u64(most / 2..=most))
}
