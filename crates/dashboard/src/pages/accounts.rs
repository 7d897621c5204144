//! Accounts.

use super::{forms, lists, tables};
use crate::api::{Field, path_of};
use crate::outcome::Result;
use crate::visit::Visit;
use crate::{frame, links, respond, view};
use maud::{Markup, html};

const PATH: &str = "/v1/admin/accounts";

/// All accounts.
pub(crate) async fn page(visit: &Visit<'_>) -> Result {
    let part = visit.field("q");
    let (list, is_whole) = match part.is_empty() {
        true => (lists::page(visit, visit.admin(), PATH, &[]).await?, true),
        false => lists::search(visit.admin(), PATH, part).await?,
    };
    let inside = html! {
        (frame::heading(
            "Accounts",
            "Whoever installs apps, or develops them.",
            html! { @if visit.is_operator() { (create_form(visit)) } },
        ))
        (forms::search(visit, "Find an account by id or name"))
        @if list.list("data").is_empty() { (none(part)) } @else { (tables::accounts(visit, &list)) }
        (forms::searched(is_whole))
        (view::pager(visit, &list))
    };
    Ok(respond::page(frame::page(visit, "/accounts", "Accounts", inside)))
}

fn none(part: &str) -> Markup {
    match part.is_empty() {
        true => view::empty(
            "No accounts yet",
            "An account is made with its first app, or by itself:",
            "coffer accounts create --name 'Acme'",
        ),
        false => view::empty("No account has this in its id or name", "Try a shorter part.", ""),
    }
}

fn create_form(visit: &Visit<'_>) -> Markup {
    html! {
        details.guarded {
            summary.button.primary { "New account" }
            div.pop {
                (view::form(visit, "/accounts/create", "stack", html! {
                    (view::input("Name", "name", "", "Acme"))
                    (view::input("Id, if it is known elsewhere", "id", "", "acct_…"))
                    button.primary type="submit" { "Create" }
                }))
            }
        }
    }
}

/// Makes an account.
pub(crate) async fn create(visit: &Visit<'_>) -> Result {
    let (id, name) = (visit.field("id"), visit.field("name"));
    let params: Vec<_> =
        [("id", id), ("name", name)].into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let made = visit.admin().post(PATH, &params, visit.field("once")).await?;
    visit.session.notify(format!("Account {} was made.", made.text("id")));
    Ok(respond::redirect(&links::to("/account", &[("id", made.text("id"))])))
}

/// One account: what it develops, and what it has installed.
pub(crate) async fn one(visit: &Visit<'_>) -> Result {
    let id = visit.field("id");
    let account = visit.admin().get(&path_of(PATH, id, ""), &[]).await?;
    let rows = crate::api::rows();
    let params = [("account", id), ("limit", rows.as_str())];
    let installs = visit.admin().get("/v1/admin/installs", &params).await?;
    let apps = visit.admin().get("/v1/admin/apps", &params).await;
    let title = match account.text("name") {
        "" => id,
        name => name,
    };
    let inside = html! {
        (frame::heading(title, "", html! {
            a.button href=(links::to("/audit", &[("account", id)])) { "Audit" }
        }))
        (view::facts(vec![
            ("Account", view::copied(id)),
            ("Name", view::or_none(account.text("name"))),
            ("Created", view::time(account.int("created"), visit.now)),
        ]))
        @if let Ok(apps) = apps {
            (view::section("Apps that it develops", html! {
                @if apps.list("data").is_empty() {
                    p.quiet { "None." }
                } @else {
                    (tables::apps(visit, &apps))
                }
            }))
        }
        (view::section("Apps that it has installed", html! {
            @if installs.list("data").is_empty() {
                p.quiet { "None." }
            } @else {
                (tables::installs(visit, &installs))
            }
            @if visit.is_operator() { (forms::install(visit, "", id)) }
        }))
    };
    Ok(respond::page(frame::page(visit, "/accounts", title, inside)))
}
