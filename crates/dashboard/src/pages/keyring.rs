//! The keys that encrypt.

use crate::api::Field;
use crate::outcome::{Result, noticed};
use crate::view::Tone;
use crate::visit::Visit;
use crate::{frame, links, respond, view};
use maud::{Markup, html};
use serde_json::Value;

/// Which keys there are, and how far a rotation has come.
pub(crate) async fn page(visit: &Visit<'_>) -> Result {
    // Counting reads every tenant's keys, so it is done when somebody asks.
    let is_counted = visit.field("count") == "true";
    let params = [("count", if is_counted { "true" } else { "false" })];
    let keys = visit.admin().get("/v1/admin/keyring", &params).await?;
    let count = |name: &str| match keys.int(name) {
        Some(count) => html! { span.amount { (view::number(count)) } },
        None => view::none(),
    };
    let older = html! {
        (count("old_master_keys")) " with " (count("keys_under_old_master_keys"))
        " keys under them"
    };
    let state = match keys.is("sealed") {
        true => view::badge(Tone::Bad, "sealed: no request for data is answered"),
        false => view::badge(Tone::Good, "open"),
    };
    let rotation = keys.object("rotation");
    let inside = html! {
        (frame::heading("Keyring", "The keys that encrypt, and how they are replaced.", html! {
            @if !is_counted {
                a.button href=(links::to("/keyring", &[("count", "true")])) { "Count the keys" }
            }
            @if visit.is_operator() { (rotate_form(visit)) }
        }))
        (view::facts(vec![
            ("State", state),
            ("Master key", html! {
                "version " (keys.int("master_key").unwrap_or_default()) ", made "
                (view::time(keys.int("master_key_created"), visit.now))
            }),
            ("Older master keys", if is_counted { older } else { view::none() }),
            ("Tenants' keys", count("tenant_keys")),
            ("Replaced tenants' keys", count("old_tenant_keys")),
            ("Oldest tenant's key", view::time(keys.int("oldest_tenant_key"), visit.now)),
            ("Most uses of one key", count("most_uses")),
        ]))
        (view::section("Rotation", html! {
            @if rotation.is_null() {
                (view::empty(
                    "Keys were never rotated here",
                    "A rotation makes new keys, seals every record anew and destroys the old keys, \
                     while the server serves:",
                    "coffer keyring rotate all",
                ))
            } @else {
                (shown(visit, rotation))
            }
        }))
    };
    Ok(respond::page(frame::page(visit, "/keyring", "Keyring", inside)))
}

fn shown(visit: &Visit<'_>, rotation: &Value) -> Markup {
    let percent = rotation.int("percent").unwrap_or_default();
    let is_done = rotation.int("finished").is_some();
    let count = |name: &str| match rotation.int(name) {
        Some(count) => html! { span.amount { (view::number(count)) } },
        None => view::none(),
    };
    html! {
        div.progress {
            label for="rotation" { (rotation.text("status")) ", " (percent) " %" }
            progress id="rotation" max="100" value=(percent) { (percent) " %" }
            @if !is_done { p.quiet { a href=(visit.target) { "Look again" } } }
        }
        (view::facts(vec![
            ("Rotation", count("number")),
            ("Keys", html! { (rotation.text("keys")) ", old ones " (rotation.text("old_keys")) }),
            ("Begun", view::time(rotation.int("created"), visit.now)),
            ("Finished", view::time(rotation.int("finished"), visit.now)),
            ("Records", count("records")),
            ("Sealed anew", count("resealed")),
            ("Still under old keys", count("records_under_old_keys")),
            ("Unreadable", count("unreadable")),
            ("Begun by", view::id(rotation.text("cause"))),
        ]))
    }
}

fn rotate_form(visit: &Visit<'_>) -> Markup {
    let meaning = "New keys are made, all records are sealed anew in the background, and the old \
                   keys are destroyed once nothing is sealed under them. Backups of the data from \
                   before then need the backup of the keys that belongs to them.";
    let form = view::form(
        visit,
        "/keyring/rotate",
        "stack",
        html! {
            (view::select("Keys", "keys", "all", &[
                ("all", "all"),
                ("master", "the master key"),
                ("tenant", "tenants' keys"),
            ]))
            label.check {
                input type="checkbox" name="keep" value="true";
                "Keep the old keys until they are destroyed by hand"
            }
            button.primary type="submit" { "Rotate" }
        },
    );
    view::guarded("Rotate", meaning, form)
}

/// Begins a rotation.
pub(crate) async fn rotate(visit: &Visit<'_>) -> Result {
    let keep = if visit.field("keep") == "true" { "true" } else { "false" };
    let params = [("keys", visit.field("keys")), ("keep", keep)];
    visit.admin().post("/v1/admin/keyring/rotate", &params, visit.field("once")).await?;
    noticed(visit, "The rotation has begun.".to_owned())
}
