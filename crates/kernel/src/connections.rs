//! All open connections: which of them goes when there are too many, and how much their unfinished
//! heads hold together.

mod open;
#[cfg(test)]
mod tests;

pub use open::Connection;
pub(crate) use open::Phase;

use crate::limits;
use crate::peer::{Peer, PeerKey};
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All open connections of a server's listeners.
pub struct Connections {
    open: Mutex<Open>,
    /// Most connections of one address.
    of_one_peer: usize,
    /// Bytes of unfinished heads, as far as they count.
    head_bytes: AtomicUsize,
}

#[derive(Default)]
struct Open {
    next: u64,
    connections: HashMap<u64, Arc<Connection>>,
    of_peers: HashMap<PeerKey, usize>,
}

impl Connections {
    /// None are open; one address may have `of_one_peer`.
    pub fn new(of_one_peer: usize) -> Arc<Self> {
        let head_bytes = AtomicUsize::new(0);
        Arc::new(Self { open: Mutex::default(), of_one_peer, head_bytes })
    }

    /// Adds a connection. If its address has too many, the one of them that has been idle for
    /// longest makes room; `None` if all of them are busy. Whoever is `exempt` may have as many as
    /// there is room for: a proxy stands for many.
    pub fn add(self: &Arc<Self>, peer: Peer, exempt: bool) -> Option<OpenConnection> {
        let mut open = self.lock();
        let count = open.of_peers.get(&peer.key()).copied().unwrap_or_default();
        if !exempt && count >= self.of_one_peer {
            let key = peer.key();
            open.longest_idle(|other| other.peer().key() == key)?.give_up();
        }
        *open.of_peers.entry(peer.key()).or_default() += 1;
        let number = open.next;
        open.next += 1;
        let connection = Arc::new(Connection::new(peer, Arc::clone(self)));
        open.connections.insert(number, Arc::clone(&connection));
        Some(OpenConnection { connection, number, all: Arc::clone(self) })
    }

    /// Closes the connection that has been idle for longest; answers whether there was one.
    pub fn close_longest_idle(&self) -> bool {
        let longest = self.lock().longest_idle(|_| true);
        longest.inspect(|connection| connection.give_up()).is_some()
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.lock().connections.len()
    }

    /// Bytes of unfinished heads beyond what each connection has free; at most a quarter above
    /// [`UNFINISHED_HEAD_BYTES`](limits::UNFINISHED_HEAD_BYTES).
    pub fn unfinished_head_bytes(&self) -> usize {
        self.head_bytes.load(Ordering::Relaxed)
    }

    /// Counts more bytes of an unfinished head. If there are too many, the head that has taken
    /// longest is given up; answers whether there is room for these.
    pub(crate) fn add_head(&self, bytes: usize) -> bool {
        let total = self.head_bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if total > limits::UNFINISHED_HEAD_BYTES {
            self.give_up_longest_head();
        }
        // Those that are given up need a moment to go.
        total <= limits::UNFINISHED_HEAD_BYTES / 4 * 5
    }

    pub(crate) fn remove_head(&self, bytes: usize) {
        self.head_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn give_up_longest_head(&self) {
        let open = self.lock();
        let heads = open.connections.values().filter_map(|connection| {
            connection.long_head_millis().map(|millis| (millis, connection))
        });
        if let Some((_, connection)) = heads.max_by_key(|(millis, _)| *millis) {
            connection.give_up();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn longest_idle(&self, among: impl Fn(&Connection) -> bool) -> Option<Arc<Connection>> {
        let idle = self.connections.values().filter(|connection| among(connection));
        let idle = idle.filter_map(|connection| Some((connection.idleness()?, connection)));
        idle.max_by_key(|(idleness, _)| *idleness).map(|(_, connection)| Arc::clone(connection))
    }

    fn remove(&mut self, number: u64, peer: PeerKey) {
        self.connections.remove(&number);
        if let Some(count) = self.of_peers.get_mut(&peer) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.of_peers.remove(&peer);
            }
        }
    }
}

/// A connection among all that are open, until this is dropped.
pub struct OpenConnection {
    connection: Arc<Connection>,
    number: u64,
    all: Arc<Connections>,
}

impl OpenConnection {
    pub(crate) fn share(&self) -> Arc<Connection> {
        Arc::clone(&self.connection)
    }
}

impl Deref for OpenConnection {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.connection.forget_head();
        self.all.lock().remove(self.number, self.connection.peer().key());
    }
}
