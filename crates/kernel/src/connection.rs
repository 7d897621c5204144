//! One connection: its time limits, and how it ends.
//!
//! hyper parses; this file watches the clock. A connection is idle, receiving the head of a
//! request, or being served, and each state has its limit (conventions §13, decision 20).

use crate::aside::Aside;
use crate::edge;
use crate::operation::Access;
use crate::pipeline::Kernel;
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

/// Which operations a listener serves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Surface {
    /// The API and the admin API: on loopback.
    All,
    /// The API alone: beyond loopback.
    Api,
    /// The admin API alone: a listener of its own.
    Admin,
}

impl Surface {
    pub(crate) const fn serves(self, access: Access) -> bool {
        match (self, access) {
            (Self::All, _) => true,
            (Self::Api, access) => !matches!(access, Access::Admin),
            (Self::Admin, access) => matches!(access, Access::Admin),
        }
    }
}

/// The longest head: the request line and the headers, with room for what stands between.
const HEAD_BYTES: usize = limit::URL_BYTES + limit::HEADER_BYTES + 32 * 1024;

/// How often a connection's state is held against its limit.
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// Serves the requests of one connection until it ends, falls silent, or `stop` turns true: then
/// the request under way is finished and the connection closed.
pub async fn serve_connection<S>(
    kernel: Arc<Kernel>,
    surface: Surface,
    stream: S,
    stop: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let watch = Arc::new(Watch::new());
    let io = Watched { inner: TokioIo::new(stream), watch: Arc::clone(&watch) };
    let service = service_fn(|request| {
        let kernel = Arc::clone(&kernel);
        let watch = Arc::clone(&watch);
        async move {
            watch.enter(State::Serving);
            let response = edge::answer(&kernel, surface, request).await;
            watch.enter(State::Idle);
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = http1::Builder::new();
    // Answers are short: one copy into one buffer is cheaper than a vectored write.
    builder.writev(false).max_buf_size(HEAD_BYTES).max_headers(limit::HEADERS).half_close(false);
    let mut connection = pin!(builder.serve_connection(io, service));
    let mut orders = Aside::new(orders(Arc::clone(&watch), Some(stop)));
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection ended");
                }
                return;
            }
            order = &mut orders => match order {
                Order::Close => {
                    tracing::debug!("connection closed: nothing arrived in time");
                    return;
                }
                Order::Finish => {
                    connection.as_mut().graceful_shutdown();
                    orders = Aside::new(self::orders(Arc::clone(&watch), None));
                }
            },
        }
    }
}

/// What a connection is told from outside.
enum Order {
    /// It is overdue.
    Close,
    /// The server stops: finish the request under way.
    Finish,
}

/// Waits until the connection is overdue, or `stop` turns true.
async fn orders(watch: Arc<Watch>, mut stop: Option<watch::Receiver<bool>>) -> Order {
    let mut tick = tokio::time::interval(WATCH_EVERY);
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
                if watch.overdue() {
                    return Order::Close;
                }
            }
            _ = stopped => return Order::Finish,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Idle,
    Head,
    Serving,
}

/// What a connection is doing, and since when.
struct Watch {
    base: Instant,
    /// Milliseconds since `base`, times four, plus the state.
    packed: AtomicU64,
}

impl Watch {
    fn new() -> Self {
        Self { base: Instant::now(), packed: AtomicU64::new(0) }
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.base.elapsed().as_millis()).unwrap_or(u64::MAX >> 2)
    }

    fn enter(&self, state: State) {
        let code = match state {
            State::Idle => 0,
            State::Head => 1,
            State::Serving => 2,
        };
        self.packed.store((self.millis() << 2) | code, Ordering::Relaxed);
    }

    fn arrived(&self) {
        if self.packed.load(Ordering::Relaxed) & 3 == 0 {
            self.enter(State::Head);
        }
    }

    fn overdue(&self) -> bool {
        let packed = self.packed.load(Ordering::Relaxed);
        let allowed = match packed & 3 {
            0 => limit::IDLE_SECONDS,
            1 => limit::HEADER_SECONDS,
            _ => limit::REQUEST_SECONDS + limit::BODY_SECONDS,
        };
        self.millis().saturating_sub(packed >> 2) > allowed * 1000
    }
}

/// A stream that tells when the first bytes of a request arrive.
struct Watched<T> {
    inner: TokioIo<T>,
    watch: Arc<Watch>,
}

impl<T: AsyncRead + Unpin> Read for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if matches!(poll, Poll::Ready(Ok(()))) {
            self.watch.arrived();
        }
        poll
    }
}

impl<T: AsyncWrite + Unpin> Write for Watched<T> {
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
