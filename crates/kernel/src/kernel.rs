//! The kernel: everything that a request meets between the socket and the store.

use crate::clock_guard::{ClockGuard, ClockState};
use crate::counters::Counters;
use crate::document::{Document, Documents, FindPage};
use crate::event::EventListeners;
use crate::figures::{CacheFigures, Collect};
use crate::idempotency::InFlight;
use crate::limits;
use crate::peer::Peer;
use crate::principal::{Authenticate, BoxFuture};
use crate::recorder::Recorder;
use crate::registry::Registry;
use crate::routes::Routes;
use crate::services::Services;
use crate::simulation::Simulations;
use crate::site::Site;
use crate::spans::Tracer;
use crate::store;
use crate::traffic::{Traffic, TrafficSettings};
use crate::usage::Usages;
use crate::web_policy::WebPolicy;
use coffer_audit::{Fresh, LogHealth};
use coffer_base::{Clock, Random};
use coffer_dialect::Reason;
use coffer_keyring::Keyring;
use coffer_storage::{StorageError, Store};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

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
    /// Where the audit's log finds the hashes of entries that are just written.
    pub fresh: Arc<Fresh>,
    /// Where ids come from.
    pub random: Arc<dyn Random>,
    /// Who is who.
    pub authenticate: Arc<dyn Authenticate>,
    /// The same, for families.
    pub registry: Arc<dyn Registry>,
    /// Which hosts are answered, and which web pages may call.
    pub web: WebPolicy,
    /// Who writes more when an event is appended.
    pub listeners: EventListeners,
    /// The operations.
    pub routes: Routes,
    /// How much each app keeps.
    pub usages: Arc<Usages>,
    /// What it says of itself.
    pub documents: &'static [Document],
    /// Its pages for people who read, beside those.
    pub pages: FindPage,
    /// Why requests may be refused.
    pub reasons: Vec<&'static Reason>,
}

/// Routes over services.
pub struct Kernel {
    pub(crate) services: Services,
    pub(crate) routes: Routes,
    pub(crate) counters: Arc<Counters>,
    pub(crate) traffic: Traffic,
    pub(crate) readiness: Readiness,
    pub(crate) web: WebPolicy,
    /// In developer mode, what the faults know that requests asked for.
    pub(crate) simulations: Option<Simulations>,
    pub(crate) documents: Documents,
    pub(crate) pages: FindPage,
    tracer: OnceLock<Arc<Tracer>>,
    pub(crate) site: OnceLock<Arc<dyn Site>>,
    /// What is wrong with the audit's log.
    log: OnceLock<Arc<LogHealth>>,
}

impl Kernel {
    /// Puts a kernel together.
    pub fn new(options: KernelOptions) -> Self {
        let KernelOptions { store, keyring, clock, guard, random, .. } = options;
        let KernelOptions { authenticate, registry, web, listeners, routes, usages, .. } = options;
        let reasons = options.reasons;
        let (documents, pages) = (Documents::new(options.documents), options.pages);
        let names = routes.all().map(|definition| definition.name);
        let counters = Arc::new(Counters::new(names, &reasons));
        let in_flight = InFlight::default();
        let recorder = Arc::new(Recorder::new(&store, Arc::clone(&clock), options.fresh));
        let services = Services {
            store,
            keyring,
            clock,
            guard,
            random,
            authenticate,
            registry,
            listeners,
            in_flight,
            usages,
            recorder,
            metrics: Arc::default(),
        };
        let (traffic, readiness) = (Traffic::new(), Readiness::default());
        let simulations = web.is_developer().then(Simulations::default);
        let (tracer, site, log) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Self {
            services,
            routes,
            counters,
            traffic,
            readiness,
            web,
            simulations,
            documents,
            pages,
            tracer,
            site,
            log,
        }
    }

    /// How often each operation was answered, refused, or failed.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Lets `/metrics` be answered, from `collect`. Only the first call counts.
    pub fn expose_metrics(&self, collect: Arc<dyn Collect>) {
        let _ = self.services.metrics.set(collect);
    }

    /// Is not ready while nothing can enter the audit's log, as `log` says. Only the first call
    /// counts.
    pub fn watch_log(&self, log: Arc<LogHealth>) {
        let _ = self.log.set(log);
    }

    /// Traces requests that begin from now on, as `tracer` says. Only the first call counts.
    pub fn trace_with(&self, tracer: Arc<Tracer>) {
        let _ = self.tracer.set(tracer);
    }

    /// What traces requests, if something does.
    pub fn tracer(&self) -> Option<&Arc<Tracer>> {
        self.tracer.get()
    }

    /// How full the cache of callers' keys is.
    pub fn principals(&self) -> CacheFigures {
        self.services.authenticate.cache_figures()
    }

    /// Entries of the audit that wait in memory to be written, and whether the last ones could not
    /// be.
    pub fn audit_waiting(&self) -> (usize, bool) {
        (self.recorder().count_waiting(), self.recorder().is_failing())
    }

    /// The operations.
    pub const fn routes(&self) -> &Routes {
        &self.routes
    }

    /// Serves pages for people where the admin API is served. The first site stays.
    pub fn set_site(&self, site: Arc<dyn Site>) {
        // A second one is a mistake of the program, and the pages that are served stay as they are.
        let _ = self.site.set(site);
    }

    /// Whether `peer` is a proxy that stands for many.
    pub fn is_proxy(&self, peer: Peer) -> bool {
        self.traffic.proxies_of(peer).is_some()
    }

    /// Changes what is limited and logged; requests that begin from now on meet the new settings.
    pub fn set_traffic(&self, settings: &TrafficSettings) {
        self.traffic.set(settings);
        self.recorder().set(settings.audit);
    }

    /// Has the audit record something that the program does by itself, which belongs to no account.
    pub fn note(&self, operation: &'static str, detail: String) {
        self.recorder().note(operation, detail);
    }

    /// Writes the entries of the audit that wait to be written.
    pub async fn flush_audit(&self) {
        self.recorder().flush().await;
    }

    /// What writes the audit beside the transactions of changes.
    pub(crate) const fn recorder(&self) -> &Arc<Recorder> {
        &self.services.recorder
    }

    /// Logs how many refusals and failures had no line of their own since this was last called.
    pub fn log_summary(&self) {
        self.traffic.log_summary();
    }

    /// Whether both stores answer and have room for more, whether the audit is written, and whether
    /// the clock is believed.
    /// Tenants' work may keep all connections busy: if nothing comes back in time, the stores are
    /// ready as long as requests are answered meanwhile.
    ///
    /// # Errors
    /// What the stores say; [`NotReady::Silent`] if they say nothing.
    pub(crate) async fn ready(&self) -> Result<(), NotReady> {
        let patience = Duration::from_millis(limits::READY_MILLISECONDS);
        // In a box, since it is asked rarely and would make every connection's future deeper.
        let asked: BoxFuture<'_, _> = Box::pin(self.ask_stores());
        let asked = tokio::time::timeout(patience, asked).await;
        let is_working = self.readiness.is_working(self.counters.answered());
        match asked {
            _ if self.services.keyring.is_stopped() => Err(NotReady::Stopped),
            Ok(Ok(clock)) if clock.doubt().is_some() => Err(NotReady::Clock),
            Ok(Ok(_)) if self.recorder().is_failing() => Err(NotReady::Audit),
            Ok(Ok(_)) if self.log.get().is_some_and(|log| log.is_stopped()) => Err(NotReady::Log),
            Ok(answered) => answered.map(drop).map_err(NotReady::Storage),
            Err(_elapsed) if is_working => Ok(()),
            Err(_elapsed) => Err(NotReady::Silent),
        }
    }

    async fn ask_stores(&self) -> Result<ClockState, StorageError> {
        let (data, keys) = (&self.services.store, self.services.keyring.store());
        let clock = self.services.guard.glance(data).await?;
        store::ready(keys).await?;
        data.check_space()?;
        keys.check_space()?;
        Ok(clock)
    }
}

/// Why the server is not ready.
#[derive(Debug)]
pub(crate) enum NotReady {
    /// A store has failed.
    Storage(StorageError),
    /// The clock may be wrong; the log has said why.
    Clock,
    /// The audit cannot be written; the log has said why.
    Audit,
    /// What is stored of the audit's log does not fit its signed head; the log has said why.
    Log,
    /// A store does not answer, and no request is answered either.
    Silent,
    /// An operator has sealed the server.
    Stopped,
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Storage(error) => error.fmt(f),
            Self::Clock => f.write_str("the clock may be wrong"),
            Self::Audit => f.write_str("the audit cannot be written"),
            Self::Log => f.write_str("the audit's log does not continue its signed head"),
            Self::Silent => f.write_str("a store does not answer in time"),
            Self::Stopped => f.write_str("an operator has sealed the server"),
        }
    }
}

/// How many requests had been answered when it was last asked.
#[derive(Default)]
pub(crate) struct Readiness {
    answered: AtomicU64,
}

impl Readiness {
    /// Whether requests were answered since this was last asked.
    fn is_working(&self, answered: u64) -> bool {
        self.answered.swap(answered, Ordering::Relaxed) != answered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_are_answered_show_that_the_stores_work() {
        let readiness = Readiness::default();
        let seen = [0, 5, 5, 6, 6, 6].map(|answered| readiness.is_working(answered));
        assert_eq!(seen, [false, true, false, true, false, false]);
    }
}
