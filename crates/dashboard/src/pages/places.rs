//! Choosing whose data is shown: an app on an account, in one mode.

use super::lists;
use crate::api::Field;
use crate::open::Place;
use crate::visit::Visit;
use crate::{links, view};
use maud::{Markup, html};

/// A command that tells the ledger of a charge, for pages that have no money yet.
pub(super) const CHARGE: &str = "curl \"$COFFER_URL/v1/ledger/charges\" \
     -u \"$COFFER_API_KEY:\" \\\n  \
     -H 'Stripe-Account: acct_…' -d id=ch_1 -d amount=10000 -d currency=eur -d fee=0";

/// One that makes a plan.
pub(super) const PLAN: &str = "curl \"$COFFER_URL/v1/reserve/plans\" -u \"$COFFER_API_KEY:\" \\\n  \
     -H 'Stripe-Account: acct_…' -d percent=10 -d type=rolling_release \\\n  \
     -d 'rolling_release[days_after_charge]=90'";

/// The form that names the place; `more` are further fields.
pub(super) fn form(visit: &Visit<'_>, path: &str, place: &Place, more: Markup) -> Markup {
    html! {
        form.filters action=(links::to(path, &[])) {
            (view::input("App", "app", &place.app, "app_…"))
            (view::input("Account", "account", &place.account, "acct_…"))
            @if !visit.is_developer() {
                (view::select("Mode", "mode", &place.mode, &[("test", "test"), ("live", "live")]))
            }
            (more)
            button type="submit" { "Show" }
        }
    }
}

/// What there is to choose among: the newest installs.
///
/// # Errors
/// The API's refusal.
pub(super) async fn choice(visit: &Visit<'_>, path: &str) -> Result<Markup, crate::api::Refusal> {
    let list = lists::page(visit, visit.admin(), "/v1/admin/installs", &[]).await?;
    if list.list("data").is_empty() {
        return Ok(view::empty(
            "No app is installed anywhere yet",
            "In developer mode the first request with a key makes its app, and the first one for \
             an account installs it. In production:",
            "coffer installs create --app app_… --account acct_…",
        ));
    }
    let rows = list.list("data").iter().map(|install| {
        let place = [("app", install.text("app")), ("account", install.text("account"))];
        vec![
            view::id(install.text("app")),
            view::id(install.text("account")),
            view::time(install.int("created"), visit.now),
            html! { a.button href=(links::to(path, &place)) { "Show" } },
        ]
    });
    let columns = ["App", "Account", "Installed", "Go to"];
    Ok(html! {
        (view::table("Installs", &columns, rows.collect()))
        (view::pager(visit, &list))
    })
}

/// Ids by which a place is known, above what is shown of it.
pub(super) fn line(place: &Place, user: &str) -> Markup {
    html! {
        p.place {
            (view::id(&place.app)) " on " (view::id(&place.account))
            @if !user.is_empty() { ", user " code { (user) } }
            ", " (place.mode) " mode"
        }
    }
}
