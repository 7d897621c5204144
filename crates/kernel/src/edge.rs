//! The HTTP edge: from a request to a call, and from an reply to a response.
//!
//! Request id → host and key → route → permission → version → body → parameters. The key is
//! checked before the body is read, so that a stranger cannot make the server hold anything.

use crate::authorize::check_access;
use crate::call::{Call, Reply};
use crate::definition::Method;
use crate::handler::Handler;
use crate::kernel::Kernel;
use crate::listener::ListenerRole;
use crate::principal::{Credentials, Principal};
use crate::request_id;
use crate::routes::Route;
use bytes::Bytes;
use coffer_base::limit;
use coffer_dialect::{ApiError, ApiVersion, Params, authorization};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use std::borrow::Cow;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const STRIPE_VERSION: HeaderName = HeaderName::from_static("stripe-version");
const STRIPE_ACCOUNT: HeaderName = HeaderName::from_static("stripe-account");
const STRIPE_CONTEXT: HeaderName = HeaderName::from_static("stripe-context");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const ORIGINAL_REQUEST: HeaderName = HeaderName::from_static("original-request");
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const SHOULD_RETRY: HeaderName = HeaderName::from_static("stripe-should-retry");

/// What is known of a request so far: for the response's headers, the counters and the log.
struct RequestTrace {
    request_id: Arc<str>,
    route: Option<usize>,
    principal: Option<Arc<Principal>>,
    version: Option<ApiVersion>,
    /// Whether the body had its time already.
    body_read: bool,
}

/// Answers one request, whatever happens.
pub(crate) async fn answer(
    kernel: &Arc<Kernel>,
    role: ListenerRole,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let started = Instant::now();
    let (parts, mut body) = request.into_parts();
    if let Some(health) = health(kernel, &parts).await {
        return health;
    }
    let mut trace = RequestTrace {
        request_id: request_id::new(&*kernel.services.random).into(),
        route: None,
        principal: None,
        version: None,
        body_read: false,
    };
    let whole = Duration::from_secs(limit::REQUEST_SECONDS);
    let result = {
        let handled = caught(handle(kernel, role, &parts, &mut body, &mut trace));
        tokio::time::timeout(whole, handled).await
    };
    let result = result.unwrap_or_else(|_elapsed| {
        Err(ApiError::unknown_outcome("the request took longer than its time"))
    });
    report(kernel, &trace, &parts, &result, started);
    let mut response = respond(&trace, &parts, result);
    let at_end = body.is_end_stream() || !trace.body_read && discarded(&parts, &mut body).await;
    if !at_end {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Takes a body that nobody wanted to see and throws it away; whether the connection is at the
/// body's end then, and good for another request.
///
/// hyper closes a connection on which some of the body is still to come. A client that sends the
/// body after the head, as Python's does, would lose the reply to a request that was refused by
/// its head, or the next request on the connection.
async fn discarded(parts: &Parts, body: &mut Incoming) -> bool {
    // Whoever waits for a go-ahead has the reply now, and need not send the body at all.
    let ceiling = u64::try_from(limit::BODY_BYTES).unwrap_or(u64::MAX);
    if parts.headers.contains_key(header::EXPECT) || body.size_hint().lower() > ceiling {
        return false;
    }
    let within = Duration::from_secs(limit::DISCARD_SECONDS);
    let rest = async {
        let mut bytes = 0;
        while let Some(frame) = body.frame().await {
            bytes += frame.ok()?.data_ref().map_or(0, Bytes::len);
            if bytes > limit::BODY_BYTES {
                return None;
            }
        }
        Some(())
    };
    matches!(tokio::time::timeout(within, rest).await, Ok(Some(())))
}

/// Turns a panic into an error, so that it ends one request and not the process.
async fn caught<T>(future: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    let mut future = pin!(future);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(poll) => poll,
        Err(_panic) => Poll::Ready(Err(ApiError::internal("the request's handler panicked"))),
    })
    .await
}

/// The steps of every request, in their order; the operation's own follow in `pipeline.rs`.
async fn handle(
    kernel: &Arc<Kernel>,
    role: ListenerRole,
    parts: &Parts,
    body: &mut Incoming,
    trace: &mut RequestTrace,
) -> Result<Reply, ApiError> {
    let now = kernel.services.clock.now();
    check_header_bytes(&parts.headers)?;
    let token = authorization::token(parts.headers.get(header::AUTHORIZATION).map(as_bytes))?;
    let credentials = Credentials {
        token: &token,
        account: account_of(&parts.headers)?,
        host: text(&parts.headers, &header::HOST)?,
        origin: text(&parts.headers, &header::ORIGIN)?,
        now,
    };
    let principal = kernel.services.authenticate.authenticate(&credentials).await?;
    trace.principal = Some(Arc::clone(&principal));
    let method = method_of(parts)?;
    let Route { handler, number, open } = route(kernel, role, method, parts)?;
    trace.route = Some(number);
    check_access(&principal, handler.definition().access)?;
    let version = ApiVersion::parse(text(&parts.headers, &STRIPE_VERSION)?)?;
    trace.version = Some(version.clone());
    let idempotency_key = idempotency_key(method, &parts.headers)?;
    trace.body_read = method != Method::Get;
    let body = read_body(method, &parts.headers, body).await?;
    let params = Params::decode(parts.uri.query(), &body)?;
    let request_id = Arc::clone(&trace.request_id);
    let call = Call { request_id, now, principal, version, params, path: open, idempotency_key };
    if handler.definition().writes() {
        spawned(kernel, handler, call).await
    } else {
        handler.handle(&kernel.services, call).await
    }
}

/// Carries a write out in a task of its own, so that a caller who hangs up does not cut it.
async fn spawned(
    kernel: &Arc<Kernel>,
    handler: Arc<dyn Handler>,
    call: Call,
) -> Result<Reply, ApiError> {
    let kernel = Arc::clone(kernel);
    let task = tokio::spawn(async move { handler.handle(&kernel.services, call).await });
    task.await.unwrap_or_else(|_| {
        Err(ApiError::unknown_outcome("the request's handler panicked, or the server stops"))
    })
}

fn method_of(parts: &Parts) -> Result<Method, ApiError> {
    match parts.method {
        http::Method::GET | http::Method::HEAD => Ok(Method::Get),
        http::Method::POST => Ok(Method::Post),
        http::Method::DELETE => Ok(Method::Delete),
        _ => Err(unrecognized(parts)),
    }
}

fn route(
    kernel: &Kernel,
    role: ListenerRole,
    method: Method,
    parts: &Parts,
) -> Result<Route, ApiError> {
    let path = single_slashes(parts.uri.path());
    let route = kernel.routes.find(method, &path);
    let served = route.filter(|route| role.serves(route.handler.definition().access));
    served.ok_or_else(|| unrecognized(parts))
}

/// Some SDKs have written double slashes, and the real API answers them.
fn single_slashes(path: &str) -> Cow<'_, str> {
    if !path.contains("//") {
        return Cow::Borrowed(path);
    }
    let mut single = String::with_capacity(path.len());
    for letter in path.chars() {
        if letter != '/' || !single.ends_with('/') {
            single.push(letter);
        }
    }
    Cow::Owned(single)
}

fn unrecognized(parts: &Parts) -> ApiError {
    ApiError::unrecognized_url(parts.method.as_str(), parts.uri.path())
}

fn as_bytes(value: &HeaderValue) -> &[u8] {
    value.as_bytes()
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ApiError> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    value.to_str().map(Some).map_err(|_| {
        ApiError::invalid(format!("The header '{name}' holds characters other than plain ASCII."))
    })
}

/// `Stripe-Context` that names an account means the same as `Stripe-Account`.
fn account_of(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    if let Some(account) = text(headers, &STRIPE_ACCOUNT)?.filter(|account| !account.is_empty()) {
        return Ok(Some(account));
    }
    Ok(text(headers, &STRIPE_CONTEXT)?.filter(|context| !context.is_empty()))
}

fn check_header_bytes(headers: &HeaderMap) -> Result<(), ApiError> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > limit::HEADER_BYTES { Err(ApiError::headers_too_large()) } else { Ok(()) }
}

/// The idempotency key of a POST; on other verbs the header is ignored.
fn idempotency_key(method: Method, headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    if method != Method::Post {
        return Ok(None);
    }
    let Some(key) = text(headers, &IDEMPOTENCY_KEY)? else { return Ok(None) };
    if key.is_empty() {
        return Err(ApiError::invalid("Idempotency Key must be a non-empty string."));
    }
    if key.len() > limit::IDEMPOTENCY_KEY_CHARACTERS {
        return Err(ApiError::invalid(format!(
            "The Idempotency-Key header is {} characters long; at most {} are allowed.",
            key.len(),
            limit::IDEMPOTENCY_KEY_CHARACTERS
        )));
    }
    Ok(Some(key.to_owned()))
}

async fn read_body(
    method: Method,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Bytes, ApiError> {
    if method == Method::Get || body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let too_large = || {
        ApiError::too_large(format!(
            "The request's body is longer than {} bytes.",
            limit::BODY_BYTES
        ))
    };
    let ceiling = u64::try_from(limit::BODY_BYTES).unwrap_or(u64::MAX);
    if body.size_hint().lower() > ceiling {
        return Err(too_large());
    }
    let within = Duration::from_secs(limit::BODY_SECONDS);
    let collected = Limited::new(body, limit::BODY_BYTES).collect();
    match tokio::time::timeout(within, collected).await {
        Ok(Ok(collected)) => {
            let bytes = collected.to_bytes();
            if !bytes.is_empty() {
                check_content_type(headers)?;
            }
            Ok(bytes)
        }
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_broken)) => Err(ApiError::invalid("The request's body ended before its length.")),
        Err(_elapsed) => Err(ApiError::timeout(format!(
            "The request's body did not arrive within {} seconds.",
            limit::BODY_SECONDS
        ))),
    }
}

/// A form, or no type at all. JSON belongs to the real API's `/v2`; taking it here would let a
/// client pass that fails against Stripe.
fn check_content_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    if essence.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
        return Ok(());
    }
    Err(ApiError::invalid(
        "The request's body must be form-encoded: send it as name=value pairs with \
         'Content-Type: application/x-www-form-urlencoded'.",
    ))
}

/// `/livez`: the process answers. `/readyz`: it can also read its stores. Neither needs a key.
async fn health(kernel: &Kernel, parts: &Parts) -> Option<Response<Full<Bytes>>> {
    if parts.method != http::Method::GET && parts.method != http::Method::HEAD {
        return None;
    }
    let (status, body) = match parts.uri.path() {
        "/livez" => (StatusCode::OK, "ok\n"),
        "/readyz" => match kernel.ready().await {
            Ok(()) => (StatusCode::OK, "ready\n"),
            Err(error) => {
                tracing::warn!(%error, "not ready");
                (StatusCode::SERVICE_UNAVAILABLE, "a store does not reply\n")
            }
        },
        _ => return None,
    };
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, value(&request_id::new(&*kernel.services.random)));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Some(response)
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

fn respond(
    trace: &RequestTrace,
    parts: &Parts,
    result: Result<Reply, ApiError>,
) -> Response<Full<Bytes>> {
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(REQUEST_ID, value(&trace.request_id));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let version = trace.version.as_ref().map_or(ApiVersion::LATEST, ApiVersion::as_str);
    headers.insert(STRIPE_VERSION, value(version));
    if let Some(account) = parts.headers.get(STRIPE_ACCOUNT) {
        headers.insert(STRIPE_ACCOUNT, account.clone());
    }
    let mut replay_of = None;
    let (status, body) = match result {
        Ok(reply) => {
            replay_of = reply.replay_of;
            (reply.status.unwrap_or(StatusCode::OK.as_u16()), reply.body)
        }
        Err(error) => {
            if let Some(retry) = error.should_retry() {
                let retry = if retry { "true" } else { "false" };
                headers.insert(SHOULD_RETRY, HeaderValue::from_static(retry));
            }
            if error.is_authentication_failure() {
                let realm = HeaderValue::from_static("Basic realm=\"Stripe\"");
                headers.insert(header::WWW_AUTHENTICATE, realm);
            }
            (error.status(), error.body())
        }
    };
    if parts.method == http::Method::POST {
        if let Some(key) = parts.headers.get(IDEMPOTENCY_KEY) {
            headers.insert(IDEMPOTENCY_KEY, key.clone());
        }
        let original = replay_of.as_deref().unwrap_or(&trace.request_id);
        headers.insert(ORIGINAL_REQUEST, value(original));
        if replay_of.is_some() {
            headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        }
    }
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    response
}

/// The beginning of a path, for the log: a stranger chooses its length.
fn clipped(path: &str) -> &str {
    let end =
        path.char_indices().nth(limit::LOGGED_PATH_CHARACTERS).map_or(path.len(), |(at, _)| at);
    path.get(..end).unwrap_or(path)
}

/// Counts the request, and logs it: failures as errors, refusals for information, the rest for
/// debugging. Neither the query nor the body is ever logged, nor a part of them: even what stands
/// where a parameter's name belongs can be a payload, sent by mistake without its name.
fn report(
    kernel: &Kernel,
    trace: &RequestTrace,
    parts: &Parts,
    result: &Result<Reply, ApiError>,
    started: Instant,
) {
    let count = kernel.counters.of(trace.route);
    let request_id = &*trace.request_id;
    let method = parts.method.as_str();
    let path = clipped(parts.uri.path());
    let key = trace.principal.as_ref().map_or("", |principal| &*principal.key_id);
    let account =
        trace.principal.as_ref().map_or("", |principal| principal.tenant.account.as_str());
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    match result {
        Ok(reply) => {
            count.success(reply.replay_of.is_some());
            tracing::debug!(request_id, method, path, key, account, micros, "answered");
        }
        Err(error) => {
            count.failure(error);
            let status = error.status();
            let code = error.code().unwrap_or("");
            if error.is_fault() {
                let cause = error.log_detail().unwrap_or("");
                tracing::error!(
                    request_id, method, path, key, account, status, code, cause, micros, "failed"
                );
            } else {
                tracing::info!(
                    request_id, method, path, key, account, status, code, micros, "refused"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn double_slashes_become_one() {
        assert_eq!(single_slashes("//v1///apps/secrets"), "/v1/apps/secrets");
        assert_eq!(single_slashes("/v1/apps/secrets/"), "/v1/apps/secrets/");
    }

    #[test]
    fn only_forms_are_accepted() {
        let mut headers = HeaderMap::new();
        assert!(check_content_type(&headers).is_ok());
        let form = "application/x-www-form-urlencoded; charset=utf-8";
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(form));
        assert!(check_content_type(&headers).is_ok());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        assert!(check_content_type(&headers).is_err());
    }
}
