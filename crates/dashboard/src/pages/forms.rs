//! Forms that several pages have.

use crate::api::Field;
use crate::visit::Visit;
use crate::{links, view};
use maud::{Markup, html};
use serde_json::Value;

/// What a restricted key may be allowed, most used first.
const PERMISSIONS: [&str; 12] = [
    "secret_read",
    "secret_write",
    "balance_read",
    "event_read",
    "ledger_read",
    "ledger_write",
    "reserve_hold_read",
    "reserve_hold_write",
    "reserve_plan_read",
    "reserve_plan_write",
    "reserve_release_read",
    "reserve_release_write",
];

/// The field that looks for a part of an id or a name.
pub(super) fn search(visit: &Visit<'_>, hint: &str) -> Markup {
    html! {
        form.filters role="search" action=(links::to(&visit.path, &[])) {
            input type="search" name="q" value=(visit.field("q")) placeholder=(hint)
                aria-label=(hint) spellcheck="false";
            button type="submit" { "Find" }
        }
    }
}

/// Says that only a part was looked at.
pub(super) fn searched(is_whole: bool) -> Markup {
    html! {
        @if !is_whole {
            p.quiet {
                "The newest " (crate::limits::ROWS_SEARCHED) " were looked at. An older one is "
                "found by its whole id, in the search above."
            }
        }
    }
}

/// The field for the types of events that an endpoint gets.
pub(super) fn event_types(types: &str) -> Markup {
    html! {
        label.field {
            span { "Events: * for all, or types, a line each" }
            textarea name="events" rows="3" spellcheck="false" autocomplete="off"
                autocapitalize="off" { (types) }
        }
    }
}

/// The types that were written into that field.
pub(super) fn typed_events<'v>(visit: &'v Visit<'_>) -> Vec<&'v str> {
    let between = |letter: char| letter.is_whitespace() || letter == ',';
    visit.field("events").split(between).filter(|word| !word.is_empty()).collect()
}

/// An endpoint's types, as that field has them.
pub(super) fn types_text(endpoint: &Value) -> String {
    let types = endpoint.list("enabled_events").iter().filter_map(Value::as_str);
    types.collect::<Vec<_>>().join("\n")
}

/// Installs an app on an account.
pub(super) fn install(visit: &Visit<'_>, app: &str, account: &str) -> Markup {
    html! {
        details.guarded {
            summary.button { "Install an app" }
            div.pop {
                (view::form(visit, "/installs/create", "stack", html! {
                    (view::input("App", "app", app, "app_…"))
                    (view::input("Account", "account", account, "acct_…"))
                    button.primary type="submit" { "Install" }
                }))
            }
        }
    }
}

/// Kinds of keys; the last one is for operators.
const TYPES: [(&str, &str); 3] =
    [("secret", "all rights of the app"), ("restricted", "restricted"), ("admin", "admin key")];

/// Makes a key.
pub(super) fn key(visit: &Visit<'_>, app: &str) -> Markup {
    let ends = [
        ("", "as the server's setting has it"),
        ("86400", "in a day"),
        ("2592000", "in 30 days"),
        ("7776000", "in 90 days"),
        ("31536000", "in a year"),
    ];
    let all = if visit.is_operator() { TYPES.len() } else { TYPES.len() - 1 };
    let types: Vec<_> = TYPES.iter().copied().take(all).collect();
    html! {
        details.guarded {
            summary.button.primary { "New key" }
            div.pop {
                (view::form(visit, "/keys/create", "stack", html! {
                    (view::select("Kind", "type", "secret", &types))
                    (view::input("App, unless it is an admin key", "app", app, "app_…"))
                    (view::select("Mode", "mode", "test", &[("test", "test"), ("live", "live")]))
                    (view::input("Name", "name", "", "backend, Frankfurt"))
                    (view::select("It ends", "expires_in", "", &ends))
                    fieldset.choices {
                        legend { "A restricted key may" }
                        @for permission in PERMISSIONS {
                            label {
                                input type="checkbox" name="permissions" value=(permission);
                                (permission)
                            }
                        }
                    }
                    @if visit.is_operator() {
                        (view::select("An admin key has the role", "role", "auditor", &[
                            ("auditor", "auditor: reads"),
                            ("keys", "keys: makes and revokes keys of apps"),
                            ("operator", "operator: everything"),
                        ]))
                    }
                    button.primary type="submit" { "Create" }
                }))
            }
        }
    }
}
