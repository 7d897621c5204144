//! The server: listeners, connections, background jobs, and a graceful shutdown.

mod accept;
mod address;
mod background;
mod descriptors;
mod handed;
mod listener;
mod listener_thread;
mod pulse;

pub use address::Address;
pub use descriptors::Descriptors;
pub use handed::{HandedSocket, HandedSockets};
pub use pulse::Pulse;

use crate::assemble::Installation;
use crate::audit::AuditLog;
use crate::limits;
use accept::{ListenerContext, Places, serve_accepted};
use coffer_kernel::{Kernel, ListenerRole, TrafficSettings};
use listener::Listener;
use listener_thread::ListenerThread;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// How to serve.
#[derive(Default)]
pub struct ServeOptions {
    /// Where the API listens.
    pub listen: Option<Address>,
    /// Where the admin API listens, if it has a listener of its own.
    pub admin_listen: Option<Address>,
    /// Where metrics are shown, without a key. They hold no secret, so that plain HTTP may leave
    /// the machine there.
    pub metrics_listen: Option<Address>,
    /// Sockets that are bound already, each in the place of one of these addresses.
    pub handed: HandedSockets,
    /// TLS on all of them.
    pub tls: Option<TlsAcceptor>,
    /// Whether plain HTTP is allowed beyond this machine.
    pub insecure_http: bool,
    /// What is limited and logged; [`Kernel::set_traffic`] changes it later.
    pub traffic: TrafficSettings,
    /// Most connections of the API; as many as there are descriptors for if it is not said.
    pub connections: Option<usize>,
    /// Whether the API's listener serves the admin API too although other machines can reach it.
    pub admin_beside_api: bool,
}

impl ServeOptions {
    /// As [`bind`], unless plain HTTP would leave the machine.
    fn bind(
        &self,
        address: Option<&Address>,
        handed: Option<HandedSocket>,
    ) -> Result<Option<(Listener, Address)>, ServeError> {
        if let Some(address) = handed.as_ref().map(HandedSocket::address).or(address)
            && !address.is_local()
            && self.tls.is_none()
            && !self.insecure_http
        {
            return Err(ServeError::PlainHttp(address.clone()));
        }
        bind(address, handed)
    }

    /// The files of the sockets that it makes itself.
    fn own_files(&self, handed: &HandedSockets) -> Vec<PathBuf> {
        handed::own_files([
            (self.listen.as_ref(), &handed.api),
            (self.admin_listen.as_ref(), &handed.admin),
            (self.metrics_listen.as_ref(), &handed.metrics),
        ])
    }

    /// The places of the API's connections, as far as the descriptors go.
    fn places(&self) -> Places {
        let fitting = Descriptors::raise().connections();
        let count = self.connections.unwrap_or(fitting);
        Places::new(count, count.div_ceil(limits::PEER_SHARE))
    }
}

/// Takes the socket that was handed over, or binds one to `address`; the address that comes back
/// has the port that was chosen.
fn bind(
    address: Option<&Address>,
    handed: Option<HandedSocket>,
) -> Result<Option<(Listener, Address)>, ServeError> {
    if let Some(handed) = handed {
        let address = handed.address().clone();
        return handed.attach().map(Some).map_err(|error| ServeError::Bind(address, error));
    }
    let Some(address) = address else { return Ok(None) };
    let bound = listener::bind(address);
    bound.map(Some).map_err(|error| ServeError::Bind(address.clone(), error))
}

/// Why the server could not start to listen.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Plain HTTP would leave the machine.
    #[error(
        "{0} can be reached from other machines, and keys and secrets would cross the network \
         unencrypted; give --tls-cert and --tls-key, listen on 127.0.0.1 behind a proxy that does \
         TLS, or say --insecure-http"
    )]
    PlainHttp(Address),
    /// The address is taken, does not exist, or is not permitted.
    #[error("cannot listen on {0}: {1}")]
    Bind(Address, #[source] std::io::Error),
    /// The thread of the background jobs or of a listener could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] std::io::Error),
}

/// A server that is running.
pub struct Server {
    installation: Installation,
    /// Tasks that return the connections that are still open when they end.
    listeners: JoinSet<JoinSet<()>>,
    /// One for each listener.
    threads: Vec<ListenerThread>,
    jobs: JoinHandle<()>,
    /// The files of its sockets.
    own_files: Vec<PathBuf>,
    /// Where the API listens.
    pub address: Option<Address>,
    /// Where the admin API listens, if it has a listener of its own.
    pub admin_address: Option<Address>,
    /// Where metrics are shown, if they have a listener of their own.
    pub metrics_address: Option<Address>,
}

impl Server {
    /// Binds the listeners and starts to serve.
    ///
    /// # Errors
    /// If plain HTTP would leave this machine without [`ServeOptions::insecure_http`], if an
    /// address cannot be bound, or if the system refuses a thread.
    pub async fn start(
        installation: Installation,
        mut options: ServeOptions,
    ) -> Result<Self, ServeError> {
        let handed = std::mem::take(&mut options.handed);
        let own_files = options.own_files(&handed);
        let api = options.bind(options.listen.as_ref(), handed.api)?;
        let admin = options.bind(options.admin_listen.as_ref(), handed.admin)?;
        let figures = bind(options.metrics_listen.as_ref(), handed.metrics)?;
        for (_, at) in [&api, &admin].into_iter().flatten() {
            if let Address::Tcp(address) = at {
                installation.context.http.never_to(*address);
            }
        }
        take_over(&installation.kernel, &options.traffic);
        let jobs = background::start_jobs(&installation).map_err(ServeError::Thread)?;
        let context = |role, places, onward| ListenerContext {
            kernel: Arc::clone(&installation.kernel),
            role,
            tls: options.tls.clone(),
            places,
            stopped: installation.context.stop.clone(),
            onward,
        };
        let (mut listeners, mut threads) = (JoinSet::new(), Vec::new());
        let (kernel, stopped) = (&installation.kernel, &installation.context.stop);
        listeners.spawn(log_summaries(Arc::clone(kernel), stopped.clone()));
        let metrics = &installation.metrics;
        let mut addresses = [None, None, None];
        let [address, admin_address, metrics_address] = &mut addresses;
        if let Some((listener, at)) = api {
            let with_admin = at.is_local() || options.admin_beside_api;
            let role = if with_admin { ListenerRole::All } else { ListenerRole::Api };
            let (onward, accepted) = unbounded_channel();
            let places = options.places();
            metrics.watch("api", places.connections());
            listeners.spawn(serve_accepted(accepted, context(role, places.clone(), None)));
            let context = context(role, places, Some(onward));
            let started = ListenerThread::start("coffer-accept", listener, context);
            threads.push(started.map_err(ServeError::Thread)?);
            *address = Some(at);
        }
        if let Some((listener, at)) = admin {
            let places = Places::new(limits::ADMIN_CONNECTIONS, limits::ADMIN_CONNECTIONS);
            metrics.watch("admin", places.connections());
            let context = context(ListenerRole::Admin, places, None);
            let started = ListenerThread::start("coffer-admin", listener, context);
            threads.push(started.map_err(ServeError::Thread)?);
            *admin_address = Some(at);
        }
        if let Some((listener, at)) = figures {
            let places = Places::new(limits::METRICS_CONNECTIONS, limits::METRICS_CONNECTIONS);
            let context = context(ListenerRole::Metrics, places, None);
            let started = ListenerThread::start("coffer-metrics", listener, context);
            threads.push(started.map_err(ServeError::Thread)?);
            *metrics_address = Some(at);
        }
        let [address, admin_address, metrics_address] = addresses;
        Ok(Self {
            installation,
            listeners,
            threads,
            jobs,
            own_files,
            address,
            admin_address,
            metrics_address,
        })
    }

    /// What shows whether it makes progress.
    pub fn pulse(&self) -> Pulse {
        let listeners = self.threads.iter().map(ListenerThread::runtime);
        Pulse { runtimes: std::iter::once(Handle::current()).chain(listeners).collect() }
    }

    /// The installation that is served.
    pub const fn installation(&self) -> &Installation {
        &self.installation
    }

    /// Takes the sockets away, stops accepting connections, finishes the requests under way, for at
    /// most [`limits::DRAIN_SECONDS`], and closes the stores.
    pub async fn stop(mut self) {
        // While it is listened on, nobody else takes its place; later it may be another server's.
        for path in &self.own_files {
            listener::remove_socket(path);
        }
        let _ = self.installation.stop.send(true);
        let patience = Duration::from_secs(limits::DRAIN_SECONDS);
        let drained = async {
            drain_all(self.listeners).await;
            for thread in &mut self.threads {
                thread.drained().await;
            }
        };
        if tokio::time::timeout(patience, drained).await.is_err() {
            tracing::warn!("requests were still under way when the time to drain ended");
        }
        let _ = tokio::task::spawn_blocking(move || self.jobs.join()).await;
        self.installation.kernel.note("program.server.stop", String::new());
        self.installation.kernel.flush_audit().await;
        end_audit(&self.installation.audit).await;
        end_jobs(&self.installation).await;
        self.installation.otlp.flush().await;
        self.installation.stores.close().await;
        for thread in self.threads {
            let _ = tokio::task::spawn_blocking(move || thread.close()).await;
        }
    }
}

/// Takes the limits over, and notes in the audit that the server starts.
fn take_over(kernel: &Kernel, traffic: &TrafficSettings) {
    kernel.set_traffic(traffic);
    let reads = traffic.audit.reads.as_str();
    let started = format!("coffer {}, audit_reads={reads}", crate::VERSION);
    kernel.note("program.server.start", started);
}

/// Takes what was done last into the audit's log, as long as the store answers.
async fn end_audit(audit: &AuditLog) {
    let patience = Duration::from_secs(limits::AUDIT_END_SECONDS);
    let ended = async {
        audit.catch_up().await?;
        audit.mark(true).await
    };
    match tokio::time::timeout(patience, ended).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the audit's log is not at its end"),
        Err(_elapsed) => tracing::warn!("the audit's log is not at its end: the store is slow"),
    }
}

/// Has the jobs do what they do last, as long as the stores answer.
async fn end_jobs(installation: &Installation) {
    let patience = Duration::from_secs(limits::AUDIT_END_SECONDS);
    let ended = async {
        for job in &installation.jobs {
            job.end(&installation.context).await;
        }
    };
    if tokio::time::timeout(patience, ended).await.is_err() {
        tracing::warn!("the background jobs have not ended in good order: a store is slow");
    }
}

/// Waits until every connection of every listener has ended. Dropping it ends those that are left.
async fn drain_all(mut listeners: JoinSet<JoinSet<()>>) {
    while let Some(ended) = listeners.join_next().await {
        if let Ok(connections) = ended {
            drain(connections).await;
        }
    }
}

/// Waits until these connections have ended. Dropping it ends those that are left.
async fn drain(mut connections: JoinSet<()>) {
    while connections.join_next().await.is_some() {}
}

/// Logs now and then how much had no line of its own in the log, until the server stops.
async fn log_summaries(kernel: Arc<Kernel>, mut stopped: watch::Receiver<bool>) -> JoinSet<()> {
    let every = Duration::from_secs(coffer_kernel::limits::LOG_SUMMARY_SECONDS);
    while tokio::time::timeout(every, stopped.changed()).await.is_err() {
        kernel.log_summary();
    }
    kernel.log_summary();
    JoinSet::new()
}
