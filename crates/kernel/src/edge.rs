//! The HTTP edge: from a request to a call, and from a reply to a response.
//!
//! Request id → head → host and page → key → route → permission → version → body → parameters. The
//! head is checked as a whole first, since a request that is ambiguous is nobody's. The key is
//! checked before the body is read, so that a stranger cannot make the server hold anything.

mod access_log;
mod audit;
mod body;
mod cors;
mod documents;
mod form;
mod forwarded;
mod headers;
mod health;
mod rejected;
mod response;
mod simulate;
mod site;
mod span;
mod target;
mod throttle;
mod trace;
mod unserved;

pub(crate) use rejected::Rejecting;

use crate::authorize::check_access;
use crate::call::{Audited, Call, Handled, Reached, Reply};
use crate::connections::{Connection, Phase};
use crate::definition::{JsonBody, Method};
use crate::handler::Handler;
use crate::kernel::Kernel;
use crate::listener::ListenerRole;
use crate::peer::Peer;
use crate::pipeline;
use crate::principal::{Credentials, Principal};
use crate::rate::Permit;
use crate::request_id;
use crate::routes::Route;
use bytes::Bytes;
use coffer_base::{AccountId, Redacted, Timestamp, limit};
use coffer_dialect::{ApiError, ApiVersion, Params, authorization};
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use trace::RequestTrace;

/// Answers one request, whatever happens. The connection is closed afterwards if some of the
/// request's body is still to come, and instead of a response if one is to get lost on request.
pub(crate) async fn answer(
    kernel: &Arc<Kernel>,
    role: ListenerRole,
    connection: &Connection,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Dropped> {
    let started = Instant::now();
    let (parts, mut body) = request.into_parts();
    let head = check_head(&parts);
    if head.is_ok()
        && let Some(health) = health::respond(kernel, role, &parts).await
    {
        return Ok(health);
    }
    if head.is_ok()
        && let Some(preflight) = cors::preflight(kernel, &parts)
    {
        return Ok(preflight);
    }
    if head.is_ok()
        && let Some(document) = documents::respond(kernel, role, &parts)
    {
        return Ok(document);
    }
    let answered = match site::of(kernel, role, &parts).filter(|_| head.is_ok()) {
        // In a box, since pages are rare and would make every request's future deeper.
        Some(site) => {
            let response = site::respond(site, kernel, connection, &parts, &mut body);
            Outcome { response: Box::pin(response).await, principal: None, body_read: false }
        }
        None => answer_api(kernel, role, connection, &parts, head, &mut body, started).await?,
    };
    let Outcome { mut response, body_read, .. } = answered;
    let at_end = body.is_end_stream() || !body_read && body::discard(&parts, &mut body).await;
    if !at_end {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// The body of a request: one that arrives, or one that is there.
pub(crate) trait RequestBody:
    Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Unpin + Send
{
}

impl<B> RequestBody for B where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Unpin + Send
{
}

/// What came of a request to the API.
struct Outcome {
    response: Response<Full<Bytes>>,
    /// Whose key it was, if it was good.
    principal: Option<Arc<Principal>>,
    /// Whether the body had its time already.
    body_read: bool,
}

/// Answers a request to the API, whose head was checked.
async fn answer_api<B: RequestBody>(
    kernel: &Arc<Kernel>,
    role: ListenerRole,
    connection: &Connection,
    parts: &Parts,
    head: Result<(), ApiError>,
    body: &mut B,
    started: Instant,
) -> Result<Outcome, Dropped> {
    let peer = client(kernel, connection, &parts.headers);
    let request_id = request_id::new(&*kernel.services.random).into();
    let mut trace = RequestTrace::new(request_id, peer, started);
    span::begin(kernel, parts, &mut trace);
    let handled = async {
        head?;
        kernel.web.check(&parts.headers)?;
        handle(kernel, role, connection, parts, body, &mut trace).await
    };
    let result = in_time(caught(handled)).await;
    if trace.principal.is_some() {
        connection.vouch();
    }
    let result = caught(audit::record(kernel, &mut trace, parts, result)).await;
    access_log::report(kernel, &trace, parts, &result);
    span::end(kernel, &mut trace, parts, &result);
    throttle::hold_back(kernel, connection, &trace, &result).await;
    if trace.is_dropped {
        return Err(Dropped);
    }
    let response = response::respond(kernel, &trace, parts, result);
    Ok(Outcome { response, principal: trace.principal, body_read: trace.body_read })
}

/// That there is no response, since a request in developer mode asked for none.
#[derive(Debug)]
pub(crate) struct Dropped;

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a response was dropped on request")
    }
}

impl Error for Dropped {}

/// Checks what every request must keep, whoever sends it and whatever it is for.
fn check_head(parts: &Parts) -> Result<(), ApiError> {
    headers::check_header_bytes(&parts.headers)?;
    headers::check_single(&parts.headers)?;
    target::check(parts)
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
async fn handle<B: RequestBody>(
    kernel: &Arc<Kernel>,
    role: ListenerRole,
    connection: &Connection,
    parts: &Parts,
    body: &mut B,
    trace: &mut RequestTrace,
) -> Result<Reply, ApiError> {
    let token = token(&parts.headers);
    // The route says whether the account that the request names is the operation's to judge; that
    // there is none is told to nobody who has no key.
    let routed = routed(kernel, role, parts);
    let any_account = routed.as_ref().is_ok_and(|(_, route)| route.is_of_any_account());
    let presented = || {
        let now = kernel.services.clock.now();
        credentials(&token, &parts.headers, now).map(|presented| match any_account {
            true => Credentials { account: None, ..presented },
            false => presented,
        })
    };
    let mut principal = throttle::authenticate(kernel, presented(), trace).await?;
    trace.principal = Some(Arc::clone(&principal));
    trace.end_step("authenticate");
    let permit = throttle::enter(kernel, &principal, trace)?;
    simulate::meet(kernel, &principal, parts, trace).await?;
    let (method, Route { handler, number, open }) = routed?;
    trace.route = Some(number);
    let named = if any_account { headers::account_of(&parts.headers)? } else { None };
    check_access(&principal, handler.definition().access, named)?;
    let named_account = match named {
        Some(named) => named_account(&principal, named)?,
        None => None,
    };
    let version = ApiVersion::parse(headers::text(&parts.headers, &headers::STRIPE_VERSION)?)?;
    trace.version = Some(version.clone());
    let idempotency_key = headers::idempotency_key(method, &parts.headers)?;
    let conditions = headers::conditions(&parts.headers, handler.definition())?;
    body::check_announced(&parts.headers, body)?;
    trace.body_read = true;
    let document = handler.definition().document;
    let body = receive(connection, &parts.headers, body, document).await?;
    let params = params(parts, &body, document)?;
    trace.end_step("receive");
    if !body.is_empty() && !handler.definition().writes() {
        // A write asks again inside its transaction; a read does here, for whatever became of the
        // key while the body was on its way.
        principal = throttle::authenticate(kernel, presented(), trace).await?;
    }
    if principal.use_limit().is_some() {
        kernel.services.authenticate.count_use(&principal).await?;
    }
    let request_id = Arc::clone(&trace.request_id);
    let peer = trace.peer;
    let call = Call {
        request_id,
        principal,
        named_account,
        peer,
        version,
        params,
        path: open,
        idempotency_key,
        conditions,
    };
    let writes = handler.definition().writes();
    trace.reached = if writes { Reached::Change } else { Reached::Read };
    let Handled { result, audited } = run(kernel, handler, call, permit).await;
    trace.audited = audited;
    trace.end_step("carry out");
    result
}

/// The key of a request.
fn token(headers: &HeaderMap) -> Result<Redacted<String>, ApiError> {
    authorization::token(headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes))
}

/// What the headers say of who is calling, as of now: the body may be long in coming.
fn credentials<'a>(
    token: &'a Result<Redacted<String>, ApiError>,
    headers: &'a HeaderMap,
    now: Timestamp,
) -> Result<Credentials<'a>, ApiError> {
    Ok(Credentials {
        token: token.as_ref().map_err(Clone::clone)?,
        account: headers::account_of(headers)?,
        now,
    })
}

/// The account that the request names, unless it is the caller's own.
///
/// # Errors
/// A 403 if no account can have that id.
fn named_account(principal: &Principal, named: &str) -> Result<Option<AccountId>, ApiError> {
    match AccountId::parse(named) {
        Ok(account) if account.as_str() == principal.tenant.account.name() => Ok(None),
        Ok(account) => Ok(Some(account)),
        Err(_) => Err(ApiError::account_invalid(&principal.redacted_key, named)),
    }
}

/// Where the request comes from: the other end of the connection, or what a proxy says that is
/// believed.
fn client(kernel: &Kernel, connection: &Connection, headers: &HeaderMap) -> Peer {
    let peer = connection.peer();
    let proxies = kernel.traffic.proxies_of(peer);
    proxies.map_or(peer, |proxies| forwarded::client(peer, headers, &proxies))
}

/// The parameters of a request. A body that is a document is the parameter that it stands for.
fn params(parts: &Parts, body: &[u8], document: Option<JsonBody>) -> Result<Params, ApiError> {
    let query = parts.uri.query();
    match document {
        Some(document) if !body.is_empty() && form::is_document(&parts.headers, body) => {
            Params::decode(query, b"")?.with_text(document.name, body)
        }
        _ => Params::decode(query, body).map_err(|error| form::explain(body, error)),
    }
}

/// Reads the body. Until it is there, nothing has been carried out, and the connection may be
/// closed when others need its place.
async fn receive<B: RequestBody>(
    connection: &Connection,
    headers: &HeaderMap,
    body: &mut B,
    document: Option<JsonBody>,
) -> Result<Bytes, ApiError> {
    if body.is_end_stream() {
        return body::read(headers, body, document).await;
    }
    connection.enter(Phase::Pending);
    let read = body::read(headers, body, document).await;
    connection.enter(Phase::Serving);
    read
}

/// Runs the operation: a write in a task of its own, so that a caller who hangs up does not cut it.
async fn run(
    kernel: &Arc<Kernel>,
    handler: Arc<dyn Handler>,
    call: Call,
    permit: Permit,
) -> Handled {
    if !handler.definition().writes() {
        return pipeline::handle(&kernel.services, &*handler, call).await;
    }
    let kernel = Arc::clone(kernel);
    let task = tokio::spawn(async move {
        let handled = pipeline::handle(&kernel.services, &*handler, call).await;
        drop(permit);
        handled
    });
    task.await.unwrap_or_else(|_| Handled {
        result: Err(ApiError::unknown_outcome(
            "the request's handler panicked, or the server stops",
        )),
        audited: Audited::default(),
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

/// The verb of the request, and the operation that it is for.
fn routed(kernel: &Kernel, role: ListenerRole, parts: &Parts) -> Result<(Method, Route), ApiError> {
    let method = method_of(parts)?;
    Ok((method, route(kernel, role, method, parts)?))
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
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    if unserved::is_of_stripe(&single_slashes(path)) {
        return ApiError::not_served(method, path, unserved::SERVED);
    }
    ApiError::unrecognized_url(method, path)
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
