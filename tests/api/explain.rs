//! Why a request got what it got, as operators are told: what no response says.

use coffer_kernel::TrafficSettings;
use coffer_testkit::{Answer, Params, TestServer};
use serde_json::Value;

const SET: &str = "/v1/apps/secrets";

/// What an operator is told of a request.
pub fn explain(server: &TestServer, id: &str, params: Params<'_>) -> Value {
    // Refusals are recorded behind their responses, in batches.
    server.flush_audit();
    server.admin().get(&format!("/v1/admin/requests/{id}"), params).ok()
}

/// The sentence about an answer that was a refusal.
fn why(server: &TestServer, answer: &Answer) -> String {
    assert!(answer.status >= 400, "{}", answer.body);
    let request = explain(server, answer.header("request-id").unwrap(), &[]);
    request["sentence"].as_str().unwrap().to_owned()
}

fn assert_says(sentence: &str, parts: &[&str]) {
    for part in parts {
        assert!(sentence.contains(part), "no '{part}' in: {sentence}");
    }
}

#[test]
fn a_secret_that_exists_elsewhere_is_found_there() {
    let server = TestServer::start();
    let app = server.app();
    let client = app.client();
    client.set("other", "value").ok();
    app.live().set("token", "value").ok();
    assert_says(&why(&server, &client.find("token")), &["exists, but in live mode", "live mode."]);

    let user = |name| [("scope[type]", "user"), ("scope[user]", name), ("name", "own")];
    client.post(SET, &[&user("usr_1")[..], &[("payload", "value")]].concat()).ok();
    let sentence = why(&server, &client.get("/v1/apps/secrets/find", &user("usr_2")));
    assert_says(&sentence, &["for another user of that account, usr_1"]);
    assert_says(&why(&server, &client.find("own")), &["it exists for the user usr_1"]);

    let (account, connected) = server.connected(&app);
    connected.set("theirs", "value").ok();
    assert_says(&why(&server, &client.find("theirs")), &["the app keeps one for", &account]);
}

#[test]
fn a_secret_that_is_gone_went_at_a_time_and_by_somebody() {
    let server = TestServer::start();
    let app = server.app();
    let client = app.client();
    let params = [
        ("name", "brief"),
        ("payload", "value"),
        ("scope[type]", "account"),
        ("expires_at", "1800000060"),
    ];
    client.post(SET, &params).ok();
    server.clock.advance(240);
    let expired = ["it expired on 2027-01-15 08:01:00Z, 3 minutes before the request"];
    assert_says(&why(&server, &client.find("brief")), &expired);

    client.set("token", "value").ok();
    let deleted = client.remove("token");
    deleted.ok();
    server.clock.advance(60);
    let request = deleted.header("request-id").unwrap();
    let sentence = why(&server, &client.find("token"));
    assert_says(&sentence, &["it was deleted by key_", request, "1 minute before the request"]);

    let early = client.find("later");
    server.clock.advance(60);
    client.set("later", "value").ok();
    assert_says(&why(&server, &early), &["did not exist yet", "1 minute after the request"]);
}

/// A tenant that never wrote has no key, so the audit has no digest of the name.
#[test]
fn a_name_that_the_audit_does_not_have_can_be_given() {
    let server = TestServer::start();
    let app = server.app();
    app.live().set("token", "value").ok();
    let missed = app.client().find("token");
    let sentence = why(&server, &missed);
    assert_says(&sentence, &["never kept anything", "in test mode", "1 for it in live mode"]);
    let id = missed.header("request-id").unwrap();
    let named = explain(&server, id, &[("name", "token")]);
    assert_says(named["sentence"].as_str().unwrap(), &["it exists, but in live mode"]);
}

#[test]
fn a_key_that_ended_ended_by_somebody_or_at_its_time() {
    let server = TestServer::start();
    let app = server.app();
    let admin = server.admin();
    let made = admin.post("/v1/admin/api_keys", &[("app", &app.id), ("mode", "test")]);
    let (id, client) = (made.text("id"), server.anonymous().with_key(&made.text("key")));
    client.list().ok();
    let revoked = admin.post(&format!("/v1/admin/api_keys/{id}/revoke"), &[]);
    revoked.ok();
    server.clock.advance(120);
    let sentence = why(&server, &client.list());
    let by = revoked.header("request-id").unwrap();
    assert_says(&sentence, &[&id, "was revoked by key_", by, "2 minutes before the request"]);

    let params = [("app", &*app.id), ("mode", "test"), ("expires_at", "1800000150")];
    let made = admin.post("/v1/admin/api_keys", &params);
    let client = server.anonymous().with_key(&made.text("key"));
    server.clock.advance(60);
    let expired = ["expired on 2027-01-15 08:02:30Z, 30 seconds before the request"];
    assert_says(&why(&server, &client.list()), &expired);

    let unknown = server.anonymous().with_key("sk_test_coffer_nobodys");
    assert_says(&why(&server, &unknown.list()), &["nobody has the key"]);
}

#[test]
fn an_account_that_is_closed_was_closed_by_somebody_or_never_open() {
    let server = TestServer::start();
    let app = server.app();
    let (account, client) = server.connected(&app);
    client.set("token", "value").ok();
    let installs = server.admin().get("/v1/admin/installs", &[("account", &account)]).ok();
    let install = installs["data"][0]["id"].as_str().unwrap();
    let removed = server.admin().delete(&format!("/v1/admin/installs/{install}"), &[]);
    removed.ok();
    server.clock.advance(3600);
    let by = removed.header("request-id").unwrap();
    let sentence = why(&server, &client.list());
    assert_says(&sentence, &[&app.id, "was uninstalled from", &account, by, "1 hour before"]);

    let stranger = server.account();
    let sentence = why(&server, &app.client().for_account(&stranger).list());
    assert_says(&sentence, &[&stranger, "exists", "never installed on it"]);
    let sentence = why(&server, &app.client().for_account("acct_nowhere").list());
    assert_says(&sentence, &["there is no account acct_nowhere"]);
}

#[test]
fn a_limit_that_was_met_is_named() {
    let server = TestServer::builder().embedded().start();
    let app = server.app();
    let settings = TrafficSettings { requests_per_second: Some(1), ..TrafficSettings::default() };
    server.server().installation().kernel.set_traffic(&settings);
    let refused = (0..10_000).map(|_| app.client().list()).find(|answer| answer.status == 429);
    let sentence = why(&server, &refused.unwrap());
    assert_says(&sentence, &["the app ", &app.id, "a limit of 1,", "requests_per_second"]);
}

#[test]
fn what_was_in_order_is_said_to_be_and_what_never_was_is_not_found() {
    let server = TestServer::start();
    let client = server.app().client().idempotent("once");
    let first = client.set("token", "value");
    let repeated = client.set("token", "value");
    let id = |answer: &Answer| answer.header("request-id").unwrap().to_owned();
    let said = |id: &str| explain(&server, id, &[])["sentence"].as_str().unwrap().to_owned();
    assert_says(&said(&id(&first)), &["apps.secrets.create", "was carried out"]);
    assert_says(&said(&id(&repeated)), &["stored response was sent again"]);
    server.admin().get("/v1/admin/requests/req_nobody", &[]).refused(404);
    client.get(&format!("/v1/admin/requests/{}", id(&first)), &[]).refused(403);
}

/// Who has seen a request's entry says where it is, and nobody has to look for it.
#[test]
fn a_request_is_told_by_its_entry_and_a_wrong_entry_hides_nothing() {
    let server = TestServer::start();
    let client = server.app().client();
    let ids = ["one", "two"].map(|name| {
        let answer = client.set(name, "value");
        answer.header("request-id").unwrap().to_owned()
    });
    server.run_jobs();
    let entries = ids.each_ref().map(|id| {
        let list = server.admin().get("/v1/admin/audit", &[("request", id)]).ok();
        list["data"][0]["id"].as_str().unwrap().to_owned()
    });
    for id in &ids {
        let told = explain(&server, id, &[]);
        for entry in entries.iter().map(String::as_str).chain(["aud_999999"]) {
            assert_eq!(explain(&server, id, &[("entry", entry)]), told, "{entry}");
        }
    }
    let path = format!("/v1/admin/requests/{}", ids[0]);
    for wrong in ["12", "aud_0", "aud_-1", "aud_", "aud_99999999999999999999999"] {
        let error = server.admin().get(&path, &[("entry", wrong)]).refused(400);
        assert_eq!(error["param"], "entry", "{error}");
    }
    let nobody = "/v1/admin/requests/req_nobody";
    server.admin().get(nobody, &[("entry", &entries[0])]).refused(404);
}

#[test]
fn a_secret_has_a_history_and_readers() {
    let server = TestServer::start();
    let app = server.app();
    let (client, reader) = (app.client(), server.restricted(&app, &["secret_read"]));
    client.set("token", "one").ok();
    client.set("token", "two").ok();
    client.set("other", "three").ok();
    server.clock.advance(60);
    let last = reader.find("token");
    last.ok();
    client.find("other").ok();
    explain(&server, last.header("request-id").unwrap(), &[]);
    let of = [("name", "token"), ("account", &*app.account)];
    let history = server.admin().get("/v1/admin/secrets/history", &of).ok();
    let changes = history["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 2, "{history}");
    assert!(changes.iter().all(|change| change["operation"] == "apps.secrets.create"));
    let readers = history["readers"].as_array().unwrap();
    assert_eq!(readers.len(), 1, "{history}");
    assert_eq!((&readers[0]["reads"], &readers[0]["app"]), (&1.into(), &(&*app.id).into()));
    assert_eq!(history["last_read"], server.clock.now_unix());
    assert_eq!(history["exists"][0]["mode"], "test");
    client.remove("token").ok();
    let history = server.admin().get("/v1/admin/secrets/history", &of).ok();
    assert_eq!(history["changes"][0]["operation"], "apps.secrets.delete");
    assert_eq!(history["exists"], serde_json::json!([]));
}
