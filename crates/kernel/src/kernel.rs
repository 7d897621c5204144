//! The kernel: everything that a request meets between the socket and the store.

use crate::counters::Counters;
use crate::event::EventListeners;
use crate::idempotency::InFlight;
use crate::principal::Authenticate;
use crate::routes::Routes;
use crate::services::Services;
use crate::store;
use crate::web_policy::WebPolicy;
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
    /// Where ids come from.
    pub random: Arc<dyn Random>,
    /// Who is who.
    pub authenticate: Arc<dyn Authenticate>,
    /// Which hosts are answered, and which web pages may call.
    pub web: WebPolicy,
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
    pub(crate) web: WebPolicy,
}

impl Kernel {
    /// Puts a kernel together.
    pub fn new(options: KernelOptions) -> Self {
        let KernelOptions { store, keyring, clock, random, authenticate, web, listeners, routes } =
            options;
        let counters = Arc::new(Counters::new(routes.all().map(|definition| definition.name)));
        let in_flight = InFlight::default();
        let services =
            Services { store, keyring, clock, random, authenticate, listeners, in_flight };
        Self { services, routes, counters, web }
    }

    /// How often each operation was answered, refused, or failed.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// The operations.
    pub const fn routes(&self) -> &Routes {
        &self.routes
    }

    /// Whether both stores answer.
    pub(crate) async fn ready(&self) -> Result<(), StorageError> {
        store::ready(&self.services.store).await?;
        store::ready(self.services.keyring.store()).await
    }
}
