//! Pages for people beside the API: what serves them, and how they reach the API.

use crate::definition::Method;
use crate::peer::Peer;
use crate::principal::{BoxFuture, Principal};
use crate::sign_in::SignInRefusal;
use bytes::Bytes;
use coffer_base::Redacted;
use http::{HeaderMap, Response};
use std::sync::Arc;

/// Below which path a [`Site`] is served.
pub const SITE_PATH: &str = "/dashboard";

/// Pages that are served where the admin API is. They have no way to the stores: what they show and
/// do is the API's, which they call with a key as any client does.
pub trait Site: Send + Sync + 'static {
    /// Answers one request.
    fn respond<'a>(
        &'a self,
        request: SiteRequest,
        api: &'a dyn ApiClient,
    ) -> BoxFuture<'a, Response<Bytes>>;
}

/// A request for a page. What another site's page sent that would change something never gets here.
pub struct SiteRequest {
    /// The verb.
    pub method: http::Method,
    /// The path, which has one form only: without trailing slashes or percent signs.
    pub path: String,
    /// What stands behind the question mark.
    pub query: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body of a POST: a form.
    pub body: Bytes,
    /// Who asks.
    pub peer: Peer,
}

/// The API as pages call it: in this process, and as if the person had sent the request, with all
/// that this means for keys, limits, the audit and the log.
pub trait ApiClient: Send + Sync {
    /// Carries out one request.
    fn call<'a>(&'a self, call: ApiCall<'a>) -> BoxFuture<'a, ApiAnswer>;

    /// Whether whoever asks has been refused so often, with keys or with sign-ins, that nothing
    /// more is tried for them now.
    fn is_refused_too_often(&self) -> bool;

    /// Records that somebody was not let in who came back from an identity provider, and holds back
    /// whoever is refused too often. `person` is whom the provider has vouched for, if it has:
    /// [`Person::id_of`](crate::Person::id_of). The answer is the id by which the audit has it.
    fn refuse_sign_in<'a>(
        &'a self,
        why: SignInRefusal,
        person: Option<&'a str>,
    ) -> BoxFuture<'a, String>;
}

/// One request to the API.
pub struct ApiCall<'a> {
    /// The verb.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// The form of a POST; empty if there is none.
    pub form: String,
    /// The key that it presents.
    pub token: &'a Redacted<String>,
    /// `Stripe-Account`.
    pub account: Option<&'a str>,
    /// `Stripe-Version`; the newest if it is left out.
    pub version: Option<&'static str>,
    /// `Idempotency-Key`: what keeps a form that is sent twice from being carried out twice.
    pub idempotency_key: Option<&'a str>,
}

/// What the API answered.
pub struct ApiAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body, which is JSON.
    pub body: Bytes,
    /// The request's id, by which the audit has it.
    pub request_id: String,
    /// Whose key it was, if it was good.
    pub principal: Option<Arc<Principal>>,
}
