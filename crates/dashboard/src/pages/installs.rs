//! Installs.

use super::{accounts, lists};
use crate::api::{Field, path_of};
use crate::routes::Result;
use crate::view::Tone;
use crate::visit::Visit;
use crate::{frame, links, respond, view};
use maud::{Markup, html};
use serde_json::Value;

const PATH: &str = "/v1/admin/installs";

/// All installs, or those of one app or account.
pub(crate) async fn page(visit: &Visit<'_>) -> Result {
    let (app, account) = (visit.field("app"), visit.field("account"));
    let params = [("app", app), ("account", account)];
    let list = lists::page(visit, visit.admin(), PATH, &params).await?;
    let inside = html! {
        (frame::heading(
            "Installs",
            "Which app keeps secrets for which account.",
            html! { @if visit.is_operator() { (create_form(visit, app, account)) } },
        ))
        form.filters action=(links::to("/installs", &[])) {
            (view::input("App", "app", app, "app_…"))
            (view::input("Account", "account", account, "acct_…"))
            button type="submit" { "Narrow" }
        }
        @if list.list("data").is_empty() {
            (view::empty(
                "No installs here",
                "An app opens nothing of an account until it is installed on it:",
                "coffer installs create --app app_… --account acct_…",
            ))
        } @else {
            (table(visit, &list))
        }
        (view::pager(visit, &list))
    };
    Ok(respond::page(frame::page(visit, "/installs", "Installs", inside)))
}

pub(super) fn table(visit: &Visit<'_>, list: &Value) -> Markup {
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

pub(super) fn create_form(visit: &Visit<'_>, app: &str, account: &str) -> Markup {
    html! {
        details.guarded {
            summary.button { "Install an app" }
            div.pop {
                (view::form(visit, "/installs/create", "stack", html! {
                    (view::input("App", "app", app, "app_…"))
                    (view::input("Account", "account", account, "acct_…"))
                    button.primary type="submit" { "Install" }
                }))
            }
        }
    }
}

/// Installs an app.
pub(crate) async fn create(visit: &Visit<'_>) -> Result {
    let params = [("app", visit.field("app")), ("account", visit.field("account"))];
    visit.admin().post(PATH, &params, visit.field("once")).await?;
    accounts::back(visit, format!("{} is installed on {}.", params[0].1, params[1].1))
}

/// Uninstalls an app; its data stays.
pub(crate) async fn remove(visit: &Visit<'_>) -> Result {
    visit.admin().delete(&path_of(PATH, visit.field("id"), ""), &[]).await?;
    accounts::back(visit, "The app was uninstalled. Its secrets stay.".to_owned())
}
