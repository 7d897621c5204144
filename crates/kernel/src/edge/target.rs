//! Whom and what a request is for, by its first line and its `Host`.
//!
//! Proxies decide by paths who may reach the admin API and the pages. They compare other forms of a
//! path than this server might accept, so each of these paths has one form only here.

use super::headers;
use super::unrecognized;
use crate::reasons;
use coffer_dialect::ApiError;
use http::header;
use http::request::Parts;
use http::uri::{Authority, Scheme, Uri};
use std::borrow::Cow;

/// Paths that have one form only, with all below them. The rest of the API collapses doubled
/// slashes, as Stripe's does.
const CANONICAL: [&str; 6] =
    ["/v1/admin", "/v1/test_helpers", "/dashboard", "/livez", "/readyz", "/metrics"];

/// Checks the host and the form of the target.
///
/// # Errors
/// A 400 without a host, or with something that is none; a 404 for a URL of another host, for a
/// path with dot segments, and for another form of a path that has only one.
pub(super) fn check(parts: &Parts) -> Result<(), ApiError> {
    let host = host(parts)?;
    let uri = &parts.uri;
    let here = match (uri.authority(), uri.scheme()) {
        (None, _) => uri.path().starts_with('/'),
        (Some(named), Some(scheme)) => host.is_some_and(|host| is_same(named, host, scheme)),
        (Some(_), None) => false,
    };
    match (here, is_canonical(uri.path())) {
        (true, true) => Ok(()),
        (true, false) => Err(unrecognized(parts)),
        (false, _) => Err(ApiError::unrecognized_url(parts.method.as_str(), &whole(uri))),
    }
}

/// The value of `Host`, which only HTTP/1.0 may leave out.
fn host(parts: &Parts) -> Result<Option<&str>, ApiError> {
    match headers::text(&parts.headers, &header::HOST)? {
        None if parts.version == http::Version::HTTP_10 => Ok(None),
        None => Err(no_host("The request has no Host header, which HTTP/1.1 requires.")),
        Some(host) if is_host(host) => Ok(Some(host)),
        Some(_) => Err(no_host(
            "The Host header is no host: it is a name or an address, and perhaps ':' and a port.",
        )),
    }
}

fn no_host(message: &'static str) -> ApiError {
    ApiError::invalid(message).because(&reasons::HOST_MISSING)
}

/// Whether `host` has the letters of a name or an address and a port.
fn is_host(host: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:[]".contains(&byte);
    !host.is_empty() && host.bytes().all(allowed)
}

/// Whether the host of a URL is the one of the `Host` header.
fn is_same(named: &Authority, host: &str, scheme: &Scheme) -> bool {
    let port = if *scheme == Scheme::HTTPS { ":443" } else { ":80" };
    let without_port = |host: &'_ str| host.strip_suffix(port).unwrap_or(host).to_ascii_lowercase();
    let is_http = *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS;
    is_http && without_port(named.as_str()) == without_port(host)
}

/// A target that is no path, without its scheme and its query.
fn whole(uri: &Uri) -> String {
    format!("{}{}", uri.authority().map_or("", Authority::as_str), uri.path())
}

/// Whether a path has no dot segments, and the one form if it has only one.
fn is_canonical(path: &str) -> bool {
    let odd = path.bytes().any(|byte| b"%;\\".contains(&byte)) || path.contains("//");
    let folded = if odd { Cow::Owned(folded(path)) } else { Cow::Borrowed(path) };
    if folded.split('/').any(|segment| segment == "." || segment == "..") {
        return false;
    }
    match CANONICAL.iter().find(|prefix| is_below(&folded, prefix)) {
        Some(prefix) => !odd && !path.ends_with('/') && path.starts_with(prefix),
        None => true,
    }
}

/// Whether `path` is `prefix` or below it, in letters of any case.
fn is_below(path: &str, prefix: &str) -> bool {
    path.split_at_checked(prefix.len()).is_some_and(|(start, rest)| {
        start.eq_ignore_ascii_case(prefix) && (rest.is_empty() || rest.starts_with('/'))
    })
}

/// A path as the most lenient of servers reads it: percent signs decoded, backslashes as slashes,
/// doubled slashes as one, and no parameters of segments.
fn folded(path: &str) -> String {
    let decoded = decoded(path).replace('\\', "/");
    let mut folded = String::with_capacity(decoded.len());
    for segment in decoded.split('/') {
        let name = segment.split(';').next().unwrap_or_default();
        if !name.is_empty() {
            folded.push('/');
            folded.push_str(name);
        }
    }
    folded
}

/// `path` with its percent signs decoded; what cannot be decoded stays.
fn decoded(path: &str) -> String {
    let mut pieces = path.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let split = piece.split_at_checked(2);
        match split.and_then(|(digits, rest)| Some((u8::from_str_radix(digits, 16).ok()?, rest))) {
            Some((byte, rest)) => {
                bytes.push(byte);
                bytes.extend_from_slice(rest.as_bytes());
            }
            None => {
                bytes.push(b'%');
                bytes.extend_from_slice(piece.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_one_form_is_refused_in_every_other() {
        for path in [
            "/",
            "/v1/admin/status",
            "/v1/admin",
            "/v1/administrators",
            "/v1//apps///secrets",
            "/v1/ledger/charges/a..b~.c",
            "/v1/ledger/charges/a%20b",
            "/livez",
            "/dashboard/app.js",
            "/metrics",
        ] {
            assert!(is_canonical(path), "{path}");
        }
        for path in [
            "//v1/admin/status",
            "/v1//admin/status",
            "/v1/admin//status",
            "/v1/admin/",
            "/v1/admin/status/",
            "/V1/admin/status",
            "/v1/Admin/status",
            "/v1/%61dmin/status",
            "/v1/admin%2Fstatus",
            "/v1/admin/%73tatus",
            "/v1%2fadmin/status",
            "/v1/admin;a=b/status",
            "/v1;a/admin/status",
            "/v1/admin/status;a",
            "/;/v1/admin/status",
            "/v1\\admin\\status",
            "/v1/%5Cadmin",
            "/livez/",
            "//livez",
            "/LIVEZ",
            "/readyz;x",
            "/metrics/",
            "//metrics",
            "/Metrics",
            "/%6detrics",
            "//dashboard",
            "/dashboard/",
            "/v1/test_helpers//clock",
        ] {
            assert!(!is_canonical(path), "{path}");
        }
    }

    #[test]
    fn dot_segments_are_nowhere() {
        for path in [
            "/.",
            "/..",
            "/v1/./apps/secrets",
            "/v1/apps/../apps/secrets",
            "/v1/apps/secrets/..",
            "/v1/%2e/apps/secrets",
            "/v1/.%2E/apps/secrets",
            "/v1/apps/..;x/secrets",
            "/v1/apps/..%2fsecrets",
            "/v1/apps/%2e%2e%5csecrets",
        ] {
            assert!(!is_canonical(path), "{path}");
        }
    }

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for host in ["localhost", "localhost:4747", "127.0.0.1", "[::1]:80", "a_b.example"] {
            assert!(is_host(host), "{host}");
        }
        for host in ["", " ", "a b", "a,b", "a/b", "user@host", "a?b", "a#b", "http://a"] {
            assert!(!is_host(host), "{host}");
        }
    }
}
