//! Waiting for a row's lock in memory.
//!
//! A unit that waits for a row on the server holds a connection meanwhile. So units that name the
//! row that they lock first wait here, without one; for writers of other servers they still wait
//! on the server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Result, StorageError};
use crate::gate::{Entrant, Gate, Place, Places, Purpose};
use crate::share::Share;
use crate::transaction::Lock;

/// The locks that somebody has or waits for.
#[derive(Debug, Default)]
pub(super) struct Locks(Mutex<HashMap<Lock, Arc<Gate>>>);

impl Locks {
    /// Waits until nobody else has the lock; those who wait are served in turn, share by share.
    ///
    /// # Errors
    /// [`StorageError::LockTimeout`] if that takes too long, or too many of the share wait already.
    pub(super) async fn enter(self: &Arc<Self>, lock: Lock, share: Share) -> Result<Locked> {
        let gate = Arc::clone(self.gates().entry(lock).or_insert_with(|| Gate::new(Places::ONE)));
        // Made before the wait, so that a caller who goes away leaves no entry behind.
        let mut locked = Locked { place: None, locks: Arc::clone(self), lock, gate: Some(gate) };
        if let Some(gate) = &locked.gate {
            let entered = gate.enter(Entrant { share, purpose: Purpose::Write }).await;
            locked.place = Some(entered.map_err(|error| match error {
                StorageError::Busy => StorageError::LockTimeout,
                other => other,
            })?);
        }
        Ok(locked)
    }

    /// How many wait for a lock.
    pub(super) fn waiting(&self) -> u64 {
        self.gates().values().map(|gate| gate.waiting()).fold(0, u64::saturating_add)
    }

    fn gates(&self) -> MutexGuard<'_, HashMap<Lock, Arc<Gate>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lock that is held, or waited for, until this is dropped.
#[derive(Debug)]
pub(super) struct Locked {
    place: Option<Place>,
    locks: Arc<Locks>,
    lock: Lock,
    gate: Option<Arc<Gate>>,
}

impl Drop for Locked {
    fn drop(&mut self) {
        drop(self.place.take());
        let mut gates = self.locks.gates();
        drop(self.gate.take());
        // The only reference is the map's: nobody else has the lock or waits for it.
        if gates.get(&self.lock).is_some_and(|gate| Arc::strong_count(gate) <= 1) {
            gates.remove(&self.lock);
        }
    }
}
