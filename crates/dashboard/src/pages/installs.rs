//! Installs.

use super::{forms, lists, tables};
use crate::api::{Field, path_of};
use crate::outcome::{Result, noticed};
use crate::visit::Visit;
use crate::{frame, links, respond, view};
use maud::html;

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
            html! { @if visit.is_operator() { (forms::install(visit, app, account)) } },
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
            (tables::installs(visit, &list))
        }
        (view::pager(visit, &list))
    };
    Ok(respond::page(frame::page(visit, "/installs", "Installs", inside)))
}

/// Installs an app.
pub(crate) async fn create(visit: &Visit<'_>) -> Result {
    let params = [("app", visit.field("app")), ("account", visit.field("account"))];
    visit.admin().post(PATH, &params, visit.field("once")).await?;
    noticed(visit, format!("{} is installed on {}.", params[0].1, params[1].1))
}

/// Uninstalls an app; its data stays.
pub(crate) async fn remove(visit: &Visit<'_>) -> Result {
    visit.admin().delete(&path_of(PATH, visit.field("id"), ""), &[]).await?;
    noticed(visit, "The app was uninstalled. Its secrets stay.".to_owned())
}
