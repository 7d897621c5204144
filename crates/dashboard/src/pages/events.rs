//! Events: what the books said of themselves.

use super::{lists, places};
use crate::api::Field;
use crate::open::{self, Place};
use crate::outcome::Result;
use crate::session::Purpose;
use crate::visit::Visit;
use crate::{frame, live, respond, view};
use maud::{Markup, html};
use serde_json::Value;

/// Seconds between two looks at what comes.
const EVERY: u32 = 5;

/// The events of one account.
pub(crate) async fn page(visit: &Visit<'_>) -> Result {
    let place = Place::of(visit);
    let kind = view::input("Type", "type", visit.field("type"), "reserve.hold.created");
    let form = places::form(visit, "/events", &place, kind);
    let heading = frame::heading(
        "Events",
        "What happened to holds, plans and releases, for thirty days.",
        html! { @if place.is_whole() { (live::switch(visit)) } },
    );
    let body = if !place.is_whole() {
        places::choice(visit, "/events").await?
    } else {
        match open::key(visit, &place, Purpose::Books).await? {
            None => open::closed(visit, &place, Purpose::Books),
            Some(key) => {
                let api = visit.with_key(&key.token).for_account(&place.account);
                let params = [("type", visit.field("type"))];
                match lists::page(visit, api, "/v1/events", &params).await {
                    Ok(list) => live::part(visit, EVERY, "", shown(visit, &list)),
                    Err(refusal) => view::refusal(&refusal),
                }
            }
        }
    };
    let inside = html! { (heading) (form) (body) };
    Ok(respond::page(frame::page(visit, "/events", "Events", inside)))
}

fn shown(visit: &Visit<'_>, list: &Value) -> Markup {
    if list.list("data").is_empty() {
        return view::empty(
            "No events here",
            "An account's first charge, plan or hold makes some, and secrets make none:",
            places::CHARGE,
        );
    }
    let rows = list.list("data").iter().map(|event| {
        let object = event.object("data").object("object");
        let text = serde_json::to_string_pretty(event.object("data")).unwrap_or_default();
        vec![
            view::time(event.int("created"), visit.now),
            html! { code { (event.text("type")) } },
            html! { code.id { (object.text("id")) } },
            view::id(event.object("request").text("id")),
            html! {
                details { summary { "Data" } pre tabindex="0" aria-label="data" { (text) } }
            },
        ]
    });
    let columns = ["When", "Type", "Object", "Request", "Data"];
    html! {
        (view::table("Events", &columns, rows.collect()))
        (view::pager(visit, list))
    }
}
