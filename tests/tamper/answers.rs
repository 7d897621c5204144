//! Stored responses of requests with an idempotency key.

use crate::tampered_store::{PAYLOAD, TamperedStore, broken, flips};
use coffer_testkit::{Answer, Client};
use rusqlite::ToSql;

/// A set whose answer holds the payload.
fn set(client: &Client, key: &str, payload: &str) -> Answer {
    let params = [
        ("name", "token"),
        ("payload", payload),
        ("scope[type]", "account"),
        ("expand[]", "payload"),
    ];
    client.idempotent(key).post("/v1/apps/secrets", &params)
}

fn record(store: &TamperedStore, request: &str) -> (Vec<u8>, Vec<u8>) {
    let sql = "SELECT response, parameters FROM idempotency_record WHERE request = ?";
    store.data.query_row(sql, [request], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

fn request_of(answer: &Answer) -> String {
    answer.header("request-id").unwrap().to_owned()
}

#[test]
fn no_changed_byte_of_a_stored_response_gives_an_answer() {
    let store = TamperedStore::new();
    let client = store.app.client();
    let first = set(&client, "key", PAYLOAD);
    assert_eq!(first.ok()["payload"], PAYLOAD);
    let request = request_of(&first);
    let (answer, _) = record(&store, &request);
    let put = |answer: &dyn ToSql| {
        let sql = "UPDATE idempotency_record SET response = ? WHERE request = ?";
        store.change(sql, &[answer, &request], 1);
    };
    for changed in flips(&answer) {
        put(&changed);
        broken(&set(&client, "key", PAYLOAD));
    }
    put(&answer);
    let replay = set(&client, "key", PAYLOAD);
    assert_eq!(replay.header("idempotent-replayed"), Some("true"));
    assert_eq!(replay.body, first.body);
}

#[test]
fn a_stored_response_is_bound_to_its_request() {
    let store = TamperedStore::new();
    let client = store.app.client();
    let request = request_of(&set(&client, "key", PAYLOAD));
    let other = request_of(&set(&client, "other key", "other"));
    let (answer, parameters) = record(&store, &request);
    let (other_answer, other_parameters) = record(&store, &other);
    let change = |column: &str, value: &dyn ToSql, request: &str| {
        let sql = format!("UPDATE idempotency_record SET {column} = ? WHERE request = ?");
        store.change(&sql, &[value, &request], 1);
    };
    let fails = |what: &str| {
        let answer = set(&client, "key", PAYLOAD);
        assert_eq!(answer.status, 500, "{what}: {}", answer.body);
        broken(&answer);
    };

    change("operation", &"apps.secrets.delete", &request);
    fails("operation");
    change("operation", &"apps.secrets.create", &request);
    for changed in flips(&parameters) {
        change("parameters", &changed, &request);
        fails("parameters");
    }
    // The parameters of another request with that request's answer: still the wrong key_digest.
    change("parameters", &other_parameters, &request);
    fails("another's parameters");
    change("response", &other_answer, &request);
    fails("another's parameters and answer");
    broken(&set(&client, "key", "other"));
    change("parameters", &parameters, &request);
    fails("another's answer");
    change("response", &answer, &request);
    change("request", &"req_another", &request);
    fails("request id");
    change("request", &request.as_str(), "req_another");

    set(&client, "key", PAYLOAD).ok();
    // Untouched, other parameters are a mistake of the caller's and no fault of ours.
    assert_eq!(set(&client, "key", "changed").refused(400)["type"], "idempotency_error");
}

#[test]
fn a_stored_response_moved_to_another_claim_or_account_answers_nobody() {
    let store = TamperedStore::new();
    let client = store.app.client();
    let account = store.server.account();
    store.server.install(&store.app, &account);
    let elsewhere = client.for_account(&account);
    let request = request_of(&set(&client, "key", PAYLOAD));
    let theirs = request_of(&set(&elsewhere, "key", "theirs"));
    let columns = "SELECT slot, key_digest FROM idempotency_record WHERE request = ?";
    let (slot, key_digest): (i64, Vec<u8>) =
        store.data.query_row(columns, [&theirs], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    store.change("DELETE FROM idempotency_record WHERE request = ?", &[&theirs], 1);
    let moved = "UPDATE idempotency_record SET account = ?, slot = ?, key_digest = ? \
                 WHERE request = ?";
    store.change(moved, &[&account, &slot, &key_digest, &request], 1);
    broken(&set(&elsewhere, "key", "theirs"));
    broken(&set(&elsewhere, "key", PAYLOAD));
}
