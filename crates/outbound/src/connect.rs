//! From a URI to a stream: resolving, checking the address, connecting, TLS.

use crate::OutboundError;
use crate::network::{Bytestream, Network};
use http::Uri;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Which addresses may be connected to: a function of the resolved address.
pub type AddressRule = fn(IpAddr) -> bool;

/// Where a request goes.
pub(crate) struct Target {
    authority: String,
    host: String,
    port: u16,
    is_tls: bool,
}

impl Target {
    /// The target of a URI.
    ///
    /// # Errors
    /// [`OutboundError::Uri`] without a host, or with another scheme than `http` and `https`.
    pub(crate) fn of(uri: &Uri) -> Result<Self, OutboundError> {
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(OutboundError::Uri),
        };
        let authority = uri.authority().ok_or(OutboundError::Uri)?;
        // Credentials in a URL would end up in the Host header.
        if authority.as_str().contains('@') {
            return Err(OutboundError::Uri);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let port = authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        Ok(Self { authority: authority.to_string(), host: host.to_owned(), port, is_tls })
    }

    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// The name or the address, without the brackets of an IPv6 address.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }
}

/// A stream to a target, to the first of its addresses that the rule lets pass and that answers.
///
/// # Errors
/// [`OutboundError::Forbidden`] if the rule lets none pass, [`OutboundError::Connect`] if none
/// answers or TLS cannot be agreed on.
pub(crate) async fn connect(
    target: &Target,
    rule: AddressRule,
    network: &dyn Network,
    tls: &Arc<ClientConfig>,
) -> Result<Stream, OutboundError> {
    let resolved = network.resolve(&target.host, target.port).await;
    let mut addresses: Vec<SocketAddr> = resolved.map_err(OutboundError::Connect)?;
    addresses.retain(|address| rule(address.ip().to_canonical()));
    if addresses.is_empty() {
        return Err(OutboundError::Forbidden);
    }
    let bytes = network.connect(&addresses).await.map_err(OutboundError::Connect)?;
    secure(target, bytes, tls).await
}

/// TLS over a connection to a target, if its scheme asks for that.
///
/// # Errors
/// [`OutboundError::Connect`] if it cannot be agreed on.
pub(crate) async fn secure(
    target: &Target,
    bytes: Box<dyn Bytestream>,
    tls: &Arc<ClientConfig>,
) -> Result<Stream, OutboundError> {
    if !target.is_tls {
        return Ok(Stream::Plain(bytes));
    }
    let name = ServerName::try_from(target.host.clone()).map_err(|_| OutboundError::Uri)?;
    let connector = TlsConnector::from(Arc::clone(tls));
    let stream = connector.connect(name, bytes).await.map_err(OutboundError::Connect)?;
    Ok(Stream::Tls(Box::new(stream)))
}

/// A connection, with TLS or without.
pub(crate) enum Stream {
    Plain(Box<dyn Bytestream>),
    Tls(Box<TlsStream<Box<dyn Bytestream>>>),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
