//! Platforms that install somebody's app for their customers, and the account itself.

use super::{URL, create, ids, one, quiet, set, uninstall};
use crate::check::lawful;
use serde_json::json;

#[test]
fn a_platform_installs_an_app_that_lets_it_on_its_customers() {
    let (server, app) = quiet();
    let platform = server.app();
    let (account, client) = server.connected(&platform);
    let target = [("app", app.id.as_str())];
    let error = lawful(&client.post(URL, &target)).refused(403);
    assert_eq!(error.get("code"), None, "{error}");
    assert!(error["message"].as_str().unwrap().contains("embedders"), "{error}");
    set(&server, &app, &[("embedders[]", &platform.account), ("permissions[]", "secret_write")]);
    let stranger = server.account();
    let error = lawful(&platform.client().for_account(&stranger).post(URL, &target)).refused(403);
    assert_eq!(error["code"], "account_invalid");
    let made = lawful(&client.post(URL, &target)).ok();
    assert_eq!(made["created_by"], platform.account.as_str());
    assert_eq!((&made["account"], &made["app"]), (&json!(account), &json!(app.id)));
    app.client().for_account(&account).set("token", "value").ok();
    let id = made["id"].as_str().unwrap();
    // It grants what is asked for later, as long as it may.
    set(&server, &app, &[("permissions[0]", "secret_write"), ("permissions[1]", "event_read")]);
    assert_eq!(client.get(&one(id), &[]).ok()["permissions_pending"], json!(["event_read"]));
    assert_eq!(client.post(&one(id), &[]).ok()["permissions_pending"], json!([]));
    set(&server, &app, &[("embedders[]", "")]);
    client.post(&one(id), &[]).refused(403);
    // It sees what it made, and nothing else of the account.
    let other = server.app();
    server.install(&other, &account);
    assert_eq!(ids(&client.get(URL, &[]).ok()), [id]);
    let theirs = app.client().for_account(&account).get(URL, &[("app", &app.id)]).refused(403);
    assert!(theirs["message"].as_str().unwrap().contains("app_install_read"), "{theirs}");
    let foreign = other.client().for_account(&account);
    foreign.get(&one(id), &[]).refused(404);
    uninstall(&foreign, id).refused(404);
    assert_eq!(uninstall(&client, id).ok()["status"], "uninstalling");
    app.client().for_account(&account).find("token").refused(403);
    // The app did not do that itself, so it may not undo it.
    create(&app.client().for_account(&account), &app).refused(403);
}

#[test]
fn an_account_manages_what_is_installed_on_it() {
    let (server, app) = quiet();
    let merchant = server.app();
    server.install(&app, &merchant.account);
    let list = merchant.client().get(URL, &[]).ok();
    assert_eq!(
        (list["data"][0]["app"].as_str(), list["url"].as_str()),
        (Some(app.id.as_str()), Some(URL))
    );
    let id = list["data"][0]["id"].as_str().unwrap();
    set(&server, &app, &[("permissions[]", "secret_read"), ("self_install", "false")]);
    assert_eq!(merchant.client().get(&one(id), &[]).ok()["approval_required"], true);
    let granted = lawful(&merchant.client().post(&one(id), &[])).ok();
    assert_eq!(granted["permissions_granted"], json!(["secret_read"]));
    let theirs = app.client().for_account(&merchant.account);
    theirs.list().ok();
    uninstall(&merchant.client(), id).ok();
    theirs.list().refused(403);
    create(&theirs, &app).refused(403);
    // An operator lets the app come back by itself.
    set(&server, &app, &[("self_install", "true")]);
    create(&theirs, &app).ok();
    theirs.list().ok();
}

#[test]
fn the_keys_that_may_are_full_ones_and_those_with_the_permission() {
    let (server, app) = quiet();
    let (_, client) = server.connected(&app);
    let read = server.restricted(&app, &["app_install_read"]);
    let write = server.restricted(&app, &["app_install_write"]);
    let none = server.restricted(&app, &["secret_write"]);
    let filter = [("app", app.id.as_str())];
    for reader in [&read, &write] {
        assert_eq!(reader.get(URL, &filter).ok()["data"].as_array().unwrap().len(), 1);
    }
    none.get(URL, &filter).refused(403);
    let private = [("app", app.id.as_str()), ("channel", "private_test")];
    for refused in [&read, &none] {
        lawful(&refused.post(URL, &private)).refused(403);
    }
    write.post(URL, &private).ok();
    let made = client.post("/v1/ephemeral_keys", &[("user", "usr_1")]).ok();
    let device = server.anonymous().with_key(made["secret"].as_str().unwrap());
    lawful(&device.get(URL, &[])).refused(403);
    lawful(&device.post(URL, &filter)).refused(403);
    // With its install an app's devices lose their keys, and a new install gives none back.
    let scope = [("scope[type]", "user"), ("scope[user]", "usr_1")];
    device.get("/v1/apps/secrets", &scope).ok();
    let id = ids(&client.get(URL, &filter).ok()).pop().unwrap();
    uninstall(&client, &id).ok();
    device.get("/v1/apps/secrets", &scope).refused(401);
    create(&client, &app).ok();
    device.get("/v1/apps/secrets", &scope).refused(401);
}
