//! Expansion: the fields that the caller asks to have in the response.

use crate::error::ApiError;
use crate::limits;
use crate::params::Params;
use crate::wording::clipped;

/// The fields that the response includes on request only, and that this request asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expand {
    fields: Vec<&'static str>,
}

impl Expand {
    /// Nothing is expanded.
    pub const fn none() -> Self {
        Self { fields: Vec::new() }
    }

    /// Reads `expand`; `expandable` names the fields that an object of the response can have
    /// expanded. On a `list`, each begins with `data.`.
    ///
    /// Stripe refuses a wrong expansion before any other parameter, so this takes them unchecked.
    ///
    /// # Errors
    /// 400 if `expand` is no list of texts, names what cannot be expanded, or goes deeper than
    /// [`limits::EXPAND_DEPTH`] levels.
    pub fn parse(
        params: &Params,
        expandable: &[&'static str],
        list: bool,
    ) -> Result<Self, ApiError> {
        let mut fields = Vec::new();
        for path in params.root().text_list("expand")? {
            let field = resolve(path, expandable, list)?;
            if !fields.contains(&field) {
                fields.push(field);
            }
        }
        Ok(Self { fields })
    }

    /// Whether the request asks for `field`.
    pub fn has(&self, field: &str) -> bool {
        self.fields.contains(&field)
    }
}

/// The field of `expandable` that `path` means.
fn resolve(path: &str, expandable: &[&'static str], list: bool) -> Result<&'static str, ApiError> {
    let shown = clipped(path);
    let depth = path.split('.').count();
    if depth > limits::EXPAND_DEPTH {
        let message = format!(
            "Expansion goes at most {} levels deep, and '{shown}' goes {depth}.",
            limits::EXPAND_DEPTH
        );
        return Err(ApiError::invalid(message).with_code("property_expansion_max_depth"));
    }
    let find = |name: &str| expandable.iter().copied().find(|&field| field == name);
    let inner = path.strip_prefix("data.");
    let base = format!("This property cannot be expanded ({shown}).");
    let Some(rest) = (if list { inner } else { Some(path) }) else {
        return Err(ApiError::invalid(match find(path) {
            Some(field) => format!("{base} On a list, write 'data.{field}'."),
            None => base,
        }));
    };
    let (first, nested) = rest.split_once('.').map_or((rest, None), |(a, b)| (a, Some(b)));
    match (find(first), nested) {
        (Some(field), None) => Ok(field),
        (Some(field), Some(_)) => {
            Err(ApiError::invalid(format!("{base} Nothing inside '{field}' can be expanded.")))
        }
        (None, _) => Err(ApiError::invalid(match inner.and_then(find) {
            Some(field) if !list => format!("{base} Outside of lists, write '{field}'."),
            _ => base,
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str, list: bool) -> Result<Expand, ApiError> {
        Expand::parse(&Params::decode(Some(query), b"")?, &["payload", "scope"], list)
    }

    #[test]
    fn requested_fields_are_expanded() {
        for query in ["expand[]=payload", "expand[0]=payload", "expand[0]=scope&expand[1]=payload"]
        {
            assert!(parse(query, false).unwrap().has("payload"), "{query}");
        }
        let list = parse("expand[]=data.payload", true).unwrap();
        assert!(list.has("payload") && !list.has("scope"));
        for query in ["", "expand=", "expand[]="] {
            assert_eq!(parse(query, true).unwrap(), Expand::none(), "{query}");
        }
    }

    #[test]
    fn what_cannot_be_expanded_is_refused() {
        let cannot = |shown: &str| format!("This property cannot be expanded ({shown}).");
        for (query, list, message) in [
            ("expand[]=nonsense", false, cannot("nonsense")),
            ("expand[]=data.nonsense", true, cannot("data.nonsense")),
            ("expand[]=data", true, cannot("data")),
            ("expand[]=nonsense", true, cannot("nonsense")),
            ("expand[]=total_count", true, cannot("total_count")),
            ("expand[]=payload", true, cannot("payload") + " On a list, write 'data.payload'."),
            (
                "expand[]=data.payload",
                false,
                cannot("data.payload") + " Outside of lists, write 'payload'.",
            ),
            (
                "expand[]=scope.user",
                false,
                cannot("scope.user") + " Nothing inside 'scope' can be expanded.",
            ),
        ] {
            let error = parse(query, list).unwrap_err();
            assert_eq!(error.message(), message);
            assert_eq!((error.status(), error.code(), error.param()), (400, None, None));
        }
    }

    #[test]
    fn depth_is_counted_from_the_list() {
        let error = parse("expand[]=data.a.b.c.d", true).unwrap_err();
        assert_eq!(error.code(), Some("property_expansion_max_depth"));
        assert_eq!(
            error.message(),
            "Expansion goes at most 4 levels deep, and 'data.a.b.c.d' goes 5."
        );
        assert_eq!(parse("expand[]=data.a.b.c", true).unwrap_err().code(), None);
    }

    #[test]
    fn expand_must_be_a_list_of_texts() {
        for (query, param) in [
            ("expand=payload", "expand"),
            ("expand[1]=payload", "expand"),
            ("expand[a]=payload", "expand"),
            ("expand[0]=payload&expand[1]=", "expand[1]"),
            ("expand[0][a]=payload", "expand[0]"),
        ] {
            let error = parse(query, false).unwrap_err();
            assert_eq!((error.status(), error.param()), (400, Some(param)), "{query}");
        }
    }
}
