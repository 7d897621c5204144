//! The HTTP edge: from a request to a call, and from a reply to a response.
//!
//! Request id → host and page → key → route → permission → version → body → parameters. The key is
//! checked before the body is read, so that a stranger cannot make the server hold anything.

mod access_log;
mod body;
mod cors;
mod headers;
mod health;
mod response;
mod trace;

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
use coffer_base::{Timestamp, limit};
use coffer_dialect::{ApiError, ApiVersion, Params, authorization};
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use std::borrow::Cow;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use trace::RequestTrace;

/// Answers one request, whatever happens. The connection is closed afterwards if some of the
/// request's body is still to come.
pub(crate) async fn answer(
    kernel: &Arc<Kernel>,
    role: ListenerRole,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let started = Instant::now();
    let (parts, mut body) = request.into_parts();
    if let Some(health) = health::respond(kernel, &parts).await {
        return health;
    }
    if let Some(preflight) = cors::preflight(kernel, &parts) {
        return preflight;
    }
    let mut trace = RequestTrace::new(request_id::new(&*kernel.services.random).into());
    let result = in_time(caught(handle(kernel, role, &parts, &mut body, &mut trace))).await;
    access_log::report(&kernel.counters, &trace, &parts, &result, started);
    let mut response = response::respond(kernel, &trace, &parts, result);
    let at_end = body.is_end_stream() || !trace.body_read && body::discard(&parts, &mut body).await;
    if !at_end {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Bounds the time of a request. What it did by then may have been committed or not.
async fn in_time<T>(handled: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    let whole = Duration::from_secs(limit::REQUEST_SECONDS);
    tokio::time::timeout(whole, handled).await.unwrap_or_else(|_elapsed| {
        Err(ApiError::unknown_outcome("the request took longer than its time"))
    })
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
    headers::check_header_bytes(&parts.headers)?;
    kernel.web.check(&parts.headers)?;
    let principal = authenticate(kernel, &parts.headers, now).await?;
    trace.principal = Some(Arc::clone(&principal));
    let now = now.plus(kernel.services.clock.ahead_of(&principal.platform));
    let method = method_of(parts)?;
    let Route { handler, number, open } = route(kernel, role, method, parts)?;
    trace.route = Some(number);
    check_access(&principal, handler.definition().access)?;
    let version = ApiVersion::parse(headers::text(&parts.headers, &headers::STRIPE_VERSION)?)?;
    trace.version = Some(version.clone());
    let idempotency_key = headers::idempotency_key(method, &parts.headers)?;
    trace.body_read = method != Method::Get;
    let body = body::read(method, &parts.headers, body).await?;
    let params = Params::decode(parts.uri.query(), &body)?;
    let request_id = Arc::clone(&trace.request_id);
    let call = Call { request_id, now, principal, version, params, path: open, idempotency_key };
    run(kernel, handler, call).await
}

/// Finds out who is calling, from the headers alone.
async fn authenticate(
    kernel: &Kernel,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<Arc<Principal>, ApiError> {
    let authorization = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    let token = authorization::token(authorization)?;
    let credentials = Credentials { token: &token, account: headers::account_of(headers)?, now };
    kernel.services.authenticate.authenticate(&credentials).await
}

/// Runs the operation: a write in a task of its own, so that a caller who hangs up does not cut it.
async fn run(
    kernel: &Arc<Kernel>,
    handler: Arc<dyn Handler>,
    call: Call,
) -> Result<Reply, ApiError> {
    if !handler.definition().writes() {
        return handler.handle(&kernel.services, call).await;
    }
    let kernel = Arc::clone(kernel);
    let task = tokio::spawn(async move { handler.handle(&kernel.services, call).await });
    task.await.unwrap_or_else(|_| {
        Err(ApiError::unknown_outcome("the request's handler panicked, or the server stops"))
    })
}

/// The verb, if `/v1` has it; `HEAD` is answered as `GET`.
fn method_of(parts: &Parts) -> Result<Method, ApiError> {
    match parts.method {
        http::Method::GET | http::Method::HEAD => Ok(Method::Get),
        http::Method::POST => Ok(Method::Post),
        http::Method::DELETE => Ok(Method::Delete),
        _ => Err(unrecognized(parts)),
    }
}

/// The operation that the request is for, if the listener serves it: to a caller of another
/// listener it does not exist.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn double_slashes_become_one() {
        assert_eq!(single_slashes("//v1///apps/secrets"), "/v1/apps/secrets");
        assert_eq!(single_slashes("/v1/apps/secrets/"), "/v1/apps/secrets/");
    }
}
