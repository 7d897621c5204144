//! A stream that notes when bytes of a request arrive, and how many, and that is in no hurry to
//! read a long head.

use crate::connections::Connection;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// The stream.
pub(super) struct TimedIo<T> {
    pub(super) inner: T,
    pub(super) connection: Arc<Connection>,
    /// What is waited for before more of a head is read.
    pause: Option<Pin<Box<Sleep>>>,
}

impl<T> TimedIo<T> {
    pub(super) const fn new(inner: T, connection: Arc<Connection>) -> Self {
        Self { inner, connection, pause: None }
    }

    /// Waits for the pause, if there is one and it is still a head that is read.
    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(pause) = &mut self.pause {
            if self.connection.head_pause().is_some() {
                ready!(pause.as_mut().poll(cx));
            }
            self.pause = None;
        }
        Poll::Ready(())
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for TimedIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_pause(cx));
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        let bytes = buffer.filled().len().saturating_sub(before);
        if bytes == 0 {
            return Poll::Ready(Ok(()));
        }
        let received = self.connection.received(bytes);
        self.pause = self.connection.head_pause().map(|pause| Box::pin(sleep(pause)));
        Poll::Ready(received)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for TimedIo<T> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connections::{Connections, Phase};
    use crate::limits::{HEAD_BYTES, HEAD_BYTES_FREE};
    use crate::peer::Peer;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::Instant;

    /// How long it takes to read `bytes` that are there, in pieces of two kilobytes.
    async fn time_to_read(bytes: usize, phase: Phase) -> Duration {
        let (mut client, server) = tokio::io::duplex(bytes);
        client.write_all(&vec![b'a'; bytes]).await.unwrap();
        let open = Connections::new(1).add(Peer::Unix, true).unwrap();
        open.share().enter(phase);
        let mut io = TimedIo::new(server, open.share());
        let (begun, mut read, mut piece) = (Instant::now(), 0, [0; 2048]);
        while read < bytes {
            read += io.read(&mut piece).await.unwrap();
        }
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_head_is_read_slowly_and_everything_else_at_once() {
        assert_eq!(time_to_read(HEAD_BYTES_FREE, Phase::Idle).await, Duration::ZERO);
        assert_eq!(time_to_read(HEAD_BYTES, Phase::Serving).await, Duration::ZERO);
        assert_eq!(time_to_read(HEAD_BYTES, Phase::Pending).await, Duration::ZERO);
        let took = time_to_read(HEAD_BYTES, Phase::Idle).await;
        let pieces = u32::try_from(HEAD_BYTES / 2048).unwrap();
        let half = u64::try_from(HEAD_BYTES / 2).unwrap();
        assert!(took > pieces / 2 * Duration::from_micros(half), "{took:?}");
    }
}
