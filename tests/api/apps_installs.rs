//! `/v1/apps/installs`, and the accounts that have apps (docs/wire/installs.md).

mod access;
mod events;
mod lists;
mod parties;

use crate::check::lawful;
use coffer_testkit::{Answer, App, Client, TestServer};
use serde_json::{Value, json};

const URL: &str = "/v1/apps/installs";

/// A server without background jobs, and an app.
fn quiet() -> (TestServer, App) {
    let server = TestServer::builder().without_background_jobs().start();
    let app = server.app();
    (server, app)
}

/// The path of an object.
fn one(id: &str) -> String {
    format!("{URL}/{id}")
}

fn uninstall(client: &Client, id: &str) -> Answer {
    client.post(&format!("{URL}/{id}/uninstall"), &[])
}

/// Installs the caller's app on the account that it speaks for.
fn create(client: &Client, app: &App) -> Answer {
    client.post(URL, &[("app", &app.id)])
}

/// Installs the caller's app on its developer's own account, in test mode.
fn create_private(app: &App) -> Value {
    app.client().post(URL, &[("app", &app.id), ("channel", "private_test")]).ok()
}

/// Sets something of an app, as an operator.
fn set(server: &TestServer, app: &App, params: &[(&str, &str)]) {
    server.admin().post(&format!("/v1/admin/apps/{}", app.id), params).ok();
}

/// The ids on a page.
fn ids(list: &Value) -> Vec<String> {
    let data = list["data"].as_array().unwrap();
    data.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

/// The types of the events that a caller reads, the oldest first, and the newest of them.
fn events(client: &Client) -> (Vec<String>, Value) {
    let list = client.get("/v1/events", &[("type", "apps.install.*")]).ok();
    let data = list["data"].as_array().unwrap();
    let kinds = data.iter().rev().map(|one| one["type"].as_str().unwrap().to_owned()).collect();
    (kinds, data.first().cloned().unwrap_or(Value::Null))
}

#[test]
fn an_install_of_the_accounts_own_app() {
    let (server, app) = quiet();
    let made = create_private(&app);
    let id = made["id"].as_str().unwrap();
    assert!(id.starts_with("appinst_test_") && id.len() == "appinst_test_".len() + 32, "{id}");
    let nothing = json!({"connect_src": [], "image_src": []});
    let expected = json!({
        "id": id, "object": "apps.install", "account": app.account, "app": app.id,
        "approval_required": false, "auth_code": null, "channel": "private_test",
        "content_security_policy_granted": nothing, "content_security_policy_pending": nothing,
        "created": 1_800_000_000, "created_by": null,
        "endpoints_granted": [], "endpoints_pending": [], "livemode": false,
        "permissions_granted": [], "permissions_pending": [], "status": "installed",
    });
    assert_eq!(made, expected);
    let keys: Vec<_> = made.as_object().unwrap().keys().collect();
    assert!(keys[2..].is_sorted(), "{keys:?}");
    assert_eq!(lawful(&app.client().get(&one(id), &[])).ok(), expected);
    server.clock.advance(60);
    assert_eq!(create_private(&app), expected, "what is installed is answered as it is");
    let live = app.live().post(URL, &[("app", &app.id), ("channel", "private_live")]).ok();
    assert_eq!((&live["livemode"], &live["channel"]), (&json!(true), &json!("private_live")));
    let live = live["id"].as_str().unwrap();
    assert!(live.starts_with("appinst_") && !live.contains("test"), "{live}");
    lawful(&app.client().get(&one(live), &[])).refused(404);
    let gone = lawful(&uninstall(&app.client(), id)).ok();
    let mut uninstalling = expected;
    uninstalling["status"] = json!("uninstalling");
    assert_eq!(gone, uninstalling);
    let error = uninstall(&app.client(), id).refused(404);
    assert_eq!(error["message"], format!("No such install: '{id}'"));
    app.client().get(&one(id), &[]).refused(404);
    // An account needs no install of its own app.
    app.client().set("token", "value").ok();
    server.clock.advance(60);
    let again = create_private(&app);
    assert_ne!(again["id"], id);
    assert_eq!(again["created"], 1_800_000_120);
}

/// Parameters of a call.
type Pairs<'a> = &'a [(&'a str, &'a str)];

#[test]
fn what_is_no_install_is_refused_by_its_parameter() {
    let (server, app) = quiet();
    let other = server.app();
    let (_, connected) = server.connected(&app);
    let own = ("app", app.id.as_str());
    let challenge = "a".repeat(43);
    let (long, short) = ("a".repeat(129), "a".repeat(42));
    let private = ("channel", "private_test");
    let codes: [(&Client, Pairs<'_>, &str, Option<&str>); 16] = [
        (&app.client(), &[private], "app", Some("parameter_missing")),
        (&app.client(), &[("app", ""), private], "app", Some("parameter_invalid_empty")),
        (&app.client(), &[("app", "app_none"), private], "app", Some("resource_missing")),
        (&app.client(), &[("app", "nonsense"), private], "app", Some("resource_missing")),
        (&app.client(), &[("app", &other.id), private], "app", Some("resource_missing")),
        (&app.client(), &[own], "channel", None),
        (&app.client(), &[own, ("channel", "public")], "channel", None),
        (&app.client(), &[own, ("channel", "private_live")], "channel", None),
        (&app.client(), &[own, ("channel", "testing")], "channel", None),
        (&app.client(), &[own, ("channel", "review")], "channel", None),
        (&connected, &[own, private], "channel", None),
        (&connected, &[own, ("code_challenge", &long)], "code_challenge", None),
        (&connected, &[own, ("code_challenge", &short)], "code_challenge", None),
        (
            &connected,
            &[own, ("code_challenge", &challenge)],
            "code_challenge_method",
            Some("parameter_missing"),
        ),
        (&connected, &[own, ("code_challenge_method", "plain")], "code_challenge_method", None),
        (&connected, &[own, ("metadata[a]", "b")], "metadata", Some("parameter_unknown")),
    ];
    for (client, params, param, code) in codes {
        let error = lawful(&client.post(URL, params)).refused(400);
        assert_eq!(
            error["param"].as_str().map(|at| at.split('[').next().unwrap()),
            Some(param),
            "{params:?}: {error}"
        );
        assert_eq!(error["code"].as_str(), code, "{params:?}: {error}");
    }
    let good = [own, ("code_challenge", &*challenge), ("code_challenge_method", "S256")];
    assert_eq!(connected.post(URL, &good).ok()["auth_code"], Value::Null);
    for expand in ["expand[]=app", "expand[0]=account"] {
        let error = lawful(&app.client().raw("GET", &format!("{URL}?{expand}"), None)).refused(400);
        assert_eq!((&error["param"], &error["code"]), (&Value::Null, &Value::Null), "{error}");
    }
    lawful(&app.client().post(&one("appinst_none"), &[])).refused(404);
}

/// What the admin API does, this family shows at once, and the other way round.
#[test]
fn both_ways_are_one_thing() {
    let (server, app) = quiet();
    let account = server.account();
    let admin = server.admin();
    let made = server.install(&app, &account);
    let path = format!("/v1/admin/installs/{made}");
    let shown = admin.get(&path, &[]).ok();
    let client = app.client().for_account(&account);
    let here = client.get(URL, &[("app", &app.id)]).ok();
    assert_eq!(ids(&here), [shown["test"].as_str().unwrap()]);
    let live = app.live().for_account(&account);
    assert_eq!(ids(&live.get(URL, &[("app", &app.id)]).ok()), [shown["live"].as_str().unwrap()]);
    client.set("token", "value").ok();
    uninstall(&client, shown["test"].as_str().unwrap()).ok();
    let error = uninstall(&client, shown["test"].as_str().unwrap()).refused(403);
    assert_eq!(error["code"], "account_invalid", "a second time");
    let error = lawful(&client.find("token")).refused(403);
    assert_eq!(error["code"], "account_invalid");
    live.set("token", "value").ok();
    let half = admin.get(&path, &[]).ok();
    assert_eq!((&half["test"], &half["live"]), (&Value::Null, &shown["live"]));
    assert_eq!(half["status"], "active");
    // The app may undo what it did itself.
    let again = lawful(&create(&client, &app)).ok();
    assert_eq!(client.find("token").ok()["payload"], "value");
    assert_eq!(admin.get(&path, &[]).ok()["test"], again["id"]);
    admin.delete(&path, &[("mode", "live")]).ok();
    live.find("token").refused(403);
    client.find("token").ok();
    admin.delete(&path, &[]).ok();
    assert_eq!(admin.get(&path, &[]).ok()["status"], "uninstalled");
    let error = lawful(&create(&client, &app)).refused(403);
    assert_eq!(error.get("code"), None, "what an operator shut stays shut: {error}");
    admin
        .post("/v1/admin/installs", &[("app", &app.id), ("account", &account), ("mode", "test")])
        .ok();
    client.find("token").ok();
    live.find("token").refused(403);
    let purge = [("purge", "true"), ("mode", "test")];
    assert_eq!(admin.delete(&path, &purge).refused(400)["param"], "mode");
    admin.delete(&path, &[("purge", "true")]).ok();
    client.find("token").refused(403);
    app.client().get(&one(again["id"].as_str().unwrap()), &[]).refused(404);
}

#[test]
fn developer_mode_installs_where_it_is_named_and_uninstalls_for_tests() {
    let server = TestServer::builder().developer().start();
    let client = server.anonymous().with_key("sk_test_anything").for_account("acct_1");
    client.set("token", "value").ok();
    let apps = server.admin().get("/v1/admin/apps", &[]).ok();
    let app = apps["data"][0]["id"].as_str().unwrap();
    let made = client.post(URL, &[("app", app)]).ok();
    let id = made["id"].as_str().unwrap();
    uninstall(&client, id).ok();
    for _ in 0..2 {
        assert_eq!(lawful(&client.find("token")).refused(403)["code"], "account_invalid");
    }
    let again = client.post(URL, &[("app", app)]).ok();
    assert_ne!(again["id"], id);
    assert_eq!(client.find("token").ok()["payload"], "value");
    let fresh = server.anonymous().with_key("sk_test_anything").for_account("acct_2");
    fresh.post(URL, &[("app", app)]).ok();
    let (kinds, _) = events(&fresh);
    assert_eq!(kinds, ["apps.install.created"]);
    fresh.set("token", "value").ok();
    assert_eq!(fresh.get("/v1/account", &[]).ok()["id"], "acct_2");
}

#[test]
fn what_stripe_has_and_coffer_has_not_says_so() {
    let (server, app) = quiet();
    for path in
        ["/v1/customers", "/v1/payment_intents/pi_1", "/v1/accounts", "/v1/balance_settings"]
    {
        let error = lawful(&app.client().get(path, &[])).refused(404);
        let message = error["message"].as_str().unwrap();
        assert!(
            message.starts_with(&format!("Unrecognized request URL (GET: {path}).")),
            "{message}"
        );
        assert!(message.contains("Stripe's API has this"), "{message}");
        assert!(
            message.contains("/v1/apps/secrets") && message.contains("/v1/reserve"),
            "{message}"
        );
        server.anonymous().get(path, &[]).refused(401);
    }
    let error = app.client().get("/v1/nonsense", &[]).refused(404);
    assert!(!error["message"].as_str().unwrap().contains("Stripe's"), "{error}");
    for param in ["customer", "issuing_card", "verification_session", "nonce"] {
        let error = lawful(&app.client().post("/v1/ephemeral_keys", &[(param, "x")])).refused(400);
        assert_eq!((&error["param"], &error["code"]), (&json!(param), &json!("parameter_unknown")));
        assert!(error["message"].as_str().unwrap().contains("Stripe's ephemeral keys"), "{error}");
    }
}

#[test]
fn balance_history_is_the_older_name_of_balance_transactions() {
    let (_server, app) = quiet();
    let client = app.client();
    let charge = [("id", "ch_1"), ("amount", "1000"), ("currency", "usd")];
    client.post("/v1/ledger/charges", &charge).ok();
    let now = client.get("/v1/balance_transactions", &[]).ok();
    let before = lawful(&client.get("/v1/balance/history", &[])).ok();
    assert_eq!(before["data"], now["data"]);
    assert_eq!(before["url"], "/v1/balance/history");
    let id = ids(&now)[0].clone();
    let one = client.get(&format!("/v1/balance/history/{id}"), &[]).ok();
    assert_eq!(one, now["data"][0]);
}

#[test]
fn an_account_is_shown_to_itself_and_to_apps_that_it_has() {
    let (server, app) = quiet();
    let (account, connected) = server.connected(&app);
    let own = lawful(&app.client().get("/v1/account", &[])).ok();
    let expected = json!({
        "id": app.account, "object": "account",
        "business_profile": {"name": null}, "created": 1_800_000_000,
    });
    assert_eq!(own, expected);
    let theirs = lawful(&connected.get("/v1/account", &[])).ok();
    assert_eq!(theirs["id"], account.as_str());
    for client in [&connected, &app.client()] {
        let path = format!("/v1/accounts/{account}");
        assert_eq!(lawful(&client.get(&path, &[])).ok(), theirs);
    }
    let stranger = server.account();
    for id in [stranger.as_str(), "acct_none", "nonsense"] {
        let error = lawful(&app.client().get(&format!("/v1/accounts/{id}"), &[])).refused(403);
        assert_eq!(error["code"], "account_invalid");
    }
    connected.get(&format!("/v1/accounts/{}", app.account), &[]).refused(403);
}
