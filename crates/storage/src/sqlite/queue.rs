//! The writer's queue.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use coffer_base::limit;
use tokio::sync::oneshot;

use super::unit::Job;
use crate::error::{Result, StorageError};

/// Where the outcome of a requested checkpoint goes.
pub(super) type CheckpointReply = oneshot::Sender<Result<()>>;

/// A bounded queue with one consumer.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Box<dyn Job>>,
    checkpoints: Vec<CheckpointReply>,
    idle: bool,
    closed: bool,
}

/// What the writer does next.
pub(super) struct Batch {
    pub(super) jobs: Vec<Box<dyn Job>>,
    pub(super) checkpoints: Vec<CheckpointReply>,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

impl Queue {
    /// Adds a unit of work; `Busy` if `limit::WRITE_QUEUE` wait already.
    pub(super) fn push(&self, job: Box<dyn Job>) -> Result<()> {
        let mut state = self.open_state()?;
        if state.jobs.len() >= limit::WRITE_QUEUE {
            return Err(StorageError::Busy);
        }
        state.jobs.push_back(job);
        self.wake(state);
        Ok(())
    }

    /// Requests a checkpoint after the next batch.
    pub(super) fn request_checkpoint(&self, reply: CheckpointReply) -> Result<()> {
        let mut state = self.open_state()?;
        state.checkpoints.push(reply);
        self.wake(state);
        Ok(())
    }

    /// Waits for work and takes up to `limit::WRITE_GROUP` units of it; `None` once the queue is
    /// closed and empty.
    pub(super) fn take(&self) -> Option<Batch> {
        let mut state = self.state();
        loop {
            if !state.jobs.is_empty() || !state.checkpoints.is_empty() {
                let size = state.jobs.len().min(limit::WRITE_GROUP);
                let jobs = state.jobs.drain(..size).collect();
                return Some(Batch { jobs, checkpoints: std::mem::take(&mut state.checkpoints) });
            }
            if state.closed {
                return None;
            }
            state.idle = true;
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle = false;
        }
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
        let left = (std::mem::take(&mut state.jobs), std::mem::take(&mut state.checkpoints));
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
