//! The API version that a request names.

use crate::error::ApiError;
use crate::limits;
use crate::reasons;
use crate::wording::clipped;
use std::borrow::Cow;

/// A version: a date, a release name, and the flags of preview features.
///
/// Any that is well formed is accepted; a future one gets the newest shape that this program knows,
/// so that a newer SDK keeps working.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiVersion {
    text: Cow<'static, str>,
    date: (u16, u8, u8),
}

impl ApiVersion {
    /// The newest version that this program knows, and the version of a request without the header.
    pub const LATEST: &str = "2026-10-28.endive";

    /// The newest version that this program knows, in which events are written.
    pub const fn latest() -> Self {
        Self { text: Cow::Borrowed(Self::LATEST), date: (2026, 10, 28) }
    }

    /// Reads the `Stripe-Version` header: `2026-10-28.endive`, `2026-10-28`, or either with
    /// `; feature=v1` after it, once or more.
    ///
    /// # Errors
    /// 400 for anything else, and for more than [`limits::VERSION_BYTES`].
    pub fn parse(header: Option<&str>) -> Result<Self, ApiError> {
        let text = header.unwrap_or(Self::LATEST);
        let text = if text == Self::LATEST {
            Cow::Borrowed(Self::LATEST)
        } else {
            Cow::Owned(text.to_owned())
        };
        match date(&text) {
            Some(date) if text.len() <= limits::VERSION_BYTES => Ok(Self { text, date }),
            _ => Err(ApiError::invalid(format!("Invalid Stripe API version: {}", clipped(&text)))
                .because(&reasons::VERSION_INVALID)),
        }
    }

    /// The version as it was sent, for the response's header: visible ASCII and spaces.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Year, month and day.
    pub const fn date(&self) -> (u16, u8, u8) {
        self.date
    }

    /// Whether it is a preview: `2026-10-28.preview`.
    pub fn is_preview(&self) -> bool {
        self.text.split(';').next().is_some_and(|version| version.ends_with(".preview"))
    }

    /// Whether the version is of `date` or later.
    pub fn is_at_least(&self, date: (u16, u8, u8)) -> bool {
        self.date >= date
    }
}

/// The date of a version that is well formed.
fn date(text: &str) -> Option<(u16, u8, u8)> {
    let mut parts = text.split(';');
    let version = parts.next()?;
    if !parts.all(|flag| is_flag(flag.trim_matches(' '))) {
        return None;
    }
    let (date, name) = version.split_once('.').map_or((version, None), |(d, n)| (d, Some(n)));
    if name.is_some_and(|name| !is_word(name, |byte| byte.is_ascii_lowercase())) {
        return None;
    }
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let well_formed = parts.next().is_none()
        && [(year, 4), (month, 2), (day, 2)].iter().all(|&(part, length)| {
            part.len() == length && is_word(part, |byte| byte.is_ascii_digit())
        });
    if !well_formed {
        return None;
    }
    Some((year.parse().ok()?, month.parse().ok()?, day.parse().ok()?))
}

/// `some_feature=v1`.
fn is_flag(flag: &str) -> bool {
    let name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    flag.split_once("=v").is_some_and(|(feature, version)| {
        is_word(feature, name) && is_word(version, |byte| byte.is_ascii_digit())
    })
}

fn is_word(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_formed_versions_are_accepted_as_they_are() {
        for (text, date) in [
            ("2026-10-28.endive", (2026, 10, 28)),
            ("2019-12-03", (2019, 12, 3)),
            ("2099-01-01.zucchini", (2099, 1, 1)),
            ("2026-10-28.preview; feature_beta=v1", (2026, 10, 28)),
            ("2026-10-28.preview;a=v1; b2=v12", (2026, 10, 28)),
        ] {
            let version = ApiVersion::parse(Some(text)).unwrap();
            assert_eq!((version.as_str(), version.date()), (text, date));
        }
    }

    #[test]
    fn no_header_means_the_newest() {
        let version = ApiVersion::parse(None).unwrap();
        assert_eq!(version, ApiVersion::parse(Some(ApiVersion::LATEST)).unwrap());
        assert_eq!(version, ApiVersion::latest());
        assert_eq!(version.as_str(), "2026-10-28.endive");
        assert!(version.is_at_least((2026, 10, 28)) && version.is_at_least((2025, 12, 31)));
        assert!(!version.is_at_least((2026, 10, 29)) && !version.is_at_least((2026, 11, 1)));
    }

    #[test]
    fn previews_are_distinguished_from_releases() {
        let preview = |text| ApiVersion::parse(Some(text)).unwrap().is_preview();
        assert!(preview("2026-10-28.preview"));
        assert!(preview("2025-12-15.preview; feature_beta=v1"));
        assert!(!preview("2026-10-28.endive") && !preview("2019-12-03"));
        assert!(!preview("2026-10-28.endive; preview=v1") && !preview("2026-10-28.previews"));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "latest",
            "2026-10-28.",
            "2026-10-28.Endive",
            "2026-10-28.endive.x",
            "2026-1-028",
            "2026-10-28-01",
            "+026-10-28",
            " 2026-10-28",
            "2026-10-28 ",
            "2026-10-28;",
            "2026-10-28; feature",
            "2026-10-28; =v1",
            "2026-10-28; a=v",
            "2026-10-28; a=1",
            "2026-10-28; a=v1\r\nx: y",
            "２026-10-28",
        ] {
            let error = ApiVersion::parse(Some(text)).unwrap_err();
            assert_eq!(error.status(), 400, "{text}");
            assert_eq!(error.message(), format!("Invalid Stripe API version: {text}"));
            assert_eq!((error.code(), error.param()), (None, None));
        }
        let long = format!("2026-10-28{}", "; a=v1".repeat(41));
        assert_eq!(long.len(), limits::VERSION_BYTES + 1);
        let error = ApiVersion::parse(Some(&long)).unwrap_err();
        assert!(error.message().ends_with("..."), "{error}");
    }
}
