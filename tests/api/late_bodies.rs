//! What happens while a body is on its way counts: the time, the key, the install.

use crate::disk::failing;
use coffer_testkit::{Answer, App, Client, Raw, START, TestServer};
use std::sync::atomic::Ordering;

const DAY: i64 = 86_400;

/// A request whose head was taken, and whose body is still to come.
struct Late {
    raw: Raw,
    body: String,
}

impl Late {
    fn post(server: &TestServer, client: &Client, more: &[&str], path: &str, body: &str) -> Self {
        Self::send("POST", server, client, more, path, body)
    }

    fn send(
        method: &str,
        server: &TestServer,
        client: &Client,
        more: &[&str],
        path: &str,
        body: &str,
    ) -> Self {
        let mut raw = server.raw();
        let first = format!("{method} {path}");
        let authorization = format!("Authorization: Bearer {}", client.key());
        let length = format!("Content-Length: {}", body.len());
        let form = "Content-Type: application/x-www-form-urlencoded";
        let mut head = vec![&*first, &authorization, form, &length, "Expect: 100-continue"];
        head.extend_from_slice(more);
        raw.request(&head, "");
        // The server asks for the body once it has let the caller in.
        assert_eq!(raw.head().status, 100);
        Self { raw, body: body.to_owned() }
    }

    fn finish(mut self) -> Answer {
        self.raw.send(&self.body);
        self.raw.answer()
    }
}

const SECRETS: &str = "/v1/apps/secrets";
const SET: &str = "name=token&payload=value&scope[type]=account";

fn quiet() -> (TestServer, App) {
    let server = TestServer::builder().without_background_jobs().start();
    let app = server.app();
    (server, app)
}

/// A key of the app that expires in so many seconds; the caller with it, and its id.
fn brief(server: &TestServer, app: &App, seconds: i64) -> (Client, String) {
    let at = (server.clock.now_unix() + seconds).to_string();
    let params = [("app", &*app.id), ("mode", "test"), ("expires_at", &at)];
    let key = server.admin().post("/v1/admin/api_keys", &params);
    (server.anonymous().with_key(&key.text("key")), key.text("id"))
}

fn revoke(server: &TestServer, id: &str) {
    server.admin().post(&format!("/v1/admin/api_keys/{id}/revoke"), &[]).ok();
}

#[test]
fn an_expiry_that_passes_while_the_body_arrives_has_passed() {
    let (server, app) = quiet();
    let body = format!("{SET}&expires_at={}", START.unix() + 30);
    let late = Late::post(&server, &app.client(), &[], SECRETS, &body);
    server.clock.advance(30);
    assert_eq!(late.finish().refused(400)["param"], "expires_at");
    assert_eq!(server.count("secret"), 0);
    let late = Late::post(&server, &app.client(), &[], SECRETS, SET);
    server.clock.advance(30);
    assert_eq!(late.finish().ok()["created"], START.unix() + 60, "made when it was made");
}

#[test]
fn a_key_that_expires_or_is_revoked_while_the_body_arrives_is_refused() {
    let (server, app) = quiet();
    for revoked in [false, true] {
        let (client, id) = brief(&server, &app, 10);
        let late = Late::post(&server, &client, &[], SECRETS, SET);
        if revoked {
            revoke(&server, &id);
        } else {
            server.clock.advance(10);
        }
        assert_eq!(late.finish().refused(401)["code"], "api_key_expired", "{revoked}");
        assert_eq!(server.count("secret"), 0);
    }
    // To the second.
    let (client, _) = brief(&server, &app, 10);
    let late = Late::post(&server, &client, &[], SECRETS, SET);
    server.clock.advance(9);
    late.finish().ok();
}

#[test]
fn a_read_whose_body_arrives_after_its_key_was_revoked_is_refused() {
    let (server, app) = quiet();
    app.client().set("token", "value").ok();
    for revoked in [false, true] {
        let (client, id) = brief(&server, &app, 10);
        let find = "/v1/apps/secrets/find?name=token&scope[type]=account&expand[]=payload";
        let late = Late::send("GET", &server, &client, &[], find, "expand[]=payload");
        if revoked {
            revoke(&server, &id);
        } else {
            server.clock.advance(10);
        }
        let refused = late.finish();
        refused.refused(401);
        assert!(!refused.body.contains("value"), "{refused:?}");
    }
}

#[test]
fn a_key_goes_with_the_one_that_made_it() {
    let (server, app) = quiet();
    let (parent, _) = brief(&server, &app, 100);
    let made = parent.post("/v1/ephemeral_keys", &[("user", "alice")]);
    made.ok();
    let child = server.anonymous().with_key(&made.text("secret"));
    let set = "name=token&payload=value&scope[type]=user&scope[user]=alice";
    let late = Late::post(&server, &child, &[], SECRETS, set);
    server.clock.advance(100);
    late.finish().refused(401);
    assert_eq!(server.count("secret"), 0);
}

#[test]
fn nothing_is_replayed_to_a_caller_who_is_no_longer_let_in() {
    let (server, app) = quiet();
    let keyed = ["Idempotency-Key: once"];
    let expanded = format!("{SET}&expand[]=payload");
    // Refused before the transaction, if it were not a repetition: its expiry has passed.
    let expired = format!("{expanded}&expires_at={}", START.unix() + 5);
    for (number, body) in [expanded, expired].iter().enumerate() {
        for revoked in [false, true] {
            let key = [format!("Idempotency-Key: {number} {revoked}")];
            let key: Vec<&str> = key.iter().map(|one| &**one).collect();
            // The expiry is still to come for the first request.
            server.clock.jump(START.unix() - server.clock.now_unix());
            let (client, id) = brief(&server, &app, 60);
            let first = Late::post(&server, &client, &key, SECRETS, body).finish();
            assert_eq!(first.ok()["payload"], "value");
            server.clock.advance(10);
            let again = Late::post(&server, &client, &key, SECRETS, body).finish();
            assert_eq!(again.header("idempotent-replayed"), Some("true"), "{again:?}");
            let late = Late::post(&server, &client, &key, SECRETS, body);
            if revoked {
                revoke(&server, &id);
            } else {
                server.clock.advance(600);
            }
            let refused = late.finish();
            refused.refused(401);
            assert!(!refused.body.contains("value"), "{refused:?}");
        }
    }
    let (account, client) = server.connected(&app);
    let on = format!("Stripe-Account: {account}");
    let head = [&*on, keyed[0]];
    Late::post(&server, &client, &head, SECRETS, SET).finish().ok();
    let late = Late::post(&server, &client, &head, SECRETS, SET);
    let installs = server.admin().get("/v1/admin/installs", &[("account", &account)]).ok();
    let install = installs["data"][0]["id"].as_str().unwrap();
    server.admin().delete(&format!("/v1/admin/installs/{install}"), &[]).ok();
    assert_ne!(late.finish().status, 200);
}

/// A revocation that cannot be stored is in force all the same, also for what the key has begun.
#[test]
fn a_key_that_is_revoked_in_memory_alone_is_refused_when_its_body_arrives() {
    let (server, fails) = failing();
    let app = server.app();
    for kind in ["its own", "its parent's"] {
        let (parent, id) = brief(&server, &app, 1000);
        let made = parent.post("/v1/ephemeral_keys", &[("user", "alice")]);
        let holder = match kind {
            "its own" => parent.clone(),
            _ => server.anonymous().with_key(&made.text("secret")),
        };
        let set = "name=token&payload=value&scope[type]=user&scope[user]=alice&expand[]=payload";
        let idempotency_key = format!("Idempotency-Key: {kind}");
        let head = [&*idempotency_key];
        Late::post(&server, &holder, &head, SECRETS, set).finish().ok();
        let again = Late::post(&server, &holder, &head, SECRETS, set);
        let delete = "name=token&scope[type]=user&scope[user]=alice";
        let delete = Late::post(&server, &holder, &[], "/v1/apps/secrets/delete", delete);
        fails.store(true, Ordering::SeqCst);
        let path = format!("/v1/admin/api_keys/{id}/revoke");
        server.admin().post(&path, &[]).refused(503);
        fails.store(false, Ordering::SeqCst);
        // If entries of the audit failed meanwhile, too, nothing is changed until some are written.
        server.flush_audit();
        for late in [again, delete] {
            let refused = late.finish();
            assert_eq!(refused.refused(401)["code"], "api_key_expired", "{kind}");
            assert!(!refused.body.contains("value"), "{kind}: {refused:?}");
        }
        assert_eq!(server.count("secret"), 1, "{kind}");
    }
}

#[test]
fn a_charge_that_is_told_across_midnight_is_held_by_the_time_at_which_it_is_told() {
    let (server, app) = quiet();
    let (account, client) = server.connected(&app);
    let midnight = (START.unix() / DAY + 1) * DAY;
    let plan = [
        ("percent", "10"),
        ("type", "rolling_release"),
        ("rolling_release[days_after_charge]", "3"),
    ];
    client.post("/v1/reserve/plans", &plan).ok();
    server.clock.advance(midnight - 5 - server.clock.now_unix());
    server.run_jobs();
    // Its hold is due at the midnight that comes before its body does.
    let body = format!("id=ch_1&amount=1000&currency=usd&created={}", midnight - 3 * DAY - 50);
    let on = format!("Stripe-Account: {account}");
    let late = Late::post(&server, &client, &[&on], "/v1/ledger/charges", &body);
    server.clock.advance(10);
    server.run_jobs();
    late.finish().ok();
    assert_eq!(client.get("/v1/reserve/holds", &[]).ok()["data"], serde_json::json!([]));
}

#[test]
fn a_hold_that_is_committed_after_its_midnight_is_released_at_the_next_pass() {
    let (server, app) = quiet();
    let (_, client) = server.connected(&app);
    server.run_jobs();
    let after = (START.unix() + 9 * DAY).to_string();
    let hold =
        [("amount", "500"), ("currency", "usd"), ("release_schedule[release_after]", &*after)];
    client.post("/v1/reserve/holds", &hold).ok();
    // As if its transaction had begun before the last midnight, and ended now.
    let midnight = START.unix().div_euclid(DAY) * DAY;
    let due = [coffer_storage::Value::Int(midnight)];
    server.execute("UPDATE reserve_hold SET scheduled_release = ?", &due).unwrap();
    server.clock.advance(5);
    server.run_jobs();
    let releases = client.get("/v1/reserve/releases", &[]).ok();
    assert_eq!(releases["data"].as_array().unwrap().len(), 1, "not a day later");
    server.run_jobs();
    assert_eq!(server.count("reserve_allocation"), 1);
}
