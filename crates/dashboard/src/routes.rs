//! From a request to its page.

use crate::api::Refusal;
use crate::frame;
use crate::look::Look;
use crate::outcome::Result;
use crate::pages::{
    accounts, apps, audit, events, installs, keyring, keys, overview, reserves, risk, search,
    secret, secrets, settings, simulate, unused, webhook, webhooks,
};
use crate::request::{self, Fields};
use crate::respond::{self, Answer};
use crate::session::is_own_form;
use crate::theme::Theme;
use crate::visit::Visit;
use crate::{Dashboard, assets, links, oidc, sign_in, view};
use coffer_kernel::{ApiClient, SITE_PATH, SiteRequest};
use http::Method;
use maud::html;

/// Answers one request.
pub(crate) async fn respond(
    dashboard: &Dashboard,
    request: SiteRequest,
    client: &dyn ApiClient,
) -> Answer {
    if let Some(file) = assets::find(&request.path) {
        return file;
    }
    let path = request.path.strip_prefix(SITE_PATH).unwrap_or_default();
    let sends = request.method == Method::POST;
    match (sends, path) {
        (false, "/open") => return sign_in::open(dashboard, &request, client).await,
        (false, "/oidc/begin") => return oidc::begin(dashboard, &request, client).await,
        (false, "/oidc/return") => return oidc::finish(dashboard, &request, client).await,
        (true, "/sign_in") => return sign_in::submit(dashboard, &request, client).await,
        _ => {}
    }
    let name = sign_in::cookie_name(dashboard, &request.headers);
    let id = request::cookie(&request.headers, name).unwrap_or_default();
    let query = request.query.as_deref().unwrap_or_default();
    let look = if sends { Look::Once } else { Look::of(&request.headers, query) };
    let found = match look.is_use() {
        true => dashboard.sessions.find(id),
        false => dashboard.sessions.watch(id),
    };
    let Some(session) = found else {
        if request::is_from_elsewhere(&request.headers) {
            return sign_in::again();
        }
        return sign_in::page(dashboard, &request, None);
    };
    let separator = if query.is_empty() { "" } else { "?" };
    let target = format!("{}{separator}{query}", request.path);
    if let Some(to) = links::unmarked(&target).filter(|_| !sends) {
        return respond::redirect(to);
    }
    let fields = if sends { &request.body[..] } else { query.as_bytes() };
    let visit = Visit {
        dashboard,
        client,
        session,
        path: path.to_owned(),
        target,
        fields: Fields::parse(fields),
        theme: Theme::of(&request.headers),
        look,
        now: dashboard.now(),
        peer: request.peer,
    };
    if sends && !is_own_form(&visit.session, visit.field("form_token")) {
        return respond::forbidden(foreign(&visit));
    }
    let answered = if sends { post(&visit, path, id).await } else { get(&visit, path).await };
    match answered {
        Ok(answer) => answer,
        Err(refusal) if refusal.is_signed_out() => {
            dashboard.sessions.end(id);
            sign_in::page(dashboard, &request, Some(&refusal.message))
        }
        Err(refusal) => failed(&visit, &refusal),
    }
}

async fn get(visit: &Visit<'_>, path: &str) -> Result {
    match path {
        "" if visit.reads() => overview::page(visit).await,
        "" | "/keys" => keys::page(visit).await,
        "/key" => keys::one(visit).await,
        "/accounts" => accounts::page(visit).await,
        "/account" => accounts::one(visit).await,
        "/apps" => apps::page(visit).await,
        "/app" => apps::one(visit).await,
        "/installs" => installs::page(visit).await,
        "/secrets" => secrets::page(visit).await,
        "/secret" => secret::page(visit).await,
        "/unused" => unused::page(visit).await,
        "/audit" => audit::page(visit).await,
        "/request" => audit::request(visit).await,
        "/keyring" => keyring::page(visit).await,
        "/reserves" => reserves::page(visit).await,
        "/hold" => reserves::hold(visit).await,
        "/exposure" => risk::exposure(visit).await,
        "/story" => risk::story(visit).await,
        "/simulate" => simulate::page(visit).await,
        "/events" => events::page(visit).await,
        "/webhooks" => webhooks::page(visit).await,
        "/webhook" => webhook::page(visit).await,
        "/settings" => settings::page(visit).await,
        "/search" => search::page(visit).await,
        _ => Ok(missing(visit)),
    }
}

async fn post(visit: &Visit<'_>, path: &str, session_id: &str) -> Result {
    match path {
        "/theme" => Ok(sign_in::theme(visit)),
        "/sign_out" => Ok(sign_in::sign_out(visit, session_id).await),
        "/opening" => crate::open::submit(visit).await,
        "/accounts/create" => accounts::create(visit).await,
        "/apps/create" => apps::create(visit).await,
        "/installs/create" => installs::create(visit).await,
        "/installs/remove" => installs::remove(visit).await,
        "/keys/create" => keys::create(visit).await,
        "/keys/roll" => keys::roll(visit).await,
        "/keys/revoke" => keys::revoke(visit).await,
        "/secrets/set" => secrets::set(visit).await,
        "/secrets/delete" => secrets::delete(visit).await,
        "/secrets/reveal" => secret::reveal(visit).await,
        "/secrets/value" => secret::value(visit).await,
        "/keyring/rotate" => keyring::rotate(visit).await,
        "/webhooks/create" => webhooks::create(visit).await,
        "/webhooks/change" => webhook::change(visit).await,
        "/webhooks/delete" => webhook::delete(visit).await,
        "/webhooks/enable" => webhook::enable(visit).await,
        "/webhooks/resend" => webhook::resend(visit).await,
        "/webhooks/roll" => webhook::roll(visit).await,
        "/webhooks/test" => webhook::test(visit).await,
        _ => Ok(missing(visit)),
    }
}

fn missing(visit: &Visit<'_>) -> Answer {
    respond::missing(frame::page(
        visit,
        "none",
        "No such page",
        html! {
            (frame::heading("No such page", "", html! {}))
            p { "There is nothing here. " a href=(links::HOME) { "Go to the overview" } "." }
        },
    ))
}

fn foreign(visit: &Visit<'_>) -> maud::Markup {
    frame::page(
        visit,
        "none",
        "Form refused",
        html! {
            (frame::heading("This form was not sent from a page of your session", "", html! {}))
            p {
                "Nothing was changed. If you have signed in again meanwhile, open the page again "
                "and repeat what you did: " a href=(links::HOME) { "overview" } "."
            }
        },
    )
}

/// What the API refused, as a page.
fn failed(visit: &Visit<'_>, refusal: &Refusal) -> Answer {
    let back = links::inside(visit.field("back"));
    let page = frame::page(
        visit,
        "none",
        "That did not work",
        html! {
            (frame::heading("That did not work", "", html! {}))
            (view::refusal(refusal))
            p { a.button href=(back) { "Back" } }
        },
    );
    respond::failed(refusal.status, page)
}
