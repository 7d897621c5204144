//! Pagination: the parameters that ask for a page of a list.

use crate::error::ApiError;
use crate::limits;
use crate::params::Fields;
use coffer_base::limit;

/// Which side of the cursor the page lies on. Lists are newest first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// `starting_after`: older than the cursor.
    After,
    /// `ending_before`: newer than the cursor.
    Before,
}

impl Direction {
    /// The parameter of this direction, which an error about the cursor names.
    pub const fn param(self) -> &'static str {
        match self {
            Self::After => "starting_after",
            Self::Before => "ending_before",
        }
    }
}

/// The page that a request asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PageRequest {
    /// Most objects on the page, from 1 to [`limit::PAGE_CEILING`].
    pub limit: i64,
    /// The id of the object next to the page, which may not exist; `None` for the first page.
    pub cursor: Option<(Direction, String)>,
}

impl PageRequest {
    /// The parameters of pagination, for [`Params::only`].
    ///
    /// [`Params::only`]: crate::Params::only
    pub const PARAMS: [&str; 3] = ["limit", Direction::After.param(), Direction::Before.param()];

    /// Reads the page from the parameters. A limit outside the range is moved into it, as
    /// Stripe does.
    ///
    /// # Errors
    /// 400 if the limit is no integer, a cursor is empty or longer than
    /// [`limits::CURSOR_CHARACTERS`], or both cursors are sent.
    pub fn parse(fields: &Fields<'_>) -> Result<Self, ApiError> {
        let limit = fields.optional_integer("limit")?.unwrap_or(limits::PAGE_DEFAULT);
        let cursor = |direction: Direction| {
            let id = fields.optional_text(direction.param(), limits::CURSOR_CHARACTERS)?;
            Ok(id.map(|id| (direction, id.expose().clone())))
        };
        let cursor = match (cursor(Direction::After)?, cursor(Direction::Before)?) {
            (Some(_), Some(_)) => return Err(ApiError::both_cursors()),
            (after, before) => after.or(before),
        };
        Ok(Self { limit: limit.clamp(1, limit::PAGE_CEILING), cursor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;

    fn parse(query: &str) -> Result<PageRequest, ApiError> {
        let params = Params::decode(Some(query), b"")?;
        PageRequest::parse(&params.only(&PageRequest::PARAMS)?)
    }

    #[test]
    fn pages_are_read() {
        let page = |limit, cursor: Option<(Direction, &str)>| PageRequest {
            limit,
            cursor: cursor.map(|(direction, id)| (direction, id.to_owned())),
        };
        for (query, expected) in [
            ("", page(10, None)),
            ("limit=3", page(3, None)),
            ("limit=0", page(1, None)),
            ("limit=-5", page(1, None)),
            ("limit=1000", page(100, None)),
            ("starting_after=a", page(10, Some((Direction::After, "a")))),
            ("limit=1&ending_before=b", page(1, Some((Direction::Before, "b")))),
        ] {
            assert_eq!(parse(query).unwrap(), expected, "{query}");
        }
    }

    #[test]
    fn wrong_pages_are_refused() {
        let long = format!("ending_before={}", "i".repeat(limits::CURSOR_CHARACTERS + 1));
        for (query, code, param) in [
            ("limit=", Some("parameter_invalid_empty"), Some("limit")),
            ("limit=ten", Some("parameter_invalid_integer"), Some("limit")),
            ("starting_after=", Some("parameter_invalid_empty"), Some("starting_after")),
            ("ending_before=", Some("parameter_invalid_empty"), Some("ending_before")),
            ("ending_before=a%00", None, Some("ending_before")),
            (long.as_str(), None, Some("ending_before")),
            ("starting_after=a&ending_before=b", None, None),
        ] {
            let error = parse(query).unwrap_err();
            assert_eq!(error.status(), 400, "{query}");
            assert_eq!((error.code(), error.param()), (code, param), "{query}");
        }
        let error = parse("starting_after=a&ending_before=b").unwrap_err();
        assert!(error.message().contains("mutually exclusive"), "{error}");
    }
}
