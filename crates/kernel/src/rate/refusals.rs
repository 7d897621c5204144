//! Refusals of keys, by address: whoever tries keys gets slow answers, and few lookups at a time.

use super::bucket::{Bucket, Rate, Ticks};
use super::peers::PeerBudgets;
use crate::limits;
use crate::peer::PeerKey;
use coffer_base::limit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, SemaphorePermit};

const REFUSALS: Rate = Rate::new(limits::REFUSALS_PER_SECOND, limits::REFUSALS_AT_ONCE);

const ALL_REFUSALS: Rate = Rate::new(limits::ALL_REFUSALS_PER_SECOND, limits::ALL_REFUSALS_AT_ONCE);

/// The budgets of all addresses that keys were refused of.
pub(crate) struct Refusals {
    ticks: Ticks,
    peers: PeerBudgets,
    /// Whether there was any refusal at all: until then nobody is looked up.
    any: AtomicBool,
    /// The budget of all addresses together.
    all: Bucket,
    guesses: Semaphore,
}

impl Refusals {
    pub(crate) fn new() -> Self {
        Self {
            ticks: Ticks::new(),
            peers: PeerBudgets::default(),
            any: AtomicBool::new(false),
            all: Bucket::default(),
            guesses: Semaphore::new(limits::GUESSES_AT_ONCE),
        }
    }

    /// Whether the address has used up its budget.
    pub(crate) fn are_too_many(&self, peer: PeerKey, now: Instant) -> bool {
        if !self.any.load(Ordering::Relaxed) {
            return false;
        }
        let now = self.ticks.at(now);
        self.peers.get(&peer).is_some_and(|bucket| bucket.is_spent(REFUSALS, now))
    }

    /// Counts a refusal. Answers whether the address, and all of them together, had budget for it.
    pub(crate) fn count(&self, peer: PeerKey, now: Instant) -> bool {
        self.any.store(true, Ordering::Relaxed);
        let now = self.ticks.at(now);
        let has_budget = self.peers.of(peer).take(REFUSALS, now);
        // What an address has too many of is answered late already: it takes nothing from others.
        has_budget && self.all.take(ALL_REFUSALS, now)
    }

    /// Waits for permission to look up a key of an address that has used up its budget. Whoever
    /// comes first is served first, and each has at most [`limit::CONNECTION_WAIT_SECONDS`];
    /// `None` if that was not enough.
    pub(crate) async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        let time = Duration::from_secs(limit::CONNECTION_WAIT_SECONDS);
        tokio::time::timeout(time, self.guesses.acquire()).await.ok()?.ok()
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
            assert!(refusals.count(bad, now), "{number}");
        }
        assert!(refusals.are_too_many(bad, now) && !refusals.count(bad, now));
        assert!(!refusals.are_too_many(good, now));
        let later = now + Duration::from_secs(1);
        let more = (0..1000).take_while(|_| refusals.count(bad, later));
        assert_eq!(more.count(), limits::REFUSALS_PER_SECOND as usize);
    }

    #[test]
    fn many_addresses_have_one_budget_together_and_one_alone_takes_little_of_it() {
        let (refusals, now) = (Refusals::new(), Instant::now());
        let of = |number: u32| Peer::Ip(std::net::Ipv4Addr::from(number).into()).key();
        for _ in 0..limits::ALL_REFUSALS_AT_ONCE * 2 {
            refusals.count(of(0), now);
        }
        let left = limits::ALL_REFUSALS_AT_ONCE - limits::REFUSALS_AT_ONCE;
        for number in 1..=left {
            assert!(refusals.count(of(number), now), "{number}");
        }
        assert!(!refusals.count(of(left + 1), now));
        assert!(!refusals.are_too_many(of(left + 1), now), "its keys are looked up all the same");
    }

    #[test]
    fn keys_of_such_addresses_are_looked_up_in_turn_and_in_time_or_not_at_all() {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().start_paused(true).build().unwrap().block_on(async {
            let refusals = Refusals::new();
            let mut held = Vec::new();
            for _ in 0..limits::GUESSES_AT_ONCE {
                held.push(refusals.permit().await.unwrap());
            }
            assert!(refusals.permit().await.is_none());
            held.pop();
            assert!(refusals.permit().await.is_some());
        });
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
