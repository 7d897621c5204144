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
    /// Adds one. If there are too many from its address, the oldest of these is forgotten; else, if
    /// there are too many of all addresses, the oldest of all.
    pub(crate) fn add(&self, state: String, sought: Sought) {
        let mut all = self.lock();
        all.retain(|_, known| !is_over(known, sought.since));
        let is_neighbour = |known: &Sought| known.peer.is_neighbour_of(sought.peer);
        if all.values().filter(|known| is_neighbour(known)).count() >= limits::SIGN_INS_OF_ADDRESS {
            forget_oldest(&mut all, is_neighbour);
        } else if all.len() >= limits::SIGN_INS {
            forget_oldest(&mut all, |_| true);
        }
        all.insert(state, sought);
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

/// Forgets the oldest of those that `is` holds for.
fn forget_oldest(all: &mut HashMap<String, Sought>, is: impl Fn(&Sought) -> bool) {
    let among = all.iter().filter(|(_, known)| is(known));
    let oldest = among.min_by_key(|(_, known)| known.since).map(|(state, _)| state.clone());
    if let Some(oldest) = oldest {
        all.remove(&oldest);
    }
}

fn is_over(sought: &Sought, now: Duration) -> bool {
    now.saturating_sub(sought.since).as_secs() >= limits::SIGN_IN_SECONDS
}
