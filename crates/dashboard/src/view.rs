//! What pages are put together from.

use crate::api::{Field, Refusal};
use crate::links;
use crate::visit::Visit;
use coffer_base::Timestamp;
use coffer_base::civil::{readable, rfc3339, span};
use maud::{Markup, html};
use serde_json::Value;

/// A time: how long ago or ahead it is, and exactly on demand. `–` if there is none.
pub(crate) fn time(at: Option<i64>, now: Timestamp) -> Markup {
    let Some(at) = at else { return none() };
    let exact = Timestamp::from_unix(at);
    let seconds = now.unix().saturating_sub(at);
    let words = match seconds {
        0..10 => "just now".to_owned(),
        10.. => format!("{} ago", rough(seconds)),
        _ => format!("in {}", rough(seconds.saturating_neg())),
    };
    html! { time datetime=(rfc3339(exact)) title=(readable(exact)) { (words) } }
}

/// A span of time in one unit.
fn rough(seconds: i64) -> String {
    let units = [(86_400 * 365, "y"), (86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let unit = units.into_iter().find(|(unit, _)| seconds >= *unit);
    unit.map_or_else(|| span(seconds), |(unit, name)| format!("{} {name}", seconds / unit))
}

/// Nothing, where something could be.
pub(crate) fn none() -> Markup {
    html! { span.none aria-label="none" { "–" } }
}

/// A text, or that there is none.
pub(crate) fn or_none(text: &str) -> Markup {
    if text.is_empty() {
        none()
    } else {
        html! { (text) }
    }
}

/// An id, which leads to its page if it has one.
pub(crate) fn id(id: &str) -> Markup {
    if id.is_empty() {
        return none();
    }
    // What belongs to nobody is filed under these.
    if id.ends_with("_coffer_system") {
        return html! { span.quiet { "the server" } };
    }
    match links::of_id(id) {
        Some(link) => html! { a.id href=(link) { (id) } },
        None => html! { code.id { (id) } },
    }
}

/// An id or a command with a button that copies it.
pub(crate) fn copied(text: &str) -> Markup {
    html! {
        span.copied {
            code { (text) }
            button.copy type="button" data-copy=(text) hidden { "Copy" }
        }
    }
}

/// What a badge says of something.
#[derive(Clone, Copy)]
pub(crate) enum Tone {
    Good,
    Plain,
    Warn,
    Bad,
}

/// A word with a colour; the word alone says it too.
pub(crate) fn badge(tone: Tone, word: &str) -> Markup {
    let class = match tone {
        Tone::Good => "badge good",
        Tone::Plain => "badge",
        Tone::Warn => "badge warn",
        Tone::Bad => "badge bad",
    };
    html! { span class=(class) { (word) } }
}

/// How an outcome of the audit looks.
pub(crate) fn outcome(word: &str) -> Markup {
    let tone = match word {
        "done" => Tone::Good,
        "replayed" => Tone::Plain,
        "refused" => Tone::Warn,
        _ => Tone::Bad,
    };
    badge(tone, word)
}

/// When something ends, and whether that is soon.
pub(crate) fn expiry(at: Option<i64>, now: Timestamp) -> Markup {
    const SOON: i64 = 30 * 86_400;
    let Some(end) = at else { return html! { span.none { "never" } } };
    let left = end.saturating_sub(now.unix());
    let tone = match left {
        i64::MIN..=0 => return badge(Tone::Bad, "expired"),
        1..SOON => "badge warn",
        _ => "badge",
    };
    html! { span class=(tone) { "expires " (time(at, now)) } }
}

/// One cell of a table.
pub(crate) type Cell = Markup;

/// A table; what stands instead of it if it is empty is for the caller to say.
pub(crate) fn table(about: &str, columns: &[&str], rows: Vec<Vec<Cell>>) -> Markup {
    html! {
        div.table tabindex="0" role="region" aria-label=(about) {
            table {
                caption.unseen { (about) }
                thead { tr { @for column in columns { th scope="col" { (column) } } } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (cell, column) in row.into_iter().zip(columns) {
                                td data-column=(column) { (cell) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What to do where there is nothing yet, with a command that does it.
pub(crate) fn empty(what: &str, advice: &str, command: &str) -> Markup {
    html! {
        div.empty {
            p.lead { (what) }
            p { (advice) }
            @if !command.is_empty() { (self::command(command)) }
        }
    }
}

/// A command that can be copied.
pub(crate) fn command(text: &str) -> Markup {
    html! {
        div.command {
            pre tabindex="0" aria-label="command" { code { (text) } }
            button.copy type="button" data-copy=(text) hidden { "Copy" }
        }
    }
}

/// Links to what is before and behind on a list that the API has answered.
pub(crate) fn pager(visit: &Visit<'_>, list: &Value) -> Markup {
    let data = list.list("data");
    let (first, last) = (data.first(), data.last());
    let after = visit.field("starting_after");
    let before = visit.field("ending_before");
    let is_started = !after.is_empty() || !before.is_empty();
    let has_more = list.is("has_more");
    let (newer, older) = match before.is_empty() {
        true => (is_started, has_more),
        false => (has_more, true),
    };
    html! {
        @if newer || older {
            nav.pager aria-label="pages" {
                @if let Some(id) = first.filter(|_| newer).map(|item| item.text("id")) {
                    a.button rel="prev" href=(visit.list_from("ending_before", id)) { "← Newer" }
                }
                @if is_started {
                    a.button href=(visit.list_from("", "")) { "Newest" }
                }
                @if let Some(id) = last.filter(|_| older).map(|item| item.text("id")) {
                    a.button rel="next" href=(visit.list_from("starting_after", id)) { "Older →" }
                }
            }
        }
    }
}

/// A form that changes something. It carries what shows that it is the session's own, and what
/// makes it be carried out once.
pub(crate) fn form(visit: &Visit<'_>, path: &str, class: &str, inside: Markup) -> Markup {
    html! {
        form method="post" action=(links::to(path, &[])) class=(class) autocomplete="off" {
            input type="hidden" name="form_token" value=(visit.session.form_token);
            input type="hidden" name="once" value=(visit.once());
            input type="hidden" name="back" value=(visit.target);
            (inside)
        }
    }
}

/// Fields that are sent and not shown.
pub(crate) fn hidden(fields: &[(&str, &str)]) -> Markup {
    html! {
        @for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
            input type="hidden" name=(name) value=(value);
        }
    }
}

/// A labelled field of a form.
pub(crate) fn input(label: &str, name: &str, value: &str, hint: &str) -> Markup {
    html! {
        label.field {
            span { (label) }
            input type="text" name=(name) value=(value) placeholder=(hint) spellcheck="false";
        }
    }
}

/// A labelled choice: values with their words.
pub(crate) fn select(label: &str, name: &str, chosen: &str, among: &[(&str, &str)]) -> Markup {
    html! {
        label.field {
            span { (label) }
            select name=(name) {
                @for (value, word) in among {
                    option value=(value) selected[*value == chosen] { (word) }
                }
            }
        }
    }
}

/// Something that cannot be taken back: what it means is read before its button is there.
pub(crate) fn guarded(word: &str, meaning: &str, form: Markup) -> Markup {
    html! {
        details.guarded {
            summary.button { (word) "…" }
            div.pop { p { (meaning) } (form) }
        }
    }
}

/// A part of a page with a heading.
pub(crate) fn section(title: &str, inside: Markup) -> Markup {
    html! { section.card { h2 { (title) } (inside) } }
}

/// Names with values. What has no value is left out.
pub(crate) fn facts(rows: Vec<(&str, Markup)>) -> Markup {
    let nothing = none().into_string();
    html! {
        dl.facts {
            @for (name, value) in rows.into_iter().filter(|(_, value)| value.0 != nothing) {
                div { dt { (name) } dd { (value) } }
            }
        }
    }
}

/// What the API refused, where a part of a page was to be.
pub(crate) fn refusal(refusal: &Refusal) -> Markup {
    html! {
        div.notice.bad role="alert" {
            p { (refusal.message) }
            @if !refusal.request_id.is_empty() {
                p.quiet {
                    a href=(links::to("/request", &[("id", &refusal.request_id)])) {
                        "Explain request " (refusal.request_id)
                    }
                }
            }
        }
    }
}

/// A number with its thousands apart.
pub(crate) fn number(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0 { format!("−{text}") } else { text }
}

/// An amount of money in its smallest unit, as the API has it.
pub(crate) fn amount(value: i64, currency: &str) -> Markup {
    html! { span.amount { (number(value)) " " span.unit { (currency) } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_one_unit() {
        let now = Timestamp::from_unix(1_000_000_000);
        let told = |at: i64| time(Some(now.unix() + at), now).into_string();
        for (at, words) in [
            (0, "just now"),
            (-59, "59 s ago"),
            (-60, "1 min ago"),
            (-7200, "2 h ago"),
            (-86_400 * 400, "1 y ago"),
            (90, "in 1 min"),
        ] {
            assert!(told(at).contains(&format!(">{words}<")), "{at}: {}", told(at));
        }
        assert!(time(None, now).into_string().contains('–'));
    }

    #[test]
    fn numbers_have_their_thousands_apart() {
        let told = [0, 12, 999, 1000, -1_234_567].map(number);
        assert_eq!(told, ["0", "12", "999", "1,000", "−1,234,567"]);
    }

    #[test]
    fn what_ends_says_so() {
        let now = Timestamp::from_unix(1000);
        let told = |at| expiry(at, now).into_string();
        assert!(told(Some(1000)).contains("bad") && told(Some(1001)).contains("warn"));
        assert!(!told(Some(1000 + 40 * 86_400)).contains("warn") && told(None).contains("never"));
    }
}
