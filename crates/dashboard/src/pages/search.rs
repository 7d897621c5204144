//! The search at the top: ids lead to their pages, words to what is called so.

use super::{forms, lists, tables};
use crate::api::Field;
use crate::outcome::Result;
use crate::visit::Visit;
use crate::{frame, links, respond, view};
use maud::html;

/// Finds what the person typed.
pub(crate) async fn page(visit: &Visit<'_>) -> Result {
    let text = visit.field("q");
    if let Some(link) = links::of_id(text) {
        return Ok(respond::redirect(&link));
    }
    if text.starts_with("appsecret_") || text.starts_with("erasure_") {
        return Ok(respond::redirect(&links::to("/audit", &[("subject", text)])));
    }
    if text.is_empty() {
        return Ok(respond::redirect(links::HOME));
    }
    let mut parts = Vec::new();
    let mut is_whole = true;
    for (title, path) in [
        ("Accounts", "/v1/admin/accounts"),
        ("Apps", "/v1/admin/apps"),
        ("API keys", "/v1/admin/api_keys"),
    ] {
        // The role `keys` reads keys alone.
        let Ok((list, whole)) = lists::search(visit.admin(), path, text).await else { continue };
        is_whole &= whole;
        if list.list("data").is_empty() {
            continue;
        }
        let table = match title {
            "Apps" => tables::apps(visit, &list),
            "API keys" => tables::keys(visit, &list),
            _ => tables::accounts(visit, &list),
        };
        parts.push(view::section(title, table));
    }
    let title = format!("Search for “{text}”");
    let inside = html! {
        (frame::heading(&title, "", html! {}))
        @if parts.is_empty() {
            (view::empty(
                "Nothing has this in its id or name",
                "Secrets are found on their scope's page: their names are not looked through \
                 across accounts.",
                "",
            ))
        }
        @for part in parts { (part) }
        (forms::searched(is_whole))
    };
    Ok(respond::page(frame::page(visit, "none", &title, inside)))
}
