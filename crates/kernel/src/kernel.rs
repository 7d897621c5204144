//! The kernel: everything that a request meets between the socket and the store.

use crate::clock_guard::{ClockGuard, ClockState};
use crate::counters::Counters;
use crate::event::EventListeners;
use crate::idempotency::InFlight;
use crate::principal::Authenticate;
use crate::routes::Routes;
use crate::services::Services;
use crate::store;
use coffer_base::{Clock, Random};
use coffer_keyring::Keyring;
use coffer_storage::{StorageError, Store};
use std::sync::Arc;

/// What a kernel is made of.
pub struct KernelOptions {
    /// The data store.
    pub store: Store,
    /// Tenants' keys.
    pub keyring: Arc<Keyring>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whether it can be believed.
    pub guard: Arc<ClockGuard>,
    /// Where ids come from.
    pub random: Arc<dyn Random>,
    /// Who is who.
    pub authenticate: Arc<dyn Authenticate>,
    /// Who writes more when an event is appended.
    pub listeners: EventListeners,
    /// The operations.
    pub routes: Routes,
}

/// Routes over services.
pub struct Kernel {
    pub(crate) services: Services,
    pub(crate) routes: Routes,
    pub(crate) counters: Arc<Counters>,
}

impl Kernel {
    /// Puts a kernel together.
    pub fn new(options: KernelOptions) -> Self {
        let KernelOptions { store, keyring, clock, guard, .. } = options;
        let KernelOptions { random, authenticate, listeners, routes, .. } = options;
        let counters = Arc::new(Counters::new(routes.all().map(|definition| definition.name)));
        let in_flight = InFlight::default();
        let services =
            Services { store, keyring, clock, guard, random, authenticate, listeners, in_flight };
        Self { services, routes, counters }
    }

    /// How often each operation was answered, refused, or failed.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// The operations.
    pub const fn routes(&self) -> &Routes {
        &self.routes
    }

    /// Whether both stores answer, and what the clock is worth.
    pub(crate) async fn ready(&self) -> Result<ClockState, StorageError> {
        store::ready(self.services.keyring.store()).await?;
        self.services.guard.look(&self.services.store).await
    }
}
