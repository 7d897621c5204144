//! `/v1/admin/api_keys`, and the keys that apps make.

use crate::check::{lawful, snapshot};
use coffer_testkit::{TestServer, encode};

const URL: &str = "/v1/admin/api_keys";

#[test]
fn a_key_is_shown_once() {
    let server = TestServer::start();
    let app = server.app();
    let admin = server.admin();
    let params = [("app", app.id.as_str()), ("mode", "test"), ("name", "backend")];
    let made = admin.post(URL, &params);
    let one = format!("{URL}/{}", made.text("id"));
    assert!(admin.get(&one, &[]).ok().get("key").is_none());
    let list = admin.get(URL, &[("app", &app.id)]).ok();
    assert!(list["data"].as_array().unwrap().iter().all(|key| key.get("key").is_none()));
    snapshot("a_key_is_shown_once", "POST /v1/admin/api_keys", &made);
}

#[test]
fn a_restricted_key() {
    let server = TestServer::start();
    let app = server.app();
    let params = [
        ("app", app.id.as_str()),
        ("mode", "test"),
        ("permissions[]", "secret_read"),
        ("permissions[]", "secret_read"),
        ("expires_at", "1800000100"),
    ];
    let made = server.admin().post(URL, &params);
    snapshot("a_restricted_key", "POST /v1/admin/api_keys: restricted", &made);
}

#[test]
fn an_ephemeral_key() {
    let server = TestServer::start();
    let client = server.app().client();
    let made = client.post("/v1/ephemeral_keys", &[("user", "usr_1")]);
    snapshot("an_ephemeral_key", "POST /v1/ephemeral_keys", &made);
}

#[test]
fn a_revoked_key_stays_listed() {
    let server = TestServer::start();
    let app = server.app();
    let admin = server.admin();
    let made = admin.post(URL, &[("app", &app.id), ("mode", "test")]);
    let one = format!("{URL}/{}", made.text("id"));
    server.clock.advance(60);
    let revoked = admin.post(&format!("{one}/revoke"), &[]).ok();
    assert_eq!(revoked["revoked_at"], 1_800_000_060);
    server.clock.advance(60);
    let again = admin.post(&format!("{one}/revoke"), &[]).ok();
    assert_eq!(again["revoked_at"], 1_800_000_060, "the first time counts");
    assert_eq!(admin.get(&one, &[]).ok(), again);
    server.anonymous().with_key(&made.text("key")).list().refused(401);
}

#[test]
fn revoking_takes_the_ephemeral_keys_along() {
    let server = TestServer::start();
    let app = server.app();
    let admin = server.admin();
    let made = admin.post(URL, &[("app", &app.id), ("mode", "test")]);
    let parent = server.anonymous().with_key(&made.text("key"));
    let child = parent.post("/v1/ephemeral_keys", &[("user", "usr_1")]);
    let child = server.anonymous().with_key(&child.text("secret"));
    child.list().ok();
    admin.post(&format!("{URL}/{}/revoke", made.text("id")), &[]).ok();
    assert_eq!(child.list().refused(401)["code"], "api_key_expired");
}

#[test]
fn another_admin_key() {
    let server = TestServer::start();
    let made = server.admin().post(URL, &[("type", "admin"), ("name", "another")]);
    assert_eq!(crate::check::replaced(&made.text("key")), "<ak_coffer_ and 38>");
    let another = server.admin().with_key(&made.text("key"));
    another.get("/v1/admin/accounts", &[]).ok();
    another.post(&format!("{URL}/{}/revoke", made.text("id")), &[]).ok();
    another.get("/v1/admin/accounts", &[]).refused(401);
}

#[test]
fn what_makes_no_key_is_refused() {
    let server = TestServer::start();
    let app = server.app();
    let admin = server.admin();
    let id = ("app", app.id.as_str());
    let test = ("mode", "test");
    for (params, param) in [
        (vec![], "app"),
        (vec![id], "mode"),
        (vec![id, ("mode", "prod")], "mode"),
        (vec![("app", "app_none"), test], "app"),
        (vec![("app", "nonsense"), test], "app"),
        (vec![id, test, ("permissions[]", "everything")], "permissions[0]"),
        (vec![id, test, ("permissions[]", "secret_read"), ("type", "secret")], "permissions"),
        (vec![id, test, ("type", "restricted")], "permissions"),
        (vec![id, test, ("type", "root")], "type"),
        (vec![id, ("type", "admin")], "app"),
        (vec![test, ("type", "admin")], "mode"),
        (vec![id, test, ("expires_at", "1800000000")], "expires_at"),
        (vec![id, test, ("expires_at", "soon")], "expires_at"),
        (vec![id, test, ("foo", "1")], "foo"),
    ] {
        let error = lawful(&admin.post(URL, &params)).refused(400);
        assert_eq!(error["param"], param, "{}", encode(&params));
    }
}

#[test]
fn a_key_that_is_revoked_while_the_body_arrives_does_nothing() {
    let server = TestServer::start();
    let admin = server.admin();
    let made = admin.post("/v1/admin/api_keys", &[("type", "admin")]);
    let (id, stolen) = (made.text("id"), made.text("key"));
    let body = "type=admin";
    let mut raw = server.raw();
    let authorization = format!("Authorization: Bearer {stolen}");
    let length = format!("Content-Length: {}", body.len());
    let form = "Content-Type: application/x-www-form-urlencoded";
    let head = ["POST /v1/admin/api_keys", &authorization, form, &length, "Expect: 100-continue"];
    raw.request(&head, "");
    // The key has been found good: the server asks for the body.
    assert_eq!(raw.head().status, 100);
    admin.post(&format!("/v1/admin/api_keys/{id}/revoke"), &[]).ok();
    raw.send(body);
    assert_eq!(raw.answer().refused(401)["code"], "api_key_expired");
    let keys = admin.get("/v1/admin/api_keys", &[]).ok();
    assert_eq!(keys["data"].as_array().unwrap().len(), 2, "the first and the revoked one");
}
