//! How many values keys have sealed: counted in memory, and now and then written down.

use coffer_base::Tenant;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The counts of the keys that are in use, since they were last written down.
#[derive(Default)]
pub(crate) struct Uses(Mutex<HashMap<Tenant, (u32, Arc<AtomicU64>)>>);

impl Uses {
    /// The count of a tenant's key of a version, which whoever seals with it adds to.
    pub(crate) fn of(&self, tenant: &Tenant, version: u32) -> Arc<AtomicU64> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, count)) = counts.get(tenant)
            && *known == version
        {
            return Arc::clone(count);
        }
        let count = Arc::<AtomicU64>::default();
        counts.insert(tenant.clone(), (version, Arc::clone(&count)));
        count
    }

    /// What was counted since this was last called: tenant, version, and how many values.
    pub(crate) fn take(&self) -> Vec<(Tenant, u32, u64)> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let used = counts.iter().filter_map(|(tenant, (version, count))| {
            let uses = count.swap(0, Ordering::Relaxed);
            (uses > 0).then(|| (tenant.clone(), *version, uses))
        });
        let used = used.collect();
        // Nobody else has it: whoever reads the key again begins another.
        counts.retain(|_, (_, count)| Arc::strong_count(count) > 1);
        used
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_taken_once() {
        let (uses, tenant) = (Uses::default(), Tenant::system());
        let add = |version| uses.of(&tenant, version).fetch_add(1, Ordering::Relaxed);
        let kept = uses.of(&tenant, 1);
        assert_eq!((add(1), add(1)), (0, 1));
        assert_eq!(uses.take(), [(tenant.clone(), 1, 2)]);
        assert_eq!(uses.take(), []);
        kept.fetch_add(1, Ordering::Relaxed);
        assert_eq!(uses.take(), [(tenant.clone(), 1, 1)]);
        add(2);
        assert_eq!(uses.take(), [(tenant, 2, 1)]);
    }
}
