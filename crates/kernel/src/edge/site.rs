//! Pages for people: handing a request to the site, and the site's own requests to the API.

use super::trace::RequestTrace;
use super::{Outcome, answer_api, audit, body, check_head, client, headers, response, throttle};
use crate::connections::Connection;
use crate::definition::Method;
use crate::kernel::Kernel;
use crate::listener::ListenerRole;
use crate::peer::Peer;
use crate::principal::BoxFuture;
use crate::request_id;
use crate::sign_in::SignInRefusal;
use crate::site::{ApiAnswer, ApiCall, ApiClient, SITE_PATH, Site, SiteRequest};
use bytes::Bytes;
use coffer_dialect::ApiError;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use std::sync::Arc;
use std::time::Instant;

/// The site, if the request is for it and the listener serves the admin API.
pub(super) fn of<'k>(
    kernel: &'k Kernel,
    role: ListenerRole,
    parts: &Parts,
) -> Option<&'k Arc<dyn Site>> {
    let rest = parts.uri.path().strip_prefix(SITE_PATH)?;
    let is_below = rest.is_empty() || rest.starts_with('/');
    kernel.site.get().filter(|_| is_below && role != ListenerRole::Api)
}

/// Answers a request for a page. Following a link from elsewhere is let in, since it changes
/// nothing, and the browser sends no session with it.
pub(super) async fn respond<B: super::RequestBody>(
    site: &Arc<dyn Site>,
    kernel: &Arc<Kernel>,
    connection: &Connection,
    parts: &Parts,
    body: &mut B,
) -> Response<Full<Bytes>> {
    let peer = client(kernel, connection, &parts.headers);
    let reads = matches!(parts.method, http::Method::GET | http::Method::HEAD);
    let received = async {
        if reads {
            kernel.web.check_host(&parts.headers)?;
            return Ok(Bytes::new());
        }
        kernel.web.check(&parts.headers)?;
        body::check_announced(&parts.headers, body)?;
        super::receive(connection, &parts.headers, body, None).await
    };
    let form = match received.await {
        Ok(form) => form,
        Err(error) => return refuse(kernel, parts, peer, error),
    };
    let request = SiteRequest {
        method: parts.method.clone(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        headers: parts.headers.clone(),
        body: form,
        peer,
    };
    let api = InProcess { kernel, connection, headers: &parts.headers, peer };
    let answered = super::caught(async { Ok(site.respond(request, &api).await) });
    match super::in_time(answered).await {
        Ok(response) => response.map(Full::new),
        Err(error) => refuse(kernel, parts, peer, error),
    }
}

fn refuse(kernel: &Kernel, parts: &Parts, peer: Peer, error: ApiError) -> Response<Full<Bytes>> {
    let request_id = request_id::new(&*kernel.services.random).into();
    let trace = RequestTrace::new(request_id, peer, Instant::now());
    response::respond(kernel, &trace, parts, Err(error))
}

/// The API for the pages that one request asks for.
struct InProcess<'a> {
    kernel: &'a Arc<Kernel>,
    connection: &'a Connection,
    /// Those of the request for the page, of which a proxy's word on who asks is handed on.
    headers: &'a HeaderMap,
    peer: Peer,
}

impl ApiClient for InProcess<'_> {
    fn call<'a>(&'a self, call: ApiCall<'a>) -> BoxFuture<'a, ApiAnswer> {
        Box::pin(async move {
            let Some((parts, mut body)) = request(&call, self.headers) else {
                let why = "The key has characters that no key has. Copy it again.";
                return refusal(&ApiError::unauthenticated(why));
            };
            let head = check_head(&parts);
            // An admin listener serves no app's data by itself. Whoever has an admin key can make
            // the key that this takes, and the audit has both.
            let (kernel, role) = (self.kernel, ListenerRole::All);
            let (connection, started) = (self.connection, Instant::now());
            let answered =
                answer_api(kernel, role, connection, &parts, head, &mut body, started).await;
            let Ok(Outcome { response, principal, .. }) = answered else {
                return refusal(&ApiError::internal("a page asked for its answer to be dropped"));
            };
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map(http_body_util::Collected::to_bytes);
            let request_id = parts.headers.get(headers::REQUEST_ID);
            let request_id = request_id.and_then(|id| id.to_str().ok()).unwrap_or_default();
            ApiAnswer {
                status: parts.status.as_u16(),
                body: body.unwrap_or_default(),
                request_id: request_id.to_owned(),
                principal,
            }
        })
    }

    fn is_refused_too_often(&self) -> bool {
        throttle::is_refused_too_often(self.kernel, self.peer)
    }

    fn refuse_sign_in<'a>(
        &'a self,
        why: SignInRefusal,
        person: Option<&'a str>,
    ) -> BoxFuture<'a, String> {
        Box::pin(async move {
            let request_id = request_id::new(&*self.kernel.services.random);
            audit::record_sign_in(self.kernel, self.peer, &request_id, why, person);
            throttle::refuse_sign_in(self.kernel, self.connection, self.peer).await;
            request_id
        })
    }
}

/// The answer to what cannot be sent at all.
fn refusal(error: &ApiError) -> ApiAnswer {
    let (status, body) = (error.status(), Bytes::from(error.body()));
    ApiAnswer { status, body, request_id: String::new(), principal: None }
}

/// The request; `None` if something in it can stand in no header.
fn request(call: &ApiCall<'_>, page: &HeaderMap) -> Option<(Parts, Full<Bytes>)> {
    let method = match call.method {
        Method::Get => http::Method::GET,
        Method::Post => http::Method::POST,
        Method::Delete => http::Method::DELETE,
    };
    let mut sent = HeaderMap::new();
    sent.insert(header::HOST, HeaderValue::from_static("localhost"));
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", call.token.expose())).ok()?;
    bearer.set_sensitive(true);
    sent.insert(header::AUTHORIZATION, bearer);
    let given = [
        (headers::STRIPE_ACCOUNT, call.account),
        (headers::STRIPE_VERSION, call.version),
        (headers::IDEMPOTENCY_KEY, call.idempotency_key),
    ];
    for (name, value) in given {
        if let Some(value) = value {
            sent.insert(name, HeaderValue::from_str(value).ok()?);
        }
    }
    for name in [header::FORWARDED, HeaderName::from_static("x-forwarded-for")] {
        for value in page.get_all(&name) {
            sent.append(name.clone(), value.clone());
        }
    }
    if !call.form.is_empty() {
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        sent.insert(header::CONTENT_TYPE, form);
    }
    let request = Request::builder().method(method).uri(&call.target);
    let request = request.body(Full::new(Bytes::from(call.form.clone()))).ok()?;
    let (mut parts, body) = request.into_parts();
    parts.headers = sent;
    Some((parts, body))
}
