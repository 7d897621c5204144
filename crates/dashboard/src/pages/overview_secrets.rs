//! What the overview says of secrets: how many there are, whose, and which end soon or are unused.

use crate::api::{Field, Refusal};
use crate::visit::Visit;
use crate::{links, view};
use maud::{Markup, html};
use serde_json::Value;

/// The sections.
pub(super) fn sections(
    visit: &Visit<'_>,
    status: &Value,
    expiring: &Result<Value, Refusal>,
) -> Markup {
    let secrets = status.object("secrets");
    html! {
        div.columns {
            (view::section("Secrets by app", by_app(secrets)))
            (view::section("Secrets by account", by_account(secrets)))
        }
        (view::section("Secrets that end within 30 days", html! {
            @match expiring {
                Ok(list) => { (soon(visit, list)) }
                Err(refusal) => { (view::refusal(refusal)) }
            }
        }))
    }
}

/// The page of a place, with a word for it.
fn go(path: &str, item: &Value, word: &str) -> Markup {
    let place = [
        ("app", item.text("app")),
        ("account", item.text("account")),
        ("mode", item.text("mode")),
        ("user", item.text("user")),
    ];
    html! { a href=(links::to(path, &place)) { (word) } }
}

fn count(item: &Value) -> Markup {
    html! { span.amount { (view::number(item.int("count").unwrap_or_default())) } }
}

/// What stands where nothing was counted.
fn not_counted(secrets: &Value) -> Markup {
    match secrets.is("counted") {
        false => html! { p.quiet { "They are counted about once a minute." } },
        true => view::empty(
            "There are no secrets yet",
            "An app sets one with its key:",
            "coffer secrets set greeting < value.txt",
        ),
    }
}

fn by_app(secrets: &Value) -> Markup {
    let rows: Vec<_> = secrets
        .list("by_app")
        .iter()
        .map(|item| vec![view::id(item.text("app")), html! { (item.text("mode")) }, count(item)])
        .collect();
    if rows.is_empty() {
        return not_counted(secrets);
    }
    html! {
        (view::table("Secrets by app", &["App", "Mode", "Secrets"], rows))
        p.quiet {
            (view::number(secrets.int("total").unwrap_or_default()))
            " in all, by the last count, which takes about a minute."
        }
    }
}

fn by_account(secrets: &Value) -> Markup {
    let rows: Vec<_> = secrets
        .list("by_account")
        .iter()
        .map(|item| {
            vec![
                view::id(item.text("account")),
                html! { (view::id(item.text("app"))) },
                html! { (item.text("mode")) },
                count(item),
                go("/unused", item, "Unused"),
            ]
        })
        .collect();
    if rows.is_empty() {
        return not_counted(secrets);
    }
    let columns = ["Account", "App", "Mode", "Secrets", "For 90 days"];
    html! {
        (view::table("Accounts with most secrets", &columns, rows))
        p.quiet {
            "Nothing counts reads beside a secret. Which of an account's were not used for 90 days "
            "is looked up in the audit when you ask."
        }
    }
}

fn soon(visit: &Visit<'_>, list: &Value) -> Markup {
    let rows: Vec<_> = list
        .list("data")
        .iter()
        .map(|item| {
            vec![
                view::time(item.int("expires_at"), visit.now),
                html! { code.id { (item.text("id")) } },
                view::id(item.text("account")),
                view::id(item.text("app")),
                html! { (item.text("mode")) },
                go("/secrets", item, "Its scope"),
            ]
        })
        .collect();
    if rows.is_empty() {
        return html! { p.quiet { "None." } };
    }
    let columns = ["Ends", "Secret", "Account", "App", "Mode", "Go to"];
    html! {
        (view::table("Secrets that end soon", &columns, rows))
        @if list.is("has_more") { p.quiet { "These are the next ones; there are more." } }
    }
}
