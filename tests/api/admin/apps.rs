//! `/v1/admin/apps`.

use crate::check::lawful;
use coffer_testkit::TestServer;
use serde_json::json;

const URL: &str = "/v1/admin/apps";

#[test]
fn apps_are_made_changed_and_deleted() {
    let server = TestServer::builder().without_background_jobs().start();
    let (admin, account) = (server.admin(), server.account());
    let made =
        admin.post(URL, &[("account", &account), ("name", "mail"), ("secrets_per_scope", "20")]);
    let id = made.text("id");
    assert_eq!(crate::check::replaced(&id), "<app_ and 16>");
    let expected = |name: &str, limit: serde_json::Value| {
        json!({
            "id": id, "object": "app", "account": account, "created": 1_800_000_000,
            "name": name, "secrets_per_scope": limit,
            "requests_per_second": null, "requests_at_once": null,
            "requests_per_second_per_key": null, "requests_at_once_per_key": null,
            "content_security_policy": {"connect_src": [], "image_src": []},
            "embedders": [], "endpoints": [], "permissions": [], "self_install": false,
            "bytes": null, "scopes": null, "stored_responses": null, "usage": null,
        })
    };
    assert_eq!(lawful(&made).ok(), expected("mail", json!(20)));
    let one = format!("{URL}/{id}");
    assert_eq!(admin.post(&one, &[("name", "post")]).ok(), expected("post", json!(20)));
    assert_eq!(admin.post(&one, &[("secrets_per_scope", "")]).ok(), expected("post", json!(null)));
    assert_eq!(admin.get(&one, &[]).ok(), expected("post", json!(null)));
    let deleted = admin.delete(&one, &[]).ok();
    assert_eq!(deleted, json!({"id": id, "object": "app", "deleted": true}));
    for answer in [admin.get(&one, &[]), admin.post(&one, &[]), admin.delete(&one, &[])] {
        assert_eq!(lawful(&answer).refused(404)["message"], format!("No such app: '{id}'"));
    }
}

#[test]
fn an_app_has_limits_of_its_own() {
    let server = TestServer::start();
    let (admin, account) = (server.admin(), server.account());
    let names = [
        "requests_per_second",
        "requests_at_once",
        "requests_per_second_per_key",
        "requests_at_once_per_key",
    ];
    for name in names {
        let made = lawful(&admin.post(URL, &[("account", &account), (name, "7")])).ok();
        assert_eq!(made[name], json!(7));
        let one = format!("{URL}/{}", made["id"].as_str().unwrap());
        assert_eq!(lawful(&admin.post(&one, &[(name, "1000000")])).ok()[name], json!(1_000_000));
        assert_eq!(lawful(&admin.post(&one, &[(name, "")])).ok()[name], json!(null));
        for (value, code) in
            [("0", "parameter_invalid_integer"), ("1000001", "parameter_invalid_integer")]
        {
            let error = lawful(&admin.post(&one, &[(name, value)])).refused(400);
            assert_eq!((&error["code"], &error["param"]), (&json!(code), &json!(name)));
        }
    }
}

#[test]
fn an_apps_limit_is_1_to_1000() {
    let server = TestServer::start();
    let (admin, account) = (server.admin(), server.account());
    for limit in ["1", "1000"] {
        admin.post(URL, &[("account", &account), ("secrets_per_scope", limit)]).ok();
    }
    for (limit, message) in [
        ("0", "This value must be greater than or equal to 1."),
        ("1001", "This value must be less than or equal to 1000."),
    ] {
        let params = [("account", account.as_str()), ("secrets_per_scope", limit)];
        let error = lawful(&admin.post(URL, &params)).refused(400);
        assert_eq!(
            (&error["message"], &error["param"]),
            (&message.into(), &"secrets_per_scope".into())
        );
    }
}

#[test]
fn an_app_belongs_to_an_account_that_exists() {
    let server = TestServer::start();
    let admin = server.admin();
    let error = lawful(&admin.post(URL, &[("account", "acct_nobody")])).refused(400);
    assert_eq!(error["message"], "No such account: 'acct_nobody'");
    let account = server.account();
    admin.post(URL, &[("account", &account), ("id", "app_mine")]).ok();
    let again = admin.post(URL, &[("account", &account), ("id", "app_mine")]);
    assert_eq!(again.refused(400)["param"], "id");
}
