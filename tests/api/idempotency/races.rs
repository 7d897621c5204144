//! Two requests under one key at the same time (decision 15).

use super::{is_first, is_mismatch, is_replay};
use crate::check::lawful;
use coffer_testkit::{Answer, App, Gate, TestServer, insist};
use std::thread;

/// A server whose commits can be held, and an app that has written before.
fn start() -> (TestServer, App, Gate) {
    let gate = Gate::default();
    // Background jobs commit, too, and are not what the gate is to hold.
    let server = TestServer::builder().without_background_jobs().faults(gate.faults()).start();
    let app = server.app();
    app.client().set("before", "value").ok();
    (server, app, gate)
}

#[test]
fn twins_are_carried_out_once() {
    let (_server, app, gate) = start();
    let client = app.client().idempotent("one");
    gate.close();
    let twins: Vec<_> = (0..4)
        .map(|_| {
            let client = client.clone();
            thread::spawn(move || insist(|| client.set("token", "value")))
        })
        .collect();
    gate.wait_until_held();
    gate.open();
    let answers: Vec<Answer> = twins.into_iter().map(|twin| twin.join().unwrap()).collect();
    let replayed = |answer: &&Answer| answer.header("idempotent-replayed").is_some();
    let first: Vec<_> = answers.iter().filter(|answer| !replayed(answer)).collect();
    assert_eq!(first.len(), 1, "{answers:?}");
    is_first(first[0]);
    answers.iter().filter(replayed).for_each(|answer| is_replay(answer, first[0]));
}

#[test]
fn a_twin_with_other_parameters_is_refused() {
    let (_server, app, gate) = start();
    let client = app.client().idempotent("one");
    gate.close();
    let setting = {
        let client = client.clone();
        thread::spawn(move || client.set("token", "value"))
    };
    gate.wait_until_held();
    let removing = {
        let client = client.clone();
        thread::spawn(move || insist(|| client.remove("before")))
    };
    gate.open();
    setting.join().unwrap().ok();
    is_mismatch(&removing.join().unwrap());
    client.find("before").ok();
}

/// Whoever has waited five seconds is told to come again.
#[test]
fn a_key_in_use_is_a_conflict() {
    let (_server, app, gate) = start();
    let client = app.client().idempotent("one");
    gate.close();
    let setting = {
        let client = client.clone();
        thread::spawn(move || client.set("token", "value"))
    };
    gate.wait_until_held();
    let answer = client.set("token", "value");
    let error = lawful(&answer).refused(409);
    assert_eq!(error["code"], "idempotency_key_in_use");
    assert_eq!(error["type"], "invalid_request_error");
    assert!(error.get("param").is_none());
    assert_eq!(answer.header("stripe-should-retry"), Some("true"));
    assert_eq!(answer.header("original-request"), answer.header("request-id"));
    gate.open();
    let first = setting.join().unwrap();
    first.ok();
    is_replay(&client.set("token", "value"), &first);
}

/// The caller hangs up while the commit is under way: what was begun is done, and its answer
/// kept.
#[test]
fn an_answer_that_nobody_heard_is_replayed() {
    let (server, app, gate) = start();
    let client = app.client().idempotent("one");
    gate.close();
    let mut raw = server.raw();
    let body = "name=token&payload=value&scope%5Btype%5D=account";
    let authorization = format!("Authorization: Bearer {}", app.test_key);
    let length = format!("Content-Length: {}", body.len());
    let head = ["POST /v1/apps/secrets", &authorization, "Idempotency-Key: one", &length];
    raw.request(&head, body);
    gate.wait_until_held();
    drop(raw);
    gate.open();
    let replay = insist(|| client.set("token", "value"));
    replay.ok();
    assert_eq!(lawful(&replay).header("idempotent-replayed"), Some("true"));
    assert_ne!(replay.header("original-request"), replay.header("request-id"));
    assert_eq!(client.find("token").ok()["payload"], "value");
}

/// The same without a key: a write does not end because its caller does.
#[test]
fn whoever_hangs_up_does_not_cut_a_write() {
    let (server, app, gate) = start();
    let client = app.client();
    gate.close();
    let mut raw = server.raw();
    let body = "name=token&payload=value&scope%5Btype%5D=account";
    let authorization = format!("Authorization: Bearer {}", app.test_key);
    let length = format!("Content-Length: {}", body.len());
    raw.request(&["POST /v1/apps/secrets", &authorization, &length], body);
    gate.wait_until_held();
    drop(raw);
    gate.open();
    // The writer takes one write after the other: what comes back now comes after the first.
    client.set("after", "value").ok();
    client.find("token").ok();
}

/// Two sets of one name, without keys: both succeed, and the last stays (secret store §7, 11).
#[test]
fn sets_of_one_name_both_succeed() {
    let (_server, app, gate) = start();
    gate.close();
    let sets: Vec<_> = ["a", "b", "c"]
        .map(|payload| {
            let client = app.client();
            thread::spawn(move || insist(|| client.set("token", payload)).ok()["id"].clone())
        })
        .into_iter()
        .collect();
    gate.wait_until_held();
    gate.open();
    let ids: Vec<_> = sets.into_iter().map(|set| set.join().unwrap()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "one secret: {ids:?}");
    assert_eq!(app.client().list().ok()["data"].as_array().unwrap().len(), 2);
}

/// A race does not get past the limit of a scope.
#[test]
fn a_race_does_not_pass_the_limit() {
    let (_server, app, gate) = start();
    gate.close();
    let sets: Vec<_> = (0..16)
        .map(|number: i32| {
            let client = app.client();
            thread::spawn(move || insist(|| client.set(&number.to_string(), "p")).status)
        })
        .collect();
    gate.wait_until_held();
    gate.open();
    let statuses: Vec<_> = sets.into_iter().map(|set| set.join().unwrap()).collect();
    let with = |status| statuses.iter().filter(|one| **one == status).count();
    assert_eq!((with(200), with(400)), (9, 7), "one was there before");
}
