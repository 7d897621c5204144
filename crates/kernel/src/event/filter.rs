//! Which events a list shows.

use crate::reasons;
use coffer_base::limit;
use coffer_dialect::{ApiError, CreatedRange, Fields};
use std::collections::BTreeSet;

/// Which events a list shows.
pub(crate) struct EventFilter {
    /// A type in which `*` stands for any text; `None` for all.
    pub(crate) pattern: Option<String>,
    /// Types, one of which it must be; empty for all.
    pub(crate) types: Vec<String>,
    /// When it happened.
    pub(crate) created: CreatedRange,
    /// Whether all deliveries of it have succeeded.
    pub(crate) delivery: Delivery,
}

/// Narrows events by what became of their deliveries (`delivery_success`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Delivery {
    /// Any.
    Any,
    /// All deliveries succeeded, or there were none.
    Succeeded,
    /// Some are pending, or failed.
    Unsettled,
}

impl Delivery {
    /// The numbers of pending deliveries that it includes.
    pub(crate) const fn pending(self) -> std::ops::RangeInclusive<i64> {
        match self {
            Self::Any => 0..=i64::MAX,
            Self::Succeeded => 0..=0,
            Self::Unsettled => 1..=i64::MAX,
        }
    }
}

impl EventFilter {
    /// Checks the parameters of a list.
    pub(crate) fn parse(fields: &Fields<'_>) -> Result<Self, ApiError> {
        let pattern = fields.optional_plain("type", limit::EVENT_TYPE_CHARACTERS)?;
        let types = fields.text_list("types")?;
        if pattern.is_some() && !types.is_empty() {
            return Err(ApiError::invalid_param(
                "types",
                "'type' and 'types' are mutually exclusive: send one of them.",
            )
            .because(&reasons::EVENT_FILTER));
        }
        if types.len() > limit::EVENT_TYPES {
            let most = limit::EVENT_TYPES;
            let message = format!("{} types were sent; at most {most} are allowed.", types.len());
            let error = ApiError::invalid_param("types", message);
            return Err(error.because(&reasons::EVENT_FILTER));
        }
        check_letters(pattern.as_deref().unwrap_or_default(), "type", true)?;
        for (index, one) in types.iter().enumerate() {
            check_letters(one, &format!("types[{index}]"), false)?;
        }
        let types = types.into_iter().map(str::to_owned).collect();
        let created = fields.created_range()?;
        let delivery = match fields.optional_bool("delivery_success")? {
            None => Delivery::Any,
            Some(true) => Delivery::Succeeded,
            Some(false) => Delivery::Unsettled,
        };
        Ok(Self { pattern, types, created, delivery })
    }

    /// Whether it lets everything through.
    pub(crate) fn is_whole(&self) -> bool {
        self.pattern.is_none() && self.types.is_empty() && self.is_by_type_alone()
    }

    /// Whether it looks at types and at nothing else.
    pub(crate) fn is_by_type_alone(&self) -> bool {
        self.created == CreatedRange::ALL && self.delivery == Delivery::Any
    }

    /// The types that it names; `None` if that depends on which types there are.
    pub(crate) fn exact_types(&self) -> Option<Vec<String>> {
        match &self.pattern {
            Some(pattern) if !pattern.contains('*') => Some(vec![pattern.clone()]),
            None if !self.types.is_empty() => {
                let distinct: BTreeSet<_> = self.types.iter().cloned().collect();
                Some(distinct.into_iter().collect())
            }
            _ => None,
        }
    }

    /// Whether it shows events of this type.
    pub(crate) fn matches(&self, kind: &str) -> bool {
        match &self.pattern {
            Some(pattern) => is_like(pattern, kind),
            None => self.types.is_empty() || self.types.iter().any(|one| one == kind),
        }
    }
}

/// Whether `text` is `pattern`, in which each `*` stands for any text. What stands between two
/// stars is looked for from the left, where it leaves the most to the rest.
fn is_like(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    let within = text.strip_prefix(start).and_then(|text| text.strip_suffix(end));
    let mut left = within;
    for part in middle.split('*') {
        left = left.and_then(|text| text.split_once(part)).map(|(_, after)| after);
    }
    left.is_some()
}

fn check_letters(text: &str, path: &str, wild: bool) -> Result<(), ApiError> {
    let plain = |letter: char| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '.' | '_')
    };
    if text.chars().all(|letter| plain(letter) || (wild && letter == '*')) {
        return Ok(());
    }
    let star = if wild { ", and * stands for any number of them" } else { "" };
    Err(ApiError::invalid_param(
        path,
        format!(
            "Invalid {path}: a type is made of lower-case letters, digits, dots and \
             underscores{star}."
        ),
    )
    .because(&reasons::EVENT_FILTER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_dialect::Params;

    fn filter(query: &str) -> Result<EventFilter, ApiError> {
        let params = Params::decode(Some(query), b"").unwrap();
        let known =
            [["type", "types", "delivery_success"].as_slice(), &CreatedRange::PARAMS].concat();
        EventFilter::parse(&params.only(&known)?)
    }

    #[test]
    fn a_star_stands_for_any_text_and_everything_else_for_itself() {
        for (pattern, like, unlike) in [
            (
                "reserve.*",
                &["reserve.", "reserve.hold.created"][..],
                &["reserve", "xreserve.a"][..],
            ),
            ("*.created", &["a.created", ".created"], &["a.created.", "acreated"]),
            ("*.a_b.created", &["x.a_b.created"], &["x.axb.created", "x.a.b.created"]),
            ("*", &["", "a.b"], &[]),
            ("a*a", &["aa", "aba"], &["a", "ab"]),
            ("a*b*c*d", &["abcd", "axbxbcxcd"], &["acbd", "abd", "abcdx"]),
            ("a**b", &["ab", "axb"], &["a"]),
            ("*ab*ab*", &["abab", "xabxabx"], &["ab", "aab"]),
            ("a.b", &["a.b"], &["a.bc", "aab", ""]),
        ] {
            let filter = filter(&format!("type={pattern}")).unwrap();
            assert!(like.iter().all(|text| filter.matches(text)), "{pattern}");
            assert!(!unlike.iter().any(|text| filter.matches(text)), "{pattern}");
        }
    }

    #[test]
    fn a_filter_knows_what_it_depends_on() {
        let exact = |query: &str| filter(query).unwrap().exact_types();
        assert_eq!(exact("type=a.b"), Some(vec!["a.b".into()]));
        assert_eq!(exact("type=a.*"), None);
        assert_eq!(exact("types[]=c&types[]=b&types[]=c"), Some(vec!["b".into(), "c".into()]));
        assert_eq!(exact("delivery_success=true"), None);
        for (query, is_whole, is_by_type_alone) in [
            ("", true, true),
            ("type=*", false, true),
            ("created[gt]=5", false, false),
            ("types[]=a&delivery_success=false", false, false),
        ] {
            let filter = filter(query).unwrap();
            let found = (filter.is_whole(), filter.is_by_type_alone());
            assert_eq!(found, (is_whole, is_by_type_alone), "{query}");
        }
    }

    #[test]
    fn what_is_no_type_is_refused_by_its_path() {
        let many: Vec<_> = (0..21).map(|n| format!("types[]=t.n{n}")).collect();
        for (query, param) in [
            ("type=Reserve.*", "type"),
            ("type=reserve.%25", "type"),
            ("type=", "type"),
            ("types[]=reserve.*", "types[0]"),
            ("types[]=a.b&types[]=a%5Cb", "types[1]"),
            ("type=a.b&types[]=a.b", "types"),
            (&many.join("&"), "types"),
        ] {
            let Err(error) = filter(query) else { panic!("{query} was taken") };
            assert_eq!((error.status(), error.param()), (400, Some(param)), "{query}");
        }
        assert_eq!(filter(&many[1..].join("&")).unwrap().types.len(), 20);
    }
}
