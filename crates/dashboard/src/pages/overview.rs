//! The first page: whether all is well, and what wants attention.

use super::overview_secrets as secrets;
use crate::api::{Field, rows};
use crate::outcome::Result;
use crate::view::Tone;
use crate::visit::Visit;
use crate::{chart, frame, limits, links, live, respond, view};
use maud::{Markup, html};
use serde_json::Value;

/// Days after which a key that nobody uses is worth a look.
const UNUSED_DAYS: i64 = 90;

/// Days before its end at which a key is worth a look.
const SOON_DAYS: i64 = 30;

const DAY: i64 = 86_400;

/// The overview.
pub(crate) async fn page(visit: &Visit<'_>) -> Result {
    let status = visit.admin().get("/v1/admin/status", &[]).await?;
    let clock = visit.admin().get("/v1/admin/clock", &[]).await?;
    let keyring = visit.admin().get("/v1/admin/keyring", &[("count", "false")]).await?;
    let newest = rows();
    let params = [("limit", newest.as_str())];
    let keys = visit.admin().get("/v1/admin/api_keys", &params).await?;
    let entries = limits::AUDIT_ENTRIES_LOOKED_AT.to_string();
    let refused =
        [("outcome", "refused"), ("order", "desc"), ("limit", "5"), ("entries", entries.as_str())];
    let refused = visit.admin().get("/v1/admin/audit", &refused).await?;
    let expiring = visit.admin().get("/v1/admin/secrets/expiring", &[]).await;
    let samples = visit.dashboard.samples.all();
    let parts = html! {
        (health(visit, &status, &clock, &keyring))
        @if status.object("operations").as_object().is_none_or(serde_json::Map::is_empty) {
            (first_steps())
        }
        (view::section("Requests", chart::requests(&samples)))
        div.columns {
            (view::section("Refusals and failures", chart::refusals(&samples)))
            (view::section("How long requests took", chart::durations(&samples)))
        }
        (secrets::sections(visit, &status, &expiring))
        div.columns {
            (view::section("By operation, since the start", operations(&status)))
            (view::section("What apps keep", usage(&status)))
        }
        div.columns {
            (view::section("Keys that want attention", attention(visit, &keys)))
            (view::section("Latest refusals", refusals(visit, &refused)))
        }
    };
    let every = u32::try_from(limits::SAMPLE_EVERY_SECONDS).unwrap_or(u32::MAX);
    let inside = html! {
        (frame::heading("Overview", "", live::switch(visit)))
        (live::part(visit, every, "", parts))
    };
    Ok(respond::page(frame::page(visit, "", "Overview", inside)))
}

fn tile(name: &str, tone: Tone, word: &str, about: Markup) -> Markup {
    let class = match tone {
        Tone::Good => "tile good",
        Tone::Plain => "tile",
        Tone::Warn => "tile warn",
        Tone::Bad => "tile bad",
    };
    html! {
        div class=(class) { p.name { (name) } p.word { (word) } p.quiet { (about) } }
    }
}

fn health(visit: &Visit<'_>, status: &Value, clock: &Value, keyring: &Value) -> Markup {
    let (sealed, right) = (keyring.is("sealed"), clock.text("state") == "right");
    let (tone, word) = if sealed { (Tone::Bad, "sealed") } else { (Tone::Good, "serving") };
    let clock_tone = if right { Tone::Good } else { Tone::Bad };
    let message = clock.text("message");
    html! {
        div.tiles {
            (tile("Server", tone, word, html! {
                "started " (view::time(status.int("started"), visit.now))
            }))
            (tile("Clock", clock_tone, clock.text("state"), html! {
                @if message.is_empty() { "believed" } @else { (message) }
            }))
            (run(visit, "Last backup", status.object("backup"), "coffer backup create"))
            (run(visit, "Last drill", status.object("drill"), "coffer drill"))
            (shipping(status))
            (rotation(keyring))
        }
    }
}

/// The last backup or drill.
fn run(visit: &Visit<'_>, name: &str, last: &Value, command: &str) -> Markup {
    if last.is_null() {
        let tone = if visit.is_developer() { Tone::Plain } else { Tone::Warn };
        return tile(name, tone, "none yet", html! { code { (command) } });
    }
    let (tone, word) = if last.is("ok") { (Tone::Good, "good") } else { (Tone::Bad, "failed") };
    tile(name, tone, word, view::time(last.int("tried"), visit.now))
}

fn shipping(status: &Value) -> Markup {
    let receivers = status.list("audit_ship");
    let count = receivers.len();
    match count {
        0 => tile("Audit", Tone::Plain, "kept here", html! { "sent to no receiver" }),
        _ => tile("Audit", Tone::Good, "kept and sent", html! { "to " (count) " receivers" }),
    }
}

fn rotation(keyring: &Value) -> Markup {
    let rotation = keyring.object("rotation");
    let version = keyring.int("master_key").unwrap_or_default();
    let about = html! { a href=(links::to("/keyring", &[])) { "master key " (version) } };
    if rotation.is_null() || rotation.int("finished").is_some() {
        return tile("Keyring", Tone::Good, "in order", about);
    }
    let percent = format!("{} %", rotation.int("percent").unwrap_or_default());
    tile("Rotation", Tone::Plain, &percent, about)
}

/// What to do with a server that nobody has called.
fn first_steps() -> Markup {
    let command = "curl http://127.0.0.1:4747/v1/apps/secrets -u sk_test_example: \\\n  \
                   -d name=greeting -d payload=hello -d 'scope[type]=account'";
    view::empty("Nobody has called yet", "In developer mode any test key does:", command)
}

fn operations(status: &Value) -> Markup {
    let operations = status.object("operations").as_object();
    let mut rows: Vec<_> = operations.into_iter().flatten().collect();
    let answered = |count: &Value| count.int("answered").unwrap_or_default();
    rows.sort_by_key(|(_, count)| std::cmp::Reverse(answered(count)));
    let rows: Vec<_> = rows
        .into_iter()
        .take(12)
        .map(|(name, count)| {
            let cell = |field: &str| {
                let count = count.int(field).unwrap_or_default();
                html! { span.amount { (view::number(count)) } }
            };
            let link = links::to("/audit", &[("operation", name)]);
            vec![
                html! { a href=(link) { code { (name) } } },
                cell("answered"),
                cell("refused"),
                cell("failed"),
            ]
        })
        .collect();
    match rows.is_empty() {
        true => html! { p.quiet { "None." } },
        false => view::table("By operation", &["Operation", "Answered", "Refused", "Failed"], rows),
    }
}

fn usage(status: &Value) -> Markup {
    let count = |app: &Value, field: &str| {
        html! { span.amount { (view::number(app.int(field).unwrap_or_default())) } }
    };
    let rows: Vec<_> = status
        .list("usage")
        .iter()
        .take(12)
        .map(|app| {
            let bytes = super::tables::bytes_in_words(app.int("bytes").unwrap_or_default());
            vec![
                view::id(app.text("app")),
                html! { (app.text("mode")) },
                html! { span.amount { (bytes) } },
                count(app, "scopes"),
            ]
        })
        .collect();
    match rows.is_empty() {
        true => html! { p.quiet { "It is counted about once a minute." } },
        false => view::table("What apps keep", &["App", "Mode", "Kept", "Scopes"], rows),
    }
}

/// Keys among the newest that end soon, or that nobody has used for long.
fn attention(visit: &Visit<'_>, keys: &Value) -> Markup {
    let now = visit.now.unix();
    let rows: Vec<_> = keys
        .list("data")
        .iter()
        .filter(|key| key.int("revoked_at").is_none() && key.text("type") != "ephemeral")
        .filter_map(|key| {
            let end = key.int("expires_at").filter(|at| *at > now);
            let is_soon = end.is_some_and(|at| at - now < SOON_DAYS * DAY);
            // What the dashboard makes for itself ends in minutes, as it should.
            let is_own = key.text("name").starts_with("dashboard, ");
            let used = key.int("last_used").or(key.int("created")).unwrap_or(now);
            let is_unused =
                now - used > UNUSED_DAYS * DAY && key.int("expires_at").is_none_or(|at| at > now);
            let why = match (is_soon && !is_own, is_unused) {
                (true, _) => html! { "ends " (view::time(end, visit.now)) },
                (false, true) => html! { "unused for " ((now - used) / DAY) " days" },
                _ => return None,
            };
            Some(vec![view::id(key.text("id")), view::or_none(key.text("name")), why])
        })
        .collect();
    html! {
        @if rows.is_empty() {
            p.quiet {
                "None of the newest ends within " (SOON_DAYS) " days or was unused for "
                (UNUSED_DAYS) "."
            }
        } @else {
            (view::table("Keys that want attention", &["Key", "Name", "Why"], rows))
        }
    }
}

fn refusals(visit: &Visit<'_>, list: &Value) -> Markup {
    let rows: Vec<_> = list
        .list("data")
        .iter()
        .map(|entry| {
            vec![
                view::time(entry.int("created"), visit.now),
                html! { code { (entry.text("operation")) } },
                html! { code { (entry.text("reason")) } },
                view::id(entry.text("request")),
            ]
        })
        .collect();
    html! {
        @if rows.is_empty() {
            p.quiet { "None." }
        } @else {
            (view::table("Latest refusals", &["When", "What", "Why", "Request"], rows))
        }
    }
}
