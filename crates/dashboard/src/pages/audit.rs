//! The audit: who did what, and why a request got what it got.

use super::lists;
use crate::api::{Field, Refusal, path_of, rows};
use crate::look::Look;
use crate::outcome::Result;
use crate::visit::Visit;
use crate::{frame, limits, links, live, respond, view};
use maud::{Markup, html};
use serde_json::Value;

const PATH: &str = "/v1/admin/audit";

/// Seconds between two looks at what comes.
const EVERY: u32 = 5;

/// By what entries are narrowed: the API's parameter, its word, and a hint.
const FILTERS: [(&str, &str, &str); 7] = [
    ("operation", "Operation", "apps.secrets.find"),
    ("actor", "Key", "key_…"),
    ("account", "Account", "acct_…"),
    ("app", "App", "app_…"),
    ("subject", "Object", "appsecret_…"),
    ("peer", "Address", "10.0.0.7"),
    ("request", "Request", "req_…"),
];

const OUTCOMES: [(&str, &str); 5] = [
    ("", "any"),
    ("done", "done"),
    ("refused", "refused"),
    ("failed", "failed"),
    ("replayed", "replayed"),
];

const SINCE: [(&str, &str); 5] = [
    ("", "ever"),
    ("3600", "the last hour"),
    ("86400", "the last day"),
    ("604800", "the last week"),
    ("2592000", "the last 30 days"),
];

/// The entries, newest first.
pub(crate) async fn page(visit: &Visit<'_>) -> Result {
    let since = visit.field("since").parse::<i64>().ok();
    let since = since.map(|seconds| visit.now.plus(seconds.saturating_neg()).to_string());
    let mut params: Vec<_> = FILTERS.iter().map(|(name, ..)| (*name, visit.field(name))).collect();
    params.extend([("outcome", visit.field("outcome")), ("order", "desc")]);
    params.push(("created[gte]", since.as_deref().unwrap_or_default()));
    let entries = limits::AUDIT_ENTRIES_LOOKED_AT.to_string();
    params.push(("entries", &entries));
    if let Look::Again(newest) = &visit.look
        && !has_newer(visit, &params, newest).await?
    {
        return Ok(respond::nothing_new());
    }
    let mut list = lists::page(visit, visit.admin(), PATH, &params).await?;
    let newest = list.list("data").first().map_or("", |entry| entry.text("id")).to_owned();
    if visit.look.goes_on()
        && let Some(entries) = list.get_mut("data").and_then(Value::as_array_mut)
    {
        entries.retain(|entry| !is_own_look(visit, entry));
    }
    let inside = html! {
        (frame::heading("Audit", "Who did what, in the order of the log.", html! {
            (live::switch(visit))
            details.guarded {
                summary.button { "Verify" }
                div.pop.wide {
                    p { "The log is verified where its keys and checkpoints are, without this "
                        "server's word for it:" }
                    (view::command("coffer audit verify"))
                }
            }
        }))
        (filters(visit))
        (live::part(visit, EVERY, &newest, html! {
            @if !list.list("data").is_empty() {
                (table(visit, &list))
            } @else if list.text("next").is_empty() {
                (view::empty("No entries fit", "Take a filter away.", ""))
            } @else {
                (view::empty(
                    "No entries fit among those that were looked at",
                    "Older ones are looked at when you go on.",
                    "",
                ))
            }
            (older(visit, &list))
        }))
    };
    Ok(respond::page(frame::page(visit, "/audit", "Audit", inside)))
}

/// Whether there are entries behind the newest that the page has, besides what the page leaves
/// there by looking.
async fn has_newer(
    visit: &Visit<'_>,
    params: &[(&str, &str)],
    newest: &str,
) -> std::result::Result<bool, Refusal> {
    if newest.is_empty() {
        return Ok(true);
    }
    let limit = rows();
    let kept = params.iter().copied().filter(|(name, _)| *name != "order");
    let behind = [("order", "asc"), ("starting_after", newest), ("limit", limit.as_str())];
    let params: Vec<_> = kept.chain(behind).collect();
    let list = visit.admin().get(PATH, &params).await?;
    let is_cut = list.is("has_more") || !list.text("next").is_empty();
    Ok(is_cut || list.list("data").iter().any(|entry| !is_own_look(visit, entry)))
}

/// Whether an entry says that this session's key has looked at the audit.
fn is_own_look(visit: &Visit<'_>, entry: &Value) -> bool {
    entry.text("operation") == "admin.audit.list" && entry.text("actor") == &*visit.session.key_id
}

fn filters(visit: &Visit<'_>) -> Markup {
    html! {
        form.filters action=(links::to("/audit", &[])) {
            @for (name, label, hint) in FILTERS {
                (view::input(label, name, visit.field(name), hint))
            }
            (view::select("Outcome", "outcome", visit.field("outcome"), &OUTCOMES))
            (view::select("Since", "since", visit.field("since"), &SINCE))
            @if visit.look.goes_on() { (view::hidden(&[("follow", "true")])) }
            button type="submit" { "Filter" }
            a.button href=(links::to("/audit", &[])) { "Clear" }
        }
    }
}

pub(super) fn table(visit: &Visit<'_>, list: &Value) -> Markup {
    let rows = list.list("data").iter().map(|entry| {
        let who = html! {
            @match entry.text("actor") {
                "" => { span.quiet { (entry.text("actor_type")) } }
                actor => { (view::id(actor)) }
            }
            @if !entry.text("peer").is_empty() { br; span.quiet { (entry.text("peer")) } }
        };
        let what = html! {
            code { (entry.text("operation")) }
            @if !entry.text("reason").is_empty() { br; span.quiet { (entry.text("reason")) } }
            @if !entry.text("detail").is_empty() { br; span.quiet { (entry.text("detail")) } }
        };
        let on = html! {
            (view::id(entry.text("account")))
            @if !entry.text("subject").is_empty() { br; (view::id(entry.text("subject"))) }
        };
        vec![
            view::time(entry.int("created"), visit.now),
            what,
            view::outcome(entry.text("outcome")),
            who,
            on,
            request_of(entry),
        ]
    });
    let columns = ["When", "What", "Outcome", "Who", "On", "Request"];
    view::table("Entries of the audit", &columns, rows.collect())
}

/// The way to why an entry's request got what it got, which says where the entry is.
fn request_of(entry: &Value) -> Markup {
    let (id, at) = (entry.text("request"), entry.text("id"));
    if id.is_empty() {
        return view::id(id);
    }
    html! { a.id href=(links::to("/request", &[("id", id), ("entry", at)])) { (id) } }
}

/// The way to older entries: where many were looked at and few fit, behind those.
fn older(visit: &Visit<'_>, list: &Value) -> Markup {
    let next = list.text("next");
    html! {
        nav.pager aria-label="pages" {
            @if !visit.field("starting_after").is_empty() {
                a.button href=(visit.list_from("", "")) { "Newest" }
            }
            @if !next.is_empty() {
                a.button rel="next" href=(visit.list_from("starting_after", next)) { "Older →" }
            }
        }
    }
}

/// Why a request got what it got.
pub(crate) async fn request(visit: &Visit<'_>) -> Result {
    let (id, entry) = (visit.field("id"), visit.field("entry"));
    let seen = [("entry", entry)];
    let seen = if entry.is_empty() { &[][..] } else { &seen[..] };
    let found = visit.admin().get(&path_of("/v1/admin/requests", id, ""), seen).await;
    let inside = html! {
        (frame::heading("Request", "", html! {
            a.button href=(links::to("/audit", &[("request", id)])) { "Its entries" }
        }))
        form.filters action=(links::to("/request", &[])) {
            (view::input("Request", "id", id, "req_…"))
            button type="submit" { "Explain" }
        }
        @match &found {
            Ok(request) => { (explained(visit, request)) }
            Err(refusal) if refusal.is_missing() => {
                (view::empty(
                    "The audit has no such request",
                    "Its id is in the response's header Request-Id. Reads may be left out of the \
                     audit, as the server's setting has it, and old entries may be pruned.",
                    "",
                ))
            }
            Err(refusal) => { (view::refusal(refusal)) }
        }
    };
    Ok(respond::page(frame::page(visit, "/audit", "Request", inside)))
}

fn explained(visit: &Visit<'_>, request: &Value) -> Markup {
    let status = request.int("status").map(|status| status.to_string()).unwrap_or_default();
    html! {
        div.answer {
            p.lead { (request.text("because")) "." }
            p { span.quiet { "What to do: " } (request.text("advice")) "." }
        }
        (view::facts(vec![
            ("Request", view::copied(request.text("id"))),
            ("What", html! { code { (request.text("operation")) } }),
            ("Outcome", view::outcome(request.text("outcome"))),
            ("Status", view::or_none(&status)),
            ("Reason", view::or_none(request.text("reason"))),
            ("When", view::time(request.int("at"), visit.now)),
            ("Who", view::id(request.text("actor"))),
            ("From", view::or_none(request.text("peer"))),
            ("App", view::id(request.text("app"))),
            ("Account", view::id(request.text("account"))),
            ("Object", view::id(request.text("subject"))),
            ("Server", view::or_none(request.text("server"))),
        ]))
    }
}
