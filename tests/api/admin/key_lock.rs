//! Locking the making of keys.

use coffer_identity::LOCK_KEYS;
use coffer_testkit::{App, Client, TestServer};

const URL: &str = "/v1/admin/api_keys";

#[track_caller]
fn nothing_is_made(admin: &Client, app: &App, id: &str) {
    let params = [("app", app.id.as_str()), ("mode", "test")];
    admin.post(URL, &params).refused(403);
    let restricted = [("app", app.id.as_str()), ("mode", "live"), ("permissions[]", "secret_read")];
    admin.post(URL, &restricted).refused(403);
    admin.post(&format!("{URL}/{id}/roll"), &[]).refused(403);
}

#[test]
fn a_lock_outlasts_a_restart_and_is_undone_on_the_host_alone() {
    let home = tempfile::TempDir::new().unwrap();
    let data = home.path().join("data");
    let start = || TestServer::builder().data_dir(&data).start();
    let server = start();
    let app = server.app();
    let id = server.admin().get(URL, &[("app", &app.id)]).ok()["data"][0]["id"].clone();
    let id = id.as_str().unwrap().to_owned();
    assert_eq!(server.admin().get("/v1/admin/status", &[]).ok()["keys_locked"], false);
    let locked = server.admin().post("/v1/admin/api_keys/lock", &[]).ok();
    assert_eq!(locked["locked"], true);
    nothing_is_made(&server.admin(), &app, &id);
    // Admin keys open no secrets; a key of an app can still be revoked, and it goes on working.
    let made = server.admin().post(URL, &[("type", "admin")]);
    server.admin().post(&format!("{URL}/{}/roll", made.text("id")), &[]).ok();
    app.client().list().ok();
    server.stop();

    let server = start();
    assert_eq!(server.admin().get("/v1/admin/status", &[]).ok()["keys_locked"], true);
    nothing_is_made(&server.admin(), &app, &id);
    let unlock = |body: &[(&str, &str)]| server.admin().post("/v1/admin/api_keys/unlock", body);
    unlock(&[]).refused(404);
    let installation = server.server().installation();
    let random = coffer_crypto::SystemRandom;
    let now = coffer_testkit::START;
    let keyring = &installation.context.keyring;
    let data = &installation.stores.data;
    server.block_on(coffer_identity::unlock_making(data, keyring, &random, now)).unwrap();
    let params = [("app", app.id.as_str()), ("mode", "test")];
    server.admin().post(URL, &params).ok();
    for operation in ["lock", "unlock"] {
        let entries = format!("audit_entry WHERE operation = 'admin.api_keys.{operation}'");
        assert_eq!(server.count(&entries), 1, "{operation}");
    }
}

#[test]
fn a_setting_of_the_server_locks_too() {
    let home = tempfile::TempDir::new().unwrap();
    let data = home.path().join("data");
    let server = TestServer::builder().data_dir(&data).start();
    let app = server.app();
    let id = server.admin().get(URL, &[("app", &app.id)]).ok()["data"][0]["id"].clone();
    server.stop();
    let server = TestServer::builder().data_dir(&data).set(&LOCK_KEYS, "true").start();
    nothing_is_made(&server.admin(), &app, id.as_str().unwrap());
}
