//! Which secrets of one app on one account nobody has read for long.

use super::places;
use crate::api::Field;
use crate::open::Place;
use crate::outcome::Result;
use crate::visit::Visit;
use crate::{frame, limits, links, respond, view};
use maud::{Markup, html};
use serde_json::Value;

const TITLE: &str = "Unused secrets";

/// For how many days nobody may have read one.
const DAYS: [(&str, &str); 4] = [
    ("2592000", "30 days"),
    ("7776000", "90 days"),
    ("15552000", "180 days"),
    ("31536000", "a year"),
];

const DEFAULT: &str = "7776000";

/// The page.
pub(crate) async fn page(visit: &Visit<'_>) -> Result {
    let place = Place::of(visit);
    let chosen = Some(visit.field("for")).filter(|word| !word.is_empty()).unwrap_or(DEFAULT);
    let more = view::select("Not read for", "for", chosen, &DAYS);
    let body = match place.is_whole() {
        false => places::choice(visit, "/unused").await?,
        true => {
            let (limit, entries) = (crate::api::rows(), entries(visit));
            let fields = place.fields();
            let asked = [("unused_for", chosen), ("limit", &limit), ("entries", &entries)];
            let params = [&fields[..], &asked].concat();
            match visit.admin().get("/v1/admin/secrets/unused", &params).await {
                Ok(found) => shown(visit, &place, &found),
                Err(refusal) => view::refusal(&refusal),
            }
        }
    };
    let inside = html! {
        (frame::heading(
            TITLE,
            "Set before then, and neither read nor set since, by the audit.",
            html! {},
        ))
        (places::form(visit, "/unused", &place, more))
        (body)
    };
    Ok(respond::page(frame::page(visit, "/secrets", TITLE, inside)))
}

fn shown(visit: &Visit<'_>, place: &Place, found: &Value) -> Markup {
    let rows = found.list("data").iter().map(|secret| {
        let user = secret.text("user");
        let scope = [&place.fields()[..], &[("user", user)]].concat();
        let link = format!("{}#{}", links::to("/secrets", &scope), secret.text("id"));
        let of = if user.is_empty() {
            html! { "the account" }
        } else {
            html! { code { (user) } }
        };
        vec![
            html! { a.id href=(link) { (secret.text("id")) } },
            of,
            view::time(secret.int("created"), visit.now),
            view::expiry(secret.int("expires_at"), visit.now),
        ]
    });
    let rows: Vec<_> = rows.collect();
    html! {
        (places::line(place, ""))
        @if !found.is("complete") { (incomplete(visit, found)) }
        @if rows.is_empty() {
            (view::empty(
                "None",
                "Every secret that is old enough was read or set since. Who read one:",
                &format!("coffer explain secret NAME --account {}", place.account),
            ))
        } @else {
            (view::table(TITLE, &["Secret", "Of", "Set", "Ends"], rows))
            @if found.is("has_more") { p.quiet { "There are more." } }
            p.quiet {
                "A link leads to the scope, where the names are once the app is open. Who read "
                "one, and when last:"
            }
            (view::command(&format!("coffer explain secret NAME --account {}", place.account)))
        }
    }
}

/// The field by which a page looks at as many entries of the audit as the API ever does.
const LOOK: (&str, &str) = ("look", "far");

/// How many entries of the audit a page has looked at: few, unless the person wants more.
pub(super) fn entries(visit: &Visit<'_>) -> String {
    match visit.field(LOOK.0) == LOOK.1 {
        true => String::new(),
        false => limits::ENTRIES_LOOKED_AT.to_string(),
    }
}

/// The way to the same page with a longer look at the audit, where that was not taken yet.
pub(super) fn further(visit: &Visit<'_>) -> Markup {
    let mut fields = visit.fields.filters();
    let is_far = fields.contains(&LOOK);
    fields.push(LOOK);
    html! {
        @if !is_far {
            p { a href=(links::to(&visit.path, &fields)) { "Look further back" }
                ", which takes a while." }
        }
    }
}

/// Says that the audit does not go back as far.
fn incomplete(visit: &Visit<'_>, found: &Value) -> Markup {
    html! {
        div.notice {
            p {
                "The audit was read back to "
                @match found.int("looked_back_to") {
                    Some(at) => { (view::time(Some(at), visit.now)) }
                    None => { "an unknown time" }
                }
                ", and not to the beginning of the span: where reads were left out of it, pruned, "
                "or are very many, some of these secrets may have been read."
            }
            (further(visit))
        }
    }
}
