//! Who is told of an install, and what.

use super::{URL, create_private, events, quiet, set, uninstall};
use coffer_testkit::Client;
use serde_json::{Value, json};

const CREATED: &str = "apps.install.created";
const DELETED: &str = "apps.install.deleted";

#[test]
fn each_party_is_told_by_an_event_of_its_own() {
    let (server, app) = quiet();
    let (platform, merchant) = (server.app(), server.app());
    set(&server, &app, &[("embedders[]", &platform.account)]);
    server.install(&platform, &merchant.account);
    let client = platform.client().for_account(&merchant.account).idempotent("once");
    let made = client.post(URL, &[("app", &app.id)]);
    let request = json!({"id": made.header("request-id"), "idempotency_key": "once"});
    let install = made.ok();
    let developers = app.client().for_account(&merchant.account);
    let platforms = platform.client().for_account(&merchant.account);
    let mut seen = Vec::new();
    for (client, is_connected) in
        [(&developers, true), (&platforms, true), (&merchant.client(), false)]
    {
        let (_, newest) = events(client);
        assert_eq!(newest["type"], CREATED);
        assert_eq!(newest["data"]["object"], install);
        assert_eq!(newest["request"], request);
        let account = is_connected.then_some(json!(merchant.account));
        assert_eq!(newest.get("account"), account.as_ref(), "{newest}");
        seen.push(newest["id"].clone());
    }
    assert!(seen[0] != seen[1] && seen[1] != seen[2] && seen[0] != seen[2], "{seen:?}");
    uninstall(&platforms, install["id"].as_str().unwrap()).ok();
    let (kinds, newest) = events(&merchant.client());
    // The platform's own install was the first.
    assert_eq!(kinds, [CREATED, CREATED, DELETED]);
    assert_eq!(newest["data"]["object"]["status"], "uninstalling");
    assert_eq!(newest["data"]["object"]["id"], install["id"]);
}

#[test]
fn who_is_developer_and_account_is_told_once() {
    let (_server, app) = quiet();
    let made = create_private(&app);
    create_private(&app);
    let (kinds, newest) = events(&app.client());
    assert_eq!(kinds, [CREATED]);
    assert_eq!(newest.get("account"), None);
    assert_eq!(newest["data"]["object"], made);
    assert_eq!(events(&app.live()).0, [""; 0]);
}

/// The types that the developer reads of an account, in both modes.
fn told(test: &Client, live: &Client) -> [Vec<String>; 2] {
    [events(test).0, events(live).0]
}

#[test]
fn what_operators_do_is_told_as_well() {
    let (server, app) = quiet();
    let (account, client) = server.connected(&app);
    let live = app.live().for_account(&account);
    assert_eq!(told(&client, &live), [[CREATED], [CREATED]]);
    // What changes nothing tells nothing, and what is only asked for neither.
    server.install(&app, &account);
    set(&server, &app, &[("endpoints[]", "https://a.example")]);
    assert_eq!(told(&client, &live), [[CREATED], [CREATED]]);
    let admin = server.admin();
    let params = [("app", app.id.as_str()), ("account", account.as_str())];
    let id = admin.get("/v1/admin/installs", &params).ok()["data"][0]["id"].clone();
    let path = format!("/v1/admin/installs/{}", id.as_str().unwrap());
    let deleted = admin.delete(&path, &[("mode", "live")]);
    let request = deleted.header("request-id").unwrap().to_owned();
    deleted.ok();
    admin.delete(&path, &[]).ok();
    admin.delete(&path, &[("purge", "true")]).ok();
    server.install(&app, &account);
    let expected = [CREATED, DELETED, CREATED];
    assert_eq!(told(&client, &live), [expected, expected]);
    let list = live.get("/v1/events", &[("type", DELETED)]).ok();
    assert_eq!(list["data"][0]["request"]["id"], request.as_str());
}

#[test]
fn a_purge_tells_of_what_was_installed() {
    let (server, app) = quiet();
    let merchant = server.app();
    server.install(&app, &merchant.account);
    let admin = server.admin();
    admin.delete(&format!("/v1/admin/apps/{}", app.id), &[]).ok();
    let (kinds, newest) = events(&merchant.client());
    assert_eq!(kinds, [CREATED, DELETED]);
    assert_eq!(newest["data"]["object"]["app"], app.id.as_str());
    let other = server.app();
    let (account, _) = server.connected(&other);
    admin.post(&format!("/v1/admin/accounts/{account}/purge"), &[]).ok();
    // Nobody speaks for that account any more, and its events are kept for whoever looks.
    let sql = "event WHERE type = 'apps.install.deleted'";
    assert_eq!(server.count(&format!("{sql} AND account = '{account}'")), 2);
    other.client().get(URL, &[("app", &other.id)]).ok();
    let list: Value = other.client().get(URL, &[("app", &other.id)]).ok();
    assert_eq!(list["data"], json!([]));
}
