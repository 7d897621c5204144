//! Where the writer of a store stands: it goes on only when the simulation says so.

use coffer_storage::{Fate, Faults};
use coffer_testkit::PATIENCE;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// Where a writer waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Point {
    /// It is about to look for work, and all that it did is flushed.
    Batch,
    /// Before a commit.
    BeforeCommit,
    /// After a commit, and before anybody is told.
    AfterCommit,
}

/// One writer's gate.
#[derive(Default)]
pub struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    stands: Option<Point>,
    /// Whether writers wait here at all: not while a store is opened, since one that does not open
    /// waits for its writer.
    closed: bool,
    open: bool,
    fate: Option<Fate>,
}

impl Gate {
    /// `faults`, and this gate besides.
    pub fn faults(self: &Arc<Self>, faults: Faults) -> Faults {
        let hook = |point| {
            let gate = Arc::clone(self);
            Arc::new(move || gate.reach(point))
        };
        let fates = Arc::clone(self);
        faults
            .before_batch(hook(Point::Batch))
            .before_commit(hook(Point::BeforeCommit))
            .after_commit(hook(Point::AfterCommit))
            .fates(Arc::new(move || fates.state().fate.take().unwrap_or(Fate::Done)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn reach(&self, point: Point) {
        let mut state = self.state();
        if state.open || !state.closed {
            return;
        }
        state.stands = Some(point);
        self.changed.notify_all();
        let stands = |state: &mut State| !state.open && state.stands.is_some();
        drop(self.changed.wait_while(state, stands).unwrap());
    }

    /// Waits until the writer stands somewhere; where.
    pub fn stands(&self) -> Point {
        let moves = |state: &mut State| state.stands.is_none();
        let waited = self.changed.wait_timeout_while(self.state(), PATIENCE, moves);
        waited.unwrap().0.stands.expect("the writer comes to its next gate")
    }

    /// Lets the writer wait from now on. If it looks for work by now, it waits once it has found
    /// some.
    pub fn close(&self) {
        self.state().closed = true;
    }

    /// Lets the writer go on from where it stands.
    pub fn go_on(&self) {
        self.state().stands = None;
        self.changed.notify_all();
    }

    /// What becomes of the next commit.
    pub fn decide(&self, fate: Option<Fate>) {
        self.state().fate = fate;
    }

    /// Lets the writer go on for good.
    pub fn open(&self) {
        self.state().open = true;
        self.changed.notify_all();
    }
}
