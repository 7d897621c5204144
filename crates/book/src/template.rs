//! What is around every page.

use crate::place;
use crate::render::Body;
use crate::summary::{self, Entry, Part};
use crate::{ICON_PATH, PATH, SEARCH_PATH, STYLE_PATH};
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// A page of the book; `entry` is its place in it.
pub(crate) fn page(entry: Option<&Entry>, body: Body) -> String {
    let inside = html! {
        article { (PreEscaped(body.html)) }
        (neighbours(entry))
    };
    document(entry, &body.title, "", inside).into_string()
}

/// A whole document. `sought` is what the search box has in it.
pub(crate) fn document(entry: Option<&Entry>, title: &str, sought: &str, inside: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" data-theme="system" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Coffer" }
                link rel="icon" type="image/svg+xml" href=(ICON_PATH);
                link rel="stylesheet" href=(STYLE_PATH);
            }
            body {
                a.skip href="#main" { "Skip to the page" }
                header.top {
                    a.brand href=(PATH) { "Coffer" }
                    form.search role="search" action=(SEARCH_PATH) {
                        input type="search" name="q" aria-label="Search the documents"
                            placeholder="Search the documents" value=(sought) autocomplete="off";
                        button type="submit" { "Search" }
                    }
                    a href="/docs/api" { "API" }
                    a.menu href="#pages" { "Pages" }
                }
                div.shell {
                    main id="main" tabindex="-1" { (inside) }
                    (menu(entry))
                }
            }
        }
    }
}

fn menu(current: Option<&Entry>) -> Markup {
    let is_current = |entry: &Entry| current.is_some_and(|current| current.file == entry.file);
    html! {
        nav.side id="pages" aria-label="Pages" {
            @for part in summary::parts() {
                @if part.title.is_empty() {
                    (entries(part, current))
                } @else {
                    details open[part.entries.iter().any(is_current)] {
                        summary { (part.title) }
                        (entries(part, current))
                    }
                }
            }
        }
    }
}

fn entries(part: &Part, current: Option<&Entry>) -> Markup {
    html! {
        ul {
            @for entry in part.entries.iter().filter(|entry| is_shown(entry, current)) {
                li class=[(entry.depth > 0).then_some("below")] {
                    a href=(place::path(entry.file))
                        aria-current=[current
                            .is_some_and(|current| current.file == entry.file)
                            .then_some("page")] {
                        (entry.title)
                    }
                }
            }
        }
    }
}

/// Whether the menu has the entry: what stands below another one only where somebody reads there.
fn is_shown(entry: &Entry, current: Option<&Entry>) -> bool {
    let folder = |entry: &Entry| entry.file.rsplit_once('/').map(|(folder, _)| folder);
    entry.depth == 0 || current.is_some_and(|current| folder(current) == folder(entry))
}

/// The links to the pages before and after this one.
fn neighbours(entry: Option<&Entry>) -> Markup {
    let order: Vec<&Entry> = summary::entries().collect();
    let at = entry.and_then(|entry| order.iter().position(|one| one.file == entry.file));
    let before = at.and_then(|at| order.get(at.checked_sub(1)?));
    let after = at.and_then(|at| order.get(at + 1));
    html! {
        nav.neighbours aria-label="Before and after" {
            @if let Some(before) = before {
                a rel="prev" href=(place::path(before.file)) { "← " (before.title) }
            }
            @if let Some(after) = after {
                a rel="next" href=(place::path(after.file)) { (after.title) " →" }
            }
        }
    }
}
