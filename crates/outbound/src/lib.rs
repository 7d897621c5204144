//! Requests to other servers, for jobs: one small HTTP/1.1 client with a bound on everything.
//!
//! It follows no redirect, uses no proxy of the environment, keeps no connection, and connects
//! only to addresses that its [`AddressRule`] lets pass: a name is resolved once, and the
//! connection goes to an address that was checked. What it sends is logged nowhere.

mod connect;
mod deliver;
pub mod destination;
mod network;

pub use connect::AddressRule;
pub use deliver::{Delivery, Proxy};
pub use destination::{Destination, Destinations};
pub use network::{Bytestream, Network, NetworkFuture};

use bytes::Bytes;
use connect::Target;
use destination::OwnListeners;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The bounds of every request.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For the whole exchange, from the name's resolution to the last byte of the response.
    pub total: Duration,
    /// Bytes of a response's body; a longer one is an error.
    pub response_bytes: usize,
    /// Which addresses may be connected to.
    pub addresses: AddressRule,
}

/// A request.
pub struct HttpRequest {
    /// Its verb.
    pub method: Method,
    /// Where it goes: `http` or `https`, with a host.
    pub uri: Uri,
    /// Its headers, besides `Host` and `Content-Length`.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// The answer to a request.
pub struct HttpResponse {
    /// Its status, whichever it is.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, whole.
    pub body: Bytes,
}

/// Why there is no response. No variant repeats what was sent.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The URI has no host, or another scheme.
    #[error("the address is not an http or https URL with a host")]
    Uri,
    /// The name has no address that may be connected to.
    #[error("the host has no address that requests may be sent to")]
    Forbidden,
    /// The name cannot be resolved, or nobody listens there.
    #[error("cannot connect")]
    Connect(#[source] std::io::Error),
    /// TLS, or HTTP, went wrong on the way.
    #[error("the exchange failed")]
    Exchange(#[source] hyper::Error),
    /// The response is longer than [`Limits::response_bytes`], or ended too early.
    #[error("the response could not be read whole")]
    Body,
    /// [`Limits::total`] has passed.
    #[error("no response in time")]
    Timeout,
}

/// The client. Cheap to clone.
#[derive(Clone)]
pub struct HttpClient {
    tls: Arc<ClientConfig>,
    limits: Limits,
    own: Arc<OwnListeners>,
    network: Arc<dyn Network>,
}

impl HttpClient {
    /// A client that trusts the public authorities.
    ///
    /// # Errors
    /// When the cipher suite's defaults are refused, which is a fault of the build.
    pub fn new(limits: Limits) -> Result<Self, rustls::Error> {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let network = Arc::new(network::Machine);
        Ok(Self { tls: trusting(roots)?, limits, own: Arc::default(), network })
    }

    /// The same, which trusts the authorities of `pem` alone: certificates, one after the other.
    ///
    /// # Errors
    /// When there is none in it, or one of them cannot be used.
    pub fn trusting(&self, pem: &[u8]) -> Result<Self, rustls::Error> {
        let unusable = |what: &str| rustls::Error::General(what.to_owned());
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            roots.add(certificate.map_err(|_| unusable("it is not PEM"))?)?;
        }
        if roots.is_empty() {
            return Err(unusable("there is no certificate in it"));
        }
        Ok(Self { tls: trusting(roots)?, ..self.clone() })
    }

    /// The same, whose requests leave by another network than this machine's.
    #[must_use]
    pub fn on(&self, network: Arc<dyn Network>) -> Self {
        Self { network, ..self.clone() }
    }

    /// Has no delivery ([`Self::deliver`]) of this client or of its clones go to `address`, where
    /// this server listens.
    pub fn never_to(&self, address: SocketAddr) {
        self.own.add(address);
    }

    /// Sends a request and reads the whole response, whatever its status.
    ///
    /// # Errors
    /// [`OutboundError`]. After [`OutboundError::Connect`] nothing was sent; after the others the
    /// receiver may have acted on the request.
    pub async fn send(&self, request: HttpRequest) -> Result<HttpResponse, OutboundError> {
        let exchange = self.exchange(request);
        let within = tokio::time::timeout(self.limits.total, exchange);
        within.await.unwrap_or(Err(OutboundError::Timeout))
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, OutboundError> {
        let target = Target::of(&request.uri)?;
        let stream =
            connect::connect(&target, self.limits.addresses, &*self.network, &self.tls).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(OutboundError::Exchange)?;
        let respond = async {
            let sent = sender.send_request(wire_request(request, &target)?).await;
            self.read(sent.map_err(OutboundError::Exchange)?).await
        };
        tokio::pin!(respond);
        tokio::select! {
            biased;
            response = &mut respond => response,
            // The connection may end before the response has been looked at.
            ended = connection => match ended {
                Ok(()) => respond.await,
                Err(error) => Err(OutboundError::Exchange(error)),
            },
        }
    }

    async fn read(
        &self,
        response: http::Response<hyper::body::Incoming>,
    ) -> Result<HttpResponse, OutboundError> {
        let (parts, body) = response.into_parts();
        let whole = Limited::new(body, self.limits.response_bytes).collect().await;
        let body = whole.map_err(|_too_long_or_cut| OutboundError::Body)?.to_bytes();
        Ok(HttpResponse { status: parts.status, headers: parts.headers, body })
    }
}

/// TLS 1.2 and later, with certificates verified against `roots`.
fn trusting(roots: RootCertStore) -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(tls))
}

/// The request as it is written: the path alone, with the host in its header.
fn wire_request(
    request: HttpRequest,
    target: &Target,
) -> Result<Request<Full<Bytes>>, OutboundError> {
    let path = request.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut wire = Request::new(Full::new(request.body));
    *wire.method_mut() = request.method;
    *wire.uri_mut() = path.parse().map_err(|_| OutboundError::Uri)?;
    *wire.headers_mut() = request.headers;
    let host = HeaderValue::from_str(target.authority()).map_err(|_| OutboundError::Uri)?;
    wire.headers_mut().insert(header::HOST, host);
    Ok(wire)
}

#[cfg(test)]
mod tests;
