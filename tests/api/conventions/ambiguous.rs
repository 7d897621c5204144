//! Heads that a proxy and the server might read differently: headers that come twice or say
//! nothing, hosts, and forms of a path.

use crate::check::lawful;
use coffer_testkit::{Answer, App, TestServer};

const LIST: &str = "GET /v1/apps/secrets?scope[type]=account";

fn start() -> (TestServer, App) {
    let server = TestServer::start();
    let app = server.app();
    (server, app)
}

/// Sends a head as it is, without another `Host`.
fn send(server: &TestServer, lines: &[&str]) -> Answer {
    let mut raw = server.raw();
    raw.send(format!("{}\r\n\r\n", lines.join("\r\n")));
    raw.answer()
}

/// The message of a 400 that blames no parameter.
#[track_caller]
fn refused(answer: &Answer) -> String {
    let error = lawful(answer).refused(400);
    assert_eq!(error["type"], "invalid_request_error");
    assert!(error.get("param").is_none() && error.get("code").is_none(), "{error}");
    error["message"].as_str().unwrap().to_owned()
}

/// An app's backend without an account acts in a scope that all its tenants share: a header that
/// was meant to name one must not be read as none.
#[test]
fn an_account_header_without_an_account_is_refused() {
    let (server, app) = start();
    let key = format!("Authorization: Bearer {}", app.test_key);
    let own = format!("Stripe-Account: {}", app.account);
    let context = format!("Stripe-Context: {}", app.account);
    let mut raw = server.raw();
    for (headers, names) in [
        (&["Stripe-Account:"][..], "stripe-account"),
        (&["Stripe-Account: "], "stripe-account"),
        (&["Stripe-Account: \t "], "stripe-account"),
        (&["Stripe-Context:"], "stripe-context"),
        (&["Stripe-Context:  "], "stripe-context"),
        (&[own.as_str(), "Stripe-Context:"], "stripe-context"),
        (&["Stripe-Account:", context.as_str()], "stripe-account"),
        (&[own.as_str(), "Stripe-Context: acct_other"], "stripe-context"),
    ] {
        for line in [LIST, "POST /v1/apps/secrets?name=n&payload=p&scope[type]=account"] {
            let head = [&[line, &key, "Content-Length: 0"], headers].concat();
            raw.request(&head, "");
            let message = refused(&raw.answer());
            assert!(message.contains(names), "{headers:?}: {message}");
        }
    }
    assert_eq!(app.client().list().ok()["data"].as_array().unwrap().len(), 0);
    for headers in [&[own.as_str()][..], &[&context], &[&own, &context]] {
        raw.request(&[&[LIST, &key], headers].concat(), "");
        raw.answer().ok();
    }
}

#[test]
fn what_says_one_thing_comes_once() {
    let (server, app) = start();
    let key = format!("Bearer {}", app.test_key);
    let mut raw = server.raw();
    for (name, one, other) in [
        ("Authorization", key.as_str(), "Bearer sk_test_other"),
        ("Stripe-Account", app.account.as_str(), "acct_other"),
        ("Stripe-Context", app.account.as_str(), "acct_other"),
        ("Stripe-Version", "2026-10-28.endive", "2025-12-15.clover"),
        ("Idempotency-Key", "a", "b"),
        ("Host", "localhost", "other"),
        ("Origin", "http://localhost", "http://other"),
        ("Content-Type", "application/x-www-form-urlencoded", "application/json"),
        ("Content-Encoding", "identity", "gzip"),
        ("Sec-Fetch-Site", "none", "cross-site"),
    ] {
        for (first, second) in [(one, other), (other, one), (one, one), ("", one), (one, "")] {
            let authorization = format!("Authorization: {key}");
            let twice = [format!("{name}: {first}"), format!("{name}: {second}")];
            let mut lines = vec![LIST];
            if name != "Authorization" {
                lines.push(&authorization);
            }
            // `Raw::request` adds a Host of its own.
            lines.extend(twice.iter().map(String::as_str).skip(usize::from(name == "Host")));
            raw.request(&lines, "");
            let message = refused(&raw.answer());
            assert!(message.contains(&name.to_lowercase()), "{twice:?}: {message}");
            assert!(!message.contains("sk_test"), "{message}");
        }
    }
    let authorization = format!("Authorization: {key}");
    let list = [LIST, &authorization, "Accept: a", "Accept: b", "Via: 1.1 a", "Via: 1.1 b"];
    raw.request(&list, "");
    raw.answer().ok();
}

#[test]
fn http_1_1_has_a_host() {
    let (server, app) = start();
    let key = format!("Authorization: Bearer {}", app.test_key);
    let line = |version: &str| format!("{LIST} HTTP/{version}");
    for target in [line("1.1"), "GET /livez HTTP/1.1".to_owned()] {
        assert!(refused(&send(&server, &[&target, &key])).contains("Host"));
        for host in ["", "a b", "a,b", "a/b", "user@a", "http://a"] {
            let host = format!("Host: {host}");
            let message = refused(&send(&server, &[&target, &host, &key]));
            assert!(message.contains("Host"), "{host}: {message}");
        }
    }
    send(&server, &[&line("1.0"), &key]).ok();
    send(&server, &[&line("1.1"), "Host: [::1]:4747", &key]).ok();
    assert_eq!(send(&server, &["GET /livez HTTP/1.0"]).status, 200);
}

/// A proxy's rule on `/v1/admin` holds, whatever else would be the same path.
#[test]
fn the_admin_api_and_health_have_one_path() {
    let server = TestServer::start();
    let admin = server.admin();
    let key = format!("Authorization: Bearer {}", admin.key());
    let mut raw = server.raw();
    raw.request(&["GET /v1/admin/status", &key], "");
    raw.answer().ok();
    for path in [
        "//v1/admin/status",
        "//v1//admin//status",
        "/v1//admin/status",
        "/v1/admin//status",
        "/v1/admin/status/",
        "/v1/%61dmin/status",
        "/v1/admin%2fstatus",
        "/V1/admin/status",
        "/v1/ADMIN/status",
        "/v1/admin;x/status",
        "/v1/admin/status;x",
        "/v1/./admin/status",
        "/v1/apps/../admin/status",
        "/v1/apps/%2e%2e/admin/status",
        "/v1\\admin\\status",
        "//livez",
        "/livez/",
        "/Livez",
        "/%6civez",
        "//readyz",
        "//metrics",
        "/metrics/",
        "/Metrics",
        "/%6detrics",
        "//dashboard",
        "/dashboard/",
        "/v1//test_helpers/clock",
    ] {
        // It does not exist, whether or not somebody shows a key.
        for key in [Some(key.as_str()), Some("Authorization: Bearer ak_coffer_no"), None] {
            let line = format!("GET {path}");
            let head: Vec<_> = [line.as_str()].into_iter().chain(key).collect();
            raw.request(&head, "");
            let error = lawful(&raw.answer()).refused(404);
            let message = error["message"].as_str().unwrap();
            assert!(message.starts_with("Unrecognized request URL"), "{path}: {message}");
        }
    }
}

#[test]
fn dot_segments_are_not_found_anywhere() {
    let (server, app) = start();
    let key = format!("Authorization: Bearer {}", app.test_key);
    let mut raw = server.raw();
    for path in [
        "/v1/./apps/secrets",
        "/v1/apps/x/../secrets",
        "/v1/apps/secrets/.",
        "/v1/apps/secrets/..",
        "/v1/%2e/apps/secrets",
        "/v1/%2E%2e/v1/apps/secrets",
        "/./v1/apps/secrets",
        "/v1/ledger/charges/..",
    ] {
        raw.request(&[&format!("GET {path}?scope[type]=account"), &key], "");
        lawful(&raw.answer()).refused(404);
    }
    raw.request(&["GET //v1//apps///secrets?scope[type]=account", &key], "");
    raw.answer().ok();
}

#[test]
fn an_absolute_url_names_this_host() {
    let (server, app) = start();
    let admin = server.admin();
    let query = "/v1/apps/secrets?scope[type]=account";
    for (path, key) in [(query, &app.test_key), ("/v1/admin/status", &admin.key().to_owned())] {
        let key = format!("Authorization: Bearer {key}");
        let get = |url: &str, host: &str| {
            send(&server, &[&format!("GET {url}{path} HTTP/1.1"), &format!("Host: {host}"), &key])
        };
        for (url, host) in [
            ("http://localhost", "localhost"),
            ("http://LOCALHOST:80", "localhost"),
            ("http://localhost", "localhost:80"),
            ("https://a.example", "a.example:443"),
            ("http://127.0.0.1:4747", "127.0.0.1:4747"),
        ] {
            get(url, host).ok();
        }
        for (url, host) in [
            ("http://h", "localhost"),
            ("http://localhost:81", "localhost"),
            ("http://localhost", "localhost:443"),
            ("http://user@localhost", "localhost"),
            ("ftp://localhost", "localhost"),
        ] {
            let error = lawful(&get(url, host)).refused(404);
            let message = error["message"].as_str().unwrap();
            let (_, authority) = url.split_once("://").unwrap();
            assert!(message.contains(authority) && !message.contains('?'), "{message}");
        }
    }
    for line in ["OPTIONS * HTTP/1.1", "CONNECT localhost:80 HTTP/1.1"] {
        lawful(&send(&server, &[line, "Host: localhost:80"])).refused(404);
    }
}
