//! Accepting connections: each takes a place, and if none is left, the longest idle makes room.

use super::listener::{Listener, Stream};
use coffer_base::limit;
use coffer_kernel::{
    Connections, Kernel, ListenerRole, OpenConnection, Peer, serve_open_connection,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// How long a connection that was given up has to go before another is.
const MAKE_ROOM: Duration = Duration::from_millis(20);

/// How long to wait when the system has no descriptor for another connection.
const NO_DESCRIPTOR: Duration = Duration::from_millis(50);

/// The places for the connections of a listener.
#[derive(Clone)]
pub(super) struct Places {
    permits: Arc<Semaphore>,
    open: Arc<Connections>,
}

impl Places {
    /// So many places, of which one address has `of_one_peer` at most.
    pub(super) fn new(count: usize, of_one_peer: usize) -> Self {
        let permits = Arc::new(Semaphore::new(count));
        Self { permits, open: Connections::new(of_one_peer) }
    }

    /// Waits for a place. If there is none, connections that are idle make room, and if all are
    /// busy, one of them has to end.
    async fn take(&self) -> std::io::Result<OwnedSemaphorePermit> {
        loop {
            if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
                return Ok(permit);
            }
            self.open.close_longest_idle();
            let permit = Arc::clone(&self.permits).acquire_owned();
            if let Ok(permit) = tokio::time::timeout(MAKE_ROOM, permit).await {
                return permit.map_err(std::io::Error::other);
            }
        }
    }
}

/// What every connection of a listener shares.
#[derive(Clone)]
pub(super) struct ListenerContext {
    pub(super) kernel: Arc<Kernel>,
    pub(super) role: ListenerRole,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) places: Places,
    pub(super) stopped: watch::Receiver<bool>,
}

/// Accepts connections until the server stops, and returns those that are still open.
pub(super) async fn accept_connections(
    listener: Listener,
    context: ListenerContext,
) -> JoinSet<()> {
    let mut connections = JoinSet::new();
    let mut stopped = context.stopped.clone();
    loop {
        let accepted = tokio::select! {
            _ = stopped.changed() => return connections,
            accepted = accept_next(&listener, &context) => accepted,
        };
        match accepted {
            Ok((stream, peer, permit)) => {
                if let Some(open) = context.admit(peer) {
                    connections.spawn(context.clone().serve(stream, open, permit));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                // Most often the process is out of file descriptors.
                let makes_room = context.places.open.close_longest_idle();
                tokio::time::sleep(if makes_room { MAKE_ROOM } else { NO_DESCRIPTOR }).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

/// The next connection and a place for it; those behind it wait in the system's backlog.
async fn accept_next(
    listener: &Listener,
    context: &ListenerContext,
) -> std::io::Result<(Stream, Peer, OwnedSemaphorePermit)> {
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, context.places.take().await?))
}

impl ListenerContext {
    /// Adds a connection to those that are open; `None` if its address has too many, and all of
    /// them are busy.
    fn admit(&self, peer: Peer) -> Option<OpenConnection> {
        let exempt = peer.is_local() || self.kernel.is_proxy(peer);
        let open = self.places.open.add(peer, exempt);
        if open.is_none() {
            tracing::debug!(%peer, "a connection was closed: its address has too many");
        }
        open
    }

    /// Serves one connection until it ends.
    async fn serve(self, stream: Stream, open: OpenConnection, _permit: OwnedSemaphorePermit) {
        let Self { kernel, role, tls, stopped, .. } = self;
        match (stream, tls) {
            // Boxed, so that plain connections do not reserve memory for a TLS session.
            (Stream::Tcp(stream), Some(tls)) => {
                let Some(stream) = Box::pin(handshake(tls, stream, &open)).await else { return };
                Box::pin(serve_open_connection(kernel, role, stream, stopped, open)).await;
            }
            (Stream::Tcp(stream), None) => {
                serve_open_connection(kernel, role, stream, stopped, open).await;
            }
            (Stream::Unix(stream), _) => {
                serve_open_connection(kernel, role, stream, stopped, open).await;
            }
        }
    }
}

/// Begins TLS on a connection; `None` if that fails, takes too long, or others need its place.
async fn handshake(
    tls: TlsAcceptor,
    stream: TcpStream,
    open: &OpenConnection,
) -> Option<tokio_rustls::server::TlsStream<TcpStream>> {
    let patience = Duration::from_secs(limit::HEADER_SECONDS);
    let shaken = tokio::select! {
        shaken = tokio::time::timeout(patience, tls.accept(stream)) => shaken,
        () = open.is_given_up() => return None,
    };
    match shaken {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            tracing::debug!(%error, "TLS handshake failed");
            None
        }
        Err(_elapsed) => {
            tracing::debug!("TLS handshake took too long");
            None
        }
    }
}
