//! Requests a second and at once, of each app and each key.

use super::bucket::{Bucket, Rate, Ticks};
use crate::limits;
use crate::principal::Principal;
use crate::quota::{
    KEY_REQUESTS_AT_ONCE, KEY_REQUESTS_PER_SECOND, Quota, REQUESTS_AT_ONCE, REQUESTS_PER_SECOND,
};
use quick_cache::Equivalent;
use quick_cache::sync::Cache;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

/// Which limit a request has met.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Limited {
    /// Whose.
    pub(crate) holder: LimitHolder,
    /// Of what.
    pub(crate) limit: Limit,
    /// How many.
    pub(crate) most: u32,
}

/// Whose limit it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LimitHolder {
    /// An app's, in one mode.
    App,
    /// A key's.
    Key,
}

/// What is limited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Limit {
    /// Requests a second.
    Rate,
    /// Requests at once.
    AtOnce,
}

/// The limits of one app or one key; `None` is no limit.
#[derive(Clone, Copy, Default)]
struct Bounds {
    per_second: Option<u32>,
    at_once: Option<u32>,
}

impl Bounds {
    const fn is_none(self) -> bool {
        self.per_second.is_none() && self.at_once.is_none()
    }
}

/// What one app or one key does now.
#[derive(Default)]
struct Load {
    requests: Bucket,
    at_once: AtomicU32,
}

/// Whose load it is: an app in one mode, or a key.
#[derive(PartialEq, Eq)]
struct Holder {
    kind: &'static str,
    id: Box<str>,
}

/// A [`Holder`] by reference, so that a lookup allocates nothing. It hashes as the owned one does.
struct HolderRef<'a> {
    kind: &'static str,
    id: &'a str,
}

impl Hash for Holder {
    fn hash<H: Hasher>(&self, state: &mut H) {
        HolderRef { kind: self.kind, id: &self.id }.hash(state);
    }
}

impl Hash for HolderRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.kind.hash(state);
        self.id.hash(state);
    }
}

impl Equivalent<Holder> for HolderRef<'_> {
    fn equivalent(&self, holder: &Holder) -> bool {
        self.kind == holder.kind && self.id == &*holder.id
    }
}

/// Permission to work on a request; it ends when this is dropped.
#[derive(Default)]
pub(crate) struct Permit {
    held: [Option<Arc<Load>>; 2],
}

impl Drop for Permit {
    fn drop(&mut self) {
        for load in self.held.iter().flatten() {
            load.at_once.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The loads of all apps and keys.
pub(crate) struct TenantLoads {
    ticks: Ticks,
    loads: Cache<Holder, Arc<Load>>,
}

impl TenantLoads {
    pub(crate) fn new() -> Self {
        Self { ticks: Ticks::new(), loads: Cache::new(limits::LOADS_IN_MEMORY) }
    }

    /// Takes up a request at `now`. `app_rate` is what an app has that has no quota of its own;
    /// without it, only quotas count.
    ///
    /// # Errors
    /// Which limit the key or its app has met.
    pub(crate) fn enter(
        &self,
        principal: &Principal,
        app_rate: Option<u32>,
        now: Instant,
    ) -> Result<Permit, Limited> {
        let mut permit = Permit::default();
        if app_rate.is_none() && principal.quotas.is_empty() {
            return Ok(permit);
        }
        let (key, app) = bounds(principal, app_rate);
        let app_holder =
            HolderRef { kind: principal.tenant.mode.as_str(), id: principal.tenant.app.as_str() };
        let key_holder = HolderRef { kind: "key", id: &principal.key_id };
        let now = self.ticks.at(now);
        let [of_key, of_app] = &mut permit.held;
        let met = |holder| move |(limit, most)| Limited { holder, limit, most };
        self.take(&key_holder, key, now, of_key).map_err(met(LimitHolder::Key))?;
        self.take(&app_holder, app, now, of_app).map_err(met(LimitHolder::App))?;
        Ok(permit)
    }

    /// Counts one more request of the holder, which `held` gives back.
    fn take(
        &self,
        holder: &HolderRef<'_>,
        bounds: Bounds,
        now: u64,
        held: &mut Option<Arc<Load>>,
    ) -> Result<(), (Limit, u32)> {
        if bounds.is_none() {
            return Ok(());
        }
        let load = self.load(holder);
        let before = load.at_once.fetch_add(1, Ordering::Relaxed);
        let load = held.insert(load);
        if let Some(most) = bounds.at_once.filter(|most| before >= *most) {
            return Err((Limit::AtOnce, most));
        }
        match bounds.per_second {
            Some(most) if !load.requests.take(Rate::per_second(most), now) => {
                Err((Limit::Rate, most))
            }
            _ => Ok(()),
        }
    }

    fn load(&self, holder: &HolderRef<'_>) -> Arc<Load> {
        if let Some(load) = self.loads.get(holder) {
            return load;
        }
        // If two come at once, one of the loads is dropped when its request ends.
        let load = Arc::new(Load::default());
        let owned = Holder { kind: holder.kind, id: holder.id.into() };
        self.loads.insert(owned, Arc::clone(&load));
        load
    }
}

/// The limits of the key, and of its app.
fn bounds(principal: &Principal, app_rate: Option<u32>) -> (Bounds, Bounds) {
    if principal.admin_role().is_some() {
        // Each admin key by itself: no tenant, and no other operator, can lock one out.
        let key = Bounds {
            per_second: app_rate.map(|_| limits::ADMIN_REQUESTS_PER_SECOND),
            at_once: app_rate.map(|_| limits::ADMIN_REQUESTS_AT_ONCE),
        };
        return (key, Bounds::default());
    }
    let of = |quota: &Quota, default: Option<u32>| {
        let own = principal.quota(quota.name);
        own.and_then(|own| u32::try_from(own).ok()).or(default)
    };
    let unless_off = |default: u32| app_rate.map(|_| default);
    let key = Bounds {
        per_second: of(&KEY_REQUESTS_PER_SECOND, app_rate.map(key_rate)),
        at_once: of(&KEY_REQUESTS_AT_ONCE, unless_off(limits::KEY_REQUESTS_AT_ONCE)),
    };
    let app = Bounds {
        per_second: of(&REQUESTS_PER_SECOND, app_rate),
        at_once: of(&REQUESTS_AT_ONCE, unless_off(limits::APP_REQUESTS_AT_ONCE)),
    };
    (key, app)
}

/// What a key has by default: half of what its app has, where apps have more than usual.
fn key_rate(app_rate: u32) -> u32 {
    limits::KEY_REQUESTS_PER_SECOND.max(app_rate / 2)
}

#[cfg(test)]
mod tests;
