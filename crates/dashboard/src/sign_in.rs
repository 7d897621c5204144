//! Signing in and out.

use crate::api::Api;
use crate::frame;
use crate::outcome::back;
use crate::request::{self, Fields};
use crate::respond::{self, Answer};
use crate::theme::{THEME_COOKIE, Theme};
use crate::visit::Visit;
use crate::{Dashboard, links, view};
use coffer_base::Redacted;
use coffer_kernel::{ApiClient, Person, SignOut, SiteRequest};
use http::HeaderMap;
use maud::{Markup, html};
use std::sync::{Arc, PoisonError};

/// The session's cookie where it may cross a network: browsers take it over TLS only, from this
/// very host, and for all of its paths.
const COOKIE: &str = "__Host-coffer_dashboard";

/// The same where nothing crosses a network, and in developer mode.
const LOCAL_COOKIE: &str = "coffer_dashboard";

/// Whether nothing crosses a network, as far as whoever asks under this host can tell.
pub(crate) fn is_local(dashboard: &Dashboard, headers: &HeaderMap) -> bool {
    dashboard.is_developer() || request::is_loopback(headers)
}

/// The name of the session's cookie for whoever asks under this host.
pub(crate) fn cookie_name(dashboard: &Dashboard, headers: &HeaderMap) -> &'static str {
    if is_local(dashboard, headers) { LOCAL_COOKIE } else { COOKIE }
}

/// The cookie of a session; it lasts as long as the browser is open, and the session less.
fn cookie(name: &str, id: &str) -> String {
    match name {
        COOKIE => format!("{name}={id}; Path=/; Secure; HttpOnly; SameSite=Strict"),
        _ => format!("{name}={id}; Path=/dashboard; HttpOnly; SameSite=Strict"),
    }
}

/// The page that asks for a key.
pub(crate) fn page(dashboard: &Dashboard, request: &SiteRequest, why: Option<&str>) -> Answer {
    let query = request.query.as_deref().unwrap_or_default();
    let separator = if query.is_empty() { "" } else { "?" };
    let here = format!("{}{separator}{query}", request.path);
    let unmarked = links::unmarked(&here);
    let reads = request.method != http::Method::POST;
    let next = if reads { unmarked.unwrap_or(&here) } else { links::HOME };
    let lost = unmarked.is_some().then_some(
        "Your browser did not keep the session. Beyond this machine it keeps one over HTTPS only: \
         serve the dashboard with TLS, or open it through a tunnel as localhost.",
    );
    let markup = form(dashboard, request, links::inside(next), why.or(lost));
    if why.is_some() { respond::forbidden(markup) } else { respond::page(markup) }
}

/// The same, as what stands in it.
pub(crate) fn form(
    dashboard: &Dashboard,
    request: &SiteRequest,
    next: &str,
    why: Option<&str>,
) -> Markup {
    form_in(dashboard, Theme::of(&request.headers), next, why)
}

/// The same, in the colours of `theme`.
fn form_in(dashboard: &Dashboard, theme: Theme, next: &str, why: Option<&str>) -> Markup {
    let oidc = dashboard.oidc.get();
    let body = html! {
        body.alone {
            main {
                h1 { "Coffer" }
                @if let Some(why) = why { div.notice.bad role="alert" { p { (why) } } }
                @if let Some(oidc) = oidc {
                    p { a.button.primary href=(links::to("/oidc/begin", &[("next", next)])) {
                        "Sign in at " (oidc.name())
                    } }
                }
                p.quiet {
                    @if oidc.is_some() { "Or sign in with an admin key." }
                    @else { "Sign in with an admin key." }
                }
                form method="post" action=(links::to("/sign_in", &[])) {
                    input type="hidden" name="next" value=(next);
                    label.field {
                        span { "Admin key" }
                        input type="password" name="key" required autofocus
                            autocomplete="current-password" placeholder="ak_coffer_…";
                    }
                    button.primary type="submit" { "Sign in" }
                }
                p.quiet {
                    @if dashboard.is_developer() {
                        "The banner of " code { "coffer dev" } " has a link that signs one browser "
                        "in. Once it is used, any key that begins with " code { "ak_coffer_" }
                        " and what the banner names does."
                    } @else {
                        "On the host, this makes one:"
                    }
                }
                @if !dashboard.is_developer() {
                    (view::command("coffer admin-key create"))
                }
            }
        }
    };
    frame::document(theme, "Sign in", body)
}

/// A page that asks for itself again. A browser that comes from another site sends no session, and
/// sends it then.
pub(crate) fn again() -> Answer {
    respond::page(html! {
        (maud::DOCTYPE)
        html lang="en" {
            head { meta http-equiv="refresh" content="0"; title { "Coffer" } }
            body { p { "One moment…" } }
        }
    })
}

/// Takes the form of [`page`].
pub(crate) async fn submit(
    dashboard: &Dashboard,
    request: &SiteRequest,
    client: &dyn ApiClient,
) -> Answer {
    let fields = Fields::parse(&request.body);
    let token = Redacted::new(fields.get("key").trim().to_owned());
    let next = links::inside(fields.get("next")).to_owned();
    begin(dashboard, request, client, Began { token, person: None, next: &next }).await
}

/// Takes the link of developer mode's banner: once.
pub(crate) async fn open(
    dashboard: &Dashboard,
    request: &SiteRequest,
    client: &dyn ApiClient,
) -> Answer {
    let fields = Fields::parse(request.query.as_deref().unwrap_or_default().as_bytes());
    let name = cookie_name(dashboard, &request.headers);
    let known = request::cookie(&request.headers, name);
    if known.is_some_and(|id| dashboard.sessions.find(id).is_some()) {
        return respond::redirect(links::HOME);
    }
    match (&dashboard.developer_key, take_link(dashboard, fields.get("code"))) {
        (Some(key), true) => {
            let began = Began { token: key.clone(), person: None, next: links::HOME };
            begin(dashboard, request, client, began).await
        }
        _ => {
            let why = "This link was used before, or is another start's. Sign in with a key.";
            let markup = form(dashboard, request, links::HOME, Some(why));
            respond::forbidden(markup)
        }
    }
}

/// Whether `code` is the link's, which nobody can use again then.
fn take_link(dashboard: &Dashboard, code: &str) -> bool {
    let mut link = dashboard.link.lock().unwrap_or_else(PoisonError::into_inner);
    let is_right = link.as_deref().is_some_and(|known| known == code);
    if is_right {
        *link = None;
    }
    is_right
}

/// A session that is to begin.
pub(crate) struct Began<'a> {
    pub(crate) token: Redacted<String>,
    /// For whom an identity provider vouches, if the key was made for that.
    pub(crate) person: Option<Person>,
    /// The page that was asked for.
    pub(crate) next: &'a str,
}

/// Begins a session if the API takes the key as an admin key.
pub(crate) async fn begin(
    dashboard: &Dashboard,
    request: &SiteRequest,
    client: &dyn ApiClient,
    Began { token, person, next }: Began<'_>,
) -> Answer {
    let api = Api { client, token: &token, account: None };
    let refuse = |why: &str| respond::forbidden(form(dashboard, request, next, Some(why)));
    // Every role may do this, and the audit says that it was done.
    let principal = match api.get_as("/v1/admin/api_keys", &[("limit", "1")]).await {
        Ok(principal) => principal,
        Err(refusal) => return refuse(&refusal.message),
    };
    let role = principal.as_ref().and_then(|principal| principal.admin_role());
    let (Some(principal), Some(role)) = (principal, role) else {
        return refuse("This is no admin key.");
    };
    let name = cookie_name(dashboard, &request.headers);
    let id = dashboard.sessions.begin(token.clone(), &principal, role, person);
    respond::with_cookie(respond::redirect(&links::marked(next)), &cookie(name, &id))
}

/// Ends this session, or all that were begun with its key on this server. The keys that it made to
/// open apps are revoked; so is its own, if it was made for somebody who signed in elsewhere, and
/// with "everywhere" all of theirs, on whichever server.
pub(crate) async fn sign_out(visit: &Visit<'_>, id: &str) -> Answer {
    let Visit { dashboard, session, .. } = visit;
    let mut ended = vec![Arc::clone(session)];
    dashboard.sessions.end(id);
    let everywhere = visit.field("everywhere") == "true";
    if everywhere {
        ended.extend(dashboard.sessions.end_all_of(session));
    }
    for key in ended.iter().flat_map(|session| session.close()) {
        let path = crate::api::path_of("/v1/admin/api_keys", &key, "/revoke");
        // It ends by itself in minutes, whatever the API says.
        let _ = visit.admin().post(&path, &[], "").await;
    }
    let mut response = respond::redirect(links::HOME);
    if let Some(person) = &session.person {
        let keys: Vec<_> = ended.iter().map(|session| Arc::clone(&session.key_id)).collect();
        let out = SignOut { person: &person.id, keys: &keys, everywhere, peer: visit.peer };
        // The sessions have ended on this server, whatever the store says.
        if let Err(error) = dashboard.sign_ins.end(out).await {
            tracing::error!(error = error.message(), "a sign-out is not stored");
            if everywhere {
                let theme = visit.theme;
                let page = form_in(dashboard, theme, links::HOME, Some(NOT_EVERYWHERE));
                response = respond::unavailable(page);
            }
        }
    }
    let gone = [(COOKIE, "Path=/; Secure"), (LOCAL_COOKIE, "Path=/dashboard")];
    gone.into_iter().fold(response, |response, (name, attributes)| {
        let cookie = format!("{name}=; {attributes}; HttpOnly; SameSite=Strict; Max-Age=0");
        respond::with_cookie(response, &cookie)
    })
}

const NOT_EVERYWHERE: &str = "You are signed out on this server. The store cannot be used now, so \
    what you have begun on other servers may go on, for twelve hours at most. Sign in and sign out \
    everywhere again once it can, or ask an operator to revoke your keys.";

/// Chooses colours, which the browser keeps for a year.
pub(crate) fn theme(visit: &Visit<'_>) -> Answer {
    let theme = Theme::parse(visit.field("theme")).as_str();
    let cookie = format!(
        "{THEME_COOKIE}={theme}; Path=/dashboard; HttpOnly; SameSite=Lax; Max-Age=31536000"
    );
    respond::with_cookie(back(visit), &cookie)
}
