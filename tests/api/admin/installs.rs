//! `/v1/admin/installs`.

use crate::check::lawful;
use coffer_testkit::TestServer;
use serde_json::json;

const URL: &str = "/v1/admin/installs";

#[test]
fn installing_opens_the_account_to_the_app() {
    let server = TestServer::start();
    let (app, account, admin) = (server.app(), server.account(), server.admin());
    let client = app.client().for_account(&account);
    client.list().refused(403);
    let made = admin.post(URL, &[("app", &app.id), ("account", &account)]);
    let id = made.text("id");
    assert_eq!(crate::check::replaced(&id), "<inst_ and 16>");
    let answer = made.json();
    let [live, test] = ["live", "test"].map(|mode| answer[mode].as_str().unwrap());
    assert!(test.starts_with("appinst_test_") && live.starts_with("appinst_"), "{answer}");
    let expected = json!({
        "id": id, "object": "install", "account": account, "app": app.id,
        "created": 1_800_000_000, "live": live, "status": "active", "test": test,
    });
    assert_eq!(lawful(&made).ok(), expected);
    client.set("token", "value").ok();
    server.clock.advance(60);
    let again = admin.post(URL, &[("app", &app.id), ("account", &account)]).ok();
    assert_eq!(again, expected, "installing what is installed changes nothing");
    assert_eq!(admin.get(&format!("{URL}/{id}"), &[]).ok(), expected);
    server.app().client().for_account(&account).list().refused(403);
}

/// Secret store §3.7.
#[test]
fn uninstalling_shuts_the_door_and_keeps_what_is_behind() {
    let server = TestServer::start();
    let (app, account, admin) = (server.app(), server.account(), server.admin());
    let id = server.install(&app, &account);
    let client = app.client().for_account(&account);
    let set = client.set("token", "value").ok();
    let one = format!("{URL}/{id}");
    let deleted = admin.delete(&one, &[]).ok();
    assert_eq!(deleted, json!({"id": id, "object": "install", "deleted": true, "purged": false}));
    for answer in
        [client.find("token"), client.list(), client.set("token", "p"), client.remove("token")]
    {
        assert_eq!(lawful(&answer).refused(403)["code"], "account_invalid");
    }
    assert_eq!(admin.get(&one, &[]).ok()["status"], "uninstalled");
    app.client().list().ok();
    assert_eq!(server.install(&app, &account), id);
    let found = client.find("token").ok();
    assert_eq!((&found["id"], &found["payload"]), (&set["id"], &"value".into()));
}

#[test]
fn what_cannot_be_installed_is_refused() {
    let server = TestServer::start();
    let (app, account, admin) = (server.app(), server.account(), server.admin());
    let app = ("app", app.id.as_str());
    let account = ("account", account.as_str());
    for (params, param) in [
        (vec![app], "account"),
        (vec![account], "app"),
        (vec![app, ("account", "acct_nobody")], "account"),
        (vec![account, ("app", "app_none")], "app"),
        (vec![app, ("account", "nonsense")], "account"),
        (vec![app, account, ("purge", "true")], "purge"),
    ] {
        let error = lawful(&admin.post(URL, &params)).refused(400);
        assert_eq!(error["param"], param, "{params:?}");
    }
    admin.delete(&format!("{URL}/inst_none"), &[]).refused(404);
}

#[test]
fn installs_are_listed_by_app_and_account() {
    let server = TestServer::start();
    let (one, two) = (server.app(), server.app());
    let (anna, ben) = (server.account(), server.account());
    let ids = [(&one, &anna), (&one, &ben), (&two, &anna)]
        .map(|(app, account)| server.install(app, account));
    let list = |params: &[(&str, &str)]| {
        let list = server.admin().get(URL, params).ok();
        let id = |install: &serde_json::Value| install["id"].as_str().unwrap().to_owned();
        list["data"].as_array().unwrap().iter().map(id).collect::<Vec<_>>()
    };
    let [first, second, third] = ids;
    assert_eq!(list(&[]), [third.clone(), second.clone(), first.clone()]);
    assert_eq!(list(&[("app", &one.id)]), [second, first.clone()]);
    assert_eq!(list(&[("account", &anna)]), [third, first.clone()]);
    assert_eq!(list(&[("account", &anna), ("app", &one.id)]), [first]);
    assert_eq!(list(&[("account", "acct_nobody")]), [""; 0]);
}
