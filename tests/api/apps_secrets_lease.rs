//! `POST /v1/apps/secrets/lease` (secret store, Extensions).

use crate::check::{lawful, snapshot};
use coffer_base::Timestamp;
use coffer_testkit::{Answer, Client, PATIENCE, TestServer, is_postgres};
use std::time::{Duration, Instant};

const LEASE: &str = "/v1/apps/secrets/lease";

fn lease(client: &Client, more: &[(&str, &str)]) -> Answer {
    let mut params = vec![("name", "token"), ("scope[type]", "account")];
    params.extend_from_slice(more);
    let answer = client.post(LEASE, &params);
    lawful(&answer);
    answer
}

fn token(answer: &Answer) -> String {
    answer.ok();
    answer.text("token")
}

fn refused(answer: &Answer, code: &str) {
    let error = lawful(answer).refused(409);
    assert_eq!((&error["type"], &error["code"]), (&"invalid_request_error".into(), &code.into()));
    assert_eq!(answer.header("stripe-should-retry"), Some("false"));
}

fn under(client: &Client, token: &str) -> Client {
    client.with_header("Coffer-Lease", token)
}

/// Sends a request until a lease of a second has run out. Databases have a clock of their own,
/// which really has to go on.
#[allow(clippy::disallowed_methods, reason = "the database's clock is no test's")]
fn once_run_out(server: &TestServer, send: impl Fn() -> Answer) -> Answer {
    server.clock.advance(2);
    let end = Instant::now() + PATIENCE;
    loop {
        let answer = send();
        let is_held = answer.body.contains("secret_lease_held");
        if !is_held || !is_postgres() || Instant::now() > end {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn with_secret() -> (TestServer, Client) {
    let server = TestServer::start();
    let client = server.app().client();
    client.set("token", "one").ok();
    (server, client)
}

#[test]
fn a_lease_has_one_holder() {
    let (_server, client) = with_secret();
    let first = lease(&client, &[]);
    let found = client.find("token");
    assert_eq!(first.header("coffer-version"), found.header("coffer-version"));
    assert_eq!(first.ok()["version"], found.header("coffer-version").unwrap());
    assert_eq!((&first.ok()["fence"], &first.ok()["ttl"]), (&1.into(), &30.into()));
    refused(&lease(&client, &[]), "secret_lease_held");
    refused(&lease(&client, &[("takeover", "true")]), "secret_lease_held");
    let token = token(&first);
    let kept = lease(&client, &[("token", &token), ("ttl", "60"), ("spend", "true")]).ok();
    assert_eq!((&kept["fence"], &kept["spend"]), (&1.into(), &true.into()));
    under(&client, &token).set("token", "two").ok();
    refused(&under(&client, &token).set("token", "three"), "secret_lease_lost");
    assert_eq!(client.find("token").ok()["payload"], "two");
    let next = lease(&client, &[("ttl", "60")]).ok();
    assert_eq!(next["fence"], 2);
}

#[test]
fn the_lease_as_an_object() {
    let (_server, client) = with_secret();
    let answer = lease(&client, &[("ttl", "10"), ("spend", "true")]);
    let json = answer.ok();
    let keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = vec!["object", "fence", "livemode", "name", "scope", "secret", "spend"];
    expected.extend(["takeover", "token", "ttl", "version"]);
    let (mut keys, mut expected) = (keys, expected);
    keys.sort_unstable();
    expected.sort_unstable();
    assert_eq!(keys, expected);
    assert_eq!((&json["object"], &json["ttl"]), (&"apps.secret_lease".into(), &10.into()));
    snapshot("a_lease_that_is_held", "POST /v1/apps/secrets/lease", &lease(&client, &[]));
}

#[test]
fn a_lease_that_is_given_back_is_free() {
    let (_server, client) = with_secret();
    let first = token(&lease(&client, &[("spend", "true")]));
    let back = lease(&client, &[("token", &first), ("release", "true")]).ok();
    assert_eq!(back["ttl"], 0);
    refused(&lease(&client, &[("token", &first)]), "secret_lease_lost");
    refused(&lease(&client, &[("token", &first), ("release", "true")]), "secret_lease_lost");
    refused(&under(&client, &first).set("token", "two"), "secret_lease_lost");
    assert_eq!(lease(&client, &[]).ok()["fence"], 2);
}

/// Whoever sets a secret anew, as after another sign-in, ends the lease of what was there.
#[test]
fn any_set_ends_a_lease() {
    let (_server, client) = with_secret();
    let first = token(&lease(&client, &[("spend", "true")]));
    client.set("token", "signed in again").ok();
    refused(&under(&client, &first).set("token", "late"), "secret_lease_lost");
    refused(&lease(&client, &[("token", &first)]), "secret_lease_lost");
    lease(&client, &[]).ok();
    client.remove("token").ok();
    refused(&under(&client, &first).set("token", "late"), "secret_lease_lost");
    lease(&client, &[]).refused(404);
    client.set("token", "another").ok();
    let anew = token(&lease(&client, &[]));
    assert_ne!(anew, first, "a secret that is new has tokens of its own");
    refused(&under(&client, &first).set("token", "late"), "secret_lease_lost");
}

#[test]
fn a_lease_that_ran_out_is_fenced_off() {
    let (server, client) = with_secret();
    let first = token(&lease(&client, &[("ttl", "1")]));
    let second = once_run_out(&server, || lease(&client, &[("ttl", "60")]));
    let second = token(&second);
    refused(&lease(&client, &[("token", &first), ("spend", "true")]), "secret_lease_lost");
    refused(&under(&client, &first).set("token", "late"), "secret_lease_lost");
    lease(&client, &[("token", &second), ("spend", "true")]).ok();
    under(&client, &second).set("token", "two").ok();
}

/// The value may be used up, so nobody else gets it by waiting; and what was got for it is taken
/// however late it comes.
#[test]
fn a_value_that_is_being_used_up_is_waited_for() {
    let (server, client) = with_secret();
    let first = token(&lease(&client, &[("ttl", "1"), ("spend", "true")]));
    let answer = once_run_out(&server, || lease(&client, &[]));
    refused(&answer, "secret_lease_interrupted");
    let over = lease(&client, &[("takeover", "true"), ("ttl", "60")]);
    assert_eq!(over.ok()["takeover"], true);
    under(&client, &first).set("token", "late, and in time").ok();
    refused(&lease(&client, &[("token", &token(&over))]), "secret_lease_lost");
    assert_eq!(client.find("token").ok()["payload"], "late, and in time");
}

#[test]
fn whoever_uses_a_value_up_after_another_fences_it_off() {
    let (server, client) = with_secret();
    let first = token(&lease(&client, &[("ttl", "1"), ("spend", "true")]));
    let over = once_run_out(&server, || {
        lease(&client, &[("takeover", "true"), ("spend", "true"), ("ttl", "60")])
    });
    let over = token(&over);
    refused(&under(&client, &first).set("token", "too late"), "secret_lease_lost");
    under(&client, &over).set("token", "two").ok();
}

#[test]
fn a_lease_depends_on_the_version_that_was_read() {
    let (_server, client) = with_secret();
    let version = client.find("token").header("coffer-version").unwrap().to_owned();
    let caller = client.with_header("Coffer-If-Version", &version);
    let first = token(&lease(&caller, &[("spend", "true")]));
    under(&client, &first).set("token", "two").ok();
    refused(&lease(&caller, &[("spend", "true")]), "secret_version_changed");
}

/// A response that was lost is asked for again with the same idempotency key, as the SDKs do.
#[test]
fn a_lease_is_replayed() {
    let (_server, client) = with_secret();
    let caller = client.idempotent("once");
    let first = lease(&caller, &[("spend", "true")]);
    let again = lease(&caller, &[("spend", "true")]);
    assert_eq!(first.body, again.body);
    assert_eq!(first.header("coffer-version"), again.header("coffer-version"));
    let setter = under(&client, &token(&first)).idempotent("set once");
    let set = setter.set("token", "two");
    assert_eq!(setter.set("token", "two").header("coffer-version"), set.header("coffer-version"));
}

#[test]
fn what_is_asked_for_must_fit() {
    let (_server, client) = with_secret();
    for (more, param) in [
        (&[("ttl", "0")][..], "ttl"),
        (&[("ttl", "61")], "ttl"),
        (&[("ttl", "x")], "ttl"),
        (&[("spend", "perhaps")], "spend"),
        (&[("release", "true")], "token"),
        (&[("token", "lease-1-abcdefgh"), ("takeover", "true")], "takeover"),
        (&[("token", "lease-1-abcdefgh"), ("release", "true"), ("spend", "true")], "spend"),
        (&[("payload", "a")], "payload"),
    ] {
        assert_eq!(lease(&client, more).refused(400)["param"], param, "{more:?}");
    }
    refused(&lease(&client, &[("token", "lease-0-abcdefgh")]), "secret_lease_lost");
    let other = [("name", "nothing"), ("scope[type]", "account")];
    client.post(LEASE, &other).refused(404);
}

/// A lease lasts by the clock of the store, whatever the servers' own show.
#[test]
fn servers_whose_clocks_differ_agree_on_leases() {
    let home = tempfile::TempDir::new().unwrap();
    let data = home.path().join("data");
    if !is_postgres() {
        println!("skipped: the stores of this run are files, which one server has");
        return;
    }
    let start = |at: i64| {
        let builder = TestServer::builder().data_dir(&data).without_background_jobs();
        builder.starts_at(Timestamp::from_unix(1_800_000_000 + at)).start()
    };
    let (one, other) = (start(0), start(40_000));
    let app = one.app();
    let here = app.client();
    let there = other.anonymous().with_key(&app.test_key);
    here.set("token", "one").ok();
    let first = token(&lease(&here, &[("ttl", "60")]));
    refused(&lease(&there, &[]), "secret_lease_held");
    other.clock.advance(100_000);
    refused(&lease(&there, &[]), "secret_lease_held");
    under(&there, &first).set("token", "two").ok();
    let second = token(&lease(&there, &[("ttl", "1")]));
    one.clock.advance(-100_000);
    let third = once_run_out(&one, || lease(&here, &[("ttl", "60")]));
    refused(&under(&there, &second).set("token", "late"), "secret_lease_lost");
    under(&here, &token(&third)).set("token", "three").ok();
}

/// However often a secret is leased, nothing more is stored of it.
#[test]
fn leases_leave_no_rows() {
    let (server, client) = with_secret();
    let before = server.count("secret");
    for _ in 0..20 {
        let token = token(&lease(&client, &[]));
        lease(&client, &[("token", &token), ("release", "true")]).ok();
    }
    assert_eq!(server.count("secret"), before);
    assert_eq!(lease(&client, &[]).ok()["fence"], 21);
}
