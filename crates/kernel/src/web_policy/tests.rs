//! Tables of what a browser, a page in it, and a program send.

use super::*;

fn headers(host: &str, origin: Option<&str>, site: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
    if let Some(origin) = origin {
        headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
    }
    if let Some(site) = site {
        headers.insert(SEC_FETCH_SITE, HeaderValue::from_str(site).unwrap());
    }
    headers
}

fn developer() -> WebPolicy {
    WebPolicy::developer(vec!["coffer".to_owned()], vec!["http://localhost:3000".to_owned()])
}

#[test]
fn developer_mode_answers_to_local_and_allowed_names_only() {
    let policy = developer();
    for host in ["localhost", "LocalHost:4747", "127.0.0.1:80", "[::1]:4747", "coffer", "Coffer:1"]
    {
        assert!(policy.check(&headers(host, None, None)).is_ok(), "{host}");
    }
    for host in [
        "",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.nip.example",
        "coffer.evil.example",
        "coffer:",
        "coffer:99999",
        "notcoffer",
        "[::1",
        "localhost:4747:1",
    ] {
        assert!(policy.check(&headers(host, None, None)).is_err(), "{host}");
    }
    assert!(WebPolicy::default().check(&headers("any.example", None, None)).is_ok());
}

/// The same rules for pages in both modes.
#[test]
fn a_page_is_refused_unless_it_is_the_servers_own_or_allowed() {
    let allowed = vec!["http://localhost:3000".to_owned()];
    for policy in [developer(), WebPolicy::production(allowed)] {
        for (origin, site) in [
            (None, None),
            (None, Some("none")),
            (None, Some("same-origin")),
            (Some("http://localhost:4747"), None),
            (Some("https://localhost:4747"), Some("same-origin")),
            (Some("http://localhost:3000"), None),
            (Some("http://localhost:3000"), Some("same-site")),
            (Some("http://localhost:3000"), Some("cross-site")),
        ] {
            let headers = headers("localhost:4747", origin, site);
            assert!(policy.check(&headers).is_ok(), "{origin:?} {site:?}");
        }
        for (origin, site) in [
            (None, Some("cross-site")),
            (None, Some("same-site")),
            (None, Some("")),
            (None, Some("unheard-of")),
            (Some("http://localhost:4747"), Some("cross-site")),
            (Some("http://localhost:9999"), None),
            (Some("http://localhost"), None),
            (Some("https://localhost:3000"), None),
            (Some("http://localhost:30001"), None),
            (Some("http://127.0.0.1:4747"), Some("none")),
            (Some("https://evil.example"), Some("same-origin")),
            (Some("moz-extension://localhost:4747"), None),
            (Some("null"), None),
            (Some(""), None),
            (Some("localhost:4747"), None),
        ] {
            let headers = headers("localhost:4747", origin, site);
            assert!(policy.check(&headers).is_err(), "{origin:?} {site:?}");
        }
    }
}

#[test]
fn an_origin_without_a_port_is_that_of_a_host_with_the_schemes_own() {
    let policy = WebPolicy::default();
    for (host, origin, own) in [
        ("coffer.example:443", "https://coffer.example", true),
        ("coffer.example:80", "http://coffer.example", true),
        ("coffer.example", "https://coffer.example", true),
        ("coffer.example:80", "https://coffer.example", false),
        ("", "https://", false),
    ] {
        assert_eq!(
            policy.check(&headers(host, Some(origin), None)).is_ok(),
            own,
            "{host} {origin}"
        );
    }
}

#[test]
fn hosts_and_origins_are_written_as_they_are_compared() {
    for (text, host) in [("Coffer", "coffer"), ("a.b-c_d", "a.b-c_d"), ("[::1]", "[::1]")] {
        assert_eq!(parse_host(text), Ok(host.to_owned()));
    }
    for text in ["", "coffer:4747", "http://coffer", "a b", "*", "[x]", "a/"] {
        assert!(parse_host(text).is_err(), "{text}");
    }
    for text in
        ["http://localhost:3000", "https://app.example", "http://[::1]:3000", "http://[::1]"]
    {
        assert_eq!(parse_origin(text), Ok(text.to_owned()));
    }
    for text in
        ["", "*", "null", "localhost:3000", "http://", "http://a/", "http://a:x", "http://*"]
    {
        assert!(parse_origin(text).is_err(), "{text}");
    }
}
