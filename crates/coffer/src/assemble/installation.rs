//! Putting the parts of an installation together.

use super::root::{FoundRoot, RootAgain, find_root};
use super::stores::is_same;
use super::{AssembleError, AssembleOptions, Callers, Database, RootSource, Stores};
use crate::audit::{self, AuditLog, KeepAudit};
use crate::clock::{self, ClockSources};
use crate::dashboard::{self, SampleRequests};
use crate::explain::{self, Explain, ExplainSources};
use crate::keyring::{self, KeyringSources};
use crate::metrics::{MeasureFigures, Metrics, MetricsSources};
use crate::openapi;
use crate::otlp::{LogLines, Otlp, OtlpSettings};
use crate::root_events::AuditRootEvents;
use crate::ship::{Receiver, Shipping};
use crate::status::{Status, StatusSources};
use crate::store_place;
use crate::switch::{Places, Switch};
use crate::test_helpers;
use coffer_base::{Clock, Redacted, ShiftedClock};
use coffer_dashboard::Dashboard;
use coffer_identity::{Identity, IdentityOptions};
use coffer_kernel::{
    Apps, ClockGuard, CountUsage, DEVELOPER, HttpClient, Job, JobContext, Kernel, KernelOptions,
    Parts, RotateKeys, Scheduler, SignIns, Usages, WatchStop, WebPolicy, platform_clocks,
};
use coffer_keyring::{Keyring, KeyringOptions};
use coffer_outbound::Limits;
use coffer_storage::{DirectoryLock, StorageError, Store};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::watch;

/// Opens the keys of the store `store_id` with its root key; also answers that.
///
/// # Errors
/// [`AssembleError::Root`] if it is not found, [`AssembleError::Keyring`] if it does not fit.
pub async fn open_keyring(
    options: &AssembleOptions,
    keys: &Store,
    store_id: &str,
) -> Result<(Keyring, FoundRoot), AssembleError> {
    let root = find_root(&options.root, &options.data_dir, keys, store_id).await?;
    let keyring_options = KeyringOptions {
        keys: keys.clone(),
        store_id: store_id.to_owned(),
        random: Arc::clone(&options.random),
    };
    Ok((Keyring::open(keyring_options, &root.key).await?, root))
}

/// An installation that is ready to serve.
pub struct Installation {
    /// The kernel, with all operations.
    pub kernel: Arc<Kernel>,
    /// The stores.
    pub stores: Stores,
    /// What runs in the background.
    pub jobs: Vec<Arc<dyn Job>>,
    /// What the jobs run on.
    pub context: JobContext,
    /// What sends the audit out.
    pub shipping: Arc<Shipping>,
    /// Stops the jobs, once it is sent true.
    pub stop: watch::Sender<bool>,
    /// The audit's log.
    pub audit: Arc<AuditLog>,
    /// The pages for people, which the kernel serves.
    pub dashboard: Arc<Dashboard>,
    /// The store's id.
    pub store_id: String,
    /// Where the root key is kept, for people.
    pub root_place: String,
    /// What `/metrics` shows.
    pub metrics: Arc<Metrics>,
    /// What goes out by OTLP, if somebody wants it.
    pub otlp: Otlp,
}

/// Opens an installation.
///
/// # Errors
/// When there is no store, or it cannot be opened; what was opened is closed again.
pub async fn open(options: AssembleOptions) -> Result<Installation, AssembleError> {
    let stores = open_existing(&options).await?;
    open_stores(options, stores).await
}

/// Opens the stores of an installation, which must exist.
///
/// # Errors
/// When there is no store, or it cannot be opened.
pub async fn open_existing(options: &AssembleOptions) -> Result<Stores, AssembleError> {
    let embedded = matches!(options.database, Database::Embedded);
    if embedded {
        finish_restore(options)?;
        store_place::find(&options.data_dir)?;
    }
    Stores::open_configured(options, options.clock.now()).await
}

/// Finishes a restore that was interrupted while it put files into their places.
fn finish_restore(options: &AssembleOptions) -> Result<(), AssembleError> {
    let data_dir = &options.data_dir;
    let key_dir = options.key_dir.as_ref().unwrap_or(data_dir);
    if Switch::pending(data_dir)?.is_none() {
        return Ok(());
    }
    let mut locks = vec![DirectoryLock::acquire(data_dir)?];
    if !is_same(data_dir, key_dir) {
        locks.push(DirectoryLock::acquire(key_dir)?);
    }
    // Another one may have done it before the lock was free.
    let Some(switch) = Switch::pending(data_dir)? else { return Ok(()) };
    let moved = switch.finish(Places { data_dir, key_dir })?;
    let moved: Vec<String> = moved.iter().map(|(_, to)| to.display().to_string()).collect();
    let moved_aside = moved.join(", ");
    tracing::warn!(moved_aside, "a restore was interrupted, and is finished now");
    drop(locks);
    Ok(())
}

/// Opens an installation whose stores are open already.
///
/// # Errors
/// When the data store belongs to no installation, or the keys do not open.
pub async fn open_stores(
    mut options: AssembleOptions,
    stores: Stores,
) -> Result<Installation, AssembleError> {
    let clocks = Clocks::of(&options, &stores.data).await?;
    let Some(store_id) = coffer_keyring::store_id(&stores.data).await? else {
        return Err(options.no_store());
    };
    options.check_kind(&stores.keys).await?;
    let (keyring, root) = open_own_keyring(&mut options, &stores, &store_id, &clocks).await?;
    let (stop, stopped) = watch::channel(false);
    if options.developer {
        // A switch takes "true".
        let _ = options.settings.set(&DEVELOPER, "true");
    }
    let mut parts = options.families.parts(&options.settings);
    let context = JobContext {
        store: stores.data.clone(),
        keyring: Arc::new(keyring),
        guard: Arc::new(clocks.guard()),
        fresh: Arc::default(),
        random: Arc::clone(&options.random),
        apps: Apps::default(),
        listeners: std::mem::take(&mut parts.listeners).into(),
        shapes: std::mem::take(&mut parts.shapes).into(),
        http: HttpClient::new(OUTBOUND).map_err(AssembleError::Tls)?,
        platform: None,
        figures: Arc::default(),
        stop: stopped,
    };
    let audit = AuditLog::new(&context, Arc::clone(&clocks.clock));
    audit::register(&mut parts.routes, &audit);
    parts.jobs.push(Arc::new(KeepAudit(Arc::clone(&audit))));
    let identity = identity_options(&options, &mut parts, &context, &clocks);
    let identity = Identity::open(identity).await?;
    context.apps.ask(Arc::clone(&identity.authenticate));
    let shipping = Arc::new(Shipping::new(Arc::clone(&clocks.clock)));
    let own = (&clocks, &shipping, &*store_id);
    let sign_ins = Arc::clone(&identity.sign_ins);
    let (kernel, scheduler) = assemble_kernel(&options, identity, &mut parts, &context, own);
    kernel.watch_log(Arc::clone(audit.health()));
    let metrics = MetricsSources {
        kernel: Arc::downgrade(&kernel),
        context: context.clone(),
        clock: Arc::clone(&clocks.clock),
        scheduler,
        audit: Arc::clone(&audit),
        shipping: Arc::clone(&shipping),
        figures: options.families.figures(),
        developer: options.developer,
    };
    let mut jobs = parts.jobs;
    let metrics = expose_metrics(metrics, &kernel, &mut jobs);
    let dashboard = serve_dashboard(&options, &kernel, &mut jobs, sign_ins);
    Ok(Installation {
        kernel,
        stores,
        jobs,
        context,
        shipping,
        stop,
        audit,
        store_id,
        root_place: root.place,
        metrics,
        otlp: Otlp::default(),
        dashboard,
    })
}

/// Opens the keyring for good: it tells the time, and finds its root again.
async fn open_own_keyring(
    options: &mut AssembleOptions,
    stores: &Stores,
    store_id: &str,
    clocks: &Clocks,
) -> Result<(Keyring, FoundRoot), AssembleError> {
    let (keyring, root) = open_keyring(options, &stores.keys, store_id).await?;
    let again = RootAgain {
        source: std::mem::replace(&mut options.root, RootSource::DataDir),
        data_dir: options.data_dir.clone(),
        keys: stores.keys.clone(),
        store_id: store_id.to_owned(),
    };
    let keyring = keyring.with_clock(Arc::clone(&clocks.clock)).with_root(Arc::new(again));
    if keyring.is_stopped() {
        tracing::warn!("an operator has sealed this store: see `coffer unseal`");
    }
    Ok((keyring, root))
}

/// Lets the kernel answer with the metrics, and a job measure what is not counted as it happens.
fn expose_metrics(
    sources: MetricsSources,
    kernel: &Kernel,
    jobs: &mut Vec<Arc<dyn Job>>,
) -> Arc<Metrics> {
    let metrics = Metrics::new(sources);
    kernel.expose_metrics(Arc::<Metrics>::clone(&metrics));
    jobs.push(Arc::new(MeasureFigures::new(Arc::clone(&metrics))));
    metrics
}

impl Installation {
    /// Sends out by OTLP what `settings` want: of the log, what is kept in `lines`.
    pub fn export(&mut self, settings: OtlpSettings, lines: &Arc<LogLines>) {
        let otlp = Otlp::new(settings, lines, &self.metrics, &self.context);
        if let Some(tracer) = otlp.tracer() {
            self.kernel.trace_with(tracer);
        }
        self.jobs.extend(otlp.jobs());
        self.otlp = otlp;
    }

    /// Sends the audit to these receivers too; `token` goes with what is sent over HTTP.
    ///
    /// # Errors
    /// [`AssembleError::Tls`].
    pub fn ship_audit(
        &mut self,
        receivers: Vec<Receiver>,
        token: Option<&Redacted<String>>,
    ) -> Result<(), AssembleError> {
        for receiver in receivers {
            let job = self.shipping.to(receiver, token.cloned()).map_err(AssembleError::Tls)?;
            self.jobs.push(job);
        }
        Ok(())
    }
}

/// Has the kernel serve the dashboard.
fn serve_dashboard(
    options: &AssembleOptions,
    kernel: &Arc<Kernel>,
    jobs: &mut Vec<Arc<dyn Job>>,
    sign_ins: Arc<dyn SignIns>,
) -> Arc<Dashboard> {
    let AssembleOptions { developer, callers, clock, random, .. } = options;
    let dashboard = dashboard::open(*developer, callers.run_key.as_ref(), clock, random, sign_ins);
    kernel.set_site(Arc::<Dashboard>::clone(&dashboard));
    let counters = kernel.counters();
    jobs.push(Arc::new(SampleRequests { dashboard: Arc::clone(&dashboard), counters }));
    dashboard
}

/// The kernel over all parts: the families', identity's, and those of the program itself.
fn assemble_kernel(
    options: &AssembleOptions,
    identity: Identity,
    parts: &mut Parts,
    context: &JobContext,
    (clocks, shipping, store_id): (&Clocks, &Arc<Shipping>, &str),
) -> (Arc<Kernel>, Arc<Scheduler>) {
    parts.append(identity.parts);
    let usages = Arc::new(Usages::new(options.families.amounts()));
    let counts = options.families.counts();
    let authenticate = Arc::clone(&identity.authenticate);
    parts.jobs.push(Arc::new(CountUsage::new(counts, Arc::clone(&usages), authenticate)));
    let scheduler = Arc::new(Scheduler::new(std::mem::take(&mut parts.tasks)));
    parts.jobs.push(Arc::<Scheduler>::clone(&scheduler));
    parts.jobs.push(Arc::new(rotation_job(options, clocks)));
    parts.jobs.push(Arc::new(WatchStop::default()));
    parts.jobs.push(Arc::new(AuditRootEvents));
    let kinds = options.families.all().flat_map(|family| family.seals).map(|seal| seal.name);
    let sources = KeyringSources {
        store: context.store.clone(),
        keyring: Arc::clone(&context.keyring),
        kinds: kinds.collect(),
    };
    keyring::register(&mut parts.routes, &sources);
    let counters = Arc::new(OnceLock::new());
    parts.routes.read(Status(StatusSources {
        store_id: store_id.to_owned(),
        developer: options.developer,
        started: clocks.clock.now(),
        store: context.store.clone(),
        keys: context.keyring.store().clone(),
        scheduler: Arc::clone(&scheduler),
        counters: Arc::clone(&counters),
        shipping: Arc::clone(shipping),
    }));
    let sources = ClockSources {
        store: context.store.clone(),
        clock: Arc::clone(&clocks.clock),
        guard: Arc::clone(&context.guard),
    };
    clock::register(&mut parts.routes, &sources);
    let reasons = explain::reasons(options.families.all());
    let explained = ExplainSources::new(options.families.all(), Arc::clone(&context.keyring));
    parts.routes.read(Explain(explained));
    coffer_secrets::register_history(&mut parts.routes, Arc::clone(&context.keyring));
    if let Some(shifted) = &clocks.shifted {
        let shifted = Arc::clone(shifted);
        let (context, reset) = (context.clone(), identity.reset);
        let scheduler = Arc::clone(&scheduler);
        test_helpers::register(&mut parts.routes, shifted, scheduler, context, reset);
    }
    let kernel = Kernel::new(KernelOptions {
        store: context.store.clone(),
        keyring: Arc::clone(&context.keyring),
        clock: Arc::clone(&clocks.clock),
        guard: Arc::clone(&context.guard),
        fresh: Arc::clone(&context.fresh),
        random: Arc::clone(&context.random),
        authenticate: identity.authenticate,
        registry: identity.registry,
        web: web_policy(options),
        listeners: Arc::clone(&context.listeners),
        routes: std::mem::take(&mut parts.routes),
        usages,
        documents: &openapi::DOCUMENTS,
        pages: |path, query| {
            coffer_book::find(path, query).map(|file| (file.content_type, file.content))
        },
        reasons,
    });
    // Set once, here: nothing else has the cell yet.
    let _ = counters.set(kernel.counters());
    (Arc::new(kernel), scheduler)
}

/// What rotates keys.
fn rotation_job(options: &AssembleOptions, clocks: &Clocks) -> RotateKeys {
    let (tables, clock) = (options.families.sealed_tables(), Arc::clone(&clocks.clock));
    RotateKeys::new(tables, &options.settings, clock)
}

/// Who may call: in developer mode this machine, and in both modes what the operator allows.
fn web_policy(options: &AssembleOptions) -> WebPolicy {
    let Callers { hosts, origins, .. } = options.callers.clone();
    if options.developer {
        WebPolicy::developer(hosts, origins)
    } else {
        WebPolicy::production(origins)
    }
}

/// What identity needs of the families: it comes after them, since it stores what they declare.
fn identity_options(
    options: &AssembleOptions,
    parts: &mut Parts,
    context: &JobContext,
    clocks: &Clocks,
) -> IdentityOptions {
    IdentityOptions {
        store: context.store.clone(),
        keyring: Arc::clone(&context.keyring),
        clock: Arc::clone(&clocks.clock),
        random: Arc::clone(&context.random),
        developer: options.developer,
        run_key: options.callers.run_key.clone(),
        settings: options.settings.clone(),
        permissions: parts.routes.permissions(),
        quotas: options.families.quotas(),
        purge: options.families.purge(),
        purge_user: options.families.purge_user(),
        install_listeners: std::mem::take(&mut parts.install_listeners),
    }
}

/// How long a request to another server may take, and how much of its response is read. A
/// receiver of a webhook has twenty seconds in Stripe's own delivery, and nobody needs its body.
const OUTBOUND: Limits =
    Limits { total: Duration::from_secs(20), response_bytes: 64 * 1024, addresses: |_| true };

/// The server's clock, and the same as developer mode can move it for each platform.
struct Clocks {
    clock: Arc<dyn Clock>,
    shifted: Option<Arc<ShiftedClock>>,
}

impl Clocks {
    fn guard(&self) -> ClockGuard {
        let clock = Arc::clone(&self.clock);
        if self.shifted.is_some() {
            return ClockGuard::for_developer(clock);
        }
        ClockGuard::new(clock)
    }

    /// In developer mode the clocks go on where they were moved to before.
    async fn of(options: &AssembleOptions, data: &Store) -> Result<Self, StorageError> {
        let clock = Arc::clone(&options.clock);
        if !options.developer {
            return Ok(Self { clock, shifted: None });
        }
        let shifted = Arc::new(ShiftedClock::new(clock, platform_clocks(data).await?));
        Ok(Self { clock: Arc::<ShiftedClock>::clone(&shifted), shifted: Some(shifted) })
    }
}
