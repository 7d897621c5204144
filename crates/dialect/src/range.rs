//! Ranges of time in lists: `created[gte]=…`.

use crate::error::ApiError;
use crate::params::Fields;
use crate::tree::Node;
use coffer_base::Timestamp;

/// A range of times, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CreatedRange {
    /// The first second of the range.
    pub from: Timestamp,
    /// The last second of the range.
    pub to: Timestamp,
}

impl CreatedRange {
    /// The parameters of a range, for [`Params::only`](crate::Params::only).
    pub const PARAMS: [&str; 5] =
        ["created", "created[gt]", "created[gte]", "created[lt]", "created[lte]"];

    /// All of time.
    pub const ALL: Self =
        Self { from: Timestamp::from_unix(i64::MIN), to: Timestamp::from_unix(i64::MAX) };
}

impl Fields<'_> {
    /// `created`: one second, or any of `gt`, `gte`, `lt` and `lte`; all of time if it was not
    /// sent. A range without any second in it is no error: its list is empty.
    ///
    /// # Errors
    /// 400 if a bound is empty or no integer.
    pub fn created_range(&self) -> Result<CreatedRange, ApiError> {
        let name = "created";
        if let None | Some(Node::Leaf(_)) = self.find(name) {
            let exactly = self.optional_integer(name)?.map(Timestamp::from_unix);
            return Ok(exactly.map_or(CreatedRange::ALL, |at| CreatedRange { from: at, to: at }));
        }
        let bounds = self.required_object(name)?;
        let bound = |name| Ok(bounds.optional_integer(name)?.map(Timestamp::from_unix));
        let above = bound("gt")?.map(|at: Timestamp| at.plus(1));
        let below = bound("lt")?.map(|at: Timestamp| at.plus(-1));
        let (least, most) = (bound("gte")?, bound("lte")?);
        let from = above.max(least).unwrap_or(CreatedRange::ALL.from);
        let to = below.into_iter().chain(most).min().unwrap_or(CreatedRange::ALL.to);
        Ok(CreatedRange { from, to })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;

    fn range(query: &str) -> Result<(i64, i64), ApiError> {
        let params = Params::decode(Some(query), b"").unwrap();
        let range = params.only(&CreatedRange::PARAMS)?.created_range()?;
        Ok((range.from.unix(), range.to.unix()))
    }

    #[test]
    fn each_bound_narrows_the_range() {
        for (query, expected) in [
            ("", (i64::MIN, i64::MAX)),
            ("created=7", (7, 7)),
            ("created[gt]=7", (8, i64::MAX)),
            ("created[gte]=7", (7, i64::MAX)),
            ("created[lt]=7", (i64::MIN, 6)),
            ("created[lte]=7", (i64::MIN, 7)),
            ("created[gt]=3&created[gte]=9&created[lt]=20&created[lte]=12", (9, 12)),
            ("created[gt]=9&created[gte]=9&created[lt]=12&created[lte]=12", (10, 11)),
        ] {
            assert_eq!(range(query).unwrap(), expected, "{query}");
        }
    }

    #[test]
    fn malformed_ranges_are_refused() {
        for (query, param) in [
            ("created=x", "created"),
            ("created=", "created"),
            ("created[gt]=", "created[gt]"),
            ("created[gt]=1.5", "created[gt]"),
            ("created[eq]=1", "created[eq]"),
            ("created[]=1", "created"),
        ] {
            assert_eq!(range(query).unwrap_err().param(), Some(param), "{query}");
        }
    }
}
