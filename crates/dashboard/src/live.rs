//! Pages that show what comes while somebody looks: the script asks for the page again every few
//! seconds and puts its live part in place of the old one. Without the script the browser loads the
//! whole page again.

use crate::links;
use crate::visit::Visit;
use http::HeaderMap;
use maud::{Markup, html};

/// The field of a page that is followed.
const FIELD: &str = "follow";

/// The header with which the script asks. Its value is the newest that the page has, or empty.
const HEADER: &str = "coffer-live";

/// Seconds after which a browser without the script loads the page again.
const WITHOUT_SCRIPT: u32 = 10;

/// How a page is looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Look {
    /// By somebody who has come for it.
    Once,
    /// By a browser that goes on looking.
    Following,
    /// By its script, which has what is named.
    Again(String),
}

impl Look {
    /// What a request says of it.
    pub(crate) fn of(headers: &HeaderMap, query: &str) -> Self {
        let is_asked = query.split('&').any(|field| field == "follow=true");
        match headers.get(HEADER) {
            Some(newest) => Self::Again(newest.to_str().unwrap_or_default().to_owned()),
            None if is_asked => Self::Following,
            None => Self::Once,
        }
    }

    /// Whether a person has asked for the page, and not the page itself.
    pub(crate) fn is_use(&self) -> bool {
        *self == Self::Once
    }

    /// Whether it goes on.
    pub(crate) fn goes_on(&self) -> bool {
        *self != Self::Once
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn a_page_is_used_by_whoever_asks_for_it_and_not_by_itself() {
        let none = HeaderMap::new();
        assert_eq!(Look::of(&none, "outcome=refused"), Look::Once);
        assert_eq!(Look::of(&none, "q=follow%3Dtrue&follow=truer"), Look::Once);
        assert_eq!(Look::of(&none, "outcome=refused&follow=true"), Look::Following);
        let script = HeaderMap::from_iter([(
            http::HeaderName::from_static(HEADER),
            HeaderValue::from_static("aud_7"),
        )]);
        let look = Look::of(&script, "");
        assert_eq!(look, Look::Again("aud_7".to_owned()));
        assert!(!look.is_use() && look.goes_on());
    }
}
