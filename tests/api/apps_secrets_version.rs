//! Versions of secrets, and changes that depend on them (secret store, Extensions).

use crate::check::{lawful, snapshot};
use coffer_testkit::{Answer, Client, TestServer};

fn version(answer: &Answer) -> String {
    lawful(answer).ok();
    answer.header("coffer-version").expect("a version").to_owned()
}

fn if_version(client: &Client, version: &str) -> Client {
    client.with_header("Coffer-If-Version", version)
}

fn changed(answer: &Answer) {
    let error = lawful(answer).refused(409);
    assert_eq!(error["type"], "invalid_request_error", "{error}");
    assert_eq!(error["code"], "secret_version_changed", "{error}");
    assert_eq!(answer.header("stripe-should-retry"), Some("false"));
    assert_eq!(answer.header("coffer-version"), None);
}

#[test]
fn each_set_makes_another_version() {
    let server = TestServer::start();
    let client = server.app().client();
    let first = version(&client.set("token", "one"));
    assert!(first.starts_with("1-"), "{first}");
    assert_eq!(version(&client.find("token")), first);
    let second = version(&client.set("token", "two"));
    assert_eq!(second, first.replacen("1-", "2-", 1));
    assert_eq!(version(&client.find("token")), second);
    client.remove("token").ok();
    let again = version(&client.set("token", "one"));
    assert!(again.starts_with("1-") && again != first, "{again}");
    assert_eq!(client.list().header("coffer-version"), None);
    assert_eq!(client.find("other").header("coffer-version"), None);
}

#[test]
fn a_set_depends_on_the_version() {
    let server = TestServer::start();
    let client = server.app().client();
    changed(&if_version(&client, "1-abcdefgh").set("token", "one"));
    let first = version(&if_version(&client, "0").set("token", "one"));
    changed(&if_version(&client, "0").set("token", "two"));
    let second = version(&if_version(&client, &first).set("token", "two"));
    let answer = if_version(&client, &first).set("token", "three");
    changed(&answer);
    assert!(answer.body.contains(&second), "it says which: {}", answer.body);
    for other in ["2", "02-", &second[..second.len() - 1], "\"2\"", "*"] {
        changed(&if_version(&client, other).set("token", "three"));
    }
    assert_eq!(client.find("token").ok()["payload"], "two");
}

#[test]
fn the_refusal_has_stripes_form() {
    let server = TestServer::start();
    let client = server.app().client();
    let answer = if_version(&client, "7-abcdefgh").set("token", "one");
    snapshot("a_set_of_a_version_that_is_gone", "POST /v1/apps/secrets", &answer);
}

#[test]
fn a_delete_depends_on_the_version() {
    let server = TestServer::start();
    let client = server.app().client();
    let first = version(&client.set("token", "one"));
    let second = version(&client.set("token", "two"));
    changed(&if_version(&client, &first).remove("token"));
    if_version(&client, &second).remove("token").ok();
    if_version(&client, &second).remove("token").refused(404);
    // Another one of that name has other versions.
    client.set("token", "one").ok();
    client.set("token", "two").ok();
    changed(&if_version(&client, &second).remove("token"));
}

#[test]
fn an_expired_secret_has_no_version() {
    let server = TestServer::start();
    let client = server.app().client();
    let soon = (server.clock.now_unix() + 10).to_string();
    let params =
        [("name", "token"), ("payload", "a"), ("scope[type]", "account"), ("expires_at", &soon)];
    let first = version(&client.post("/v1/apps/secrets", &params));
    server.clock.advance(10);
    changed(&if_version(&client, &first).set("token", "b"));
    if_version(&client, "0").set("token", "b").ok();
}

/// Whoever sends it to a call that does not look at it would believe in something that is not so.
#[test]
fn calls_that_depend_on_nothing_refuse_the_headers() {
    let server = TestServer::start();
    let client = server.app().client();
    let first = version(&client.set("token", "one"));
    for header in ["Coffer-If-Version", "Coffer-Lease"] {
        let caller = client.with_header(header, &first);
        for refused in [caller.find("token"), caller.list()] {
            let error = lawful(&refused).refused(400);
            assert!(error["message"].as_str().unwrap().contains(&header.to_lowercase()));
        }
        let admin = server.admin().with_header(header, &first);
        lawful(&admin.get("/v1/admin/accounts", &[])).refused(400);
        for wrong in ["", &"v".repeat(101)] {
            lawful(&client.with_header(header, wrong).set("token", "two")).refused(400);
        }
        let twice = client.with_header(header, &first).with_header(header, &first);
        lawful(&twice.set("token", "two")).refused(400);
    }
    lawful(&client.with_header("Coffer-Lease", "lease-1").remove("token")).refused(400);
    assert_eq!(client.find("token").ok()["payload"], "one");
}

/// A repeated request is answered as the first was, with the version that it made; another version
/// to depend on is another request.
#[test]
fn versions_are_replayed() {
    let server = TestServer::start();
    let client = server.app().client();
    let first = version(&client.set("token", "one"));
    let caller = if_version(&client, &first).idempotent("once");
    let second = version(&caller.set("token", "two"));
    client.set("token", "three").ok();
    let replayed = caller.set("token", "two");
    assert_eq!(replayed.header("idempotent-replayed"), Some("true"));
    assert_eq!(version(&replayed), second);
    let other = if_version(&client, &second).idempotent("once").set("token", "two");
    assert_eq!(other.refused(400)["type"], "idempotency_error");
    let none = client.idempotent("once").set("token", "two");
    assert_eq!(none.refused(400)["type"], "idempotency_error");
}

#[test]
fn of_many_that_depend_on_one_version_one_succeeds() {
    let server = TestServer::start();
    let client = server.app().client();
    let mut last = version(&client.set("token", "0"));
    for round in 0..5 {
        let caller = if_version(&client, &last);
        let answers: Vec<Answer> = std::thread::scope(|scope| {
            let asked = (0..8).map(|at| {
                let caller = &caller;
                scope.spawn(move || caller.set("token", &format!("{round}-{at}")))
            });
            let asked: Vec<_> = asked.collect();
            asked.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let (set, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|one| one.status == 200);
        assert_eq!(set.len(), 1);
        refused.into_iter().for_each(changed);
        last = version(set[0]);
    }
}
