//! A budget for each address that calls.

use super::bucket::Bucket;
use crate::limits;
use crate::peer::PeerKey;
use quick_cache::sync::Cache;
use std::sync::Arc;

/// The budgets of the addresses that came last; who is forgotten begins with a full one.
pub(super) struct PeerBudgets(Cache<PeerKey, Arc<Bucket>>);

impl Default for PeerBudgets {
    fn default() -> Self {
        Self(Cache::new(limits::PEERS_IN_MEMORY))
    }
}

impl PeerBudgets {
    /// The budget of an address that has used some of it.
    pub(super) fn get(&self, peer: &PeerKey) -> Option<Arc<Bucket>> {
        self.0.get(peer)
    }

    /// The budget of an address.
    pub(super) fn of(&self, peer: PeerKey) -> Arc<Bucket> {
        if let Some(bucket) = self.0.get(&peer) {
            return bucket;
        }
        let bucket = Arc::new(Bucket::default());
        self.0.insert(peer, Arc::clone(&bucket));
        bucket
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
