//! Places that are taken for a time: connections to a server, threads that read.
//!
//! They are given away in turn, share by share. No share has more than its part, and some places
//! are left to the server itself however many apps wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coffer_base::limit;
use tokio::sync::oneshot;

use crate::error::{Result, StorageError};
use crate::fair::{Bounds, FairQueue, Pushed};
use crate::share::Share;

/// What a place is taken for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Purpose {
    /// To read: some of the places that writes cannot have are for this.
    Read,
    /// To write.
    Write,
}

/// Who wants a place: each has a line of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Entrant {
    pub(crate) share: Share,
    pub(crate) purpose: Purpose,
}

/// How many places there are, and who can have how many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places {
    /// All of them.
    pub(crate) total: usize,
    /// Up to how many are in use before an app gets one to read.
    pub(crate) reads: usize,
    /// The same to write, and for jobs.
    pub(crate) writes: usize,
    /// What one app can have, or one of the server's own shares.
    pub(crate) each: usize,
    /// What all jobs can have together.
    pub(crate) jobs: usize,
}

impl Places {
    /// Connections to a server: a share has half of them, so that one app alone still makes good
    /// use of the database; a sixth is not for writes, and half of that not for apps at all.
    pub(crate) fn connections(total: usize) -> Self {
        let total = total.max(1);
        let reserved = total / 6;
        Self {
            total,
            reads: total.saturating_sub(reserved / 2),
            writes: total.saturating_sub(reserved),
            each: total.div_ceil(2),
            jobs: reserved.max(1),
        }
    }

    /// Threads that read lists: one is for operators.
    pub(crate) fn threads(total: usize) -> Self {
        let apps = total.saturating_sub(1).max(1);
        Self { total, reads: apps, writes: apps, each: (total / 2).max(1), jobs: 1 }
    }

    /// A single place.
    pub(crate) const ONE: Self = Self { total: 1, reads: 1, writes: 1, each: 1, jobs: 1 };

    fn ceiling(&self, entrant: Entrant) -> usize {
        match entrant.purpose {
            _ if entrant.share == Share::JOBS => self.writes,
            _ if !entrant.share.is_app() => self.total,
            Purpose::Read => self.reads,
            Purpose::Write => self.writes,
        }
    }

    fn part(&self, share: Share) -> usize {
        if share == Share::JOBS { self.jobs } else { self.each }
    }
}

/// Places that are taken and waited for.
#[derive(Debug)]
pub(crate) struct Gate {
    state: Mutex<State>,
    places: Places,
}

#[derive(Debug)]
struct State {
    in_use: usize,
    /// How many places each share has, if it has any.
    held: HashMap<Share, usize>,
    /// Nobody in here could be let in: whoever could was, when a place became free.
    waiting: FairQueue<Entrant, oneshot::Sender<Place>>,
    closed: bool,
}

impl State {
    fn has_place(&self, places: &Places, entrant: Entrant) -> bool {
        let held = self.held.get(&entrant.share).copied().unwrap_or(0);
        self.in_use < places.ceiling(entrant) && held < places.part(entrant.share)
    }

    fn enter(&mut self, share: Share) {
        self.in_use = self.in_use.saturating_add(1);
        let held = self.held.entry(share).or_insert(0);
        *held = held.saturating_add(1);
    }

    fn leave(&mut self, share: Share) {
        self.in_use = self.in_use.saturating_sub(1);
        let left = self.held.get_mut(&share).map_or(0, |held| {
            *held = held.saturating_sub(1);
            *held
        });
        if left == 0 {
            self.held.remove(&share);
        }
    }

    /// Lets the next in who can be.
    fn next(&mut self, places: &Places) -> Option<(Share, oneshot::Sender<Place>)> {
        let Self { in_use, held, waiting, .. } = self;
        let (entrant, sender) = waiting.pop(|entrant| {
            let part = held.get(&entrant.share).copied().unwrap_or(0);
            *in_use < places.ceiling(entrant) && part < places.part(entrant.share)
        })?;
        self.enter(entrant.share);
        Some((entrant.share, sender))
    }
}

impl Gate {
    pub(crate) fn new(places: Places) -> Arc<Self> {
        let bounds = Bounds { line: limit::WAITING_PER_APP, total: limit::WAITING_TOTAL };
        let (held, waiting) = (HashMap::new(), FairQueue::new(bounds));
        let state = State { in_use: 0, held, waiting, closed: false };
        Arc::new(Self { state: Mutex::new(state), places })
    }

    /// Takes a place, waiting for [`limit::CONNECTION_WAIT_SECONDS`] at most.
    ///
    /// # Errors
    /// [`StorageError::Busy`] if none became free in time, or too many of this share wait already;
    /// [`StorageError::Closed`] once the gate is closed.
    pub(crate) async fn enter(self: &Arc<Self>, entrant: Entrant) -> Result<Place> {
        let place = match self.try_enter(entrant)? {
            Entered::Now(place) => return Ok(place),
            Entered::Later(place) => place,
        };
        let time = Duration::from_secs(limit::CONNECTION_WAIT_SECONDS);
        match tokio::time::timeout(time, place).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) if self.state().closed => Err(StorageError::Closed),
            _ => Err(StorageError::Busy),
        }
    }

    fn try_enter(self: &Arc<Self>, entrant: Entrant) -> Result<Entered> {
        let mut state = self.state();
        if state.closed {
            return Err(StorageError::Closed);
        }
        if state.has_place(&self.places, entrant) {
            state.enter(entrant.share);
            return Ok(Entered::Now(Place::of(self, entrant.share)));
        }
        let (sender, receiver) = oneshot::channel();
        let mut pushed = state.waiting.push(entrant, sender);
        if let Pushed::Refused(sender) = pushed {
            state.waiting.retain(entrant, |sender| !sender.is_closed());
            pushed = state.waiting.push(entrant, sender);
        }
        match pushed {
            Pushed::Refused(_) => Err(StorageError::Busy),
            Pushed::Waiting | Pushed::Displaced(_) => Ok(Entered::Later(receiver)),
        }
    }

    /// Gives back a place of `share`, and lets in who can be now: it can be two, one who waited for
    /// any place and one who waited for a place of this share.
    fn give_back(self: &Arc<Self>, share: Share) {
        let mut left = Some(share);
        loop {
            let next = {
                let mut state = self.state();
                if let Some(share) = left.take() {
                    state.leave(share);
                }
                state.next(&self.places)
            };
            let Some((share, sender)) = next else { return };
            if let Err(mut place) = sender.send(Place::of(self, share)) {
                // Who waited has gone away. Dropped as it is, the place would come back in here.
                place.gate = None;
                left = Some(share);
            }
        }
    }

    /// Lets nobody in any more; whoever waits is told.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        let waiting = state.waiting.clear();
        drop(state);
        drop(waiting);
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> u64 {
        u64::try_from(self.state().waiting.len()).unwrap_or(u64::MAX)
    }

    /// How many places are taken.
    pub(crate) fn in_use(&self) -> u64 {
        u64::try_from(self.state().in_use).unwrap_or(u64::MAX)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Entered {
    Now(Place),
    Later(oneshot::Receiver<Place>),
}

/// A place that is taken until this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    gate: Option<Arc<Gate>>,
    share: Share,
}

impl Place {
    fn of(gate: &Arc<Gate>, share: Share) -> Self {
        Self { gate: Some(Arc::clone(gate)), share }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(gate) = self.gate.take() {
            gate.give_back(self.share);
        }
    }
}
