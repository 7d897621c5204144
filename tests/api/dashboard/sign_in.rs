//! Sessions: how they begin and end, and what cannot be done to them from outside.

use super::browser::Browser;
use super::routes;
use coffer_testkit::TestServer;
use serde_json::Value;

const COOKIE: &str = "coffer_dashboard";

/// How often a list is asked for that will have what is looked for: for minutes.
const MANY_LOOKS: usize = 10_000;

#[test]
fn whoever_has_an_admin_key_signs_in_and_out() {
    let server = TestServer::start();
    let mut browser = Browser::new(&server);
    let shown = browser.page("/dashboard/accounts");
    assert!(shown.contains("Sign in with an admin key") && shown.contains("coffer admin-key"));
    assert_eq!(browser.sign_in(server.admin().key()).status, 303);
    assert!(browser.page("/dashboard/accounts").contains("No accounts yet"));
    assert_eq!(browser.post("/dashboard/sign_out", &[]).leads(), "/dashboard");
    assert!(browser.page("/dashboard/accounts").contains("Sign in with an admin key"));
}

#[test]
fn only_admin_keys_sign_in() {
    let server = TestServer::start();
    let app = server.app();
    for key in ["", "nonsense", "ak_coffer_unknown", "with blank", "é\u{7f}", &app.test_key] {
        let mut browser = Browser::new(&server);
        let answer = browser.sign_in(key);
        assert_eq!(answer.status, 403, "{key}: {}", answer.body);
        assert!(answer.body.contains("role=\"alert\""), "{key}");
        assert_eq!(browser.cookie(COOKIE), None, "{key}");
        let shown = key.is_empty() || key == "with blank" || !answer.body.contains(key);
        assert!(shown, "the page repeats {key}");
    }
}

#[test]
fn the_audit_has_who_tried_to_sign_in() {
    let server = TestServer::start();
    Browser::new(&server).sign_in("ak_coffer_guessed");
    Browser::signed_in(&server);
    server.flush_audit();
    let mut outcomes = Vec::new();
    // In a shared store an entry is listed once no older transaction of the database's server is
    // open, of other tests' either.
    for _ in 0..MANY_LOOKS {
        let list = server.admin().get("/v1/admin/audit", &[("limit", "100")]).ok();
        let text = |entry: &Value, field: &str| entry[field].as_str().unwrap().to_owned();
        let entries = list["data"].as_array().unwrap().iter();
        outcomes = entries
            .filter(|entry| entry["operation"] == "admin.api_keys.list")
            .map(|entry| (text(entry, "outcome"), text(entry, "peer")))
            .collect();
        if outcomes.len() > 1 {
            break;
        }
    }
    let outcomes: Vec<_> = outcomes.iter().map(|(what, from)| (&**what, &**from)).collect();
    assert!(outcomes.contains(&("refused", "127.0.0.1")), "{outcomes:?}");
    assert!(outcomes.contains(&("done", "127.0.0.1")), "{outcomes:?}");
}

#[test]
fn a_session_id_that_was_planted_is_never_taken() {
    let server = TestServer::start();
    let mut victim = Browser::new(&server);
    victim.set_cookie(COOKIE, "planted");
    victim.sign_in(server.admin().key());
    assert_ne!(victim.cookie(COOKIE), Some("planted"));
    let mut planter = Browser::new(&server);
    planter.set_cookie(COOKIE, "planted");
    assert!(planter.page("/dashboard").contains("Sign in with an admin key"));
    // Signing in again makes another session too, so that one seen before is worth nothing.
    let first = victim.cookie(COOKIE).unwrap().to_owned();
    victim.sign_in(server.admin().key());
    assert_ne!(victim.cookie(COOKIE).unwrap(), first);
}

#[test]
fn a_form_of_another_site_changes_nothing() {
    let server = TestServer::start();
    let mut browser = Browser::signed_in(&server);
    browser.page("/dashboard/accounts");
    let names = || {
        let list = server.admin().get("/v1/admin/accounts", &[]).ok();
        list["data"].as_array().unwrap().len()
    };
    let path = "/dashboard/accounts/create";
    for token in ["", "x", &"x".repeat(44)] {
        let sent = browser.form(path, &[("name", "forged"), ("form_token", token)], &[]);
        assert_eq!(sent.0.status, 403, "{token}");
    }
    let token = [("name", "forged")];
    for header in [
        "Origin: https://evil.example",
        "Origin: null",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
    ] {
        let sent = browser.form(path, &token, &[header]);
        assert_eq!(sent.0.status, 403, "{header}");
        let sent = browser.form("/dashboard/sign_in", &[("key", server.admin().key())], &[header]);
        assert_eq!((sent.0.status, sent.0.header("set-cookie")), (403, None), "{header}");
    }
    assert_eq!(names(), 0);
    assert!(browser.post(path, &[("name", "own")]).leads().starts_with("/dashboard/account?id="));
    assert_eq!(names(), 1);
    // Another session's token is as foreign as none.
    let other = Browser::signed_in(&server);
    let mut stolen = Browser::new(&server);
    stolen.set_cookie(COOKIE, other.cookie(COOKIE).unwrap());
    assert_eq!(browser.post("/dashboard/sign_out", &[]).0.status, 303);
    assert_eq!(stolen.post(path, &[("name", "forged")]).0.status, 403);
    assert_eq!(names(), 1);
}

#[test]
fn everything_that_changes_something_asks_for_the_token() {
    let server = TestServer::start();
    let mut browser = Browser::signed_in(&server);
    for path in routes::forms() {
        let target = format!("/dashboard{path}");
        assert_eq!(browser.form(&target, &[], &[]).0.status, 403, "{path}");
        assert_eq!(browser.get(&target).status, 404, "{path} is answered to GET");
    }
    browser.page("/dashboard/accounts");
}

#[test]
fn whoever_has_signed_out_is_shown_nothing_but_where_to_sign_in() {
    let server = TestServer::start();
    let app = server.app();
    let mut browser = Browser::signed_in(&server);
    let session = browser.cookie(COOKIE).unwrap().to_owned();
    let token = browser.page("/dashboard/accounts");
    let token = token.split("name=\"form_token\" value=\"").nth(1).unwrap();
    let token = token.split('"').next().unwrap().to_owned();
    browser.post("/dashboard/sign_out", &[]).leads();
    let place = format!("app={}&account={}&id={}", app.id, app.account, app.id);
    // The browser's copy of the cookie, and of a form, are worth nothing.
    browser.set_cookie(COOKIE, &session);
    for page in routes::pages() {
        // Each answer is looked at for what no cache may keep.
        let answer = browser.get(&format!("/dashboard{page}?{place}"));
        assert!(answer.body.contains("name=\"key\""), "{page}: {}", answer.body);
        assert!(!answer.body.contains(server.admin().key()), "{page}");
        assert!(!answer.body.contains("id=\"menu\""), "{page}: {}", answer.body);
    }
    let keys = || {
        let list = server.admin().get("/v1/admin/api_keys", &[]).ok();
        list["data"].as_array().unwrap().len()
    };
    let before = keys();
    for form in routes::forms() {
        let fields = [("form_token", token.as_str()), ("name", "late"), ("app", &app.id)];
        let answer = browser.form(&format!("/dashboard{form}"), &fields, &[]).0;
        assert!(answer.body.contains("name=\"key\""), "{form}: {}", answer.body);
    }
    assert_eq!(keys(), before);
}

#[test]
fn signing_out_everywhere_ends_all_sessions_of_the_key_and_no_others() {
    let server = TestServer::start();
    let admin = server.admin();
    let made = admin.post("/v1/admin/api_keys", &[("type", "admin"), ("role", "auditor")]);
    let mut auditor = Browser::new(&server);
    auditor.sign_in(&made.text("key"));
    let (here, mut there) = (Browser::signed_in(&server), Browser::signed_in(&server));
    here.post("/dashboard/sign_out", &[("everywhere", "true")]).leads();
    assert!(there.page("/dashboard").contains("Sign in with an admin key"));
    assert!(auditor.page("/dashboard").contains("Overview"));
}

#[test]
fn a_revoked_key_has_no_session_any_more() {
    let server = TestServer::start();
    let admin = server.admin();
    let made = admin.post("/v1/admin/api_keys", &[("type", "admin"), ("role", "operator")]);
    let mut browser = Browser::new(&server);
    browser.sign_in(&made.text("key"));
    browser.page("/dashboard/apps");
    admin.post(&format!("/v1/admin/api_keys/{}/revoke", made.text("id")), &[]).ok();
    let answer = browser.get("/dashboard/apps");
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("name=\"key\""), "{}", answer.body);
}

#[test]
fn beyond_the_machine_the_cookie_needs_tls() {
    let server = TestServer::start();
    for (host, name, attributes) in [
        (
            "coffer.example",
            "__Host-coffer_dashboard",
            "; Path=/; Secure; HttpOnly; SameSite=Strict",
        ),
        ("127.0.0.1:4747", COOKIE, "; Path=/dashboard; HttpOnly; SameSite=Strict"),
    ] {
        let mut browser = Browser::under(&server, host);
        let answer = browser.sign_in(server.admin().key());
        let cookie = answer.header("set-cookie").unwrap();
        assert!(cookie.starts_with(&format!("{name}=")), "{cookie}");
        assert!(cookie.ends_with(attributes), "{cookie}");
        // A cookie without the prefix could have been set by a neighbour of the host.
        if host == "coffer.example" {
            let id = browser.cookie(name).unwrap().to_owned();
            let mut other = Browser::under(&server, host);
            other.set_cookie(COOKIE, &id);
            assert!(other.page("/dashboard").contains("Sign in with an admin key"));
        }
    }
}

#[test]
fn a_link_leads_nowhere_else() {
    let server = TestServer::start();
    for next in ["https://evil.example", "//evil.example", "/dashboard/../v1", "/v1/admin/status"] {
        let mut browser = Browser::new(&server);
        let admin = server.admin();
        let fields = [("key", admin.key()), ("next", next)];
        let answer = browser.send("POST", "/dashboard/sign_in", Some(&fields), &[]);
        let to = answer.header("location").unwrap();
        assert_eq!(to, "/dashboard?signed_in=true", "{next}");
    }
    let mut browser = Browser::new(&server);
    let answer = browser.send("GET", "/dashboard/keys?app=app_1", None, &[]);
    assert!(answer.body.contains("value=\"/dashboard/keys?app=app_1\""), "{}", answer.body);
}

#[test]
fn a_link_from_another_site_is_followed_with_the_session() {
    let server = TestServer::start();
    let mut browser = Browser::new(&server);
    // The browser has a session, and sends it only once the page asks for itself.
    let from_elsewhere = ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"];
    let answer = browser.send("GET", "/dashboard", None, &from_elsewhere);
    assert!(answer.body.contains("http-equiv=\"refresh\""), "{}", answer.body);
    let answer = browser.send("GET", "/dashboard", None, &["Sec-Fetch-Site: same-origin"]);
    assert!(answer.body.contains("Sign in with an admin key"));
}

#[test]
fn developer_mode_signs_one_browser_in_by_its_link() {
    let server = TestServer::builder().developer().start();
    let link = server.server().installation().dashboard.link().unwrap();
    let mut browser = Browser::new(&server);
    assert_eq!(browser.get(&link).status, 303);
    assert!(browser.page("/dashboard").contains("developer mode"));
    assert_eq!(browser.get(&link).header("location"), Some("/dashboard"), "it stays signed in");
    let mut other = Browser::new(&server);
    assert_eq!(other.get(&link).status, 403, "a link is used once");
    assert_eq!(other.get("/dashboard/open?code=").status, 403);
    let next = server.server().installation().dashboard.link().unwrap();
    assert_ne!(link, next);
    assert_eq!(other.get(&next).status, 303);
}

#[test]
fn production_has_no_such_link() {
    let server = TestServer::start();
    assert_eq!(server.server().installation().dashboard.link(), None);
    let mut browser = Browser::new(&server);
    for target in ["/dashboard/open", "/dashboard/open?code=", "/dashboard/open?code=x"] {
        assert_eq!(browser.get(target).status, 403, "{target}");
        assert_eq!(browser.cookie(COOKIE), None);
    }
}

#[test]
fn developer_mode_answers_under_its_own_names_only() {
    let server = TestServer::builder().developer().start();
    let link = server.server().installation().dashboard.link().unwrap();
    let mut rebound = Browser::under(&server, "evil.example");
    assert_eq!(rebound.get(&link).status, 403);
    assert_eq!(Browser::new(&server).get(&link).status, 303, "the link was not used up");
}

#[test]
fn the_dashboard_is_where_the_admin_api_is() {
    let server = TestServer::builder().admin_listener().beyond_loopback().start();
    let mut beside_the_api = Browser::new(&server);
    let answer = beside_the_api.get("/dashboard");
    assert_eq!(answer.status, 401, "the API's listener has no dashboard: {}", answer.body);
    let answer = coffer_testkit::Client::anonymous(server.admin_url()).get("/dashboard", &[]);
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("Sign in with an admin key"));
}
