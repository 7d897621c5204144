//! Faults of the server's own: 500, and the process lives (conventions §3.1, §8).

use crate::check::lawful;
use coffer_base::Random;
use coffer_crypto::SystemRandom;
use coffer_storage::Faults;
use coffer_testkit::{Answer, TestServer};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

#[track_caller]
fn failed(answer: &Answer, retry: &str) -> String {
    let error = lawful(answer).refused(500);
    assert_eq!(error["type"], "api_error");
    assert!(error.get("code").is_none() && error.get("param").is_none());
    assert_eq!(answer.header("stripe-should-retry"), Some(retry));
    let message = error["message"].as_str().unwrap().to_owned();
    assert!(!message.contains("panic"), "what happened inside is for the log: {message}");
    message
}

#[test]
fn a_panic_ends_one_request() {
    let armed = Arc::new(AtomicBool::new(false));
    let hook = {
        let armed = Arc::clone(&armed);
        move || assert!(!armed.swap(false, Ordering::SeqCst), "as the test wants it")
    };
    // Background jobs look at the clock too; it is a request that shall panic.
    let server = TestServer::builder().without_background_jobs().clock_hook(Arc::new(hook));
    let server = server.start();
    let app = server.app();
    let mut raw = server.raw();
    let authorization = format!("Authorization: Bearer {}", app.test_key);
    let list = ["GET /v1/apps/secrets?scope[type]=account", &authorization];
    for _ in 0..3 {
        // Whoever writes the audit looks at the clock too, now and then: if it is struck instead,
        // the request is sent once more.
        let answer = loop {
            armed.store(true, Ordering::SeqCst);
            raw.request(&list, "");
            let answer = raw.answer();
            if answer.status != 200 {
                break answer;
            }
        };
        failed(&answer, "false");
        raw.request(&list, "");
        raw.answer().ok();
    }
}

/// Random bytes that run out after so many draws, once.
struct RunsOut(AtomicI64);

impl Random for RunsOut {
    fn fill(&self, out: &mut [u8]) {
        assert_ne!(self.0.fetch_sub(1, Ordering::SeqCst), 1, "as the test wants it");
        SystemRandom.fill(out);
    }
}

/// A write runs in a task of its own; nobody can say how far it came.
#[test]
fn a_panic_in_a_write_leaves_the_outcome_open() {
    let random = Arc::new(RunsOut(AtomicI64::new(i64::MAX)));
    let server = TestServer::builder().random(Arc::clone(&random) as Arc<dyn Random>).start();
    let client = server.app().client();
    client.set("token", "value").ok();
    // The first draw is for the request's id.
    random.0.store(2, Ordering::SeqCst);
    failed(&client.idempotent("one").set("token", "again"), "true");
    assert!(random.0.load(Ordering::SeqCst) < 1, "it was the write that ran out");
    assert_eq!(client.find("token").ok()["payload"], "value");
    let again = client.idempotent("one").set("token", "again");
    again.ok();
    assert_eq!(again.header("idempotent-replayed"), None, "nothing had been kept");
    assert_eq!(client.find("token").ok()["payload"], "again");
}

#[test]
fn a_commit_that_fails_keeps_nothing() {
    let armed = Arc::new(AtomicBool::new(false));
    let faults = Faults::none().fail_commit(Arc::clone(&armed));
    let server = TestServer::builder().faults(faults).without_background_jobs().start();
    let client = server.app().client();
    client.set("token", "value").ok();
    armed.store(true, Ordering::SeqCst);
    let answer = client.idempotent("one").set("token", "again");
    armed.store(false, Ordering::SeqCst);
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(lawful(&answer).header("stripe-should-retry"), Some("true"));
    assert_eq!(client.find("token").ok()["payload"], "value");
    let again = client.idempotent("one").set("token", "again");
    again.ok();
    assert_eq!(again.header("idempotent-replayed"), None);
}
