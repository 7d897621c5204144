//! Webhook endpoints: whom events are sent to.

use super::{forms, lists, places};
use crate::api::{Api, Field, Refusal};
use crate::open::{self, Place};
use crate::outcome::Result;
use crate::session::{OpenedKey, Purpose};
use crate::view::Tone;
use crate::visit::Visit;
use crate::{frame, links, respond, view};
use maud::{Markup, html};
use serde_json::Value;

pub(super) const PATH: &str = "/v1/webhook_endpoints";

const TITLE: &str = "Webhooks";

/// The API with the key that opens a place: for its account, or for the app's own developer where
/// none is named.
pub(super) fn api<'v>(visit: &'v Visit<'_>, place: &'v Place, key: &'v OpenedKey) -> Api<'v> {
    let api = visit.with_key(&key.token);
    if place.account.is_empty() { api } else { api.for_account(&place.account) }
}

/// The key of a place that a form is about.
///
/// # Errors
/// A refusal that says that it is not open any more.
pub(super) async fn opened(
    visit: &Visit<'_>,
    place: &Place,
) -> std::result::Result<OpenedKey, Refusal> {
    let key = open::key(visit, place, Purpose::Webhooks).await?;
    key.ok_or_else(Refusal::not_open)
}

/// The page of one endpoint.
pub(super) fn link(place: &Place, id: &str) -> String {
    links::to("/webhook", &[&place.fields()[..], &[("id", id)]].concat())
}

/// Where the endpoints are of the app's developer, or of one account.
pub(crate) async fn page(visit: &Visit<'_>) -> Result {
    let place = Place::of(visit);
    let form = places::form(visit, "/webhooks", &place, html! {});
    let about = "Whom events are sent to, and what became of each attempt.";
    let closed = |body: Markup| {
        let inside = html! { (frame::heading(TITLE, about, html! {})) (form) (body) };
        Ok(respond::page(frame::page(visit, "/webhooks", TITLE, inside)))
    };
    if place.app.is_empty() {
        return closed(choice(visit).await?);
    }
    let Some(key) = open::key(visit, &place, Purpose::Webhooks).await? else {
        return closed(open::closed(visit, &place, Purpose::Webhooks));
    };
    let list = lists::page(visit, api(visit, &place, &key), PATH, &[]).await;
    let inside = html! {
        (frame::heading(TITLE, "", html! { (create_form(visit, &place)) }))
        (form)
        (line(&place))
        @match &list {
            Ok(list) => { (shown(visit, &place, list)) }
            Err(refusal) => { (view::refusal(refusal)) }
        }
        (open::until(visit, &key))
    };
    Ok(respond::page(frame::page(visit, "/webhooks", TITLE, inside)))
}

/// What there is to choose among: the newest apps.
async fn choice(visit: &Visit<'_>) -> std::result::Result<Markup, Refusal> {
    let list = lists::page(visit, visit.admin(), "/v1/admin/apps", &[]).await?;
    if list.list("data").is_empty() {
        return Ok(view::empty(
            "No apps yet",
            "Endpoints belong to the account that develops an app, or to one that has it \
             installed. In developer mode the first request with a key makes its app. In \
             production:",
            "coffer apps create --account acct_… --name 'My app'",
        ));
    }
    let rows = list.list("data").iter().map(|app| {
        vec![
            view::id(app.text("id")),
            view::or_none(app.text("name")),
            view::id(app.text("account")),
            html! {
                a.button href=(links::to("/webhooks", &[("app", app.text("id"))])) { "Show" }
            },
        ]
    });
    let columns = ["App", "Name", "Developed by", "Go to"];
    Ok(html! {
        (view::table("Apps", &columns, rows.collect()))
        (view::pager(visit, &list))
        p.quiet {
            "An app's developer has endpoints of its own, which may get the events of all accounts "
            "that have the app. For the endpoints of one such account, name it above."
        }
    })
}

/// Whose endpoints these are.
pub(super) fn line(place: &Place) -> Markup {
    if !place.account.is_empty() {
        return places::line(place, "");
    }
    html! { p.place { "The developer of " (view::id(&place.app)) ", " (place.mode) " mode" } }
}

/// Whether an endpoint gets anything.
pub(super) fn status(endpoint: &Value) -> Markup {
    match endpoint.text("status") {
        "enabled" => view::badge(Tone::Good, "enabled"),
        other => view::badge(Tone::Warn, other),
    }
}

/// The types of events that an endpoint gets, as few words.
pub(super) fn events(endpoint: &Value) -> Markup {
    let types: Vec<_> = endpoint.list("enabled_events").iter().filter_map(Value::as_str).collect();
    html! {
        @match types.as_slice() {
            ["*"] => { "all" }
            [one] => { code { (one) } }
            [first, rest @ ..] => { code { (first) } span.quiet { " and " (rest.len()) " more" } }
            [] => { (view::none()) }
        }
    }
}

fn shown(visit: &Visit<'_>, place: &Place, list: &Value) -> Markup {
    if list.list("data").is_empty() {
        return view::empty(
            "Nothing is sent anywhere",
            "Make an endpoint above, or have events sent to a program on your own machine, \
             without one:",
            "coffer listen --forward-to http://localhost:3000/hooks",
        );
    }
    let rows = list.list("data").iter().map(|endpoint| {
        let whose = if endpoint.text("application").is_empty() { "own" } else { "all accounts" };
        vec![
            html! {
                a.name href=(link(place, endpoint.text("id"))) { (endpoint.text("url")) }
                @if !endpoint.text("description").is_empty() {
                    br; span.quiet { (endpoint.text("description")) }
                }
            },
            status(endpoint),
            events(endpoint),
            html! { (whose) },
            view::time(endpoint.int("created"), visit.now),
        ]
    });
    let columns = ["URL", "Status", "Events", "Whose", "Created"];
    html! {
        (view::table("Webhook endpoints", &columns, rows.collect()))
        (view::pager(visit, list))
    }
}

fn create_form(visit: &Visit<'_>, place: &Place) -> Markup {
    html! {
        details.guarded {
            summary.button.primary { "New endpoint" }
            div.pop.wide {
                (view::form(visit, "/webhooks/create", "stack", html! {
                    (view::hidden(&place.fields()))
                    (view::input("URL", "url", "", "https://shop.example/hooks"))
                    (forms::event_types("*"))
                    (view::input("Description", "description", "", ""))
                    @if place.account.is_empty() {
                        (view::select("It gets the events of", "connect", "", &[
                            ("", "the developer itself"),
                            ("true", "all accounts that have the app"),
                        ]))
                    }
                    button.primary type="submit" { "Create" }
                }))
            }
        }
    }
}

/// Makes an endpoint and shows its secret, once.
pub(crate) async fn create(visit: &Visit<'_>) -> Result {
    let place = Place::of(visit);
    let key = opened(visit, &place).await?;
    let types = forms::typed_events(visit);
    let mut params = vec![("url", visit.field("url"))];
    params.extend(types.iter().map(|each| ("enabled_events[]", *each)));
    params
        .extend([("description", visit.field("description")), ("connect", visit.field("connect"))]);
    params.retain(|(_, value)| !value.is_empty());
    let api = api(visit, &place, &key);
    let made = api.post(PATH, &params, visit.field("once")).await.map_err(Refusal::of_app)?;
    Ok(respond::page(secret_page(visit, &place, "The endpoint was made", &made)))
}

/// An endpoint's new secret, the only time that it is shown.
pub(super) fn secret_page(visit: &Visit<'_>, place: &Place, title: &str, made: &Value) -> Markup {
    let inside = html! {
        (frame::heading(title, "", html! {}))
        div.notice.good {
            p {
                strong { "Copy the secret now. " }
                "Your receiver verifies signatures with it. It is shown this once."
            }
            div.once { (view::copied(made.text("secret"))) }
        }
        (view::facts(vec![
            ("Endpoint", html! { code { (made.text("id")) } }),
            ("URL", html! { (made.text("url")) }),
            ("Events", events(made)),
        ]))
        p { a.button href=(link(place, made.text("id"))) { "To the endpoint" } }
    };
    frame::page(visit, "/webhooks", title, inside)
}
