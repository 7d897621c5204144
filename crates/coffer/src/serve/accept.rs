//! Accepting connections: each takes a place, and if none is left, the longest idle makes room.
//!
//! The API's connections are accepted on a thread of their own. Those that ask for `/livez` are
//! answered there, since that thread is never busy for long; the others go on to the threads that
//! serve requests once their first byte is there.

use super::listener::{DetachedStream, Listener, Stream};
use coffer_base::limit;
use coffer_kernel::limits::FIRST_BYTE_SECONDS;
use coffer_kernel::{
    Connections, Kernel, ListenerRole, OpenConnection, Peer, serve_one_request,
    serve_open_connection,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
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

    /// Those that are open.
    pub(super) fn connections(&self) -> Arc<Connections> {
        Arc::clone(&self.open)
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
    /// Where connections go on to be served; `None` if that is where they are accepted. No more
    /// are on their way than there are places.
    pub(super) onward: Option<UnboundedSender<Accepted>>,
}

/// A connection on its way to the threads that serve it.
pub(super) struct Accepted {
    stream: DetachedStream,
    open: OpenConnection,
    permit: OwnedSemaphorePermit,
}

/// Serves connections that were accepted elsewhere until no more can come, and returns those that
/// are still open.
pub(super) async fn serve_accepted(
    mut accepted: UnboundedReceiver<Accepted>,
    context: ListenerContext,
) -> JoinSet<()> {
    let mut connections = JoinSet::new();
    while let Some(Accepted { stream, open, permit }) = accepted.recv().await {
        match stream.attach() {
            Ok(stream) => {
                connections.spawn(context.clone().serve(stream, open, permit));
            }
            Err(error) => tracing::warn!(%error, "a connection was lost"),
        }
        while connections.try_join_next().is_some() {}
    }
    connections
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
                    let (context, onward) = (context.clone(), context.onward.clone());
                    match onward {
                        Some(onward) => {
                            connections.spawn(context.pass_on(onward, stream, open, permit))
                        }
                        None => connections.spawn(context.serve(stream, open, permit)),
                    };
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

    /// Answers `/livez`; every other connection is served elsewhere.
    async fn pass_on(
        self,
        onward: UnboundedSender<Accepted>,
        stream: Stream,
        open: OpenConnection,
        permit: OwnedSemaphorePermit,
    ) {
        let Self { kernel, role, tls, mut stopped, .. } = self;
        let stream = match stream {
            // What TLS hides is not known here.
            Stream::Tcp(stream) if tls.is_none() => {
                let first = tokio::select! {
                    first = first_request(&stream) => first,
                    () = open.is_given_up() => return,
                    _ = stopped.wait_for(|stopped| *stopped) => return,
                };
                match first {
                    First::Livez => {
                        let served = serve_one_request(kernel, role, stream, stopped, open);
                        // Boxed, so that silent connections do not reserve memory for it.
                        return Box::pin(served).await;
                    }
                    First::Other => Stream::Tcp(stream),
                    First::Nothing => return,
                }
            }
            other => other,
        };
        match stream.detach() {
            // Nobody takes it only once the server has stopped.
            Ok(stream) => drop(onward.send(Accepted { stream, open, permit })),
            Err(error) => tracing::warn!(%error, "a connection was lost"),
        }
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

/// What a connection's first bytes ask for.
#[derive(PartialEq, Eq, Debug)]
enum First {
    Livez,
    Other,
    /// The other side said nothing in time, or is gone.
    Nothing,
}

/// Looks at the first bytes of a connection, which stay there to be read.
async fn first_request(stream: &TcpStream) -> First {
    let mut first = [0; 16];
    let patience = Duration::from_secs(FIRST_BYTE_SECONDS);
    match tokio::time::timeout(patience, stream.peek(&mut first)).await {
        Ok(Ok(length)) if length > 0 => asked(first.get(..length).unwrap_or_default()),
        _ => First::Nothing,
    }
}

/// What such bytes ask for. A request that comes in pieces is served as all others are.
fn asked(first: &[u8]) -> First {
    let path = first.strip_prefix(b"GET ").or_else(|| first.strip_prefix(b"HEAD "));
    let rest = path.and_then(|path| path.strip_prefix(b"/livez"));
    match rest.and_then(<[u8]>::first) {
        Some(b' ' | b'?') => First::Livez,
        _ => First::Other,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_request_for_livez_is_one() {
        for first in ["GET /livez HTTP/", "HEAD /livez HTTP", "GET /livez?x=1 H"] {
            assert_eq!(asked(first.as_bytes()), First::Livez, "{first}");
        }
        for first in ["GET /livezz HTTP", "POST /livez HTT", "GET /v1/livez HT", "GET /livez", "G"]
        {
            assert_eq!(asked(first.as_bytes()), First::Other, "{first}");
        }
    }
}
