//! Expansion: the fields that the caller asks to have in the response.

use crate::error::ApiError;
use crate::limits;
use crate::params::Params;
use crate::reasons;
use crate::wording::{alternatives, clipped};

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
    /// expanded, those inside of others by their path: `source.charge`. Who asks for one of these
    /// asks for all that it lies in. On a `list`, each begins with `data.`.
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
            let around = expandable.iter().filter(|outer| is_inside(field, outer));
            for &asked in around.chain([&field]) {
                if !fields.contains(&asked) {
                    fields.push(asked);
                }
            }
        }
        Ok(Self { fields })
    }

    /// Whether the request asks for `field`, or for one inside of it.
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
        return Err(ApiError::invalid(message)
            .because(&reasons::EXPAND_DEPTH)
            .with_code("property_expansion_max_depth"));
    }
    let find = |name: &str| expandable.iter().copied().find(|&field| field == name);
    let inner = path.strip_prefix("data.");
    let base = format!("This property cannot be expanded ({shown}).");
    let Some(rest) = (if list { inner } else { Some(path) }) else {
        return Err(unknown(match find(path) {
            Some(field) => format!("{base} On a list, write 'data.{field}'."),
            None => base,
        }));
    };
    if let Some(field) = find(rest) {
        return Ok(field);
    }
    let around = expandable.iter().filter(|outer| is_inside(rest, outer)).max_by_key(|f| f.len());
    Err(unknown(match (around, inner.and_then(find)) {
        (Some(outer), _) => nothing_inside(&base, outer, expandable),
        (None, Some(field)) if !list => format!("{base} Outside of lists, write '{field}'."),
        _ => base,
    }))
}

fn unknown(message: String) -> ApiError {
    ApiError::invalid(message).because(&reasons::EXPAND_UNKNOWN)
}

/// Whether the field `path` lies inside of `outer`.
fn is_inside(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'))
}

/// The refusal of a field inside of `outer` that cannot be expanded, with those that can be.
fn nothing_inside(base: &str, outer: &str, expandable: &[&str]) -> String {
    let inner = expandable.iter().filter_map(|field| field.strip_prefix(outer)?.strip_prefix('.'));
    let direct: Vec<&str> = inner.filter(|field| !field.contains('.')).collect();
    if direct.is_empty() {
        return format!("{base} Nothing inside '{outer}' can be expanded.");
    }
    format!("{base} Inside '{outer}' it can be {}.", alternatives(direct))
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
    fn a_field_inside_of_others_expands_them_too() {
        let fields = ["source", "source.charge", "source.charge.transfer", "sourceless"];
        let parse =
            |query: &str| Expand::parse(&Params::decode(Some(query), b"").unwrap(), &fields, true);
        let expand = parse("expand[]=data.source.charge").unwrap();
        assert!(expand.has("source") && expand.has("source.charge"));
        assert!(!expand.has("source.charge.transfer") && !expand.has("sourceless"));
        let expand = parse("expand[]=data.source.charge.transfer").unwrap();
        assert!(
            ["source", "source.charge", "source.charge.transfer"].map(|f| expand.has(f))
                == [true; 3]
        );
        for (path, hint) in [
            ("data.source.x", " Inside 'source' it can be charge."),
            ("data.source.x.charge", " Inside 'source' it can be charge."),
            ("data.source.charge.x", " Inside 'source.charge' it can be transfer."),
            ("data.sourceless.charge", " Nothing inside 'sourceless' can be expanded."),
            ("data.sourc", ""),
            ("data.source.", " Inside 'source' it can be charge."),
            ("data.", ""),
        ] {
            let error = parse(&format!("expand[]={path}")).unwrap_err();
            let message = format!("This property cannot be expanded ({path}).{hint}");
            assert_eq!(error.message(), message);
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
