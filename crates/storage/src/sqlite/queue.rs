//! The writer's queue.

use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use coffer_base::limit;
use tokio::sync::oneshot;

use super::unit::Unit;
use crate::error::{Result, StorageError};
use crate::fair::{Bounds, FairQueue, Pushed};
use crate::share::Share;

/// Where the outcome of a requested checkpoint goes.
pub(super) type CheckpointReply = oneshot::Sender<Result<()>>;

/// A bounded queue with one consumer, which serves the shares in turn.
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
}

struct State {
    jobs: FairQueue<Share, Unit>,
    checkpoints: Vec<CheckpointReply>,
    idle: bool,
    closed: bool,
}

/// What the writer does next.
pub(super) struct Next {
    /// A unit of work, if one waits, and whose it is.
    pub(super) job: Option<(Share, Unit)>,
    /// How many wait behind it.
    pub(super) behind: usize,
    pub(super) checkpoints: Vec<CheckpointReply>,
}

impl Default for Queue {
    fn default() -> Self {
        let bounds = Bounds { line: limit::WRITE_QUEUE, total: limit::WRITE_QUEUE_TOTAL };
        let jobs = FairQueue::new(bounds);
        let state = State { jobs, checkpoints: Vec::new(), idle: false, closed: false };
        Self { state: Mutex::new(state), wake: Condvar::new() }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

impl Queue {
    /// Adds a unit of work. [`StorageError::Busy`] if too much of its share waits already; if too
    /// much waits in all, the share of which the most waits loses its newest unit instead.
    pub(super) fn push(&self, share: Share, job: Unit) -> Result<()> {
        let mut state = self.open_state()?;
        let pushed = state.jobs.push(share, job);
        self.wake(state);
        match pushed {
            Pushed::Waiting => Ok(()),
            Pushed::Refused(_) => Err(StorageError::Busy),
            Pushed::Displaced(job) => {
                job.reply(&Err(StorageError::Busy));
                Ok(())
            }
        }
    }

    /// Requests a checkpoint after the next batch.
    pub(super) fn request_checkpoint(&self, reply: CheckpointReply) -> Result<()> {
        let mut state = self.open_state()?;
        state.checkpoints.push(reply);
        self.wake(state);
        Ok(())
    }

    /// Waits for work; `None` once the queue is closed and empty.
    pub(super) fn take(&self) -> Option<Next> {
        let mut state = self.state();
        loop {
            if state.jobs.len() > 0 || !state.checkpoints.is_empty() {
                let job = state.jobs.pop(|_| true);
                let checkpoints = std::mem::take(&mut state.checkpoints);
                return Some(Next { job, behind: state.jobs.len(), checkpoints });
            }
            if state.closed {
                return None;
            }
            state.idle = true;
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle = false;
        }
    }

    /// The unit of work whose turn it is now among those of shares that are `ready`, if any waits:
    /// who has come since the group began joins it, before others have their second turn.
    pub(super) fn take_another(&self, ready: impl Fn(Share) -> bool) -> Option<(Share, Unit)> {
        self.state().jobs.pop(ready)
    }

    /// Accepts no more; the writer still takes what is queued.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        self.wake(state);
    }

    /// Accepts no more and drops what is queued: the writer has ended.
    pub(super) fn close_and_clear(&self) {
        let mut state = self.state();
        state.closed = true;
        let left = (state.jobs.clear(), std::mem::take(&mut state.checkpoints));
        drop(state);
        drop(left);
    }

    pub(super) fn waiting(&self) -> u64 {
        u64::try_from(self.state().jobs.len()).unwrap_or(u64::MAX)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_state(&self) -> Result<MutexGuard<'_, State>> {
        let state = self.state();
        if state.closed { Err(StorageError::Closed) } else { Ok(state) }
    }

    /// Wakes the writer if it sleeps. A busy one takes the next batch anyway, and waking it would
    /// cost a system call.
    fn wake(&self, state: MutexGuard<'_, State>) {
        let idle = state.idle;
        drop(state);
        if idle {
            self.wake.notify_one();
        }
    }
}
