//! Developer mode: anybody on this machine is let in, in test mode, and no web page is.

use crate::check::lawful;
use crate::conventions::authentication::base64;
use coffer_testkit::TestServer;

const KEY: &str = "sk_test_anything";

fn start() -> TestServer {
    TestServer::builder().developer().start()
}

#[test]
fn any_key_is_an_app_of_its_own() {
    let server = start();
    let one = server.anonymous().with_key(KEY);
    let other = server.anonymous().with_key("sk_test_something_else");
    let set = lawful(&one.set("token", "value")).ok();
    assert_eq!(set["livemode"], false);
    assert_eq!(one.find("token").ok()["payload"], "value");
    other.find("token").refused(404);
}

#[test]
fn any_account_has_it_installed() {
    let server = start();
    let client = server.anonymous().with_key(KEY);
    client.for_account("acct_1").set("token", "of 1").ok();
    client.for_account("acct_2").set("token", "of 2").ok();
    assert_eq!(client.for_account("acct_1").find("token").ok()["payload"], "of 1");
    client.find("token").refused(404);
    let error = lawful(&client.for_account("nonsense").list()).refused(403);
    assert_eq!(error["code"], "account_invalid");
}

#[test]
fn any_admin_key_administers() {
    let server = start();
    server.anonymous().with_key(KEY).set("token", "value").ok();
    let admin = server.anonymous().with_key("ak_coffer_anything");
    let apps = admin.get("/v1/admin/apps", &[]).ok();
    assert_eq!(apps["data"].as_array().unwrap().len(), 1);
    assert_eq!(admin.get("/v1/admin/status", &[]).ok()["mode"], "developer");
}

/// What the operator shut stays shut, and what is revoked stays revoked.
#[test]
fn first_use_opens_nothing_again() {
    let server = start();
    let client = server.anonymous().with_key(KEY);
    client.for_account("acct_1").set("token", "value").ok();
    let admin = server.admin();
    let installs = admin.get("/v1/admin/installs", &[]).ok();
    let install = installs["data"][0]["id"].as_str().unwrap();
    admin.delete(&format!("/v1/admin/installs/{install}"), &[]).ok();
    client.for_account("acct_1").find("token").refused(403);
    let keys = admin.get("/v1/admin/api_keys", &[]).ok();
    let is_secret = |key: &&serde_json::Value| key["type"] == "secret";
    let key = keys["data"].as_array().unwrap().iter().find(is_secret).unwrap()["id"].clone();
    admin.post(&format!("/v1/admin/api_keys/{}/revoke", key.as_str().unwrap()), &[]).ok();
    client.list().refused(401);
}

#[test]
fn live_keys_and_others_are_refused() {
    let server = start();
    for live in ["sk_live_anything", "rk_live_anything", "ek_live_anything", "pk_live_anything"] {
        let error = lawful(&server.anonymous().with_key(live).list()).refused(401);
        assert!(error["message"].as_str().unwrap().contains("developer mode"), "{error}");
    }
    for unknown in ["ek_test_anything", "nonsense"] {
        lawful(&server.anonymous().with_key(unknown).list()).refused(401);
    }
    let error = server.anonymous().with_key("ek_test_anything").list().refused(401);
    assert!(error["message"].as_str().unwrap().contains("POST /v1/ephemeral_keys"), "{error}");
    server.anonymous().with_key("pk_test_anything").list().refused(403);
    server.anonymous().list().refused(401);
}

#[test]
fn a_restricted_key_is_of_the_app_whose_secret_key_has_its_text() {
    for first in ["rk_test_suite", "sk_test_suite"] {
        let server = start();
        let [one, secret, restricted] =
            [first, "sk_test_suite", "rk_test_suite"].map(|key| server.anonymous().with_key(key));
        one.set("token", "value").ok();
        for client in [secret, restricted] {
            let account = client.for_account("acct_1");
            account.set("other", "value").ok();
            assert_eq!(account.find("other").ok()["payload"], "value");
            assert_eq!(client.find("token").ok()["payload"], "value");
        }
        server.anonymous().with_key("rk_test_other").find("token").refused(404);
    }
}

/// `POST /v1/admin/api_keys` says what a key of the caller's choice may do, before its first use or
/// after it, and again.
#[test]
fn permissions_of_a_made_up_restricted_key_are_those_that_were_set() {
    let server = start();
    let secret = server.anonymous().with_key("sk_test_suite");
    let restricted = server.anonymous().with_key("rk_test_suite");
    restricted.set("token", "value").ok();
    let key = ("key", "rk_test_suite");
    let name = |permissions: &'static str| ("permissions[]", permissions);
    for permission in ["secret_read", "secret_write", "secret_read"] {
        let made = server.admin().post("/v1/admin/api_keys", &[key, name(permission)]).ok();
        assert_eq!(
            (made["type"].as_str(), made["key"].as_str()),
            (Some("restricted"), Some(key.1))
        );
        assert_eq!(restricted.find("token").ok()["payload"], "value");
        let status = if permission == "secret_write" { 200 } else { 403 };
        assert_eq!(restricted.set("token", "value").status, status, "{permission}");
    }
    secret.set("token", "value").ok();
    let wrong: [(&[(&str, &str)], &str); 5] = [
        (&[key], "permissions"),
        (&[("key", "sk_test_suite"), name("secret_read")], "key"),
        (&[("key", "rk_live_suite"), name("secret_read")], "key"),
        (&[key, name("secret_read"), ("app", "app_1")], "app"),
        (&[key, name("secret_read"), ("mode", "test")], "mode"),
    ];
    for (params, param) in wrong {
        let error = lawful(&server.admin().post("/v1/admin/api_keys", params)).refused(400);
        assert_eq!(error["param"], param, "{params:?}");
    }
}

#[test]
fn a_revoked_secret_key_is_not_opened_by_a_restricted_one() {
    let server = start();
    server.anonymous().with_key("sk_test_suite").set("token", "value").ok();
    let keys = server.admin().get("/v1/admin/api_keys", &[]).ok();
    let is_secret = |key: &&serde_json::Value| key["type"] == "secret";
    let key = keys["data"].as_array().unwrap().iter().find(is_secret).unwrap()["id"].clone();
    let revoke = format!("/v1/admin/api_keys/{}/revoke", key.as_str().unwrap());
    server.admin().post(&revoke, &[]).ok();
    server.anonymous().with_key("rk_test_suite").find("token").refused(401);
}

#[test]
fn in_production_nobody_makes_up_a_key() {
    let server = TestServer::start();
    let params = [("key", "rk_test_suite"), ("permissions[]", "secret_read")];
    let error = server.admin().post("/v1/admin/api_keys", &params).refused(400);
    assert_eq!((&error["code"], &error["param"]), (&"parameter_unknown".into(), &"key".into()));
}

#[test]
fn ephemeral_keys_are_made_and_work() {
    let server = start();
    let client = server.anonymous().with_key(KEY).for_account("acct_1");
    let made = client.post("/v1/ephemeral_keys", &[("user", "usr_1")]).ok();
    let device = server.anonymous().with_key(made["secret"].as_str().unwrap());
    let scope = [("scope[type]", "user"), ("scope[user]", "usr_1")];
    device.get("/v1/apps/secrets", &scope).ok();
    device
        .get("/v1/apps/secrets", &[("scope[type]", "user"), ("scope[user]", "usr_2")])
        .refused(403);
    device.post(RESET, &[]).refused(403);
}

const RESET: &str = "/v1/test_helpers/reset";
const ADVANCE: &str = "/v1/test_helpers/clock/advance";

/// All that an app can keep.
fn fill(client: &coffer_testkit::Client) {
    client.set("token", "value").ok();
    let plan = [
        ("percent", "10"),
        ("type", "rolling_release"),
        ("rolling_release[days_after_charge]", "180"),
    ];
    client.post("/v1/reserve/plans", &plan).ok();
    let charge = [("id", "ch_1"), ("amount", "1000"), ("currency", "usd")];
    client.post("/v1/ledger/charges", &charge).ok();
    client.idempotent("once").set("once", "value").ok();
}

#[test]
fn a_reset_empties_the_callers_app_and_it_is_used_again_at_once() {
    let server = TestServer::builder().developer().without_background_jobs().start();
    let (client, other) =
        (server.anonymous().with_key(KEY), server.anonymous().with_key("sk_test_other"));
    let scopes = |client: &coffer_testkit::Client| {
        [client.clone(), client.for_account("acct_1"), client.for_account("acct_2")]
    };
    let start = client.get("/v1/test_helpers/clock", &[]).ok()["now"].clone();
    for round in 0..3 {
        for scope in scopes(&client).iter().chain(&scopes(&other)[..usize::from(round == 0)]) {
            fill(scope);
        }
        client.post(ADVANCE, &[("seconds", "86400")]).ok();
        let device = client.post("/v1/ephemeral_keys", &[("user", "usr_1")]).ok();
        // With the key that an SDK would send, repeated in each round.
        let reset = lawful(&client.idempotent("reset").post(RESET, &[])).ok();
        assert_eq!(reset["object"], "test_helpers.reset");
        server.anonymous().with_key(device["secret"].as_str().unwrap()).list().refused(401);
        for scope in scopes(&client) {
            for list in ["/v1/reserve/plans", "/v1/reserve/holds", "/v1/balance_transactions"] {
                assert_eq!(scope.get(list, &[]).ok()["data"], serde_json::json!([]), "{list}");
            }
            assert_eq!(scope.get("/v1/events", &[]).ok()["data"], serde_json::json!([]));
            assert_eq!(scope.list().ok()["data"], serde_json::json!([]));
            scope.find("token").refused(404);
        }
        assert_eq!(client.get("/v1/test_helpers/clock", &[]).ok()["now"], start);
    }
    assert_eq!(other.find("token").ok()["payload"], "value");
    // Accounts do not pile up, and the app stays what it was.
    let apps = server.admin().get("/v1/admin/apps", &[]).ok();
    assert_eq!(apps["data"].as_array().unwrap().len(), 2);
    let accounts = server.admin().get("/v1/admin/accounts", &[]).ok();
    assert_eq!(accounts["data"].as_array().unwrap().len(), 4, "{accounts}");
}

#[test]
fn in_production_nothing_is_reset() {
    let server = TestServer::start();
    server.app().client().post(RESET, &[]).refused(404);
}

/// What a browser, or a program, sends besides its key.
fn answer(server: &TestServer, host: &str, headers: &[&str]) -> u16 {
    let mut raw = server.raw();
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    raw.send(format!(
        "GET /v1/apps/secrets?scope[type]=account HTTP/1.1\r\nHost: {host}\r\n{headers}\
         Authorization: Bearer {KEY}\r\n\r\n"
    ));
    lawful(&raw.answer()).status
}

#[test]
fn only_local_and_allowed_names_are_answered() {
    let server = TestServer::builder().developer().allow_host("coffer").start();
    for host in ["localhost", "localhost:4747", "127.0.0.1:1", "[::1]:4747", "coffer:4747"] {
        assert_eq!(answer(&server, host, &[]), 200, "{host}");
    }
    for host in ["coffer.example", "localhost.example", "127.0.0.1.example:4747", "10.0.0.1"] {
        assert_eq!(answer(&server, host, &[]), 403, "{host}");
    }
    assert_eq!(answer(&start(), "coffer:4747", &[]), 403);
}

#[test]
fn no_page_is_answered_unless_its_origin_is_allowed() {
    let server = TestServer::builder().developer().allow_origin("http://localhost:3000").start();
    for headers in [
        &[][..],
        &["Origin: http://localhost:3000"],
        &["Origin: http://localhost:3000", "Sec-Fetch-Site: same-site"],
        &["Origin: http://localhost:4747", "Sec-Fetch-Site: same-origin"],
        &["Sec-Fetch-Site: none"],
    ] {
        assert_eq!(answer(&server, "localhost:4747", headers), 200, "{headers:?}");
    }
    for headers in [
        &["Origin: http://localhost:9999"][..],
        &["Origin: https://coffer.example"],
        &["Origin: moz-extension://localhost"],
        &["Origin: null"],
        &["Sec-Fetch-Site: cross-site"],
        &["Sec-Fetch-Site: same-site"],
    ] {
        assert_eq!(answer(&server, "localhost:4747", headers), 403, "{headers:?}");
    }
}

/// A browser with saved credentials sends them for whatever page posts a form.
#[test]
fn in_production_a_foreign_page_changes_nothing() {
    let server = TestServer::start();
    let app = server.app();
    let keys = [app.test_key.clone(), server.admin().key().to_owned()];
    let form = "name=token&payload=value&scope[type]=account";
    for (headers, status) in [
        (&["Origin: https://evil.example"][..], 403),
        (&["Origin: null", "Sec-Fetch-Site: cross-site"], 403),
        (&["Sec-Fetch-Site: cross-site"], 403),
        (&["Origin: https://coffer.example", "Sec-Fetch-Site: same-origin"], 200),
        (&[], 200),
    ] {
        let mut raw = server.raw();
        let credentials = base64(&format!("{}:", keys[0]));
        let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        raw.send(format!(
            "POST /v1/apps/secrets HTTP/1.1\r\nHost: coffer.example\r\n{headers}Authorization: \
             Basic {credentials}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{form}",
            form.len()
        ));
        assert_eq!(lawful(&raw.answer()).status, status, "{headers}");
        if status == 403 {
            app.client().find("token").refused(404);
        }
    }
    let foreign = server.anonymous().with_header("Origin", "https://evil.example");
    for key in keys {
        foreign.with_key(&key).get("/v1/admin/status", &[]).refused(403);
    }
    // Refused for the page, before anybody looks at a key.
    foreign.list().refused(403);
}

/// A browser that is asked for HTTP Basic prompts, and saves what it is told.
#[test]
fn production_does_not_ask_for_basic_credentials() {
    let challenge = |server: &TestServer| {
        let answer = server.anonymous().list();
        answer.header("www-authenticate").unwrap().to_owned()
    };
    assert_eq!(challenge(&TestServer::start()), "Bearer realm=\"Stripe\"");
    assert_eq!(challenge(&start()), "Basic realm=\"Stripe\"");
}

#[test]
fn pages_of_an_allowed_origin_read_the_answers() {
    let origin = "http://localhost:3000";
    for server in [
        TestServer::builder().developer().allow_origin(origin).start(),
        TestServer::builder().allow_origin(origin).start(),
    ] {
        let page = server.anonymous().with_header("Origin", origin);
        let asking = |client: &coffer_testkit::Client| {
            let headers = ("Access-Control-Request-Headers", "authorization,stripe-account");
            let client = client.with_header("Access-Control-Request-Method", "POST");
            client.with_header(headers.0, headers.1)
        };
        let asked = asking(&page).raw("OPTIONS", "/v1/apps/secrets", None);
        assert_eq!(asked.status, 204);
        assert_eq!(
            asked.header("access-control-allow-headers"),
            Some("authorization,stripe-account")
        );
        for answer in [asked, page.list()] {
            assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
            assert_eq!(answer.header("access-control-allow-credentials"), None);
            assert_eq!(answer.header("vary"), Some("Origin"));
        }
        let foreign = server.anonymous().with_header("Origin", "http://localhost:9999");
        let refused = asking(&foreign).raw("OPTIONS", "/v1/apps/secrets", None);
        assert_eq!((refused.status, refused.header("access-control-allow-origin")), (403, None));
    }
}

#[test]
fn where_others_can_reach_it_only_keys_of_the_run_are_taken() {
    let run_key = "run-0123456789ab";
    let kept = tempfile::TempDir::new().unwrap();
    let directory = kept.path().join("data");
    // The store knows this key from a run in which everybody was let in.
    let before = TestServer::builder().developer().data_dir(&directory).start();
    before.anonymous().with_key(KEY).list().ok();
    before.stop();
    let server = TestServer::builder().developer().data_dir(&directory).run_key(run_key).start();
    for kind in ["sk_test_", "rk_test_"] {
        for own in [format!("{kind}{run_key}"), format!("{kind}{run_key}_suite")] {
            server.anonymous().with_key(&own).list().ok();
        }
    }
    let made = server.anonymous().with_key(&format!("sk_test_{run_key}"));
    let made = made.post("/v1/ephemeral_keys", &[("user", "usr_1")]).ok();
    let device = server.anonymous().with_key(made["secret"].as_str().unwrap());
    device.get("/v1/apps/secrets", &[("scope[type]", "user"), ("scope[user]", "usr_1")]).ok();
    let operator = server.anonymous().with_key(&format!("ak_coffer_{run_key}"));
    operator.get("/v1/admin/status", &[]).ok();
    for foreign in [KEY, "sk_test_run-0123456789a", "ak_coffer_anything", "rk_test_anything"] {
        let error = lawful(&server.anonymous().with_key(foreign).list()).refused(401);
        assert!(error["message"].as_str().unwrap().contains("COFFER_DEV_KEY"), "{error}");
    }
}
