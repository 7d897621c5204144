//! Addresses of pages. What comes from data stands in the query alone, and is encoded there.

use form_urlencoded::Serializer;

/// The first page.
pub(crate) const HOME: &str = "/dashboard";

/// A page with these fields in its query; empty ones are left out.
pub(crate) fn to(path: &str, fields: &[(&str, &str)]) -> String {
    let mut query = Serializer::new(String::new());
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    let query = query.finish();
    let separator = if query.is_empty() { "" } else { "?" };
    format!("{HOME}{path}{separator}{query}")
}

/// A form's fields, as the API takes them.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    let mut form = Serializer::new(String::new());
    form.extend_pairs(fields);
    form.finish()
}

/// The page of an object by its id; `None` if it has none.
pub(crate) fn of_id(id: &str) -> Option<String> {
    let kinds = [
        ("acct_", "/account"),
        ("app_", "/app"),
        ("key_", "/key"),
        ("ephkey_", "/key"),
        ("req_", "/request"),
    ];
    let (_, path) = kinds.into_iter().find(|(prefix, _)| id.starts_with(prefix))?;
    let is_system = id.ends_with("_coffer_system");
    (!is_system).then(|| to(path, &[("id", id)]))
}

/// What the first address after signing in ends with: the page that is asked for so tells whether
/// the browser has kept the session's cookie.
const MARK: &str = "signed_in=true";

/// An address with the mark.
pub(crate) fn marked(to: &str) -> String {
    let separator = if to.contains('?') { '&' } else { '?' };
    format!("{to}{separator}{MARK}")
}

/// The same address without the mark; `None` if it has none.
pub(crate) fn unmarked(target: &str) -> Option<&str> {
    target.strip_suffix(MARK)?.strip_suffix(['?', '&'])
}

/// Where to go after signing in: only below the dashboard, whatever a link says.
pub(crate) fn inside(wanted: &str) -> &str {
    let rest = wanted.strip_prefix(HOME).unwrap_or("x");
    let is_below = rest.is_empty() || rest.starts_with('/') || rest.starts_with('?');
    let is_plain = wanted.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let leaves = wanted.contains("//") || wanted.contains("..");
    if is_below && is_plain && !leaves { wanted } else { HOME }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_encodes_what_it_names() {
        let odd = to("/secret", &[("name", "a&b=\"<c>\""), ("user", "")]);
        assert_eq!(odd, "/dashboard/secret?name=a%26b%3D%22%3Cc%3E%22");
        assert_eq!(to("", &[]), "/dashboard");
    }

    #[test]
    fn nobody_is_sent_elsewhere() {
        for inner in ["/dashboard", "/dashboard/keys", "/dashboard/audit?actor=key_1"] {
            assert_eq!(inside(inner), inner);
        }
        for outer in [
            "",
            "https://evil.example",
            "//evil.example",
            "/dashboard//evil.example",
            "/dashboard/../v1",
            "/dashboard\\..",
            "/dashboards",
            "/dashboard/a\r\nx: y",
            "/v1/admin/status",
        ] {
            assert_eq!(inside(outer), HOME, "{outer}");
        }
    }

    #[test]
    fn ids_lead_to_their_pages() {
        assert_eq!(of_id("acct_1").as_deref(), Some("/dashboard/account?id=acct_1"));
        assert_eq!(of_id("acct_coffer_system"), None);
        assert_eq!(of_id("appsecret_1"), None);
    }
}
