//! Requests to URLs that a stranger has chosen: only the status of the answer counts.

use crate::connect::{Stream, Target, secure};
use crate::destination::Destinations;
use crate::network::Bytestream;
use crate::{HttpClient, HttpRequest, OutboundError, wire_request};
use http::StatusCode;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use std::io;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// Bytes of a response's head, and of a proxy's.
const HEAD_BYTES: usize = 16 * 1024;

/// Fields of a response's head.
const HEAD_FIELDS: usize = 100;

/// Bytes of a response's body that are read and thrown away, so that a receiver can finish it.
const BODY_BYTES: usize = 64 * 1024;

/// How long a body is read. The status has arrived before, and is all that counts.
const BODY_PATIENCE: Duration = Duration::from_secs(1);

/// A proxy through which all deliveries go (`CONNECT`). It gets names unresolved, and what may be
/// reached is for it to decide.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proxy {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// How a delivery is made.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    /// Where it may go.
    pub to: &'a Destinations,
    /// Through whom, if not directly.
    pub proxy: Option<&'a Proxy>,
    /// For the connection, TLS included.
    pub connect: Duration,
    /// From the name's resolution to the status.
    pub total: Duration,
}

impl HttpClient {
    /// Sends a request to where a stranger wants it, and answers the status.
    ///
    /// The name is resolved once. All of its addresses must be allowed, and the connection goes to
    /// one of those that were checked. No redirect is followed.
    ///
    /// # Errors
    /// [`OutboundError::Forbidden`] if an address is not allowed: nothing was sent. Otherwise the
    /// receiver may have acted on the request.
    pub async fn deliver(
        &self,
        request: HttpRequest,
        how: Delivery<'_>,
    ) -> Result<StatusCode, OutboundError> {
        let target = Target::of(&request.uri)?;
        let within = timeout(how.total, self.exchange_status(request, &target, how)).await;
        within.unwrap_or(Err(OutboundError::Timeout))
    }

    async fn exchange_status(
        &self,
        request: HttpRequest,
        target: &Target,
        how: Delivery<'_>,
    ) -> Result<StatusCode, OutboundError> {
        let stream = self.open(target, how).await?;
        let mut builder = hyper::client::conn::http1::Builder::new();
        builder.max_buf_size(HEAD_BYTES).max_headers(HEAD_FIELDS);
        let (mut sender, connection) =
            builder.handshake(TokioIo::new(stream)).await.map_err(OutboundError::Exchange)?;
        let respond = async {
            let sent = sender.send_request(wire_request(request, target)?).await;
            let response = sent.map_err(OutboundError::Exchange)?;
            let status = response.status();
            let _ = timeout(BODY_PATIENCE, throw_away(response.into_body())).await;
            Ok(status)
        };
        tokio::pin!(respond);
        tokio::select! {
            biased;
            status = &mut respond => status,
            // Whatever comes behind an answer, that has arrived.
            ended = connection => match (respond.await, ended) {
                (Err(_), Err(error)) => Err(OutboundError::Exchange(error)),
                (status, _) => status,
            },
        }
    }

    /// A connection to one of the checked addresses, or through the proxy.
    async fn open(&self, target: &Target, how: Delivery<'_>) -> Result<Stream, OutboundError> {
        let late = |_elapsed| OutboundError::Connect(io::ErrorKind::TimedOut.into());
        if let Some(proxy) = how.proxy {
            let tunnel =
                async { secure(target, self.tunnel(proxy, target).await?, &self.tls).await };
            return timeout(how.connect, tunnel).await.map_err(late)?;
        }
        let resolved = self.network.resolve(target.host(), target.port());
        let resolved = timeout(how.connect, resolved).await.map_err(late)?;
        let resolved = resolved.map_err(OutboundError::Connect)?;
        let checked = how.to.check(target.host(), resolved.into_iter(), &self.own);
        let checked = checked.ok_or(OutboundError::Forbidden)?;
        if let Some(first) = checked.first() {
            let pause = how.to.pause(target.host(), *first, Instant::now());
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
        let connected = async {
            let bytes = self.network.connect(&checked).await.map_err(OutboundError::Connect)?;
            secure(target, bytes, &self.tls).await
        };
        timeout(how.connect, connected).await.map_err(late)?
    }

    /// A connection that a proxy has made to the target.
    async fn tunnel(
        &self,
        proxy: &Proxy,
        target: &Target,
    ) -> Result<Box<dyn Bytestream>, OutboundError> {
        let failed = OutboundError::Connect;
        let addresses = self.network.resolve(&proxy.host, proxy.port).await.map_err(failed)?;
        let bytes = self.network.connect(&addresses).await.map_err(failed)?;
        open_tunnel(bytes, target).await
    }
}

/// Asks the proxy at the other end of a connection for one to the target.
async fn open_tunnel(
    mut bytes: Box<dyn Bytestream>,
    target: &Target,
) -> Result<Box<dyn Bytestream>, OutboundError> {
    let failed = OutboundError::Connect;
    let host = if target.host().contains(':') {
        format!("[{}]:{}", target.host(), target.port())
    } else {
        format!("{}:{}", target.host(), target.port())
    };
    let asked = format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    bytes.write_all(asked.as_bytes()).await.map_err(failed)?;
    let mut head = Vec::new();
    // Byte by byte, since what follows the head is the receiver's.
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= HEAD_BYTES {
            return Err(failed(io::ErrorKind::InvalidData.into()));
        }
        head.push(bytes.read_u8().await.map_err(failed)?);
    }
    let is_open = head.starts_with(b"HTTP/1.1 200") || head.starts_with(b"HTTP/1.0 200");
    is_open.then_some(bytes).ok_or_else(|| failed(io::ErrorKind::ConnectionRefused.into()))
}

async fn throw_away(mut body: Incoming) {
    let mut read = 0usize;
    while let Some(Ok(frame)) = body.frame().await {
        read = read.saturating_add(frame.data_ref().map_or(0, bytes::Bytes::len));
        if read >= BODY_BYTES {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
