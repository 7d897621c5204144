//! Which events a list shows.

use coffer_base::limit;
use coffer_dialect::{ApiError, CreatedRange, Fields};

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
            ));
        }
        if types.len() > limit::EVENT_TYPES {
            let most = limit::EVENT_TYPES;
            let message = format!("{} types were sent; at most {most} are allowed.", types.len());
            return Err(ApiError::invalid_param("types", message));
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

    /// The pattern as the database understands it.
    pub(crate) fn like(&self) -> String {
        let Some(pattern) = &self.pattern else { return "%".to_owned() };
        pattern.replace('_', "\\_").replace('*', "%")
    }
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
    ))
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
    fn a_star_stands_for_any_text_and_an_underscore_for_itself() {
        assert_eq!(filter("").unwrap().like(), "%");
        assert_eq!(filter("type=reserve.*").unwrap().like(), "reserve.%");
        assert_eq!(filter("type=*.a_b.created").unwrap().like(), "%.a\\_b.created");
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
