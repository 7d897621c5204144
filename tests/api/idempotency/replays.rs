//! What is replayed, and what is not.

use super::{is_first, is_mismatch, is_replay};
use coffer_testkit::{Client, START, TestServer};

const SET: &str = "/v1/apps/secrets";

fn start() -> (TestServer, Client) {
    let server = TestServer::start();
    let client = server.app().client();
    (server, client)
}

#[test]
fn the_same_request_gets_the_same_answer() {
    let (server, client) = start();
    let client = client.idempotent("one");
    let first = client.set("token", "value");
    is_first(&first);
    server.clock.advance(60);
    for _ in 0..3 {
        is_replay(&client.set("token", "value"), &first);
    }
    client.find("token").ok();
    assert_eq!(client.list().ok()["data"].as_array().unwrap().len(), 1);
}

#[test]
fn a_replay_brings_nothing_back() {
    let (_server, client) = start();
    let keyed = client.idempotent("one");
    let first = keyed.set("token", "value");
    client.set("token", "newer").ok();
    is_replay(&keyed.set("token", "value"), &first);
    assert_eq!(client.find("token").ok()["payload"], "newer", "a replay executes nothing");
    client.remove("token").ok();
    is_replay(&keyed.set("token", "value"), &first);
    client.find("token").refused(404);
}

#[test]
fn the_order_and_the_spelling_of_parameters_do_not_matter() {
    let (_server, client) = start();
    let client = client.idempotent("one");
    let first =
        client.raw("POST", SET, Some("name=n&payload=a+b&scope[type]=account&expand[]=payload"));
    assert_eq!(first.ok()["payload"], "a b");
    for (query, body) in [
        ("", "expand[0]=payload&scope[type]=account&payload=a%20b&name=n"),
        ("", "name=other&name=n&payload=a+b&scope%5Btype%5D=account&expand%5B0%5D=payload"),
        ("?name=n&expand[]=payload", "payload=a+b&scope[type]=account"),
        ("?name=other&payload=a+b", "name=n&scope[type]=account&expand[]=payload"),
    ] {
        is_replay(&client.raw("POST", &format!("{SET}{query}"), Some(body)), &first);
    }
}

#[test]
fn other_parameters_are_a_mismatch() {
    let (_server, client) = start();
    let client = client.idempotent("one");
    let set = "name=n&payload=p&scope[type]=account";
    client.raw("POST", SET, Some(set)).ok();
    for body in [
        "name=N&payload=p&scope[type]=account",
        "name=n&payload=p+&scope[type]=account",
        "name=n&payload=p&scope[type]=user&scope[user]=account",
        "name=n&payload=p&scope[type]=account&expires_at=1800000100",
        "name=n&payload=p&scope[type]=account&expires_at=",
        "name=n&payload=p&scope[type]=account&expand[]=payload",
    ] {
        is_mismatch(&client.raw("POST", SET, Some(body)));
    }
    is_mismatch(&client.remove("n"));
    client.find("n").ok();
}

#[test]
fn a_mismatch_is_told_even_of_what_would_fail() {
    let (server, client) = start();
    let client = client.idempotent("one");
    let expiring = |at: i64| format!("name=n&payload=p&scope[type]=account&expires_at={at}");
    let first = client.raw("POST", SET, Some(&expiring(START.unix() + 10)));
    first.ok();
    server.clock.advance(100);
    is_mismatch(&client.raw("POST", SET, Some(&expiring(START.unix() + 11))));
    is_replay(&client.raw("POST", SET, Some(&expiring(START.unix() + 10))), &first);
    client.find("n").refused(404);
}

#[test]
fn failures_of_the_call_itself_are_kept() {
    let (_server, client) = start();
    let keyed = client.idempotent("delete");
    let first = keyed.remove("token");
    first.refused(404);
    is_first(&first);
    client.set("token", "value").ok();
    is_replay(&keyed.remove("token"), &first);
    client.find("token").ok();
    for number in 1..10 {
        client.set(&number.to_string(), "p").ok();
    }
    let keyed = client.idempotent("eleventh");
    let first = keyed.set("one more", "p");
    first.refused(400);
    client.remove("token").ok();
    is_replay(&keyed.set("one more", "p"), &first);
    client.idempotent("another key").set("one more", "p").ok();
}

#[test]
fn what_comes_before_the_call_is_not_kept() {
    let (server, client) = start();
    let keyed = client.idempotent("one");
    keyed.set("", "value").refused(400);
    keyed.set("token", "").refused(400);
    keyed.raw("POST", SET, Some("name=n&payload=p&scope[type]=account&foo=1")).refused(400);
    keyed.raw("POST", SET, Some("name=n&payload=p&scope[type]=account&expires_at=1")).refused(400);
    keyed.raw("POST", SET, Some("name=%")).refused(400);
    keyed.with_header("Stripe-Version", "nonsense").set("token", "value").refused(400);
    keyed.with_header("Content-Type", "text/plain").set("token", "value").refused(400);
    keyed.for_account("acct_nobody").set("token", "value").refused(403);
    server.anonymous().idempotent("one").set("token", "value").refused(401);
    keyed.raw("POST", "/v1/nothing", Some("")).refused(404);
    let first = keyed.set("token", "value");
    first.ok();
    is_first(&first);
    is_replay(&keyed.set("token", "value"), &first);
}

#[test]
fn deletes_are_replayed() {
    let (_server, client) = start();
    client.set("token", "value").ok();
    let keyed = client.idempotent("one");
    let first = keyed.remove("token");
    first.ok();
    client.set("token", "again").ok();
    is_replay(&keyed.remove("token"), &first);
    assert_eq!(client.find("token").ok()["payload"], "again");
}

#[test]
fn a_token_that_is_shown_once_is_not_replayed() {
    let server = TestServer::start();
    let app = server.app();
    let params = [("app", app.id.as_str()), ("mode", "test")];
    let admin = server.admin().idempotent("one");
    let made = admin.post("/v1/admin/api_keys", &params);
    let ephemeral = app.client().idempotent("one");
    let user = [("user", "usr_1")];
    let second = ephemeral.post("/v1/ephemeral_keys", &user);
    for (client, path, params, made, token) in [
        (&admin, "/v1/admin/api_keys", &params[..], &made, "key"),
        (&ephemeral, "/v1/ephemeral_keys", &user[..], &second, "secret"),
    ] {
        made.ok();
        let error = client.post(path, params).refused(400);
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(&made.text("id")), "{message}");
        assert!(message.contains("revoke"), "{message}");
        assert!(!message.contains(&made.text(token)), "{message}");
        assert_eq!(error["type"], "invalid_request_error");
    }
    let keys = server.admin().get("/v1/admin/api_keys", &[("app", &app.id)]).ok();
    assert_eq!(keys["data"].as_array().unwrap().len(), 4, "two of the app, and one of each");
}

#[test]
fn the_admin_api_replays_too() {
    let server = TestServer::start();
    let admin = server.admin().idempotent("one");
    let first = admin.post("/v1/admin/accounts", &[("name", "somebody")]);
    is_first(&first);
    is_replay(&admin.post("/v1/admin/accounts", &[("name", "somebody")]), &first);
    is_mismatch(&admin.post("/v1/admin/accounts", &[("name", "another")]));
    let app = server.app();
    let path = format!("/v1/admin/apps/{}", app.id);
    let other = format!("/v1/admin/apps/{}", server.app().id);
    let admin = server.admin().idempotent("two");
    admin.post(&path, &[("name", "renamed")]).ok();
    is_mismatch(&admin.post(&other, &[("name", "renamed")]));
}

/// Expanded payloads, and what became of the secret before the request is repeated.
#[test]
fn a_payload_is_replayed_as_long_as_the_secret_has_it() {
    let set = |client: &Client, payload: &str, more: &[(&str, &str)]| {
        let mut params = vec![("name", "token"), ("payload", payload), ("scope[type]", "account")];
        params.extend([("expand[]", "payload")].iter().chain(more));
        client.post(SET, &params)
    };
    type Then = fn(&TestServer, &Client);
    let cases: [(&str, Then, bool); 7] = [
        ("nothing", |_, _| {}, true),
        ("time", |server, _| server.clock.advance(60), true),
        ("the same value", |_, client| drop(client.set("token", PAYLOAD).ok()), true),
        ("deleted", |_, client| drop(client.remove("token").ok()), false),
        ("another value", |_, client| drop(client.set("token", "other").ok()), false),
        ("expired", |server, _| server.clock.advance(200), false),
        (
            "deleted and set again to another value",
            |_, client| {
                client.remove("token").ok();
                client.set("token", "other").ok();
            },
            false,
        ),
    ];
    for (what, then, shown) in cases {
        let (server, client) = start();
        let keyed = client.idempotent("one");
        let at = (START.unix() + 100).to_string();
        let expires = [("expires_at", at.as_str())];
        let more = if what == "expired" { &expires[..] } else { &[] };
        let first = set(&keyed, PAYLOAD, more);
        is_first(&first);
        assert_eq!(first.ok()["payload"], PAYLOAD);
        then(&server, &client);
        let again = set(&keyed, PAYLOAD, more);
        if shown {
            is_replay(&again, &first);
        } else {
            assert_eq!(again.header("idempotent-replayed"), Some("true"), "{what}");
            let mut expected = first.json();
            expected.as_object_mut().unwrap().remove("payload");
            assert_eq!(again.ok(), expected, "{what}");
            assert!(!again.body.contains("payload"), "{what}: the field is not there");
        }
    }
}

/// Quotes, escapes and letters of several bytes, so that a place counted wrongly shows.
const PAYLOAD: &str = "a \"payload\": \\ \n\u{1F511}, and more";
