//! Keys, and who is refused (conventions §1).

use crate::check::lawful;
use coffer_testkit::{Answer, Client, TestServer};

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub fn base64(text: &str) -> String {
    let mut out = String::new();
    for group in text.as_bytes().chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let sextet = (bits >> (18 - 6 * at)) & 63;
            let letter = char::from(BASE64[usize::try_from(sextet).unwrap()]);
            out.push(if at > group.len() { '=' } else { letter });
        }
    }
    out
}

fn list_with(server: &TestServer, authorization: &str) -> Answer {
    server.anonymous().with_header("Authorization", authorization).list()
}

/// A refusal of the key: 401, and no code unless one is named.
#[track_caller]
fn refused(answer: &Answer, code: Option<&str>) -> String {
    let error = lawful(answer).refused(401);
    assert_eq!(error["type"], "invalid_request_error");
    assert_eq!(error.get("code").and_then(|code| code.as_str()), code);
    assert!(error.get("param").is_none());
    error["message"].as_str().unwrap().to_owned()
}

#[test]
fn a_key_comes_by_bearer_or_basic() {
    let server = TestServer::start();
    let key = server.app().test_key;
    assert_eq!(base64("ab:"), "YWI6", "the example's encoding");
    for authorization in [
        format!("Bearer {key}"),
        format!("bearer {key}"),
        format!("Basic {}", base64(&format!("{key}:"))),
        format!("basic {}", base64(&format!("{key}:"))),
        format!("Basic {}", base64(&format!("{key}:a password is not looked at"))),
    ] {
        list_with(&server, &authorization).ok();
    }
}

#[test]
fn what_is_no_key_is_refused() {
    let server = TestServer::start();
    let key = server.app().test_key;
    for authorization in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Basic".to_owned(),
        format!("Basic {}", base64(":")),
        "Basic !!!".to_owned(),
        format!("Digest {key}"),
        key.clone(),
        format!("Bearer {key}x"),
        format!("Bearer {} {}", &key[..20], &key[20..]),
        format!("Bearer sk_test_{}", "a".repeat(300)),
        format!("Bearer {}", key.to_uppercase()),
    ] {
        let message = refused(&list_with(&server, &authorization), None);
        assert!(!message.contains(&key[15..]), "{message}");
    }
    assert_eq!(
        server.anonymous().list().header("www-authenticate"),
        Some("Bearer realm=\"Stripe\"")
    );
}

#[test]
fn an_unknown_key_is_shown_masked() {
    let server = TestServer::start();
    for (key, shown) in [
        ("sk_test_coffer_abcdefgh1234", "sk_test_***************1234"),
        ("sk_live_coffer_abcdefgh1234", "sk_live_***************1234"),
        ("rk_test_1", "rk_test_*"),
        ("nonsense", "****ense"),
        ("ak_coffer_abcdefgh1234", "ak_coffer_********1234"),
    ] {
        let message = refused(&server.anonymous().with_key(key).list(), None);
        assert_eq!(message, format!("Invalid API Key provided: {shown}"));
    }
}

#[test]
fn an_expired_key_is_refused_from_its_second_on() {
    let server = TestServer::start();
    let app = server.app();
    let expires_at = [("app", app.id.as_str()), ("mode", "test"), ("expires_at", "1800000100")];
    let key = server.admin().post("/v1/admin/api_keys", &expires_at).text("key");
    let client = server.anonymous().with_key(&key);
    server.clock.advance(99);
    client.list().ok();
    server.clock.advance(1);
    refused(&client.list(), Some("api_key_expired"));
    refused(&client.set("token", "value"), Some("api_key_expired"));
}

#[test]
fn a_revoked_key_is_refused_at_once() {
    let server = TestServer::start();
    let app = server.app();
    let params = [("app", app.id.as_str()), ("mode", "test")];
    let made = server.admin().post("/v1/admin/api_keys", &params);
    let client = server.anonymous().with_key(&made.text("key"));
    client.list().ok();
    let path = format!("/v1/admin/api_keys/{}/revoke", made.text("id"));
    server.admin().post(&path, &[]).ok();
    refused(&client.list(), Some("api_key_expired"));
    app.client().list().ok();
}

#[test]
fn a_publishable_key_is_forbidden() {
    let server = TestServer::start();
    for key in ["pk_test_coffer_1234567890", "pk_live_1234567890"] {
        let error = lawful(&server.anonymous().with_key(key).list()).refused(403);
        assert_eq!(error["code"], "secret_key_required");
    }
}

#[test]
fn the_key_decides_before_anything_else() {
    let server = TestServer::start();
    let stranger = server.anonymous().with_header("Stripe-Version", "nonsense");
    for (method, path, body) in [
        ("GET", "/v1/nothing", None),
        ("GET", "/", None),
        ("OPTIONS", "/v1/apps/secrets", None),
        ("DELETE", "/v1/apps/secrets", None),
        ("POST", "/v1/apps/secrets", Some("a[=%")),
        ("GET", "/v1/admin/accounts", None),
    ] {
        refused(&stranger.raw(method, path, body), None);
    }
}

#[test]
fn an_account_is_named_by_either_header() {
    let server = TestServer::start();
    let app = server.app();
    let account = server.account();
    server.install(&app, &account);
    app.client().set("token", "own").ok();
    app.client().for_account(&account).set("token", "installed").ok();
    let payload = |client: Client| client.find("token").ok()["payload"].clone();
    let by_context = app.client().with_header("Stripe-Context", &account);
    assert_eq!(payload(by_context), "installed");
    assert_eq!(payload(app.client().for_account(&app.account)), "own");
    let stranger = server.account();
    let mut refusals = Vec::new();
    for other in [stranger.as_str(), "acct_nobody", "nonsense", "acct_\"<"] {
        let error = lawful(&app.client().for_account(other).list()).refused(403);
        assert_eq!(error["code"], "account_invalid");
        refusals.push(error["message"].as_str().unwrap().replace(other, "X"));
    }
    assert_eq!(refusals[0], refusals[1], "nobody learns which accounts exist");
}

#[test]
fn admin_keys_and_apps_keys_open_different_doors() {
    let server = TestServer::start();
    lawful(&server.admin().list()).refused(403);
    lawful(&server.admin().set("token", "value")).refused(403);
    lawful(&server.app().client().get("/v1/admin/accounts", &[])).refused(403);
}

/// The pattern of docs/keys.md for scrubbers and scanners.
fn documented_pattern() -> regex_lite::Regex {
    let page = include_str!("../../../docs/keys.md");
    let line = page.lines().find(|line| line.starts_with("(?:ak|")).unwrap();
    regex_lite::Regex::new(line).unwrap()
}

/// Of a log line nothing of a key remains but what the pattern was told to leave.
#[test]
fn the_documented_pattern_finds_every_key() {
    let server = TestServer::start();
    let app = server.app();
    let restricted = server.restricted(&app, &["secret_read"]);
    let device = app.client().post("/v1/ephemeral_keys", &[("user", "usr_1")]).text("secret");
    let admin = server.admin();
    let before_checksums = "sk_live_coffer_0123456789ABCDEFGHIJKLMNOPQRSTUV";
    let pattern = documented_pattern();
    for key in
        [&app.test_key, &app.live_key, restricted.key(), &device, admin.key(), before_checksums]
    {
        for (line, left) in [
            (format!("Authorization: Bearer {key}"), "Authorization: Bearer ".to_owned()),
            (format!("{{\"key\":\"{key}\"}}"), "{\"key\":\"\"}".to_owned()),
            (format!("https://{key}:@coffer/v1"), "https://:@coffer/v1".to_owned()),
        ] {
            assert_eq!(pattern.replace_all(&line, ""), left, "{key}");
        }
    }
    for other in
        ["sk_test_coffer", "sk_test_coffer_short", "task_coffer", "sk_test_4eC39HqLyjWDarj"]
    {
        assert!(!pattern.is_match(other), "{other}");
    }
}

/// The rules by which public scanners find Stripe's keys, and send them there: gitleaks,
/// trufflehog, detect-secrets, GitGuardian's published examples.
#[test]
fn no_scanner_takes_a_key_for_stripes() {
    let server = TestServer::start();
    let app = server.app();
    for rule in [
        r"\b((?:sk|rk)_(?:test|live|prod)_[a-zA-Z0-9]{10,99})\b",
        r"[rs]k_live_[a-zA-Z0-9]{20,247}",
        r"(?:r|s)k_live_[0-9a-zA-Z]{24}",
        r"(?:sk|rk)_(?:test|live)_[0-9a-zA-Z]{24,}",
    ] {
        let rule = regex_lite::Regex::new(rule).unwrap();
        for key in [&app.test_key, &app.live_key] {
            assert!(!rule.is_match(key), "{key}");
        }
    }
}
