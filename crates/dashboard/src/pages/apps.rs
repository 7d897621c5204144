//! Apps.

use super::{forms, lists, tables};
use crate::api::{Field, path_of, rows};
use crate::outcome::Result;
use crate::visit::Visit;
use crate::{frame, links, respond, view};
use maud::{Markup, html};
use serde_json::Value;

const PATH: &str = "/v1/admin/apps";

/// All apps.
pub(crate) async fn page(visit: &Visit<'_>) -> Result {
    let part = visit.field("q");
    let (list, is_whole) = match part.is_empty() {
        true => (lists::page(visit, visit.admin(), PATH, &[]).await?, true),
        false => lists::search(visit.admin(), PATH, part).await?,
    };
    let inside = html! {
        (frame::heading(
            "Apps",
            "What keeps secrets for the accounts that have it installed.",
            html! { @if visit.is_operator() { (create_form(visit)) } },
        ))
        (forms::search(visit, "Find an app by id or name"))
        @if !list.list("data").is_empty() {
            (tables::apps(visit, &list))
        } @else if part.is_empty() {
            (view::empty(
                "No apps yet",
                "An app belongs to the account that develops it:",
                "coffer apps create --account acct_… --name 'My app'",
            ))
        } @else {
            (view::empty("No app has this in its id or name", "Try a shorter part.", ""))
        }
        (forms::searched(is_whole))
        (view::pager(visit, &list))
    };
    Ok(respond::page(frame::page(visit, "/apps", "Apps", inside)))
}

fn create_form(visit: &Visit<'_>) -> Markup {
    html! {
        details.guarded {
            summary.button.primary { "New app" }
            div.pop {
                (view::form(visit, "/apps/create", "stack", html! {
                    (view::input("Name", "name", "", "My app"))
                    (view::input("Account that develops it", "account", "", "acct_…"))
                    button.primary type="submit" { "Create" }
                }))
            }
        }
    }
}

/// Makes an app.
pub(crate) async fn create(visit: &Visit<'_>) -> Result {
    let params = [("account", visit.field("account")), ("name", visit.field("name"))];
    let made = visit.admin().post(PATH, &params, visit.field("once")).await?;
    visit.session.notify(format!("App {} was made. It needs a key.", made.text("id")));
    Ok(respond::redirect(&links::to("/app", &[("id", made.text("id"))])))
}

/// One app: its limits, keys and installs.
pub(crate) async fn one(visit: &Visit<'_>) -> Result {
    let id = visit.field("id");
    let app = visit.admin().get(&path_of(PATH, id, ""), &[]).await?;
    let limit = rows();
    let params = [("app", id), ("limit", limit.as_str())];
    let keys_of = visit.admin().get("/v1/admin/api_keys", &params).await?;
    let installs_of = visit.admin().get("/v1/admin/installs", &params).await?;
    let title = match app.text("name") {
        "" => id,
        name => name,
    };
    let account = app.text("account");
    let inside = html! {
        (frame::heading(title, "", html! {
            a.button href=(links::to("/secrets", &[("app", id), ("account", account)])) {
                "Secrets of its own account"
            }
            a.button href=(links::to("/webhooks", &[("app", id)])) { "Webhooks" }
            a.button href=(links::to("/audit", &[("app", id)])) { "Audit" }
        }))
        (view::facts(vec![
            ("App", view::copied(id)),
            ("Developed by", view::id(account)),
            ("Created", view::time(app.int("created"), visit.now)),
        ]))
        (view::section("API keys", html! {
            @if keys_of.list("data").is_empty() {
                p.quiet { "None. The app cannot call until it has one." }
            } @else {
                (tables::keys(visit, &keys_of))
            }
            @if visit.keeps_keys() { (forms::key(visit, id)) }
        }))
        (view::section("Accounts that have it installed", html! {
            @if installs_of.list("data").is_empty() {
                p.quiet { "None." }
            } @else {
                (tables::installs(visit, &installs_of))
            }
            @if visit.is_operator() { (forms::install(visit, id, "")) }
        }))
        (view::section("Limits and use", limits_of(&app)))
    };
    Ok(respond::page(frame::page(visit, "/apps", title, inside)))
}

/// The app's quotas, with what it uses of them.
fn limits_of(app: &Value) -> Markup {
    let fields = app.as_object().into_iter().flatten();
    let other = ["id", "object", "account", "created", "name", "usage"];
    let rows = fields.filter(|(name, _)| !other.contains(&name.as_str())).map(|(name, value)| {
        let used = |mode| app.object("usage").object(mode).int(name);
        let count = |value: Option<i64>| match value {
            Some(value) => html! { span.amount { (view::number(value)) } },
            None => view::none(),
        };
        let most = match value.as_i64() {
            Some(most) => html! { span.amount { (view::number(most)) } },
            None => html! { span.quiet { "as the server's setting has it" } },
        };
        vec![html! { code { (name) } }, most, count(used("live")), count(used("test"))]
    });
    view::table("Limits and use", &["Limit", "At most", "Live", "Test"], rows.collect())
}
