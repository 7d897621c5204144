//! `/v1/admin/accounts`.

use crate::check::lawful;
use coffer_testkit::TestServer;
use serde_json::json;

const URL: &str = "/v1/admin/accounts";

#[test]
fn accounts_are_made_read_and_deleted() {
    let server = TestServer::start();
    let admin = server.admin();
    let made = admin.post(URL, &[("name", "Anna")]);
    let (id, account) = (made.text("id"), lawful(&made).ok());
    assert_eq!(crate::check::replaced(&id), "<acct_ and 16>");
    let expected = json!({"id": id, "object": "account", "created": 1_800_000_000, "name": "Anna"});
    assert_eq!(account, expected);
    let one = format!("{URL}/{id}");
    assert_eq!(admin.get(&one, &[]).ok(), expected);
    let deleted = admin.delete(&one, &[]).ok();
    assert_eq!(deleted, json!({"id": id, "object": "account", "deleted": true}));
    admin.get(&one, &[]).refused(404);
    admin.delete(&one, &[]).refused(404);
}

#[test]
fn an_account_may_bring_its_id() {
    let server = TestServer::start();
    let admin = server.admin();
    let made = admin.post(URL, &[("id", "acct_1K6yd2CbXLO9A5G")]).ok();
    assert_eq!(made["id"], "acct_1K6yd2CbXLO9A5G");
    assert!(made["name"].is_null());
    let again = admin.post(URL, &[("id", "acct_1K6yd2CbXLO9A5G")]);
    assert_eq!(lawful(&again).refused(400)["param"], "id");
    for wrong in ["acct_", "app_1", "acct_a-b", "acct_\u{e9}", &format!("acct_{}", "a".repeat(60))]
    {
        let error = lawful(&admin.post(URL, &[("id", wrong)])).refused(400);
        assert_eq!(error["param"], "id", "{wrong}");
    }
}

#[test]
fn an_account_takes_its_apps_and_their_keys_along() {
    let server = TestServer::start();
    let (app, other) = (server.app(), server.app());
    let account = server.account();
    server.install(&app, &account);
    server.install(&other, &account);
    other.client().for_account(&account).set("token", "value").ok();
    let admin = server.admin();
    admin.delete(&format!("{URL}/{}", app.account), &[]).ok();
    app.client().list().refused(401);
    app.live().list().refused(401);
    admin.get(&format!("/v1/admin/apps/{}", app.id), &[]).refused(404);
    other.client().for_account(&account).find("token").ok();
    admin.delete(&format!("{URL}/{account}"), &[]).ok();
    let error = other.client().for_account(&account).find("token").refused(403);
    assert_eq!(error["code"], "account_invalid");
    other.client().list().ok();
}
