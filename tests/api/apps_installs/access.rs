//! Who may install, and what an install grants to the app's keys.

use super::{URL, create, one, quiet, set, uninstall};
use crate::check::lawful;
use serde_json::{Value, json};

#[test]
fn an_app_installs_itself_only_where_an_operator_lets_it() {
    let (server, app) = quiet();
    let account = server.account();
    let client = app.client().for_account(&account);
    for unknown in ["acct_none", &account] {
        let error = lawful(&create(&app.client().for_account(unknown), &app)).refused(403);
        assert_eq!(error.get("code"), None, "{error}");
        assert!(error["message"].as_str().unwrap().contains("self_install"), "{error}");
    }
    set(&server, &app, &[("self_install", "true")]);
    let error = lawful(&create(&app.client().for_account("acct_none"), &app)).refused(403);
    assert_eq!(error["code"], "account_invalid");
    let error = lawful(&create(&app.client().for_account("nonsense"), &app)).refused(403);
    assert_eq!(error["code"], "account_invalid");
    let made = lawful(&create(&client, &app)).ok();
    assert_eq!((&made["channel"], &made["account"]), (&json!("public"), &json!(account)));
    client.set("token", "value").ok();
    app.live().for_account(&account).list().refused(403);
    // Its developer's own account counts as none that is named.
    let own = app.client().for_account(&app.account);
    assert_eq!(create(&own, &app).refused(400)["param"], "channel");
}

#[test]
fn a_request_that_is_repeated_installs_once_on_each_account() {
    let (server, app) = quiet();
    set(&server, &app, &[("self_install", "true")]);
    let (anna, ben) = (server.account(), server.account());
    let keyed = |account: &str| app.client().for_account(account).idempotent("once");
    let first = create(&keyed(&anna), &app);
    let again = create(&keyed(&anna), &app);
    assert_eq!((again.ok(), again.header("idempotent-replayed")), (first.ok(), Some("true")));
    // The account is a part of what is asked for.
    let other = create(&keyed(&ben), &app).refused(400);
    assert_eq!(other["type"], "idempotency_error");
}

#[test]
fn many_who_install_at_once_install_once() {
    let (server, app) = quiet();
    set(&server, &app, &[("self_install", "true")]);
    let account = server.account();
    let client = app.client().for_account(&account);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..8).map(|_| scope.spawn(|| create(&client, &app).ok())).collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|one| *one == answers[0]), "{answers:?}");
    assert_eq!(super::events(&client).0, ["apps.install.created"]);
    let id = answers[0]["id"].as_str().unwrap();
    let gone: Vec<u16> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..8).map(|_| scope.spawn(|| uninstall(&client, id).status)).collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(gone.iter().filter(|status| **status == 200).count(), 1, "{gone:?}");
    assert!(gone.iter().all(|status| [200, 403, 404].contains(status)), "{gone:?}");
    client.list().refused(403);
}

#[test]
fn what_is_granted_binds_the_apps_keys() {
    let (server, app) = quiet();
    let (account, client) = server.connected(&app);
    client.set("token", "value").ok();
    let asked = [("permissions[]", "secret_read"), ("permissions[]", "app_install_write")];
    set(&server, &app, &asked);
    // Nothing of it is granted yet; the developer's own account is bound to nothing.
    let error = lawful(&client.find("token")).refused(403);
    assert!(error["message"].as_str().unwrap().contains("granted"), "{error}");
    app.client().set("token", "value").ok();
    server.install(&app, &account);
    client.find("token").ok();
    let error = lawful(&client.set("token", "other")).refused(403);
    assert!(error["message"].as_str().unwrap().contains("'secret_write'"), "{error}");
    // A restricted key may do what both say.
    let restricted = server.restricted(&app, &["secret_write"]).for_account(&account);
    restricted.find("token").ok();
    restricted.set("token", "other").refused(403);
    set(&server, &app, &[("permissions[]", "")]);
    client.set("token", "other").ok();
}

#[test]
fn what_a_new_manifest_asks_for_is_pending_until_it_is_granted() {
    let (server, app) = quiet();
    let (account, client) = server.connected(&app);
    let id = client.get(URL, &[("app", &app.id)]).ok()["data"][0]["id"].clone();
    let id = id.as_str().unwrap();
    set(
        &server,
        &app,
        &[
            ("permissions[0]", "app_install_write"),
            ("permissions[1]", "customer_read"),
            ("content_security_policy[connect_src][]", "https://api.example.com"),
            ("endpoints[]", "https://hooks.example.com/a"),
        ],
    );
    server.install(&app, &account);
    set(
        &server,
        &app,
        &[
            ("permissions[0]", "event_read"),
            ("permissions[1]", "app_install_write"),
            ("endpoints[]", ""),
        ],
    );
    let shown = client.get(&one(id), &[]).ok();
    assert_eq!(shown["approval_required"], true);
    assert_eq!(shown["permissions_granted"], json!(["app_install_write", "customer_read"]));
    assert_eq!(shown["permissions_pending"], json!(["event_read"]));
    assert_eq!(shown["endpoints_granted"], json!(["https://hooks.example.com/a"]));
    // An app cannot grant that itself, and its install is what it was.
    let error = lawful(&client.post(&one(id), &[])).refused(403);
    assert_eq!(error.get("code"), None);
    assert_eq!(create(&client, &app).ok(), shown);
    server.install(&app, &account);
    let granted = client.post(&one(id), &[]).ok();
    assert_eq!(granted["permissions_granted"], json!(["event_read", "app_install_write"]));
    assert_eq!(
        (&granted["endpoints_granted"], &granted["approval_required"]),
        (&json!([]), &json!(false))
    );
    let (kinds, newest) = super::events(&client);
    let updated = "apps.install.updated";
    assert_eq!(kinds, ["apps.install.created", updated, updated]);
    let previous = &newest["data"]["previous_attributes"];
    assert_eq!(previous["permissions_granted"], json!(["app_install_write", "customer_read"]));
    assert_eq!(previous["approval_required"], true);
    assert_eq!(previous.get("content_security_policy_granted"), None, "{previous}");
    // Without the account's name an app may look, and not touch.
    app.client().get(&one(id), &[]).ok();
    for answer in [app.client().post(&one(id), &[]), uninstall(&app.client(), id)] {
        let error = lawful(&answer).refused(403);
        assert!(error["message"].as_str().unwrap().contains("Stripe-Account"), "{error}");
    }
}

#[test]
fn what_is_no_manifest_is_refused() {
    let (server, app) = quiet();
    let admin = server.admin();
    let path = format!("/v1/admin/apps/{}", app.id);
    let long = "a".repeat(501);
    for (param, value, at) in [
        ("permissions[]", "two words", "permissions[0]"),
        ("endpoints[]", "https://a.example/\n", "endpoints[0]"),
        ("content_security_policy[image_src][]", &long, "content_security_policy[image_src][0]"),
        ("embedders[]", "nobody", "embedders[0]"),
        ("self_install", "yes", "self_install"),
        ("content_security_policy[script_src][]", "x", "content_security_policy[script_src]"),
    ] {
        let error = lawful(&admin.post(&path, &[(param, value)])).refused(400);
        assert_eq!(error["param"], at, "{error}");
    }
    set(
        &server,
        &app,
        &[("endpoints[0]", "https://a.example"), ("endpoints[1]", "https://a.example")],
    );
    let shown = admin.get(&path, &[]).ok();
    assert_eq!(shown["endpoints"], json!(["https://a.example"]));
    assert_eq!(
        (&shown["permissions"], &shown["self_install"], &shown["embedders"]),
        (&json!([]), &json!(false), &json!([]))
    );
    assert_eq!(shown["content_security_policy"]["connect_src"], Value::Array(Vec::new()));
}
