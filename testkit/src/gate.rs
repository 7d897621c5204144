//! A gate before each commit of the data store, for tests of what overlaps.

use crate::PATIENCE;
use coffer_storage::Faults;
use std::sync::{Arc, Condvar, Mutex};

#[derive(Default)]
struct State {
    closed: bool,
    held: bool,
}

/// A gate that the writer goes through before each commit; open until it is closed.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<State>, Condvar)>);

impl Gate {
    /// The fault that puts this gate before each commit.
    pub fn faults(&self) -> Faults {
        let gate = self.clone();
        Faults::none().before_commit(Arc::new(move || gate.pass()))
    }

    /// The fault that puts this gate before each read of an embedded store that takes its turn.
    pub fn before_lists(&self) -> Faults {
        let gate = self.clone();
        Faults::none().in_list(Arc::new(move || gate.pass()))
    }

    fn pass(&self) {
        let (state, changed) = &*self.0;
        let mut state = state.lock().unwrap();
        state.held = true;
        changed.notify_all();
        let (mut state, _) =
            changed.wait_timeout_while(state, PATIENCE, |state| state.closed).unwrap();
        state.held = false;
    }

    /// Closes the gate: the next commit waits before it.
    pub fn close(&self) {
        self.0.0.lock().unwrap().closed = true;
    }

    /// Waits until a commit stands before the closed gate.
    pub fn wait_until_held(&self) {
        let (state, changed) = &*self.0;
        let free = |state: &mut State| !(state.closed && state.held);
        let (_state, waited) =
            changed.wait_timeout_while(state.lock().unwrap(), PATIENCE, free).unwrap();
        assert!(!waited.timed_out(), "no commit came to the gate");
    }

    /// Opens the gate.
    pub fn open(&self) {
        self.0.0.lock().unwrap().closed = false;
        self.0.1.notify_all();
    }
}
