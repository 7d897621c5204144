//! How a page is looked at: once, or again and again.

use http::HeaderMap;

/// The header with which the script asks. Its value is the newest that the page has, or empty.
const HEADER: &str = "coffer-live";

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
