//! Serving: listeners, connections, background jobs, and an orderly end.

use crate::assemble::Installation;
use coffer_base::limit;
use coffer_kernel::{Kernel, ListenerRole, run_job, serve_connection};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Where to listen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Address {
    /// A TCP socket; port 0 lets the system choose.
    Tcp(SocketAddr),
    /// A socket in the file system, for this machine only.
    Unix(PathBuf),
}

impl Address {
    /// `HOST:PORT` with a numeric host or `localhost`, or `unix:PATH`.
    ///
    /// # Errors
    /// A sentence for the person who wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            if path.is_empty() {
                return Err("'unix:' needs a path after it".to_owned());
            }
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        let numeric = match text.strip_prefix("localhost:") {
            Some(port) => format!("127.0.0.1:{port}"),
            None => text.to_owned(),
        };
        numeric.parse().map(Self::Tcp).map_err(|_| {
            format!("'{text}' is neither HOST:PORT, with a numeric host, nor unix:PATH")
        })
    }

    /// Whether only this machine can reach it.
    pub const fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// How to serve.
#[derive(Default)]
pub struct ServeOptions {
    /// Where the API listens.
    pub listen: Option<Address>,
    /// Where the admin API listens, if it has a listener of its own.
    pub admin_listen: Option<Address>,
    /// TLS on both.
    pub tls: Option<TlsAcceptor>,
    /// Whether plain HTTP is allowed beyond this machine.
    pub insecure_http: bool,
}

/// Why the server could not start to listen.
#[derive(Debug)]
pub enum ServeError {
    /// Plain HTTP would leave the machine.
    PlainHttp(Address),
    /// The address cannot be had.
    Bind(Address, std::io::Error),
    /// The thread of the background jobs could not be started.
    Jobs(std::io::Error),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PlainHttp(address) => write!(
                f,
                "{address} can be reached from other machines, and keys and secrets would cross \
                 the network unencrypted; give --tls-cert and --tls-key, listen on 127.0.0.1 \
                 behind a proxy that does TLS, or say --insecure-http"
            ),
            Self::Bind(address, error) => write!(f, "cannot listen on {address}: {error}"),
            Self::Jobs(error) => write!(f, "cannot start the background jobs: {error}"),
        }
    }
}

impl std::error::Error for ServeError {}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A server that is running.
pub struct Server {
    installation: Installation,
    accepting: JoinSet<JoinSet<()>>,
    jobs: Option<std::thread::JoinHandle<()>>,
    /// Where the API listens.
    pub address: Option<Address>,
    /// Where the admin API listens, if it has a listener of its own.
    pub admin_address: Option<Address>,
}

impl Server {
    /// Binds the listeners and starts to serve.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn start(
        installation: Installation,
        options: ServeOptions,
    ) -> Result<Self, ServeError> {
        let stopped = installation.context.stop.clone();
        let places = Arc::new(Semaphore::new(limit::CONNECTIONS));
        let mut accepting = JoinSet::new();
        let mut bound = Vec::new();
        let surfaces = [(options.listen, false), (options.admin_listen, true)];
        for (address, admin) in surfaces {
            let Some(address) = address else {
                bound.push(None);
                continue;
            };
            if !address.is_local() && options.tls.is_none() && !options.insecure_http {
                return Err(ServeError::PlainHttp(address));
            }
            let (listener, address) = bind(address).await?;
            let surface = match (admin, address.is_local()) {
                (true, _) => ListenerRole::Admin,
                (false, true) => ListenerRole::All,
                (false, false) => ListenerRole::Api,
            };
            accepting.spawn(accept(
                listener,
                Door {
                    kernel: Arc::clone(&installation.kernel),
                    surface,
                    tls: options.tls.clone(),
                    places: Arc::clone(&places),
                    stopped: stopped.clone(),
                },
            ));
            bound.push(Some(address));
        }
        let jobs = start_jobs(&installation).map_err(ServeError::Jobs)?;
        let mut bound = bound.into_iter();
        let (address, admin_address) = (bound.next().flatten(), bound.next().flatten());
        Ok(Self { installation, accepting, jobs: Some(jobs), address, admin_address })
    }

    /// The installation that is served.
    pub const fn installation(&self) -> &Installation {
        &self.installation
    }

    /// Accepts nothing more, finishes the requests under way, for at most
    /// [`limit::DRAIN_SECONDS`], and closes the stores.
    pub async fn stop(mut self) {
        let _ = self.installation.stop.send(true);
        let patience = Duration::from_secs(limit::DRAIN_SECONDS);
        let drained = tokio::time::timeout(patience, async {
            while let Some(connections) = self.accepting.join_next().await {
                if let Ok(mut connections) = connections {
                    while connections.join_next().await.is_some() {}
                }
            }
        });
        if drained.await.is_err() {
            tracing::warn!("requests were still under way when the time to drain ended");
        }
        if let Some(jobs) = self.jobs.take() {
            let _ = tokio::task::spawn_blocking(move || jobs.join()).await;
        }
        self.installation.stores.close().await;
        if let Some(Address::Unix(path)) = &self.address {
            remove_socket(path);
        }
        if let Some(Address::Unix(path)) = &self.admin_address {
            remove_socket(path);
        }
    }
}

fn remove_socket(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::debug!(path = %path.display(), %error, "the socket's file was not removed");
    }
}

async fn bind(address: Address) -> Result<(Listener, Address), ServeError> {
    let failed = |error| ServeError::Bind(address.clone(), error);
    match &address {
        Address::Tcp(socket) => {
            let listener = TcpListener::bind(socket).await.map_err(failed)?;
            let bound = listener.local_addr().map_err(failed)?;
            Ok((Listener::Tcp(listener), Address::Tcp(bound)))
        }
        Address::Unix(path) => {
            // A socket that a killed server left behind answers nobody; a live one does.
            if std::os::unix::net::UnixStream::connect(path).is_err() {
                remove_stale_socket(path);
            }
            let listener = UnixListener::bind(path).map_err(failed)?;
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::Permissions::from_mode(0o660);
            std::fs::set_permissions(path, mode).map_err(failed)?;
            Ok((Listener::Unix(listener), address))
        }
    }
}

fn remove_stale_socket(path: &Path) {
    use std::os::unix::fs::FileTypeExt;
    if std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket()) {
        remove_socket(path);
    }
}

/// What every connection of a listener is given.
#[derive(Clone)]
struct Door {
    kernel: Arc<Kernel>,
    surface: ListenerRole,
    tls: Option<TlsAcceptor>,
    places: Arc<Semaphore>,
    stopped: watch::Receiver<bool>,
}

/// Accepts connections until the server stops, and hands back those that are still open.
async fn accept(listener: Listener, door: Door) -> JoinSet<()> {
    let mut connections = JoinSet::new();
    let mut stopped = door.stopped.clone();
    loop {
        let place = tokio::select! {
            _ = stopped.changed() => return connections,
            place = Arc::clone(&door.places).acquire_owned() => place,
        };
        let Ok(place) = place else { return connections };
        tokio::select! {
            _ = stopped.changed() => return connections,
            accepted = take(&listener, &door) => match accepted {
                Ok(serving) => {
                    connections.spawn(async move {
                        serving.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    // Out of descriptors, as a rule: some connections must end first.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
        }
        while connections.try_join_next().is_some() {}
    }
}

type Serving = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

async fn take(listener: &Listener, door: &Door) -> std::io::Result<Serving> {
    let Door { kernel, surface, tls, stopped, .. } = door.clone();
    match listener {
        Listener::Tcp(listener) => {
            let (stream, _peer) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let Some(tls) = tls else {
                return Ok(Box::pin(serve_connection(kernel, surface, stream, stopped)));
            };
            Ok(Box::pin(async move {
                let patience = Duration::from_secs(limit::HEADER_SECONDS);
                match tokio::time::timeout(patience, tls.accept(stream)).await {
                    Ok(Ok(stream)) => serve_connection(kernel, surface, stream, stopped).await,
                    Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
                    Err(_elapsed) => tracing::debug!("TLS handshake took too long"),
                }
            }))
        }
        Listener::Unix(listener) => {
            let (stream, _peer) = listener.accept().await?;
            Ok(Box::pin(serve_connection(kernel, surface, stream, stopped)))
        }
    }
}

/// Runs the jobs on a thread of their own: on the embedded database a long read runs where it is
/// called, and must not hold up requests. Connections to a database belong to the runtime in which
/// they were made, and jobs share them with requests, so there the jobs share the runtime too.
fn start_jobs(installation: &Installation) -> std::io::Result<std::thread::JoinHandle<()>> {
    let jobs = installation.jobs.clone();
    let context = installation.context.clone();
    let shared = tokio::runtime::Handle::current();
    let own = if context.store.is_shared() {
        None
    } else {
        Some(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
    };
    std::thread::Builder::new().name("coffer-jobs".to_owned()).spawn(move || {
        let running = async move {
            let mut running = JoinSet::new();
            for job in jobs {
                running.spawn(run_job(job, context.clone()));
            }
            while let Some(ended) = running.join_next().await {
                if let Err(error) = ended {
                    tracing::error!(%error, "a background job ended for good; restart the server");
                }
            }
        };
        match own {
            Some(runtime) => runtime.block_on(running),
            None => shared.block_on(running),
        }
    })
}
