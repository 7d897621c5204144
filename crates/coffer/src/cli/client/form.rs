//! Parameters as a query or a form, percent-encoded.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

/// Parameters of a request.
pub type Params<'a> = &'a [(&'a str, &'a str)];

/// Everything but the unreserved characters of a URI.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The path of the object `id` of a collection.
pub fn object_path(collection: &str, id: &str) -> String {
    format!("{collection}/{}", utf8_percent_encode(id, ESCAPED))
}

/// `path` with the parameters as its query.
pub fn with_query(path: &str, params: Params<'_>) -> String {
    if params.is_empty() { path.to_owned() } else { format!("{path}?{}", *encode(params)) }
}

/// The parameters as a form.
pub fn encode(params: Params<'_>) -> Zeroizing<String> {
    // Capacity for every byte escaped, since a reallocation would leave a copy of a secret behind.
    let longest = params.iter().map(|(name, value)| 3 * (name.len() + value.len()) + 2).sum();
    let mut form = Zeroizing::new(String::with_capacity(longest));
    for (name, value) in params {
        if !form.is_empty() {
            form.push('&');
        }
        form.extend(utf8_percent_encode(name, ESCAPED));
        form.push('=');
        form.extend(utf8_percent_encode(value, ESCAPED));
    }
    form
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_encoded() {
        assert_eq!(*encode(&[("scope[type]", "a b&c=é")]), "scope%5Btype%5D=a%20b%26c%3D%C3%A9");
        assert_eq!(object_path("/v1/admin/apps", "a/../b"), "/v1/admin/apps/a%2F..%2Fb");
    }
}
