//! Which refusals have an entry of their own in the audit. Under attack most have none, and are
//! counted: strangers must not be able to fill the disk.

use super::bucket::{Bucket, Rate, Ticks};
use crate::limits;
use crate::peer::PeerKey;
use coffer_base::AppId;
use quick_cache::sync::Cache;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Instant;

const OF_ALL: Rate =
    Rate::new(limits::ALL_AUDITED_REFUSALS_PER_SECOND, limits::ALL_AUDITED_REFUSALS_AT_ONCE);
const OF_PEER: Rate =
    Rate::new(limits::AUDITED_REFUSALS_PER_SECOND, limits::AUDITED_REFUSALS_AT_ONCE);
const OF_APP: Rate =
    Rate::new(limits::APP_AUDITED_REFUSALS_PER_SECOND, limits::APP_AUDITED_REFUSALS_AT_ONCE);

/// The refusals that the audit has room for.
pub(crate) struct AuditedRefusals {
    ticks: Ticks,
    all: Bucket,
    peers: Cache<PeerKey, Arc<Bucket>>,
    apps: Cache<AppId, Arc<Bucket>>,
}

impl AuditedRefusals {
    pub(crate) fn new() -> Self {
        Self {
            ticks: Ticks::new(),
            all: Bucket::default(),
            peers: Cache::new(limits::PEERS_IN_MEMORY),
            apps: Cache::new(limits::LOADS_IN_MEMORY),
        }
    }

    /// Whether a refusal of somebody without a key in force has an entry. An address that is
    /// refused all the time takes no entries from the others.
    pub(crate) fn admit_unknown(&self, peer: PeerKey, now: Instant) -> bool {
        let now = self.ticks.at(now);
        of(&self.peers, &peer).take(OF_PEER, now) && self.all.take(OF_ALL, now)
    }

    /// Whether a refusal of a key of `app` has one.
    pub(crate) fn admit_known(&self, app: &AppId, now: Instant) -> bool {
        of(&self.apps, app).take(OF_APP, self.ticks.at(now))
    }
}

fn of<K: Hash + Eq + Clone>(buckets: &Cache<K, Arc<Bucket>>, key: &K) -> Arc<Bucket> {
    if let Some(bucket) = buckets.get(key) {
        return bucket;
    }
    let bucket = Arc::new(Bucket::default());
    buckets.insert(key.clone(), Arc::clone(&bucket));
    bucket
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::Peer;
    use std::net::Ipv4Addr;

    #[test]
    fn a_flood_has_few_entries_and_takes_none_from_others() {
        let (audited, now) = (AuditedRefusals::new(), Instant::now());
        let peer = |number: u32| Peer::Ip(Ipv4Addr::from(number).into()).key();
        let admitted = (0..10_000).filter(|_| audited.admit_unknown(peer(1), now)).count();
        assert_eq!(admitted, limits::AUDITED_REFUSALS_AT_ONCE as usize);
        assert!(audited.admit_unknown(peer(2), now));
        let many = (0..10_000).filter(|at| audited.admit_unknown(peer(3 + at), now)).count();
        let left = limits::ALL_AUDITED_REFUSALS_AT_ONCE - limits::AUDITED_REFUSALS_AT_ONCE - 1;
        assert_eq!(many, left as usize);
        let app = AppId::parse("app_1").unwrap();
        let known = (0..10_000).filter(|_| audited.admit_known(&app, now)).count();
        assert_eq!(known, limits::APP_AUDITED_REFUSALS_AT_ONCE as usize);
        assert!(audited.admit_known(&AppId::parse("app_2").unwrap(), now));
    }
}
