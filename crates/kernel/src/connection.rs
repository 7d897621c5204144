//! One connection: its time limits, and how it ends.
//!
//! hyper parses; this file keeps the time limits. A connection is idle, receiving the head of a
//! request, or being served, and each phase has its own limit, so that a client which sends
//! nothing cannot occupy a connection for longer than an honest one would.

use crate::edge::{self, Rejecting};
use crate::kernel::Kernel;
use crate::listener::ListenerRole;
use crate::wake_isolated::WakeIsolated;
use coffer_base::limit;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

/// The longest head: the request line and the headers, with room for what stands between.
const HEAD_BYTES: usize = limit::URL_BYTES + limit::HEADER_BYTES + 32 * 1024;

/// How often a connection's phase is compared with its limit.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// Serves the requests of one connection until it ends, falls silent, or `stop` turns true: then
/// the request under way is finished and the connection closed.
pub async fn serve_connection<S>(
    kernel: Arc<Kernel>,
    role: ListenerRole,
    stream: S,
    stop: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let state = Arc::new(ConnectionState::new());
    let io = TimedIo { inner: TokioIo::new(stream), state: Arc::clone(&state) };
    let io = Rejecting::new(io, Arc::clone(&kernel));
    let service = service_fn(|request| {
        let kernel = Arc::clone(&kernel);
        let state = Arc::clone(&state);
        async move {
            state.enter(Phase::Serving);
            let response = edge::answer(&kernel, role, request).await;
            state.enter(Phase::Idle);
            Ok::<_, Infallible>(response)
        }
    });
    let mut connection = pin!(http().serve_connection(io, service));
    let mut signals = WakeIsolated::new(shutdown(Arc::clone(&state), Some(stop)));
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
                Signal::Close => {
                    tracing::debug!("connection closed: nothing arrived in time");
                    return;
                }
                Signal::Finish => {
                    connection.as_mut().graceful_shutdown();
                    signals = WakeIsolated::new(shutdown(Arc::clone(&state), None));
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
    /// It is overdue.
    Close,
    /// The server stops: finish the request under way.
    Finish,
}

/// Waits until the connection is overdue, or `stop` turns true.
async fn shutdown(state: Arc<ConnectionState>, mut stop: Option<watch::Receiver<bool>>) -> Signal {
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
                if state.is_overdue() {
                    return Signal::Close;
                }
            }
            _ = stopped => return Signal::Finish,
        }
    }
}

/// What a connection is doing, which decides how long it may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Between two requests.
    Idle,
    /// Some of a request has arrived, and its head is not complete.
    Head,
    /// A request is being answered, and its body read.
    Serving,
}

/// The phase that a connection is in, and since when.
struct ConnectionState {
    base: Instant,
    /// Milliseconds since `base`, times four, plus the phase.
    packed: AtomicU64,
}

impl ConnectionState {
    fn new() -> Self {
        Self { base: Instant::now(), packed: AtomicU64::new(0) }
    }

    /// Milliseconds since the connection began.
    fn millis(&self) -> u64 {
        u64::try_from(self.base.elapsed().as_millis()).unwrap_or(u64::MAX >> 2)
    }

    fn enter(&self, phase: Phase) {
        let code = match phase {
            Phase::Idle => 0,
            Phase::Head => 1,
            Phase::Serving => 2,
        };
        self.packed.store((self.millis() << 2) | code, Ordering::Relaxed);
    }

    /// The first bytes after silence begin the head of a request; later ones change nothing.
    fn bytes_arrived(&self) {
        if self.packed.load(Ordering::Relaxed) & 3 == 0 {
            self.enter(Phase::Head);
        }
    }

    /// Whether the phase has taken longer than its limit.
    fn is_overdue(&self) -> bool {
        let packed = self.packed.load(Ordering::Relaxed);
        let allowed = match packed & 3 {
            0 => limit::IDLE_SECONDS,
            1 => limit::HEADER_SECONDS,
            _ => limit::REQUEST_SECONDS + limit::BODY_SECONDS,
        };
        self.millis().saturating_sub(packed >> 2) > allowed * 1000
    }
}

/// A stream that notes when the first bytes of a request arrive.
struct TimedIo<T> {
    inner: TokioIo<T>,
    state: Arc<ConnectionState>,
}

impl<T: AsyncRead + Unpin> Read for TimedIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if matches!(poll, Poll::Ready(Ok(()))) {
            self.state.bytes_arrived();
        }
        poll
    }
}

impl<T: AsyncWrite + Unpin> Write for TimedIo<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bytes)
    }
}
