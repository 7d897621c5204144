//! The answer to what is no valid HTTP.
//!
//! hyper rejects a head that it cannot parse, or that is too long, by itself: with a status and
//! without a body, and without a way to say more. [`Rejecting`] stands between hyper and the
//! connection and writes the error object instead, as every other failure has it.

use super::access_log;
use crate::kernel::Kernel;
use crate::peer::Peer;
use crate::reasons;
use crate::request_id;
use bytes::{Buf, Bytes};
use coffer_base::limit;
use coffer_dialect::{ApiError, ApiVersion};
use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// A connection on which hyper's own answers are replaced.
pub(crate) struct Rejecting<T> {
    inner: T,
    kernel: Arc<Kernel>,
    peer: Peer,
    /// What is left to write of the answer; `None` as long as hyper rejected nothing.
    answer: Option<Bytes>,
    /// When to stop taking what the caller still sends, once it is being thrown away.
    until: Option<Pin<Box<Sleep>>>,
}

impl<T> Rejecting<T> {
    pub(crate) const fn new(inner: T, kernel: Arc<Kernel>, peer: Peer) -> Self {
        Self { inner, kernel, peer, answer: None, until: None }
    }
}

impl<T: Read + Unpin> Read for Rejecting<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<T: Read + Write + Unpin> Write for Rejecting<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Some((before, head)) = rejection(bytes) else {
            return Pin::new(&mut self.inner).poll_write(cx, bytes);
        };
        if !before.is_empty() {
            return Pin::new(&mut self.inner).poll_write(cx, before);
        }
        self.answer = Some(answer(&self.kernel, self.peer, head));
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_answer(cx))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_answer(cx))?;
        ready!(Pin::new(&mut self.inner).poll_shutdown(cx))?;
        if self.answer.is_some() { self.poll_discard(cx) } else { Poll::Ready(Ok(())) }
    }
}

impl<T: Read + Write + Unpin> Rejecting<T> {
    /// Writes what is left of the answer.
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(left) = self.answer.as_mut().filter(|left| left.has_remaining()) {
            let written = ready!(Pin::new(&mut self.inner).poll_write(cx, left))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            left.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    /// Takes what the caller still sends and throws it away, for [`limit::DISCARD_SECONDS`] at
    /// most: if the connection is closed before, the caller never sees the answer.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let within = Duration::from_secs(limit::DISCARD_SECONDS);
        let until = self.until.get_or_insert_with(|| Box::pin(sleep(within)));
        let mut scratch = [MaybeUninit::uninit(); SCRATCH_BYTES];
        while until.as_mut().poll(cx).is_pending() {
            let mut buffer = ReadBuf::uninit(&mut scratch);
            let read = ready!(Pin::new(&mut self.inner).poll_read(cx, buffer.unfilled()));
            if read.is_err() || buffer.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Bytes that are thrown away at once.
const SCRATCH_BYTES: usize = 4096;

/// Longest head that hyper writes of its own, in bytes.
const REJECTION_BYTES: usize = 200;

/// The statuses with which hyper rejects a head.
const STATUSES: [&str; 3] = ["400", "414", "431"];

/// What stands before hyper's own answer, and that answer, if `bytes` end with one: a status of
/// [`STATUSES`] without a body, which no answer of the server's own is.
fn rejection(bytes: &[u8]) -> Option<(&[u8], &str)> {
    if !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    let tail = bytes.get(bytes.len().saturating_sub(REJECTION_BYTES)..)?;
    let start = tail.windows(PROTOCOL.len()).rposition(|window| window == PROTOCOL.as_bytes())?;
    let head = std::str::from_utf8(tail.get(start..)?).ok()?;
    let status = head.get(PROTOCOL.len()..)?.get(..3)?;
    if !STATUSES.contains(&status) || !head.contains("\r\ncontent-length: 0\r\n") {
        return None;
    }
    Some((bytes.get(..bytes.len().checked_sub(head.len())?)?, head))
}

/// How the first line of an answer begins.
const PROTOCOL: &str = "HTTP/1.1 ";

/// The whole answer in place of hyper's, counted and logged as other refusals are.
fn answer(kernel: &Kernel, peer: Peer, head: &str) -> Bytes {
    let error = match head.get(PROTOCOL.len()..).and_then(|rest| rest.get(..3)) {
        Some("414") => ApiError::url_too_long(),
        Some("431") => ApiError::headers_too_large(),
        _ => ApiError::invalid(
            "The request is not valid HTTP/1.1: its first line, a header, or what the headers say \
             of the body's length is malformed.",
        )
        .because(&reasons::HTTP_MALFORMED),
    };
    let request_id = request_id::new(&*kernel.services.random);
    access_log::report_invalid(kernel, peer, &request_id, &error);
    let body = error.body();
    let kept = head.trim_end().lines().filter(|line| !line.starts_with("content-length:"));
    let mut text: String = kept.flat_map(|line| [line, "\r\n"]).collect();
    text.push_str(&format!(
        "request-id: {request_id}\r\ncontent-type: application/json\r\ncache-control: no-store\r\n\
         stripe-version: {}\r\ncontent-length: {}\r\n\r\n",
        ApiVersion::LATEST,
        body.len()
    ));
    let mut answer = text.into_bytes();
    answer.extend_from_slice(&body);
    Bytes::from(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REJECTED: &str = "HTTP/1.1 414 URI Too Long\r\nconnection: close\r\n\
                            content-length: 0\r\ndate: Fri, 15 Jan 2027 08:00:00 GMT\r\n\r\n";

    #[test]
    fn only_an_answer_without_a_body_is_hypers_own() {
        assert_eq!(rejection(REJECTED.as_bytes()), Some((&b""[..], REJECTED)));
        let behind = format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{{}}{REJECTED}");
        let (before, head) = rejection(behind.as_bytes()).unwrap();
        assert!(before.ends_with(b"{}") && head == REJECTED);
        for own in [
            "HTTP/1.1 100 Continue\r\n\r\n".to_owned(),
            REJECTED.replace("414 URI Too Long", "200 OK"),
            REJECTED.replace("length: 0", "length: 10"),
            REJECTED.replace("\r\n\r\n", "\r\n\r\n{}"),
        ] {
            assert_eq!(rejection(own.as_bytes()), None, "{own}");
        }
    }
}
