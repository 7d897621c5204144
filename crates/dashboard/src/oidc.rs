//! Signing in at an identity provider: a browser is sent there, and comes back with a code.
//!
//! The session is as any other. Its key is an admin key that is made for the person and ends with
//! the longest session, and that nobody ever sees.

mod pending;
mod roles;

pub use roles::Roles;

use crate::request::{self, Fields};
use crate::respond::{self, Answer};
use crate::sign_in::{self, Began};
use crate::{Dashboard, limits, links};
use coffer_base::Redacted;
use coffer_base::id::random_base62;
use coffer_kernel::{ApiClient, Person, SignInRefusal, SiteRequest};
use coffer_oidc::{Provider, limits as bounds};
use http::HeaderMap;
use pending::{Pending, Sought};

/// Where people come back to, below the dashboard's address.
pub const RETURN_PATH: &str = "/dashboard/oidc/return";

/// The cookie that binds a sign-in to its browser, where it may cross a network. Unlike the
/// session's it comes along when the provider sends the browser back.
const COOKIE: &str = "__Host-coffer_sign_in";

/// The same where nothing crosses a network.
const LOCAL_COOKIE: &str = "coffer_sign_in";

/// An identity provider, and the sign-ins that are under way.
pub(crate) struct Oidc {
    provider: Provider,
    roles: Roles,
    pending: Pending,
}

impl Oidc {
    pub(crate) fn new(provider: Provider, roles: Roles) -> Self {
        Self { provider, roles, pending: Pending::default() }
    }

    /// The provider as a button names it: its host.
    pub(crate) fn name(&self) -> &str {
        let issuer = self.provider.issuer();
        let host = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
        host.split('/').next().unwrap_or(host)
    }
}

fn cookie_name(dashboard: &Dashboard, headers: &HeaderMap) -> &'static str {
    if sign_in::is_local(dashboard, headers) { LOCAL_COOKIE } else { COOKIE }
}

fn cookie(name: &str, value: &str, seconds: u64) -> String {
    let attributes = match name {
        COOKIE => "Path=/; Secure",
        _ => "Path=/dashboard",
    };
    format!("{name}={value}; {attributes}; HttpOnly; SameSite=Lax; Max-Age={seconds}")
}

/// Sends the browser to the provider.
pub(crate) async fn begin(
    dashboard: &Dashboard,
    request: &SiteRequest,
    client: &dyn ApiClient,
) -> Answer {
    let Some(oidc) = dashboard.oidc.get() else {
        return respond::page(sign_in::form(dashboard, request, links::HOME, None));
    };
    // Another site's page begins nobody's sign-in.
    if request::is_from_elsewhere(&request.headers) {
        return respond::page(sign_in::form(dashboard, request, links::HOME, None));
    }
    let query = Fields::parse(request.query.as_deref().unwrap_or_default().as_bytes());
    let next = links::inside(query.get("next")).to_owned();
    let refuse = |why: &str| sign_in::form(dashboard, request, &next, Some(why));
    if client.is_refused_too_often() {
        return respond::too_many(refuse(TOO_OFTEN));
    }
    let begun = match oidc.provider.begin().await {
        Ok(begun) => begun,
        Err(error) => {
            tracing::warn!(%error, "nobody can sign in at the identity provider");
            return respond::unavailable(refuse(AWAY));
        }
    };
    let browser = random_base62(&*dashboard.random, limits::SESSION_CHARACTERS);
    let sought = Sought {
        browser: browser.clone(),
        attempt: begun.attempt,
        next: next.clone(),
        peer: request.peer,
        since: dashboard.clock.monotonic(),
    };
    oidc.pending.add(begun.state, sought);
    let name = cookie_name(dashboard, &request.headers);
    let kept = cookie(name, &browser, limits::SIGN_IN_SECONDS);
    respond::with_cookie(respond::redirect(&begun.to), &kept)
}

const TOO_OFTEN: &str = "Too many keys or sign-ins from your address were refused. Wait a minute.";
const AWAY: &str = "The identity provider cannot be asked now; the server's log says why. Try \
                    again, or sign in with an admin key.";
const UNKNOWN: &str = "This sign-in was not begun in this browser, took longer than ten minutes, \
                       was ended before, or many were begun since. Begin it again, under the same \
                       address to which you come back.";
const NOT_BELIEVED: &str = "The identity provider did not vouch for you, or its answer was not \
                            accepted; the server's log says why.";
const NOT_KEPT: &str = "You are who you say you are, but no key could be made for you: the store \
                        cannot be written. The server's log says why.";

/// Takes the browser back from the provider.
pub(crate) async fn finish(
    dashboard: &Dashboard,
    request: &SiteRequest,
    client: &dyn ApiClient,
) -> Answer {
    let Some(oidc) = dashboard.oidc.get() else {
        return respond::page(sign_in::form(dashboard, request, links::HOME, None));
    };
    let form = |why: &str| sign_in::form(dashboard, request, links::HOME, Some(why));
    if client.is_refused_too_often() {
        return respond::too_many(form(TOO_OFTEN));
    }
    let fields = Fields::parse(request.query.as_deref().unwrap_or_default().as_bytes());
    let name = cookie_name(dashboard, &request.headers);
    let browser = request::cookie(&request.headers, name);
    let now = dashboard.clock.monotonic();
    let sought = oidc.pending.take(fields.get("state"), browser.unwrap_or_default(), now);
    let Some(sought) = sought else {
        // Any page can have browsers ask for this address, without their cookie: that refuses
        // nobody, and ends no sign-in that was begun.
        if browser.is_some() {
            client.refuse_sign_in(SignInRefusal::Unknown, None).await;
        }
        return respond::forbidden(form(UNKNOWN));
    };
    let answered = end(dashboard, (oidc, sought), request, client).await;
    // Whatever came of it, it is over.
    respond::with_cookie(answered, &cookie(name, "", 0))
}

async fn end(
    dashboard: &Dashboard,
    (oidc, sought): (&Oidc, Sought),
    request: &SiteRequest,
    client: &dyn ApiClient,
) -> Answer {
    let form = |why: &str| sign_in::form(dashboard, request, links::HOME, Some(why));
    let fields = Fields::parse(request.query.as_deref().unwrap_or_default().as_bytes());
    let Sought { attempt, next, .. } = sought;
    let code = fields.get("code");
    let is_refused = code.is_empty() || code.len() > bounds::PARAMETER_CHARACTERS;
    if is_refused || !fields.get("error").is_empty() {
        tracing::warn!("the identity provider sent somebody back without a code");
        client.refuse_sign_in(SignInRefusal::Answer, None).await;
        return respond::forbidden(form(NOT_BELIEVED));
    }
    let code = Redacted::new(code.to_owned());
    let issuer = Some(fields.get("iss")).filter(|issuer| !issuer.is_empty());
    let claims = match oidc.provider.finish(attempt, &code, issuer).await {
        Ok(claims) => claims,
        Err(error) => {
            tracing::warn!(%error, "a sign-in at the identity provider came to nothing");
            client.refuse_sign_in(SignInRefusal::Answer, None).await;
            return respond::forbidden(form(NOT_BELIEVED));
        }
    };
    let id = Person::id_of(oidc.provider.issuer(), claims.subject());
    let Some(role) = oidc.roles.of(&claims) else {
        client.refuse_sign_in(SignInRefusal::NoRole, Some(&id)).await;
        let why = format!(
            "You are signed in at {} as {}, who has no role here. Ask an operator for one.",
            oidc.name(),
            claims.name()
        );
        return respond::forbidden(form(&why));
    };
    let issuer = oidc.provider.issuer().to_owned();
    let person = Person { id, name: claims.name(), issuer, role };
    let seconds = i64::try_from(limits::SESSION_SECONDS).unwrap_or(i64::MAX);
    let token = match dashboard.sign_ins.begin(&person, seconds, request.peer).await {
        Ok(token) => token,
        Err(error) => {
            tracing::error!(error = error.message(), "a key of somebody who signs in is not kept");
            return respond::unavailable(form(NOT_KEPT));
        }
    };
    let began = Began { token, person: Some(person), next: &next };
    sign_in::begin(dashboard, request, client, began).await
}
