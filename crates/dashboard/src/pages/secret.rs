//! One secret: its value on demand, and who changed and read it.

use super::places;
use super::secrets::{Scope, covered, delete_form, opened, value_fields};
use super::unused::{entries, further};
use crate::api::{Field, Refusal};
use crate::open::{self};
use crate::outcome::Result;
use crate::session::Purpose;
use crate::visit::Visit;
use crate::{frame, limits, links, respond, view};
use maud::{Markup, html};
use serde_json::Value;

const FIND: &str = "/v1/apps/secrets/find";

/// The page of a secret.
pub(crate) async fn page(visit: &Visit<'_>) -> Result {
    let scope = Scope::of(visit);
    let name = visit.fields.get("name");
    let story = story(visit, &scope, name).await;
    let found = match open::key(visit, &scope.place, Purpose::Secrets).await? {
        None => None,
        Some(key) => Some(match known(&scope, &story) {
            Some(secret) => Ok(secret.clone()),
            None => {
                let api = visit.with_key(&key.token).for_account(&scope.place.account);
                api.get(FIND, &scope.named(name)).await
            }
        }),
    };
    let inside = html! {
        (frame::heading(name, "", html! {
            a.button href=(scope.page()) { "The scope" }
        }))
        (places::line(&scope.place, &scope.user))
        @match found {
            None => { (open::closed(visit, &scope.place, Purpose::Secrets)) }
            Some(Err(refusal)) => { (view::refusal(&refusal)) }
            Some(Ok(secret)) => { (facts(visit, &scope, name, &secret)) }
        }
        @match &story {
            Ok(story) => { (history(visit, story)) }
            Err(refusal) => { (view::section("History", view::refusal(refusal))) }
        }
    };
    Ok(respond::page(frame::page(visit, "/secrets", name, inside)))
}

/// The secret as its history has it: looking at a page is no reading, which finding it would be.
fn known<'s>(scope: &Scope, story: &'s std::result::Result<Value, Refusal>) -> Option<&'s Value> {
    let exists = story.as_ref().ok()?.list("exists");
    let place = &scope.place;
    exists.iter().find(|each| each.text("app") == place.app && each.text("mode") == place.mode)
}

fn facts(visit: &Visit<'_>, scope: &Scope, name: &str, secret: &Value) -> Markup {
    let ends = secret.int("expires_at");
    html! {
        (view::facts(vec![
            ("Value", covered(visit, scope, name)),
            ("Ends", view::expiry(ends, visit.now)),
            ("Created", view::time(secret.int("created"), visit.now)),
            ("Secret", view::copied(secret.text("id"))),
        ]))
        div.actions {
            details.guarded {
                summary.button { "Replace…" }
                div.pop.wide {
                    (view::form(visit, "/secrets/set", "stack", html! {
                        (view::hidden(&scope.fields()))
                        (view::hidden(&[("name", name)]))
                        (value_fields(ends))
                        button.primary type="submit" { "Replace" }
                    }))
                }
            }
            (delete_form(visit, scope, name))
        }
    }
}

/// Who changed it and who read it, as far as the audit knows.
async fn story(
    visit: &Visit<'_>,
    scope: &Scope,
    name: &str,
) -> std::result::Result<Value, Refusal> {
    let (account, entries) = (scope.place.account.as_str(), entries(visit));
    let params =
        [("name", name), ("account", account), ("user", &scope.user), ("entries", &entries)];
    visit.admin().get("/v1/admin/secrets/history", &params).await
}

fn history(visit: &Visit<'_>, story: &Value) -> Markup {
    let readers = story.list("readers").iter().map(|reader| {
        vec![
            view::id(reader.text("actor")),
            view::id(reader.text("app")),
            html! { (reader.text("mode")) },
            html! { span.amount { (view::number(reader.int("reads").unwrap_or_default())) } },
            view::time(reader.int("last_read"), visit.now),
        ]
    });
    let changes = story.list("changes").iter().map(|change| {
        vec![
            view::time(change.int("at"), visit.now),
            html! { code { (change.text("operation")) } },
            view::outcome(change.text("outcome")),
            view::id(change.text("actor")),
            view::id(change.text("request")),
        ]
    });
    let readers: Vec<_> = readers.collect();
    let changes: Vec<_> = changes.collect();
    let last = view::time(story.int("last_read"), visit.now);
    html! {
        (view::section("Readers", html! {
            p.quiet { "Last read: " (last) }
            @if readers.is_empty() {
                p.quiet { "Nobody has read it, as far as the audit goes back." }
            } @else {
                (view::table("Readers", &["Key", "App", "Mode", "Reads", "Last"], readers))
            }
        }))
        (view::section("Changes", html! {
            @if changes.is_empty() {
                p.quiet { "None, as far as the audit goes back." }
            } @else {
                (view::table("Changes", &["When", "What", "Outcome", "By", "Request"], changes))
            }
        }))
        @if let Some(at) = story.int("looked_back_to") {
            p.quiet {
                "The audit was looked through back to " (view::time(Some(at), visit.now)) "."
            }
            (further(visit))
        }
    }
}

/// The value, which the audit has as read.
async fn read(visit: &Visit<'_>, scope: &Scope) -> std::result::Result<String, Refusal> {
    let key = opened(visit, scope).await?;
    let api = visit.with_key(&key.token).for_account(&scope.place.account);
    let mut params = scope.named(visit.fields.get("name"));
    params.push(("expand[]", "payload"));
    let secret = api.get(FIND, &params).await.map_err(Refusal::of_app)?;
    Ok(secret.text("payload").to_owned())
}

/// The value as text, for the script.
pub(crate) async fn value(visit: &Visit<'_>) -> Result {
    Ok(match read(visit, &Scope::of(visit)).await {
        Ok(value) => respond::text(value),
        Err(refusal) => respond::failed_text(refusal.status, refusal.message),
    })
}

/// The value on a page of its own, which leaves it again: for browsers without the script.
pub(crate) async fn reveal(visit: &Visit<'_>) -> Result {
    let scope = Scope::of(visit);
    let name = visit.fields.get("name");
    let value = read(visit, &scope).await?;
    let back = links::inside(visit.field("back"));
    let inside = html! {
        (frame::heading(name, "", html! { a.button href=(back) { "Hide" } }))
        (places::line(&scope.place, &scope.user))
        pre.revealed { (value) }
        p.quiet { "It is hidden again in " (limits::REVEALED_SECONDS) " seconds." }
    };
    let mut response = respond::page(frame::page(visit, "/secrets", name, inside));
    let refresh = format!("{}; url={back}", limits::REVEALED_SECONDS);
    if let Ok(refresh) = http::HeaderValue::from_str(&refresh) {
        response.headers_mut().insert("refresh", refresh);
    }
    Ok(response)
}
