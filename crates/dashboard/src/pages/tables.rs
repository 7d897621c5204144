//! Tables of accounts, apps, installs and keys, which several pages show.

use crate::api::Field;
use crate::links;
use crate::view::{self, Tone};
use crate::visit::Visit;
use coffer_base::Timestamp;
use maud::{Markup, html};
use serde_json::Value;

/// Accounts.
pub(super) fn accounts(visit: &Visit<'_>, list: &Value) -> Markup {
    let rows = list.list("data").iter().map(|account| {
        vec![
            view::id(account.text("id")),
            view::or_none(account.text("name")),
            view::time(account.int("created"), visit.now),
        ]
    });
    view::table("Accounts", &["Account", "Name", "Created"], rows.collect())
}

/// Apps.
pub(super) fn apps(visit: &Visit<'_>, list: &Value) -> Markup {
    let rows = list.list("data").iter().map(|app| {
        vec![
            view::id(app.text("id")),
            view::or_none(app.text("name")),
            view::id(app.text("account")),
            size(app.object("usage").object("live")),
            size(app.object("usage").object("test")),
            view::time(app.int("created"), visit.now),
        ]
    });
    let columns = ["App", "Name", "Developed by", "Live", "Test", "Created"];
    view::table("Apps", &columns, rows.collect())
}

/// How much is kept.
fn size(usage: &Value) -> Markup {
    let Some(bytes) = usage.int("bytes") else { return view::none() };
    html! { span.amount { (bytes_in_words(bytes)) } }
}

/// A number of bytes in a unit that can be read.
pub(super) fn bytes_in_words(bytes: i64) -> String {
    match bytes {
        i64::MIN..10_000 => format!("{} B", view::number(bytes)),
        10_000..10_000_000 => format!("{} kB", view::number(bytes / 1000)),
        _ => format!("{} MB", view::number(bytes / 1_000_000)),
    }
}

/// Installs.
pub(super) fn installs(visit: &Visit<'_>, list: &Value) -> Markup {
    let rows = list.list("data").iter().map(|install| {
        let (app, account) = (install.text("app"), install.text("account"));
        let status = install.text("status");
        let tone = if status == "active" { Tone::Good } else { Tone::Plain };
        let place = [("app", app), ("account", account)];
        let links = html! {
            span.row-actions {
                a href=(links::to("/secrets", &place)) { "Secrets" }
                a href=(links::to("/reserves", &place)) { "Reserves" }
                @if visit.is_operator() && status == "active" { (remove_form(visit, install)) }
            }
        };
        vec![
            view::id(app),
            view::id(account),
            view::badge(tone, status),
            view::time(install.int("created"), visit.now),
            links,
        ]
    });
    view::table("Installs", &["App", "Account", "Status", "Since", "Go to"], rows.collect())
}

fn remove_form(visit: &Visit<'_>, install: &Value) -> Markup {
    view::guarded(
        "Uninstall",
        "The app is refused for this account at once. Its secrets stay, and are there again when \
         it is installed again.",
        view::form(
            visit,
            "/installs/remove",
            "",
            html! {
                (view::hidden(&[("id", install.text("id"))]))
                button.danger type="submit" { "Uninstall" }
            },
        ),
    )
}

/// Whether a key is good, in a word.
pub(super) fn status(key: &Value, now: Timestamp) -> (Tone, &'static str) {
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
pub(super) fn ends(redacted: &str) -> String {
    let head = redacted.trim_end_matches(|letter| letter != '*').trim_end_matches('*');
    let tail = redacted.rsplit('*').next().unwrap_or_default();
    if redacted.contains('*') { format!("{head}…{tail}") } else { redacted.to_owned() }
}

/// API keys.
pub(super) fn keys(visit: &Visit<'_>, list: &Value) -> Markup {
    let rows = list.list("data").iter().map(|key| {
        let (tone, word) = status(key, visit.now);
        let kind = html! {
            (key.text("type"))
            @if !key.text("mode").is_empty() { ", " (key.text("mode")) }
            @if !key.text("role").is_empty() { ", " (key.text("role")) }
        };
        vec![
            html! {
                (view::id(key.text("id"))) br;
                code.quiet { (ends(key.text("redacted_key"))) }
            },
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_token_its_ends_are_shown() {
        assert_eq!(ends("sk_test_********sObK"), "sk_test_…sObK");
        assert_eq!((ends("ak_coffer_*"), ends("plain")), ("ak_coffer_…".into(), "plain".into()));
    }
}
