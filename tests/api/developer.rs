//! Developer mode: anybody on this machine is let in, in test mode, and no web page is.

use crate::check::lawful;
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
    for unknown in ["rk_test_anything", "ek_test_anything", "nonsense"] {
        lawful(&server.anonymous().with_key(unknown).list()).refused(401);
    }
    server.anonymous().with_key("pk_test_anything").list().refused(403);
    server.anonymous().list().refused(401);
}

#[test]
fn no_web_page_is_answered() {
    let server = start();
    let mut raw = server.raw();
    let mut status = |host: &str, origin: Option<&str>| {
        let origin = origin.map_or(String::new(), |origin| format!("Origin: {origin}\r\n"));
        raw.send(format!(
            "GET /v1/apps/secrets?scope[type]=account HTTP/1.1\r\nHost: {host}\r\n{origin}\
             Authorization: Bearer {KEY}\r\n\r\n"
        ));
        lawful(&raw.answer()).status
    };
    for host in ["localhost", "localhost:4747", "127.0.0.1:1", "[::1]:4747"] {
        assert_eq!(status(host, None), 200, "{host}");
    }
    for host in ["coffer.example", "localhost.example", "127.0.0.1.example:4747", "10.0.0.1"] {
        assert_eq!(status(host, None), 403, "{host}");
    }
    for origin in ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:8080"] {
        assert_eq!(status("localhost", Some(origin)), 200, "{origin}");
    }
    for origin in ["https://coffer.example", "null", "http://localhost.example", ""] {
        assert_eq!(status("localhost", Some(origin)), 403, "{origin}");
    }
}

#[test]
fn in_production_the_host_does_not_matter() {
    let server = TestServer::start();
    let mut raw = server.raw();
    let key = server.app().test_key;
    raw.send(format!(
        "GET /v1/apps/secrets?scope[type]=account HTTP/1.1\r\nHost: coffer.example\r\n\
         Origin: https://dashboard.example\r\nAuthorization: Bearer {key}\r\n\r\n"
    ));
    raw.answer().ok();
}
