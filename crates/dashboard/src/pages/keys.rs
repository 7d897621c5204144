//! API keys.

use super::{accounts, lists};
use crate::api::{Field, path_of};
use crate::routes::Result;
use crate::view::Tone;
use crate::visit::Visit;
use crate::{frame, links, respond, view};
use coffer_base::Timestamp;
use maud::{Markup, html};
use serde_json::Value;

const PATH: &str = "/v1/admin/api_keys";

/// What a restricted key may be allowed, most used first.
const PERMISSIONS: [&str; 12] = [
    "secret_read",
    "secret_write",
    "balance_read",
    "event_read",
    "ledger_read",
    "ledger_write",
    "reserve_hold_read",
    "reserve_hold_write",
    "reserve_plan_read",
    "reserve_plan_write",
    "reserve_release_read",
    "reserve_release_write",
];

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
            html! { @if visit.keeps_keys() { (create_form(visit, app)) } },
        ))
        (accounts::search_form(visit, "Find a key by id, name, app or its ends"))
        @if list.list("data").is_empty() {
            (view::empty(
                "No keys here",
                "A key belongs to one app, in test or in live mode:",
                "coffer keys create --app app_… --mode test",
            ))
        } @else {
            (table(visit, &list))
        }
        (accounts::searched(is_whole))
        (view::pager(visit, &list))
    };
    Ok(respond::page(frame::page(visit, "/keys", "API keys", inside)))
}

/// Whether a key is good, in a word.
fn status(key: &Value, now: Timestamp) -> (Tone, &'static str) {
    if key.int("revoked_at").is_some() {
        return (Tone::Bad, "revoked");
    }
    match key.int("expires_at") {
        Some(at) if at <= now.unix() => (Tone::Bad, "expired"),
        _ if !key.text("successor").is_empty() => (Tone::Warn, "rolled"),
        _ => (Tone::Good, "active"),
    }
}

/// What can be seen of a token: its two ends.
fn ends(redacted: &str) -> String {
    let head = redacted.trim_end_matches(|letter| letter != '*').trim_end_matches('*');
    let tail = redacted.rsplit('*').next().unwrap_or_default();
    if redacted.contains('*') { format!("{head}…{tail}") } else { redacted.to_owned() }
}

pub(super) fn table(visit: &Visit<'_>, list: &Value) -> Markup {
    let rows = list.list("data").iter().map(|key| {
        let (tone, word) = status(key, visit.now);
        let kind = html! {
            (key.text("type"))
            @if !key.text("mode").is_empty() { ", " (key.text("mode")) }
            @if !key.text("role").is_empty() { ", " (key.text("role")) }
        };
        vec![
            html! { (view::id(key.text("id"))) br; code.quiet { (ends(key.text("redacted_key"))) } },
            view::or_none(key.text("name")),
            kind,
            view::id(key.text("app")),
            view::badge(tone, word),
            view::time(key.int("last_used"), visit.now),
            view::time(key.int("expires_at"), visit.now),
        ]
    });
    let columns = ["Key", "Name", "Kind", "App", "Status", "Last used", "Ends"];
    view::table("API keys", &columns, rows.collect())
}

pub(super) fn create_form(visit: &Visit<'_>, app: &str) -> Markup {
    let ends = [
        ("", "as the server's setting has it"),
        ("86400", "in a day"),
        ("2592000", "in 30 days"),
        ("7776000", "in 90 days"),
        ("31536000", "in a year"),
    ];
    let types = match visit.is_operator() {
        true => &[
            ("secret", "all rights of the app"),
            ("restricted", "restricted"),
            ("admin", "admin key"),
        ][..],
        false => &[("secret", "all rights of the app"), ("restricted", "restricted")],
    };
    html! {
        details.guarded {
            summary.button.primary { "New key" }
            div.pop {
                (view::form(visit, "/keys/create", "stack", html! {
                    (view::select("Kind", "type", "secret", types))
                    (view::input("App, unless it is an admin key", "app", app, "app_…"))
                    (view::select("Mode", "mode", "test", &[("test", "test"), ("live", "live")]))
                    (view::input("Name", "name", "", "backend, Frankfurt"))
                    (view::select("It ends", "expires_in", "", &ends))
                    fieldset.choices {
                        legend { "A restricted key may" }
                        @for permission in PERMISSIONS {
                            label {
                                input type="checkbox" name="permissions" value=(permission);
                                (permission)
                            }
                        }
                    }
                    @if visit.is_operator() {
                        (view::select("An admin key has the role", "role", "auditor", &[
                            ("auditor", "auditor: reads"),
                            ("keys", "keys: makes and revokes keys of apps"),
                            ("operator", "operator: everything"),
                        ]))
                    }
                    button.primary type="submit" { "Create" }
                }))
            }
        }
    }
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
    Ok(respond::page(shown_once(visit, "The key was made", &made)))
}

/// A key that was made, the only time that it is shown.
fn shown_once(visit: &Visit<'_>, title: &str, made: &Value) -> Markup {
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
    let (tone, word) = status(&key, visit.now);
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
            ("Token", html! { code { (ends(key.text("redacted_key"))) } }),
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
    Ok(respond::page(shown_once(visit, "The key was rolled", &made)))
}

/// Revokes a key.
pub(crate) async fn revoke(visit: &Visit<'_>) -> Result {
    let id = visit.field("id");
    visit.admin().post(&path_of(PATH, id, "/revoke"), &[], visit.field("once")).await?;
    accounts::back(visit, format!("{id} is revoked."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_token_its_ends_are_shown() {
        assert_eq!(ends("sk_test_********sObK"), "sk_test_…sObK");
        assert_eq!((ends("ak_coffer_*"), ends("plain")), ("ak_coffer_…".into(), "plain".into()));
    }
}
