//! The server: listeners, connections, background jobs, and a graceful shutdown.

use crate::assemble::Installation;
use crate::limits;
use coffer_base::limit;
use coffer_kernel::{Job, JobContext, Kernel, ListenerRole, run_job, serve_connection};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
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
    /// Parses `HOST:PORT`, with a numeric host or `localhost`, or `unix:PATH`.
    ///
    /// # Errors
    /// If `text` is neither; the error is a sentence for the person who wrote it.
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
    /// Whether the API's listener serves the admin API too although other machines can reach it.
    pub admin_beside_api: bool,
}

impl ServeOptions {
    /// Binds a listener to `address`; the address that comes back has the port that was chosen.
    async fn bind(
        &self,
        address: Option<&Address>,
    ) -> Result<Option<(Listener, Address)>, ServeError> {
        let Some(address) = address else { return Ok(None) };
        if !address.is_local() && self.tls.is_none() && !self.insecure_http {
            return Err(ServeError::PlainHttp(address.clone()));
        }
        let bound = match address {
            Address::Tcp(socket) => bind_tcp(socket).await,
            Address::Unix(path) => bind_unix(path),
        };
        bound.map(Some).map_err(|error| ServeError::Bind(address.clone(), error))
    }
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
    /// The thread of the background jobs could not be started.
    #[error("cannot start the background jobs: {0}")]
    Jobs(#[source] std::io::Error),
}

/// A server that is running.
pub struct Server {
    installation: Installation,
    /// One task for each listener, which returns the connections that are still open when it ends.
    listeners: JoinSet<JoinSet<()>>,
    jobs: JoinHandle<()>,
    /// Where the API listens.
    pub address: Option<Address>,
    /// Where the admin API listens, if it has a listener of its own.
    pub admin_address: Option<Address>,
}

impl Server {
    /// Binds the listeners and starts to serve.
    ///
    /// # Errors
    /// If plain HTTP would leave this machine without [`ServeOptions::insecure_http`], if an
    /// address cannot be bound, or if the system refuses a thread.
    pub async fn start(
        installation: Installation,
        options: ServeOptions,
    ) -> Result<Self, ServeError> {
        let api = options.bind(options.listen.as_ref()).await?;
        let admin = options.bind(options.admin_listen.as_ref()).await?;
        let stopped = installation.context.stop.clone();
        let jobs = start_jobs(&installation).map_err(ServeError::Jobs)?;
        let permits = Arc::new(Semaphore::new(limits::CONNECTIONS));
        let mut listeners = JoinSet::new();
        let mut accept = |(listener, address): (Listener, Address), role| {
            let context = ListenerContext {
                kernel: Arc::clone(&installation.kernel),
                role,
                tls: options.tls.clone(),
                permits: Arc::clone(&permits),
                stopped: stopped.clone(),
            };
            listeners.spawn(accept_connections(listener, context));
            address
        };
        let address = api.map(|bound| {
            let with_admin = bound.1.is_local() || options.admin_beside_api;
            let role = if with_admin { ListenerRole::All } else { ListenerRole::Api };
            accept(bound, role)
        });
        let admin_address = admin.map(|bound| accept(bound, ListenerRole::Admin));
        Ok(Self { installation, listeners, jobs, address, admin_address })
    }

    /// The installation that is served.
    pub const fn installation(&self) -> &Installation {
        &self.installation
    }

    /// Stops accepting connections, finishes the requests under way, for at most
    /// [`limits::DRAIN_SECONDS`], and closes the stores.
    pub async fn stop(self) {
        let _ = self.installation.stop.send(true);
        let patience = Duration::from_secs(limits::DRAIN_SECONDS);
        if tokio::time::timeout(patience, drain(self.listeners)).await.is_err() {
            tracing::warn!("requests were still under way when the time to drain ended");
        }
        let _ = tokio::task::spawn_blocking(move || self.jobs.join()).await;
        self.installation.stores.close().await;
        for address in [&self.address, &self.admin_address] {
            if let Some(Address::Unix(path)) = address {
                remove_socket(path);
            }
        }
    }
}

/// Waits until every connection has ended. Dropping it ends those that are left.
async fn drain(mut listeners: JoinSet<JoinSet<()>>) {
    while let Some(ended) = listeners.join_next().await {
        if let Ok(mut connections) = ended {
            while connections.join_next().await.is_some() {}
        }
    }
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    async fn accept(&self) -> std::io::Result<Stream> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _peer) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }
            Self::Unix(listener) => listener.accept().await.map(|(stream, _)| Stream::Unix(stream)),
        }
    }
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

async fn bind_tcp(socket: &SocketAddr) -> std::io::Result<(Listener, Address)> {
    let listener = TcpListener::bind(socket).await?;
    let bound = listener.local_addr()?;
    Ok((Listener::Tcp(listener), Address::Tcp(bound)))
}

fn bind_unix(path: &Path) -> std::io::Result<(Listener, Address)> {
    use std::os::unix::fs::PermissionsExt;
    // A killed server leaves its socket behind, which refuses connections; a live one accepts.
    if std::os::unix::net::UnixStream::connect(path).is_err() {
        remove_stale_socket(path);
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    Ok((Listener::Unix(listener), Address::Unix(path.to_owned())))
}

fn remove_stale_socket(path: &Path) {
    use std::os::unix::fs::FileTypeExt;
    if std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket()) {
        remove_socket(path);
    }
}

fn remove_socket(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::debug!(path = %path.display(), %error, "the socket's file was not removed");
    }
}

/// What every connection of a listener shares.
#[derive(Clone)]
struct ListenerContext {
    kernel: Arc<Kernel>,
    role: ListenerRole,
    tls: Option<TlsAcceptor>,
    /// One for each connection that may be open; both listeners share them.
    permits: Arc<Semaphore>,
    stopped: watch::Receiver<bool>,
}

/// Accepts connections until the server stops, and returns those that are still open.
async fn accept_connections(listener: Listener, context: ListenerContext) -> JoinSet<()> {
    let mut connections = JoinSet::new();
    let mut stopped = context.stopped.clone();
    loop {
        let accepted = tokio::select! {
            _ = stopped.changed() => return connections,
            accepted = accept_next(&listener, &context) => accepted,
        };
        match accepted {
            Ok((stream, permit)) => {
                connections.spawn(context.clone().serve(stream, permit));
            }
            Err(error) => {
                // Most often the process is out of file descriptors, until some connection ends.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Takes a permit before it accepts, so that excess connections wait in the system's backlog.
async fn accept_next(
    listener: &Listener,
    context: &ListenerContext,
) -> std::io::Result<(Stream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(&context.permits).acquire_owned().await;
    Ok((listener.accept().await?, permit.map_err(std::io::Error::other)?))
}

impl ListenerContext {
    /// Serves one connection until it ends.
    async fn serve(self, stream: Stream, _permit: OwnedSemaphorePermit) {
        let Self { kernel, role, tls, stopped, .. } = self;
        match (stream, tls) {
            // Boxed, so that plain connections do not reserve memory for a TLS session.
            (Stream::Tcp(stream), Some(tls)) => {
                Box::pin(serve_tls(kernel, role, tls, stream, stopped)).await;
            }
            (Stream::Tcp(stream), None) => serve_connection(kernel, role, stream, stopped).await,
            (Stream::Unix(stream), _) => serve_connection(kernel, role, stream, stopped).await,
        }
    }
}

async fn serve_tls(
    kernel: Arc<Kernel>,
    role: ListenerRole,
    tls: TlsAcceptor,
    stream: TcpStream,
    stopped: watch::Receiver<bool>,
) {
    let patience = Duration::from_secs(limit::HEADER_SECONDS);
    match tokio::time::timeout(patience, tls.accept(stream)).await {
        Ok(Ok(stream)) => serve_connection(kernel, role, stream, stopped).await,
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
        Err(_elapsed) => tracing::debug!("TLS handshake took too long"),
    }
}

/// Runs the jobs on a thread of their own. The embedded engine reads on the thread that asks, so
/// there the thread has its own runtime, and a long read of a job does not delay requests.
/// PostgreSQL connections belong to the runtime that opened them, and jobs share those with
/// requests, so there the jobs run on the server's runtime.
fn start_jobs(installation: &Installation) -> std::io::Result<JoinHandle<()>> {
    let context = installation.context.clone();
    let shared = Handle::current();
    let own = if context.store.is_shared() { None } else { Some(jobs_runtime()?) };
    let running = run_all(installation.jobs.clone(), context);
    std::thread::Builder::new().name("coffer-jobs".to_owned()).spawn(move || match own {
        Some(runtime) => runtime.block_on(running),
        None => shared.block_on(running),
    })
}

/// A runtime with time and I/O: jobs wait between their runs, and send requests.
fn jobs_runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// Runs all jobs until the server stops.
async fn run_all(jobs: Vec<Arc<dyn Job>>, context: JobContext) {
    let mut running = JoinSet::new();
    for job in jobs {
        running.spawn(run_job(job, context.clone()));
    }
    while let Some(ended) = running.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a background job ended for good; restart the server");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_can_use_the_network() {
        let bound = jobs_runtime().unwrap().block_on(TcpListener::bind("127.0.0.1:0"));
        assert!(bound.is_ok(), "{bound:?}");
    }
}
