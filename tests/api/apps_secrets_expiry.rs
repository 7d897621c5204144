//! Expiry: exact to the second for those who look, and the row goes later (secret store §3.3).

use coffer_testkit::{Answer, Client, START, TestServer};

const DAY: i64 = 86_400;
const CENTURY: i64 = 3_155_760_000;
const YEAR: i64 = 31_557_600;

fn set(client: &Client, name: &str, expires_at: i64) -> Answer {
    let expires_at = expires_at.to_string();
    let params = [
        ("name", name),
        ("payload", "p"),
        ("scope[type]", "account"),
        ("expires_at", expires_at.as_str()),
    ];
    client.post("/v1/apps/secrets", &params)
}

fn quiet() -> TestServer {
    TestServer::builder().without_background_jobs().start()
}

#[test]
fn a_secret_is_there_until_the_second_of_its_expiry() {
    let server = quiet();
    let client = server.app().client();
    let at = START.unix() + 100;
    set(&client, "token", at).ok();
    server.clock.advance(99);
    assert_eq!(client.find("token").ok()["expires_at"], at);
    assert_eq!(client.list().ok()["data"].as_array().unwrap().len(), 1);
    server.clock.advance(1);
    client.find("token").refused(404);
    client.remove("token").refused(404);
    assert_eq!(client.list().ok()["data"], serde_json::json!([]));
    server.run_jobs();
    assert_eq!(server.count("secret"), 1, "the row goes a day later");
    server.clock.advance(DAY);
    server.run_jobs();
    assert_eq!(server.count("secret"), 0);
    assert_eq!(server.count("tombstone"), 1);
}

#[test]
fn the_job_takes_only_what_has_expired() {
    let server = quiet();
    let client = server.app().client();
    set(&client, "first", START.unix() + 10).ok();
    set(&client, "second", START.unix() + 11).ok();
    client.set("forever", "p").ok();
    server.clock.advance(DAY + 10);
    server.run_jobs();
    assert_eq!(server.count("secret"), 2);
    client.find("second").refused(404);
    server.clock.advance(YEAR);
    server.run_jobs();
    assert_eq!(server.count("secret"), 1);
    client.find("forever").ok();
}

#[test]
fn an_expired_secret_frees_its_place() {
    let server = quiet();
    let client = server.app().client();
    set(&client, "brief", START.unix() + 10).ok();
    for number in 0..9 {
        client.set(&number.to_string(), "p").ok();
    }
    client.set("one more", "p").refused(400);
    server.clock.advance(10);
    client.set("one more", "p").ok();
    client.set("and another", "p").refused(400);
}

#[test]
fn setting_an_expired_name_makes_another_secret() {
    let server = quiet();
    let client = server.app().client();
    let first = set(&client, "token", START.unix() + 10).ok();
    client.set("later", "p").ok();
    server.clock.advance(10);
    let second = client.set("token", "again").ok();
    assert_ne!(second["id"], first["id"]);
    assert_eq!(second["created"], START.unix() + 10);
    let list = client.list().ok();
    let names: Vec<_> = list["data"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["token", "later"], "it has the newest place");
    let cursor = [("scope[type]", "account"), ("ending_before", first["id"].as_str().unwrap())];
    let newer = client.get("/v1/apps/secrets", &cursor).ok();
    assert_eq!(newer["data"].as_array().unwrap().len(), 2, "the old id still marks its place");
    server.run_jobs();
    assert_eq!(client.find("token").ok()["payload"], "again");
}

#[test]
fn an_expiry_lies_within_the_next_hundred_years() {
    let server = quiet();
    let client = server.app().client();
    let now = START.unix();
    for at in [now + 1, now + CENTURY] {
        assert_eq!(set(&client, "token", at).ok()["expires_at"], at);
    }
    for at in [now, now - 1, 0, -1, i64::MIN, now + CENTURY + 1, now * 1000, i64::MAX] {
        let error = set(&client, "token", at).refused(400);
        assert_eq!(error["param"], "expires_at", "{at}");
        assert!(error.get("code").is_none(), "{error}");
    }
    assert_eq!(client.find("token").ok()["expires_at"], now + CENTURY, "nothing was replaced");
}

#[test]
fn integers_are_written_in_digits() {
    let server = quiet();
    let client = server.app().client();
    for wrong in [
        "1e10",
        "1800000100.0",
        "+1800000100",
        " 1800000100",
        "0x7",
        "true",
        "9".repeat(20).as_str(),
    ] {
        let params =
            [("name", "n"), ("payload", "p"), ("scope[type]", "account"), ("expires_at", wrong)];
        let error = client.post("/v1/apps/secrets", &params).refused(400);
        assert_eq!(error["code"], "parameter_invalid_integer", "{wrong}");
        assert_eq!(error["message"], format!("Invalid integer: {wrong}"));
    }
}
