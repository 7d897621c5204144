//! What is around every page.

use crate::assets;
use crate::links;
use crate::live;
use crate::look::Look;
use crate::theme::Theme;
use crate::view;
use crate::visit::Visit;
use coffer_kernel::AdminRole;
use maud::{DOCTYPE, Markup, html};

/// A page of the menu: its path, its word, the key that goes there after `g`, and whether the role
/// `keys` sees it.
struct Entry(&'static str, &'static str, &'static str, bool);

const MENU: [(&str, &[Entry]); 4] = [
    ("", &[Entry("", "Overview", "o", false)]),
    (
        "Store",
        &[
            Entry("/secrets", "Secrets", "s", false),
            Entry("/reserves", "Reserves", "r", false),
            Entry("/exposure", "Exposure", "x", false),
            Entry("/events", "Events", "e", false),
            Entry("/webhooks", "Webhooks", "w", false),
        ],
    ),
    (
        "Access",
        &[
            Entry("/accounts", "Accounts", "c", false),
            Entry("/apps", "Apps", "p", false),
            Entry("/installs", "Installs", "i", false),
            Entry("/keys", "API keys", "k", true),
        ],
    ),
    (
        "Trust",
        &[
            Entry("/audit", "Audit", "a", false),
            Entry("/keyring", "Keyring", "y", false),
            Entry("/settings", "Settings", ",", false),
        ],
    ),
];

/// A whole document.
pub(crate) fn document(theme: Theme, title: &str, body: Markup) -> Markup {
    document_with(theme, title, html! {}, body)
}

fn document_with(theme: Theme, title: &str, head: Markup, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" data-theme=(theme.as_str()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) " · Coffer" }
                link rel="icon" type="image/svg+xml" href=(*assets::ICON_PATH);
                link rel="stylesheet" href=(*assets::STYLE_PATH);
                script src=(*assets::SCRIPT_PATH) defer {}
                (head)
            }
            (body)
        }
    }
}

/// A page of somebody who has signed in. `section` is the path of the menu's entry that it belongs
/// to.
pub(crate) fn page(visit: &Visit<'_>, section: &str, title: &str, inside: Markup) -> Markup {
    // A part of a page that is put in place of the old one has no room for it.
    let is_part = matches!(visit.look, Look::Again(_));
    let notice = if is_part { None } else { visit.session.take_notice() };
    document_with(
        visit.theme,
        title,
        live::head(&visit.look),
        html! {
            body {
                a.skip href="#main" { "Skip to the page" }
                div.shell {
                    (side(visit, section))
                    div.column {
                        (top(visit))
                        main id="main" tabindex="-1" {
                            @if let Some(notice) = notice {
                                div.notice.good role="status" { p { (notice) } }
                            }
                            (inside)
                        }
                    }
                }
                (keys(visit))
                div.toasts id="toasts" role="status" aria-live="polite" {}
            }
        },
    )
}

/// A heading with what can be done beside it.
pub(crate) fn heading(title: &str, about: &str, actions: Markup) -> Markup {
    html! {
        header.heading {
            div { h1 { (title) } @if !about.is_empty() { p.quiet { (about) } } }
            div.actions { (actions) }
        }
    }
}

fn side(visit: &Visit<'_>, section: &str) -> Markup {
    let is_seen = |entry: &&Entry| visit.session.role != AdminRole::Keys || entry.3;
    html! {
        nav.side id="menu" aria-label="Pages" {
            a.brand href=(links::HOME) {
                svg viewBox="0 0 24 24" aria-hidden="true" {
                    rect x="3" y="4" width="18" height="16" rx="3" {}
                    circle cx="12" cy="12" r="3.2" {}
                    path d="M12 8.8V7M12 17v-1.8M15.2 12H17M7 12h1.8" {}
                }
                "Coffer"
            }
            @for (group, entries) in MENU {
                @if entries.iter().any(|entry| is_seen(&entry)) {
                    @if !group.is_empty() { p.group { (group) } }
                    ul {
                        @for entry in entries.iter().filter(is_seen) {
                            li {
                                a href=(links::to(entry.0, &[])) data-go=(entry.2)
                                    aria-current=[(entry.0 == section).then_some("page")] {
                                    (entry.1)
                                }
                            }
                        }
                    }
                }
            }
            p.group { "Help" }
            ul { li { a href="/docs" { "Documents" } } }
        }
    }
}

fn top(visit: &Visit<'_>) -> Markup {
    html! {
        header.top {
            a.menu href="#menu" aria-label="Menu" { "☰" }
            form.search role="search" action=(links::to("/search", &[])) {
                input type="search" name="q" id="search" aria-label="Search" autocomplete="off"
                    placeholder="Search an id, a name, a request" spellcheck="false";
                kbd aria-hidden="true" { "/" }
            }
            @if visit.is_developer() { span.badge.warn { "developer mode" } }
            (person(visit))
        }
    }
}

/// Who has signed in, and what concerns only them.
fn person(visit: &Visit<'_>) -> Markup {
    let Visit { session, theme, .. } = visit;
    html! {
        details.person {
            summary aria-label=(format!("{}, your session", session.role.as_str())) {
                (session.role.as_str())
            }
            div.pop {
                @if let Some(person) = &session.person {
                    p { "Signed in as " (person.name) }
                } @else {
                    p { "Signed in with " code { (session.redacted_key) } }
                }
                p.quiet { a href=(links::to("/key", &[("id", &session.key_id)])) {
                    (session.key_id)
                } }
                (view::form(visit, "/theme", "theme", html! {
                    fieldset {
                        legend { "Colours" }
                        @for each in Theme::ALL {
                            button type="submit" name="theme" value=(each.as_str())
                                aria-pressed=(if each == *theme { "true" } else { "false" }) {
                                (each.as_str())
                            }
                        }
                    }
                }))
                (view::form(visit, "/sign_out", "", html! {
                    button type="submit" { "Sign out" }
                    button type="submit" name="everywhere" value="true" {
                        "Sign out everywhere"
                    }
                }))
            }
        }
    }
}

/// The keys of the keyboard, which `?` shows.
fn keys(visit: &Visit<'_>) -> Markup {
    let is_seen = |entry: &&Entry| visit.session.role != AdminRole::Keys || entry.3;
    let entries = MENU.iter().flat_map(|(_, entries)| entries.iter()).filter(is_seen);
    html! {
        dialog id="keys" aria-labelledby="keys-title" {
            h2 id="keys-title" { "Keyboard" }
            dl.keys {
                div { dt { kbd { "/" } } dd { "Search" } }
                div { dt { kbd { "?" } } dd { "These keys" } }
                @for entry in entries {
                    div { dt { kbd { "g" } " " kbd { (entry.2) } } dd { (entry.1) } }
                }
            }
            form method="dialog" { button type="submit" { "Close" } }
        }
    }
}
