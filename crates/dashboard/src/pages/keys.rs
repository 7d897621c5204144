//! API keys.

use super::{forms, lists, tables};
use crate::api::{Field, path_of};
use crate::outcome::{Result, noticed};
use crate::view::Tone;
use crate::visit::Visit;
use crate::{frame, links, respond, view};
use maud::{Markup, html};
use serde_json::Value;

const PATH: &str = "/v1/admin/api_keys";

/// All keys, or those of one app.
pub(crate) async fn page(visit: &Visit<'_>) -> Result {
    let (part, app) = (visit.field("q"), visit.field("app"));
    let (list, is_whole) = match part.is_empty() {
        true => (lists::page(visit, visit.admin(), PATH, &[("app", app)]).await?, true),
        false => lists::search(visit.admin(), PATH, part).await?,
    };
    let inside = html! {
        (frame::heading(
            "API keys",
            "Shown once when they are made; revoked for good.",
            html! { @if visit.keeps_keys() { (forms::key(visit, app)) } },
        ))
        (forms::search(visit, "Find a key by id, name, app or its ends"))
        @if list.list("data").is_empty() {
            (view::empty(
                "No keys here",
                "A key belongs to one app, in test or in live mode:",
                "coffer keys create --app app_… --mode test",
            ))
        } @else {
            (tables::keys(visit, &list))
        }
        (forms::searched(is_whole))
        (view::pager(visit, &list))
    };
    Ok(respond::page(frame::page(visit, "/keys", "API keys", inside)))
}

/// Makes a key and shows it, once.
pub(crate) async fn create(visit: &Visit<'_>) -> Result {
    let kind = visit.field("type");
    let mut params = vec![("type", kind), ("name", visit.field("name"))];
    if kind == "admin" {
        params.push(("role", visit.field("role")));
    } else {
        params.extend([("app", visit.field("app")), ("mode", visit.field("mode"))]);
    }
    if kind == "restricted" {
        params.extend(visit.fields.all("permissions").map(|each| ("permissions[]", each)));
    }
    let expires_at = match visit.field("expires_in").parse::<i64>() {
        Ok(seconds) => visit.now.plus(seconds.clamp(1, 10 * 31_536_000)).to_string(),
        Err(_) => String::new(),
    };
    params.push(("expires_at", &expires_at));
    params.retain(|(_, value)| !value.is_empty());
    let made = visit.admin().post(PATH, &params, visit.field("once")).await?;
    Ok(respond::page(made_page(visit, "The key was made", &made)))
}

/// A key that was made, the only time that it is shown.
fn made_page(visit: &Visit<'_>, title: &str, made: &Value) -> Markup {
    let inside = html! {
        (frame::heading(title, "", html! {}))
        div.notice.good {
            p { strong { "Copy the key now. " } "It is shown this once; the server keeps a "
                "digest and cannot show it again." }
            div.once { (view::copied(made.text("key"))) }
        }
        (view::facts(vec![
            ("Key", view::id(made.text("id"))),
            ("Kind", html! { (made.text("type")) }),
            ("App", view::id(made.text("app"))),
            ("Ends", view::time(made.int("expires_at"), visit.now)),
        ]))
        @if !made.text("predecessor").is_empty() {
            p {
                "The key before it, " (view::id(made.text("predecessor"))) ", ends "
                (view::time(made.int("predecessor_expires_at"), visit.now)) "."
            }
        }
        p { a.button href=(links::to("/keys", &[("app", made.text("app"))])) { "To the keys" } }
    };
    frame::page(visit, "/keys", title, inside)
}

/// One key.
pub(crate) async fn one(visit: &Visit<'_>) -> Result {
    let id = visit.field("id");
    let key = visit.admin().get(&path_of(PATH, id, ""), &[]).await?;
    let (tone, word) = tables::status(&key, visit.now);
    let is_active = !matches!(tone, Tone::Bad);
    let words = |name: &str| {
        let words: Vec<_> = key.list(name).iter().filter_map(Value::as_str).collect();
        view::or_none(&words.join(", "))
    };
    let title = if key.text("name").is_empty() { id } else { key.text("name") };
    let inside = html! {
        (frame::heading(title, "", html! {
            a.button href=(links::to("/audit", &[("actor", id)])) { "What it did" }
            @if is_active && visit.keeps_keys() {
                (roll_form(visit, id))
                (revoke_form(visit, id))
            }
        }))
        (view::facts(vec![
            ("Status", view::badge(tone, word)),
            ("Key", view::copied(id)),
            ("Token", html! { code { (tables::ends(key.text("redacted_key"))) } }),
            ("Kind", html! { (key.text("type")) }),
            ("Role", view::or_none(key.text("role"))),
            ("App", view::id(key.text("app"))),
            ("Mode", view::or_none(key.text("mode"))),
            ("Permissions", words("permissions")),
            ("Networks", words("networks")),
            ("Account", view::id(key.text("account"))),
            ("User", view::or_none(key.text("user"))),
            ("Made by", view::id(key.text("parent"))),
            ("Successor", view::id(key.text("successor"))),
            ("Created", view::time(key.int("created"), visit.now)),
            ("Last used", view::time(key.int("last_used"), visit.now)),
            ("Ends", view::time(key.int("expires_at"), visit.now)),
            ("Revoked", view::time(key.int("revoked_at"), visit.now)),
        ]))
    };
    Ok(respond::page(frame::page(visit, "/keys", title, inside)))
}

fn roll_form(visit: &Visit<'_>, id: &str) -> Markup {
    let meaning = "A new key like this one is made and shown once. This one goes on for as long \
                   as you choose, so that you can put the new one in its place.";
    let form = view::form(
        visit,
        "/keys/roll",
        "stack",
        html! {
            (view::hidden(&[("id", id)]))
            (view::select("This one ends", "expires_in", "86400", &[
                ("86400", "in a day"),
                ("3600", "in an hour"),
                ("604800", "in a week"),
                ("0", "now"),
            ]))
            button.primary type="submit" { "Roll" }
        },
    );
    view::guarded("Roll", meaning, form)
}

fn revoke_form(visit: &Visit<'_>, id: &str) -> Markup {
    let meaning = "The key, and every ephemeral key that it made, is refused from now on, for \
                   good. Whoever uses it cannot call any more.";
    let form = view::form(
        visit,
        "/keys/revoke",
        "",
        html! {
            (view::hidden(&[("id", id)]))
            button.danger type="submit" { "Revoke for good" }
        },
    );
    view::guarded("Revoke", meaning, form)
}

/// Rolls a key and shows its successor, once.
pub(crate) async fn roll(visit: &Visit<'_>) -> Result {
    let path = path_of(PATH, visit.field("id"), "/roll");
    let params = [("expires_in", visit.field("expires_in"))];
    let made = visit.admin().post(&path, &params, visit.field("once")).await?;
    Ok(respond::page(made_page(visit, "The key was rolled", &made)))
}

/// Revokes a key.
pub(crate) async fn revoke(visit: &Visit<'_>) -> Result {
    let id = visit.field("id");
    visit.admin().post(&path_of(PATH, id, "/revoke"), &[], visit.field("once")).await?;
    noticed(visit, format!("{id} is revoked."))
}
