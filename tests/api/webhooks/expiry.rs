//! Secrets that expire, told of by events where an operator wants that.

use super::fixture::{Fixture, builder};
use coffer_secrets::{SECRET_EXPIRING_BEFORE, SECRET_EXPIRY_EVENTS};
use coffer_testkit::{Builder, Client, START, TestServer};
use serde_json::{Value, json};

const HOUR: i64 = 3600;
const BOTH: [(&str, &str); 2] =
    [("enabled_events[0]", "apps.secret.expiring"), ("enabled_events[1]", "apps.secret.expired")];

/// Tells of what expires an hour before.
fn telling(builder: Builder) -> Builder {
    builder.set(&SECRET_EXPIRY_EVENTS, "true").set(&SECRET_EXPIRING_BEFORE, "3600")
}

fn fixture() -> Fixture {
    Fixture::of(telling(builder()).without_background_jobs().start())
}

fn set(client: &Client, name: &str, scope: &[(&str, &str)], expires_at: i64) -> Value {
    let at = expires_at.to_string();
    let params = [("name", name), ("payload", "value"), ("expires_at", at.as_str())];
    client.post("/v1/apps/secrets", &[&params[..], scope].concat()).ok()
}

fn set_own(client: &Client, name: &str, expires_at: i64) -> Value {
    set(client, name, &[("scope[type]", "account")], expires_at)
}

/// Types of the owner's events and names of their secrets, oldest first.
fn told(client: &Client) -> Vec<(String, String)> {
    let list = client.get("/v1/events", &[("limit", "100")]).ok();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let events = list["data"].as_array().unwrap().iter().rev();
    events.map(|one| (text(&one["type"]), text(&one["data"]["object"]["name"]))).collect()
}

fn all(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(kind, name)| ((*kind).to_owned(), (*name).to_owned())).collect()
}

#[test]
fn what_expires_is_told_of_before_and_when_it_has_once_each() {
    let fixture = fixture();
    let client = &fixture.client;
    fixture.endpoint("200/star");
    fixture.endpoint_with(client, "200/named", &BOTH);
    let at = START.unix() + 10 * HOUR;
    let secret = set_own(client, "token", at);
    client.set("forever", "value").ok();
    let clock = &fixture.server.clock;
    let expiring = ("apps.secret.expiring", "token");
    for (ahead, expected) in [
        (9 * HOUR - 1, vec![]),
        (1, vec![expiring]),
        (HOUR - 1, vec![expiring]),
        (1, vec![expiring, ("apps.secret.expired", "token")]),
        (5 * HOUR, vec![expiring, ("apps.secret.expired", "token")]),
    ] {
        clock.advance(ahead);
        for _ in 0..2 {
            fixture.server.run_job("schedule");
            assert_eq!(told(client), all(&expected));
        }
    }
    fixture.send();
    let received = fixture.receiver.received();
    assert!(received.iter().all(|one| one.path == "200/named"), "a star does not stand for them");
    let events: Vec<_> = received.iter().map(|one| one.event()).collect();
    let types: Vec<_> = events.iter().map(|one| one["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["apps.secret.expiring", "apps.secret.expired"]);
    for event in &events {
        assert_eq!(event["data"]["object"], secret, "as it was set, without its payload");
        assert_eq!(event["request"]["id"], json!(null));
        assert!(event.get("account").is_none());
    }
    assert_eq!(events[1]["created"], at);
    clock.advance(30 * HOUR);
    fixture.server.run_jobs();
    assert_eq!(fixture.server.count("secret"), 1, "and the row goes as ever");
}

#[test]
fn what_was_set_anew_is_told_of_by_its_new_expiry() {
    let fixture = fixture();
    let (client, clock) = (&fixture.client, &fixture.server.clock);
    let now = START.unix();
    set_own(client, "token", now + 10 * HOUR);
    set_own(client, "brief", now + HOUR);
    clock.advance(HOUR);
    fixture.server.run_job("schedule");
    let mut expected = vec![("apps.secret.expired", "brief")];
    assert_eq!(told(client), all(&expected), "what had only an hour is not told of ahead");
    clock.advance(8 * HOUR);
    fixture.server.run_job("schedule");
    expected.push(("apps.secret.expiring", "token"));
    set_own(client, "token", now + 20 * HOUR);
    clock.advance(5 * HOUR);
    fixture.server.run_job("schedule");
    assert_eq!(told(client), all(&expected), "it has not expired");
    clock.advance(6 * HOUR);
    fixture.server.run_job("schedule");
    expected.push(("apps.secret.expired", "token"));
    assert_eq!(told(client), all(&expected), "of what has expired nothing is told ahead");
}

#[test]
fn secrets_of_accounts_and_users_are_told_of_to_whom_they_belong() {
    let fixture = fixture();
    let (account, connected) = fixture.server.connected(&fixture.app);
    let platform = [&BOTH[..], &[("connect", "true")]].concat();
    fixture.endpoint_with(&fixture.client, "200/connect", &platform);
    fixture.endpoint_with(&connected, "200/own", &BOTH);
    let scope = [("scope[type]", "user"), ("scope[user]", "ada")];
    let secret = set(&connected, "token", &scope, START.unix() + HOUR);
    fixture.server.clock.advance(HOUR);
    fixture.server.run_job("schedule");
    fixture.send();
    assert!(told(&fixture.client).is_empty());
    let received = fixture.receiver.received();
    let mut paths: Vec<_> = received.iter().map(|one| one.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["200/connect", "200/own"]);
    for delivery in &received {
        let event = delivery.event();
        assert_eq!((&event["account"], &event["type"]), (&json!(account), &json!(BOTH[1].1)));
        assert_eq!(event["data"]["object"], secret);
    }
}

#[test]
fn hundreds_that_expire_in_one_second_are_all_told_of_once() {
    let fixture = fixture();
    let (client, at) = (&fixture.client, START.unix() + 2 * HOUR);
    for user in 0..30 {
        let user = user.to_string();
        let scope = [("scope[type]", "user"), ("scope[user]", user.as_str())];
        (0..10).for_each(|number| drop(set(client, &number.to_string(), &scope, at)));
    }
    let count = |kind: &str| {
        let params = [("type", kind), ("limit", "100")];
        let mut ids = std::collections::BTreeSet::new();
        let mut after = None::<String>;
        loop {
            let more = after.as_deref().map(|id| ("starting_after", id));
            let params: Vec<_> = params.into_iter().chain(more).collect();
            let page = client.get("/v1/events", &params).ok();
            for event in page["data"].as_array().unwrap() {
                assert!(ids.insert(event["data"]["object"]["id"].as_str().unwrap().to_owned()));
                after = Some(event["id"].as_str().unwrap().to_owned());
            }
            if page["has_more"] == false {
                return ids.len();
            }
        }
    };
    fixture.server.clock.advance(HOUR);
    fixture.server.run_job("schedule");
    assert_eq!((count(BOTH[0].1), count(BOTH[1].1)), (300, 0));
    fixture.server.clock.advance(HOUR);
    fixture.server.run_job("schedule");
    assert_eq!((count(BOTH[0].1), count(BOTH[1].1)), (300, 300));
}

#[test]
fn nothing_is_told_unless_an_operator_wants_it_and_then_of_what_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let build = || TestServer::builder().without_background_jobs().data_dir(&data);
    let server = build().start();
    let client = server.app().client();
    set_own(&client, "token", START.unix() + HOUR);
    server.clock.advance(HOUR / 2);
    server.run_jobs();
    assert!(told(&client).is_empty());
    server.stop();
    let server = telling(build()).starts_at(START.plus(HOUR / 2)).start();
    let client = server.anonymous().with_key(client.key());
    // After a start nothing is due for two minutes.
    server.run_job("schedule");
    server.clock.advance(121);
    server.run_job("schedule");
    assert_eq!(told(&client), all(&[("apps.secret.expiring", "token")]));
}

/// Rows of expired secrets go after a day, and not before they were told of.
#[test]
fn after_an_outage_of_weeks_what_has_expired_is_told_of_before_it_goes() {
    let fixture = fixture();
    let (client, server) = (&fixture.client, &fixture.server);
    set_own(client, "token", START.unix() + HOUR);
    server.clock.advance(20 * 24 * HOUR);
    server.run_job("expire_secrets");
    server.run_job("schedule");
    assert_eq!(told(client), all(&[("apps.secret.expired", "token")]));
    server.run_job("expire_secrets");
    assert_eq!(server.count("secret"), 0);
    assert_eq!(told(client).len(), 1);
}

/// Whoever tests an app moves its clock, and is told before the answer.
#[test]
fn an_app_whose_clock_was_moved_is_told_by_its_own() {
    let server = telling(TestServer::builder()).developer().without_background_jobs().start();
    let [one, other] = ["sk_test_one", "sk_test_other"].map(|key| server.anonymous().with_key(key));
    let now = one.get("/v1/test_helpers/clock", &[]).ok()["now"].as_i64().unwrap();
    set_own(&one, "token", now + 10 * HOUR);
    set_own(&other, "token", now + 10 * HOUR);
    let advance = |by: i64| {
        one.post("/v1/test_helpers/clock/advance", &[("seconds", &by.to_string())]).ok();
    };
    let mut expected = vec![("apps.secret.expiring", "token")];
    advance(9 * HOUR);
    assert_eq!(told(&one), all(&expected));
    advance(HOUR);
    expected.push(("apps.secret.expired", "token"));
    assert_eq!(told(&one), all(&expected));
    let newest = one.get("/v1/events", &[("limit", "1")]).ok();
    assert_eq!(newest["data"][0]["created"], now + 10 * HOUR);
    server.run_job("schedule");
    assert_eq!(told(&one), all(&expected));
    assert!(told(&other).is_empty());
}
