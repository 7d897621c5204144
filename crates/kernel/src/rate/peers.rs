//! Refusals of keys, by address: whoever tries keys is answered without the store being asked.

use super::bucket::{Bucket, Rate, Ticks};
use crate::limits;
use crate::peer::PeerKey;
use quick_cache::sync::Cache;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

const REFUSALS: Rate = Rate::new(limits::REFUSALS_PER_SECOND, limits::REFUSALS_AT_ONCE);

/// The budgets of all addresses that keys were refused of.
pub(crate) struct Refusals {
    ticks: Ticks,
    peers: Cache<PeerKey, Arc<Bucket>>,
    /// Whether there was any refusal at all: until then nobody is looked up.
    any: AtomicBool,
}

impl Refusals {
    pub(crate) fn new() -> Self {
        let peers = Cache::new(limits::PEERS_IN_MEMORY);
        Self { ticks: Ticks::new(), peers, any: AtomicBool::new(false) }
    }

    /// Whether the address has used up its budget.
    pub(crate) fn are_too_many(&self, peer: PeerKey, now: Instant) -> bool {
        if !self.any.load(Ordering::Relaxed) {
            return false;
        }
        let now = self.ticks.at(now);
        self.peers.get(&peer).is_some_and(|bucket| bucket.is_spent(REFUSALS, now))
    }

    /// Counts a refusal.
    pub(crate) fn count(&self, peer: PeerKey, now: Instant) {
        self.any.store(true, Ordering::Relaxed);
        let now = self.ticks.at(now);
        if let Some(bucket) = self.peers.get(&peer) {
            bucket.take(REFUSALS, now);
            return;
        }
        let bucket = Bucket::default();
        bucket.take(REFUSALS, now);
        self.peers.insert(peer, Arc::new(bucket));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::Peer;
    use std::time::Duration;

    fn peer(text: &str) -> PeerKey {
        Peer::Ip(text.parse().unwrap()).key()
    }

    #[test]
    fn an_address_that_tries_keys_has_a_budget_of_its_own() {
        let (refusals, now) = (Refusals::new(), Instant::now());
        let (bad, good) = (peer("192.0.2.1"), peer("192.0.2.2"));
        for number in 0..limits::REFUSALS_AT_ONCE {
            assert!(!refusals.are_too_many(bad, now), "{number}");
            refusals.count(bad, now);
        }
        assert!(refusals.are_too_many(bad, now));
        assert!(!refusals.are_too_many(good, now));
        let later = now + Duration::from_secs(1);
        let more = (0..1000).take_while(|_| {
            let has_budget = !refusals.are_too_many(bad, later);
            refusals.count(bad, later);
            has_budget
        });
        assert_eq!(more.count(), limits::REFUSALS_PER_SECOND as usize);
    }

    #[test]
    fn one_customer_of_an_address_provider_is_one_address() {
        let (refusals, now) = (Refusals::new(), Instant::now());
        for number in 0..limits::REFUSALS_AT_ONCE {
            refusals.count(peer(&format!("2001:db8:1:2::{number:x}")), now);
        }
        assert!(refusals.are_too_many(peer("2001:db8:1:2:ffff::1"), now));
        assert!(!refusals.are_too_many(peer("2001:db8:1:3::1"), now));
    }

    #[test]
    fn memory_is_bounded_whoever_comes() {
        let (refusals, now) = (Refusals::new(), Instant::now());
        for number in 0..limits::PEERS_IN_MEMORY * 3 {
            let number = u32::try_from(number).unwrap();
            refusals.count(Peer::Ip(std::net::Ipv4Addr::from(number).into()).key(), now);
        }
        assert!(refusals.peers.len() <= limits::PEERS_IN_MEMORY + 64);
    }
}
