//! Sign-ins that were begun and not ended. They are in memory, and each is taken once.

use crate::limits;
use coffer_kernel::Peer;
use coffer_oidc::Attempt;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One of them.
pub(crate) struct Sought {
    /// What the cookie of the browser says in which it was begun.
    pub(crate) browser: String,
    pub(crate) attempt: Attempt,
    /// The page that was asked for.
    pub(crate) next: String,
    pub(crate) peer: Peer,
    pub(crate) since: Duration,
}

/// All of this server, by their states.
#[derive(Default)]
pub(crate) struct Pending(Mutex<HashMap<String, Sought>>);

impl Pending {
    /// Adds one; `false` if too many were begun from its address. If there are too many of all
    /// addresses, the oldest is forgotten.
    pub(crate) fn add(&self, state: String, sought: Sought) -> bool {
        let mut all = self.lock();
        all.retain(|_, known| !is_over(known, sought.since));
        let neighbours = all.values().filter(|known| known.peer.is_neighbour_of(sought.peer));
        if neighbours.count() >= limits::SIGN_INS_OF_ADDRESS {
            return false;
        }
        if all.len() >= limits::SIGN_INS {
            let oldest = all.iter().min_by_key(|(_, known)| known.since);
            if let Some(oldest) = oldest.map(|(state, _)| state.clone()) {
                all.remove(&oldest);
            }
        }
        all.insert(state, sought);
        true
    }

    /// Takes the one with this state, if it was begun in the browser with this cookie: nobody takes
    /// it again. Another browser takes nothing from it.
    pub(crate) fn take(&self, state: &str, browser: &str, now: Duration) -> Option<Sought> {
        let mut all = self.lock();
        if all.get(state)?.browser != browser {
            return None;
        }
        all.remove(state).filter(|sought| !is_over(sought, now))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Sought>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_over(sought: &Sought, now: Duration) -> bool {
    now.saturating_sub(sought.since).as_secs() >= limits::SIGN_IN_SECONDS
}
