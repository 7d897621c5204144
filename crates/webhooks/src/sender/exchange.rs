//! One attempt: the event is read, rendered for the endpoint, signed, and sent.

use super::How;
use crate::endpoint::{Attempt, Endpoint};
use crate::event_type::TEST;
use crate::store::secret;
use crate::store::settle::Outcome;
use crate::{limits, signature, wire};
use bytes::Bytes;
use coffer_base::{Redacted, Timestamp};
use coffer_dialect::{ApiVersion, Object};
use coffer_kernel::event::{self, EventShapes};
use coffer_kernel::outbound::{Delivery, HttpRequest, OutboundError};
use coffer_kernel::{ClockGuard, HttpClient, JobContext};
use coffer_keyring::Keyring;
use coffer_storage::Store;
use http::{HeaderMap, HeaderValue, Method, header};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The words of an attempt's `error`. They tell a caller nothing of the network that the server is
/// in: what cannot be connected to, and what does not answer in time, has one word.
const REFUSED: &str = "address_refused";
const FAILED: &str = "connection_failed";
const STATUS: &str = "http_status";
const NO_EVENT: &str = "event_gone";
const NO_SECRET: &str = "secret_unavailable";
const TOO_LARGE: &str = "too_large";
pub(super) const EXPIRED: &str = "expired";

/// Whether an attempt had to wait for so long that it is not made any more.
pub(super) fn is_too_late(attempt: &Attempt, now: Timestamp) -> bool {
    let too_late = attempt.happened.plus(limits::TRIED_SECONDS + limits::LATE_SECONDS);
    !attempt.once && attempt.number > 1 && now > too_late
}

/// What attempts are made with.
pub(super) struct Exchange {
    store: Store,
    keyring: Arc<Keyring>,
    guard: Arc<ClockGuard>,
    shapes: EventShapes,
    http: HttpClient,
    how: Arc<How>,
}

/// An endpoint, and the secrets by which is signed; none if they cannot be had.
pub(super) struct Ready {
    pub(super) endpoint: Endpoint,
    secrets: Vec<Redacted<String>>,
}

impl Exchange {
    /// # Errors
    /// When the file of the authorities cannot be used.
    pub(super) fn new(context: &JobContext, how: Arc<How>) -> Result<Self, String> {
        let http = match &how.ca_file {
            None => context.http.clone(),
            Some(path) => {
                let pem = std::fs::read(path).map_err(|error| format!("{path}: {error}"))?;
                context.http.trusting(&pem).map_err(|error| format!("{path}: {error}"))?
            }
        };
        let (store, keyring) = (context.store.clone(), Arc::clone(&context.keyring));
        let (guard, shapes) = (Arc::clone(&context.guard), Arc::clone(&context.shapes));
        Ok(Self { store, keyring, guard, shapes, http, how })
    }

    /// Opens an endpoint's secrets.
    pub(super) async fn ready(&self, endpoint: Endpoint, now: Timestamp) -> Ready {
        let found = secret::in_force(&self.store, &self.keyring, &endpoint, now).await;
        let secrets = found.unwrap_or_else(|error| {
            tracing::error!(endpoint = %endpoint.id, %error, "a webhook's secret cannot be opened");
            Vec::new()
        });
        Ready { endpoint, secrets }
    }

    /// Makes an attempt.
    pub(super) async fn attempt(
        &self,
        ready: &Ready,
        attempt: &Attempt,
        now: Timestamp,
    ) -> Outcome {
        if is_too_late(attempt, now) {
            return Outcome::failed(EXPIRED, now);
        }
        if ready.secrets.is_empty() {
            return Outcome::failed(NO_SECRET, now);
        }
        let body = match self.body(&ready.endpoint, attempt).await {
            Ok(Some(body)) if body.len() <= limits::BODY_BYTES => body,
            Ok(Some(_)) => return Outcome::failed(TOO_LARGE, now),
            Ok(None) => return Outcome::failed(NO_EVENT, now),
            Err(error) => {
                tracing::error!(event = %attempt.event, %error, "an event cannot be read");
                return Outcome::failed(NO_EVENT, now);
            }
        };
        self.send(ready, attempt, body).await
    }

    /// What is sent: the event, as the endpoint's version has it. `None` if it is gone.
    async fn body(
        &self,
        endpoint: &Endpoint,
        attempt: &Attempt,
    ) -> Result<Option<Vec<u8>>, coffer_storage::StorageError> {
        if attempt.kind == TEST {
            return Ok(Some(test_event(endpoint, attempt).render()));
        }
        let (owner, oldest) = (&attempt.owner, Timestamp::from_unix(i64::MIN));
        let found = event::find(&self.store, owner, &attempt.event, oldest).await?;
        // It was well formed when the endpoint was made.
        let version = ApiVersion::parse(Some(&endpoint.version)).unwrap_or(ApiVersion::latest());
        let shapes = &self.shapes;
        Ok(found.map(|event| event.in_version(&version, shapes).render(owner).render()))
    }

    async fn send(&self, ready: &Ready, attempt: &Attempt, body: Vec<u8>) -> Outcome {
        let at = self.guard.now();
        let signature = signature::header(&ready.secrets, at, &body);
        let endpoint = &ready.endpoint;
        let Some(request) = self.request(&endpoint.url, &signature, body) else {
            return Outcome::failed(FAILED, at);
        };
        let how = Delivery {
            to: &self.how.destinations,
            proxy: self.how.proxy.as_ref(),
            connect: Duration::from_secs(limits::CONNECT_SECONDS).min(self.how.total),
            total: self.how.total,
        };
        let started = Instant::now();
        let answered = self.http.deliver(request, how).await;
        let took = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
        match answered {
            Ok(status) => Outcome {
                http_status: Some(status.as_u16().into()),
                error: (!status.is_success()).then_some(STATUS),
                milliseconds: Some(took),
                at,
                next: None,
            },
            Err(error) => {
                let id = &endpoint.id;
                let event = &attempt.event;
                tracing::info!(endpoint = %id, %event, %error, took, "a webhook failed");
                let refused = matches!(error, OutboundError::Forbidden | OutboundError::Uri);
                Outcome::failed(if refused { REFUSED } else { FAILED }, at)
            }
        }
    }

    fn request(&self, url: &str, signature: &str, body: Vec<u8>) -> Option<HttpRequest> {
        let mut headers = HeaderMap::new();
        let agent = HeaderValue::from_str(&self.how.user_agent).ok()?;
        headers.insert(header::USER_AGENT, agent);
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*; q=0.5, application/xml"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        headers.insert(header::CONTENT_TYPE, json);
        headers.insert("stripe-signature", HeaderValue::from_str(signature).ok()?);
        let (method, uri, body) = (Method::POST, url.parse().ok()?, Bytes::from(body));
        Some(HttpRequest { method, uri, headers, body })
    }
}

/// An event that is stored nowhere: that somebody has asked whether events arrive.
fn test_event(endpoint: &Endpoint, attempt: &Attempt) -> Object {
    let data = Object::bare().set("object", wire::endpoint(endpoint, None));
    let request = Object::bare().set("id", None::<String>).set("idempotency_key", None::<String>);
    let object = Object::new(&attempt.event, "event")
        .set("api_version", endpoint.version.clone())
        .set("created", attempt.happened)
        .set("data", data)
        .set("livemode", attempt.owner.mode.is_live())
        .set("pending_webhooks", 0i64)
        .set("request", request)
        .set("type", TEST);
    if attempt.owner.account == attempt.owner.platform {
        return object;
    }
    object.set("account", attempt.owner.account.as_str().to_owned())
}
