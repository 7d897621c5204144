//! Pages that show what comes while somebody looks: the script asks for the page again every few
//! seconds and puts its live part in place of the old one. Without the script the browser loads the
//! whole page again.

use crate::links;
use crate::look::Look;
use crate::visit::Visit;
use maud::{Markup, html};

/// The field of a page that is followed.
const FIELD: &str = "follow";

/// Seconds after which a browser without the script loads the page again.
const WITHOUT_SCRIPT: u32 = 10;

/// What a browser without the script is told.
pub(crate) fn head(look: &Look) -> Markup {
    html! {
        @if look.goes_on() {
            noscript { meta http-equiv="refresh" content=(WITHOUT_SCRIPT); }
        }
    }
}

/// Whether a page shows what is older, to which nothing comes.
fn is_older(visit: &Visit<'_>) -> bool {
    ["starting_after", "ending_before"].into_iter().any(|field| !visit.field(field).is_empty())
}

/// The part of a page that is put in place of the old one every `seconds`; `newest` is what it has.
pub(crate) fn part(visit: &Visit<'_>, seconds: u32, newest: &str, inside: Markup) -> Markup {
    let every = (visit.look.goes_on() && !is_older(visit)).then_some(seconds);
    html! {
        div id="live" data-live=[every] data-newest=[every.map(|_| newest)] { (inside) }
    }
}

/// Begins and ends following; nothing on a page of what is older.
pub(crate) fn switch(visit: &Visit<'_>) -> Markup {
    let mut fields = visit.fields.filters();
    let goes_on = visit.look.goes_on();
    let word = if goes_on { "Stop following" } else { "Follow" };
    if !goes_on {
        fields.push((FIELD, "true"));
    }
    html! {
        @if !is_older(visit) {
            @if goes_on { span.quiet id="looked" { "Following" } }
            a.button href=(links::to(&visit.path, &fields)) { (word) }
        }
    }
}
