//! One connection: its limits, and how it ends.
//!
//! hyper parses; these files keep the limits. A connection is silent, idle, receiving the head of
//! a request, or being served, and each phase has its own limit, so that a client which sends
//! nothing cannot occupy a connection for longer than an honest one would. When there are more
//! connections than there is room for, or more unfinished heads, the one that has taken longest
//! makes room.

mod timed_io;

use crate::connections::{Connection, Connections, OpenConnection, Phase};
use crate::edge::{self, Rejecting};
use crate::kernel::Kernel;
use crate::limits::HEAD_BYTES;
use crate::listener::ListenerRole;
use crate::peer::Peer;
use crate::wake_isolated::WakeIsolated;
use coffer_base::limit;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use timed_io::TimedIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// How often a connection's phase is compared with its limit.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// Serves the requests of one connection that is alone, as [`serve_open_connection`] does.
pub async fn serve_connection<S>(
    kernel: Arc<Kernel>,
    role: ListenerRole,
    stream: S,
    stop: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    if let Some(open) = Connections::new(1).add(Peer::Unix, true) {
        serve_open_connection(kernel, role, stream, stop, open).await;
    }
}

/// Serves the requests of one connection until it ends, falls silent, makes room for another, or
/// `stop` turns true: then the request under way is finished and the connection closed.
pub async fn serve_open_connection<S>(
    kernel: Arc<Kernel>,
    role: ListenerRole,
    stream: S,
    stop: watch::Receiver<bool>,
    open: OpenConnection,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    serve(http(), kernel, role, stream, stop, open).await;
}

/// Serves one request of a connection, as [`serve_open_connection`] does, and closes it.
pub async fn serve_one_request<S>(
    kernel: Arc<Kernel>,
    role: ListenerRole,
    stream: S,
    stop: watch::Receiver<bool>,
    open: OpenConnection,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut http = http();
    http.keep_alive(false);
    serve(http, kernel, role, stream, stop, open).await;
}

async fn serve<S>(
    http: http1::Builder,
    kernel: Arc<Kernel>,
    role: ListenerRole,
    stream: S,
    stop: watch::Receiver<bool>,
    open: OpenConnection,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = TokioIo::new(TimedIo::new(stream, open.share()));
    let io = Rejecting::new(io, Arc::clone(&kernel), open.peer());
    let service = service_fn(|request| {
        let kernel = Arc::clone(&kernel);
        let connection = open.share();
        async move {
            connection.enter(Phase::Serving);
            let response = edge::answer(&kernel, role, &connection, request).await;
            connection.enter(Phase::Idle);
            response
        }
    });
    let mut connection = pin!(http.serve_connection(io, service));
    let mut signals = WakeIsolated::new(shutdown(open.share(), Some(stop)));
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection ended");
                }
                return;
            }
            signal = &mut signals => match signal {
                Signal::Close(why) => {
                    tracing::debug!(peer = %open.peer(), why, "connection closed");
                    return;
                }
                Signal::Finish => {
                    connection.as_mut().graceful_shutdown();
                    signals = WakeIsolated::new(shutdown(open.share(), None));
                }
            },
        }
    }
}

/// HTTP/1 within the bounds of a request's head.
fn http() -> http1::Builder {
    let mut builder = http1::Builder::new();
    // Responses are short: one copy into one buffer is cheaper than a vectored write.
    builder.writev(false).max_buf_size(HEAD_BYTES).max_headers(limit::HEADERS).half_close(false);
    builder
}

/// What ends a connection from outside.
enum Signal {
    /// It goes at once.
    Close(&'static str),
    /// The server stops, or needs its place: finish the request under way.
    Finish,
}

/// Waits until the connection is overdue or has to make room, or `stop` turns true.
async fn shutdown(open: Arc<Connection>, mut stop: Option<watch::Receiver<bool>>) -> Signal {
    let mut tick = tokio::time::interval(CHECK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let stopped = async {
            match &mut stop {
                Some(stop) => stop.wait_for(|stop| *stop).await.map(drop),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = tick.tick() => {
                if open.is_overdue() {
                    return Signal::Close("nothing arrived in time");
                }
            }
            // A request may have begun since the connection was chosen.
            () = open.is_given_up() => match open.is_serving() {
                true => return Signal::Finish,
                false => return Signal::Close("others need its place"),
            },
            _ = stopped => return Signal::Finish,
        }
    }
}
