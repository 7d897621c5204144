//! Colours: as the machine has them, or as the person has chosen.

use crate::request::cookie;
use http::HeaderMap;

/// The cookie with the colours that were chosen.
pub(crate) const THEME_COOKIE: &str = "coffer_theme";

/// Colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Theme {
    /// As the machine has it.
    System,
    Light,
    Dark,
}

impl Theme {
    pub(crate) const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self::parse(cookie(headers, THEME_COOKIE).unwrap_or_default())
    }

    pub(crate) fn parse(word: &str) -> Self {
        Self::ALL.into_iter().find(|theme| theme.as_str() == word).unwrap_or(Self::System)
    }
}
