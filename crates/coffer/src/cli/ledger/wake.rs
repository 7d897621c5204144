//! Stripe's webhooks. One whose signature is right wakes the feeder for an account, and does
//! nothing else: what happened is read from Stripe.

use crate::cli::exit::Failure;
use crate::cli::runtime::Runtime;
use coffer_base::{Clock, Redacted, SystemClock};
use coffer_crypto::hmac_sha256_hex;
use coffer_secretfile as secretfile;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Most bytes of a webhook: the largest events have some tens of thousands.
const BODY_BYTES: usize = 1024 * 1024;

/// Connections at a time: Stripe sends a few deliveries at once, and a proxy keeps a few open.
const CONNECTIONS: usize = 64;

/// For a request to be there as a whole.
const PATIENCE: Duration = Duration::from_secs(10);

/// How old a signature may be, in seconds, as Stripe's own libraries have it.
const TOLERANCE: i64 = 300;

/// Secrets that an endpoint can have: two while one is rolled, and some to spare.
const SECRETS: usize = 8;

/// Bytes of a file of secrets.
const SECRETS_BYTES: usize = 4096;

/// Wake-ups that wait to be looked at. Further ones are not needed: whoever is awake reads all.
pub const WAITING: usize = 1024;

/// Whose account something happened to; the key's own, without.
pub type Wake = Option<String>;

/// The secrets of an endpoint.
#[derive(Clone)]
pub struct Secrets(Arc<[Redacted<String>]>);

impl Secrets {
    /// Reads a file, a secret a line.
    ///
    /// # Errors
    /// If others may read it, or if it holds none, or something else.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = secretfile::read_text(path, SECRETS_BYTES)
            .map_err(|error| Failure::usage(format!("the webhooks' secret: {error}")))?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let secrets: Vec<_> = lines.map(|line| Redacted::new(line.to_owned())).collect();
        let is_secret = |secret: &Redacted<String>| secret.expose().starts_with("whsec_");
        if secrets.is_empty() || secrets.len() > SECRETS || !secrets.iter().all(is_secret) {
            return Err(Failure::usage(format!(
                "{} must hold 1 to {SECRETS} lines, each a secret that begins with whsec_",
                path.display()
            )));
        }
        Ok(Self(secrets.into()))
    }

    /// Whether one of them has signed these bytes, not long before `now`.
    pub fn have_signed(&self, header: &str, body: &[u8], now: i64) -> bool {
        let fields = || header.split(',').filter_map(|field| field.trim().split_once('='));
        let Some((_, time)) = fields().find(|(name, _)| *name == "t") else { return false };
        let is_recent = time.parse::<i64>().is_ok_and(|at| now.abs_diff(at) <= TOLERANCE as u64);
        let is_right = |signature: &str| {
            self.0.iter().any(|secret| {
                let key = secret.expose().as_bytes();
                let right = hmac_sha256_hex(key, &[time.as_bytes(), b".", body]);
                is_same(right.as_bytes(), signature.as_bytes())
            })
        };
        is_recent && fields().any(|(name, signature)| name == "v1" && is_right(signature))
    }
}

/// Compares in a time that does not say where two texts differ.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let differs = one.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b));
    one.len() == other.len() && std::hint::black_box(differs) == 0
}

/// Whose account an event is about.
pub fn account_of(event: &Value) -> Wake {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let object = event.get("data").and_then(|data| data.get("object"));
    let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
    text(event.get("account")).or_else(|| {
        // These stand on the platform, and their money moves on a connected account.
        let field = match kind.split('.').next() {
            Some("transfer") => "destination",
            Some("application_fee") => "account",
            _ => return None,
        };
        text(object?.get(field))
    })
}

/// Listens at an address, and tells `wake` whose account to look at.
///
/// # Errors
/// If it cannot listen there.
pub fn listen(
    runtime: &Runtime,
    address: SocketAddr,
    secrets: Secrets,
    wake: SyncSender<Wake>,
) -> Result<SocketAddr, Failure> {
    let failed = |error| Failure::failed(format!("cannot listen on {address}: {error}"));
    let listener = runtime.block_on(TcpListener::bind(address)).map_err(failed)?;
    let local = listener.local_addr().map_err(failed)?;
    runtime.spawn(accept(listener, secrets, wake));
    Ok(local)
}

async fn accept(listener: TcpListener, secrets: Secrets, wake: SyncSender<Wake>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // The system has no descriptor for it now.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (secrets, wake) = (secrets.clone(), wake.clone());
        tokio::spawn(async move {
            serve(stream, &secrets, &wake).await;
            drop(place);
        });
    }
}

async fn serve(stream: TcpStream, secrets: &Secrets, wake: &SyncSender<Wake>) {
    let answer = |request: Request<Incoming>| async move {
        let answered = tokio::time::timeout(PATIENCE, receive(request, secrets, wake)).await;
        let status = answered.unwrap_or(StatusCode::REQUEST_TIMEOUT);
        let mut response = Response::new(Full::new(Bytes::new()));
        *response.status_mut() = status;
        Ok::<_, Infallible>(response)
    };
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    // A peer that breaks off is no matter of ours: Stripe sends again.
    let _ = builder.serve_connection(TokioIo::new(stream), service_fn(answer)).await;
}

async fn receive(
    request: Request<Incoming>,
    secrets: &Secrets,
    wake: &SyncSender<Wake>,
) -> StatusCode {
    if request.method() != Method::POST {
        return StatusCode::METHOD_NOT_ALLOWED;
    }
    let header = request.headers().get("stripe-signature");
    let Some(header) = header.and_then(|value| value.to_str().ok()).map(str::to_owned) else {
        return StatusCode::BAD_REQUEST;
    };
    let Ok(body) = Limited::new(request.into_body(), BODY_BYTES).collect().await else {
        return StatusCode::PAYLOAD_TOO_LARGE;
    };
    let body = body.to_bytes();
    if !secrets.have_signed(&header, &body, SystemClock.now().unix()) {
        return StatusCode::BAD_REQUEST;
    }
    let Ok(event) = serde_json::from_slice::<Value>(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    // If too many wait, those that do are read as a whole, and polling finds the rest.
    let _ = wake.try_send(account_of(&event));
    StatusCode::OK
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_base::Timestamp;
    use coffer_webhooks::signature;
    use serde_json::json;

    fn secrets(texts: &[&str]) -> Secrets {
        Secrets(texts.iter().map(|text| Redacted::new((*text).to_owned())).collect())
    }

    #[test]
    fn only_the_bytes_that_were_signed_are_believed() {
        let known = secrets(&["whsec_a", "whsec_b"]);
        let body = br#"{"object": "event"}"#;
        let signed = |secret: &str, at: i64| {
            let secret = [Redacted::new(secret.to_owned())];
            signature::header(&secret, Timestamp::from_unix(at), body)
        };
        let now = 1_800_000_000;
        assert!(known.have_signed(&signed("whsec_a", now), body, now));
        assert!(known.have_signed(&signed("whsec_b", now - TOLERANCE), body, now));
        assert!(!known.have_signed(&signed("whsec_c", now), body, now));
        assert!(!known.have_signed(&signed("whsec_a", now - TOLERANCE - 1), body, now));
        assert!(!known.have_signed(&signed("whsec_a", now), br#"{"object":"event"}"#, now));
        let header = signed("whsec_a", now);
        for wrong in [
            "",
            "t=1800000000",
            "v1=00",
            &header.replace("t=1800000000", "t=1800000001"),
            &header.replace("v1=", "v0="),
            &header[..header.len() - 1],
        ] {
            assert!(!known.have_signed(wrong, body, now), "{wrong}");
        }
    }

    #[test]
    fn an_event_says_whose_account_it_is_about() {
        let of = |event: Value| account_of(&event);
        assert_eq!(of(json!({ "account": "acct_1", "type": "charge.updated" })).unwrap(), "acct_1");
        let object = json!({ "destination": "acct_2", "account": "acct_3" });
        let transfer = json!({ "type": "transfer.created", "data": { "object": object } });
        assert_eq!(of(transfer).unwrap(), "acct_2");
        let fee = json!({ "type": "application_fee.created", "data": { "object": object } });
        assert_eq!(of(fee).unwrap(), "acct_3");
        assert_eq!(of(json!({ "type": "charge.updated", "data": { "object": object } })), None);
    }
}
