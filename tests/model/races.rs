//! Many callers at once.

use crate::linear::{Call, Did, fits};
use coffer_testkit::{Answer, Client, TestServer};
use std::collections::BTreeSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};

/// Lets `callers` do something at the same time; what each came to.
fn at_once<T: Send>(callers: usize, act: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let gate = Barrier::new(callers);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..callers)
            .map(|caller| {
                let (gate, act) = (&gate, &act);
                scope.spawn(move || {
                    gate.wait();
                    act(caller)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn audited(server: &TestServer, operation: &str) -> i64 {
    server.changes(operation)
}

#[test]
fn a_scope_never_holds_more_than_ten() {
    let server = TestServer::start();
    let app = server.app().client();
    let answers = at_once(40, |caller| app.set(&format!("name{caller}"), "value"));
    let set = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(set, 10);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        let error = refused.refused(400);
        assert!(error.get("code").is_none() && error.get("param").is_none(), "{error}");
    }
    let params = [("scope[type]", "account"), ("limit", "100")];
    let listed = app.get("/v1/apps/secrets", &params).ok();
    assert_eq!(listed["data"].as_array().unwrap().len(), 10);
    assert_eq!(audited(&server, "apps.secrets.create"), 10);
}

#[test]
fn one_idempotency_key_is_executed_once() {
    let server = TestServer::start();
    let app = server.app().client();
    let caller = app.idempotent("once");
    let answers = at_once(20, |_| caller.set("name", "value"));
    let bodies: BTreeSet<&str> = answers.iter().map(|answer| answer.body.as_str()).collect();
    assert_eq!(bodies.len(), 1);
    answers.iter().for_each(|answer| drop(answer.ok()));
    let replays = answers.iter().filter(|one| one.header("idempotent-replayed").is_some());
    assert_eq!(replays.count(), 19);
    let first: BTreeSet<_> =
        answers.iter().map(|answer| answer.header("original-request").unwrap()).collect();
    assert_eq!(first.len(), 1);
    let requests: BTreeSet<_> =
        answers.iter().map(|answer| answer.header("request-id").unwrap()).collect();
    assert_eq!(requests.len(), 20);
    assert_eq!(audited(&server, "apps.secrets.create"), 1);
}

/// Each key is executed once, also where each caller sends other parameters.
#[test]
fn one_idempotency_key_is_one_request() {
    let server = TestServer::start();
    let app = server.app().client();
    let caller = app.idempotent("mine");
    let answers = at_once(20, |at| caller.set(&format!("name{at}"), "value"));
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(refused.refused(400)["type"], "idempotency_error");
    }
    assert_eq!(audited(&server, "apps.secrets.create"), 1);
}

/// A second pair of keys would hide from everyone what the first had sealed.
#[test]
fn an_account_first_used_by_many_at_once_has_one_pair_of_keys() {
    let server = TestServer::start();
    let apps: Vec<Client> = (0..40).map(|_| server.app().client()).collect();
    for app in &apps {
        let set = at_once(6, |caller| app.set(&format!("name{caller}"), "value"));
        set.iter().for_each(|answer| drop(answer.ok()));
    }
    assert_eq!(server.count_of_keys("tenant_key WHERE version > 1"), 0);
    for app in &apps {
        let all = app.get("/v1/apps/secrets", &[("scope[type]", "account")]).ok();
        assert_eq!(all["data"].as_array().unwrap().len(), 6);
    }
}

fn text(answer: &Answer, field: &str) -> String {
    answer.ok()[field].as_str().unwrap().to_owned()
}

fn act(app: &Client, caller: usize, step: usize) -> Did {
    match (caller + step) % 4 {
        0 | 1 => {
            let value = format!("value-{caller}-{step}");
            let id = text(&app.set("contended", &value), "id");
            Did::Set { value, id }
        }
        2 => match app.remove("contended") {
            answer if answer.status == 404 => Did::Deleted(None),
            answer => Did::Deleted(Some(text(&answer, "id"))),
        },
        _ => match app.find("contended") {
            answer if answer.status == 404 => Did::Found(None),
            answer => Did::Found(Some((text(&answer, "payload"), text(&answer, "id")))),
        },
    }
}

#[test]
fn one_name_is_changed_by_one_caller_after_another() {
    let server = TestServer::start();
    let app = server.app().client();
    for round in 0..12usize {
        let time = AtomicU64::new(0);
        let tick = || time.fetch_add(1, Ordering::SeqCst);
        let mut calls: Vec<Call> = at_once(6, |caller| {
            let step = |step| {
                let from = tick();
                let did = act(&app, caller, round + step);
                Call { from, to: tick(), did }
            };
            (0..9usize).map(step).collect::<Vec<_>>()
        })
        .concat();
        let from = tick();
        let did = act(&app, 3, 0);
        calls.push(Call { from, to: tick(), did });
        assert!(fits(&calls), "no order of these calls explains their answers: {calls:#?}");
        app.remove("contended");
    }
}
