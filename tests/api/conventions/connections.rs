//! What happens on one connection, and when the server stops.

use crate::check::lawful;
use coffer_testkit::{App, Gate, TestServer};
use std::net::TcpStream;
use std::thread;

fn start() -> (TestServer, App, String) {
    let server = TestServer::start();
    let app = server.app();
    let authorization = format!("Authorization: Bearer {}", app.test_key);
    (server, app, authorization)
}

fn find(name: &str) -> String {
    format!("GET /v1/apps/secrets/find?scope[type]=account&name={name}")
}

#[test]
fn a_connection_is_kept() {
    let (server, app, authorization) = start();
    app.client().set("token", "value").ok();
    let mut raw = server.raw();
    for _ in 0..200 {
        raw.request(&[&find("token"), &authorization], "");
        lawful(&raw.answer()).ok();
        raw.request(&[&find("nothing"), &authorization], "");
        lawful(&raw.answer()).refused(404);
        raw.request(&[&find("token")], "");
        lawful(&raw.answer()).refused(401);
    }
    raw.request(&[&find("token"), &authorization, "Connection: close"], "");
    raw.answer().ok();
    assert!(raw.is_closed());
}

#[test]
fn requests_may_be_sent_ahead() {
    let (server, app, authorization) = start();
    let names: Vec<_> = (0..10).map(|number| format!("name{number}")).collect();
    names.iter().for_each(|name| drop(app.client().set(name, "value").ok()));
    let one = |name: &String| {
        format!("{} HTTP/1.1\r\nHost: localhost\r\n{authorization}\r\n\r\n", find(name))
    };
    let mut raw = server.raw();
    raw.send(names.iter().map(one).collect::<String>());
    for name in &names {
        assert_eq!(raw.answer().ok()["name"], name.as_str());
    }
}

#[test]
fn http_1_0_is_answered() {
    let (server, app, authorization) = start();
    app.client().set("token", "value").ok();
    let mut raw = server.raw();
    raw.send(format!("{} HTTP/1.0\r\n{authorization}\r\n\r\n", find("token")));
    raw.answer().ok();
    assert!(raw.is_closed());
}

#[test]
fn half_a_body_changes_nothing() {
    let (server, app, authorization) = start();
    let mut raw = server.raw();
    let head = ["POST /v1/apps/secrets", &authorization, "Content-Length: 100"];
    raw.request(&head, "name=half&payload=p&scope[type]=account");
    raw.finish_sending();
    assert!(raw.is_closed_after(400), "it is either told why, or just cut off");
    app.client().find("half").refused(404);
}

/// A request under way is finished, and nobody new is let in.
#[test]
fn a_stop_finishes_what_is_under_way() {
    let gate = Gate::default();
    let server = TestServer::builder().without_background_jobs().faults(gate.faults()).start();
    let (client, socket, mut idle) = (server.app().client(), server.socket(), server.raw());
    gate.close();
    let setting = {
        let client = client.clone();
        thread::spawn(move || client.set("token", "value"))
    };
    gate.wait_until_held();
    let stopping = thread::spawn(move || server.stop());
    while TcpStream::connect(socket).is_ok() {
        thread::yield_now();
    }
    assert!(idle.is_closed(), "a connection without a request is not waited for");
    gate.open();
    lawful(&setting.join().unwrap()).ok();
    stopping.join().unwrap();
}

/// What was answered before a stop is there after it.
#[test]
fn a_new_server_finds_what_the_old_one_kept() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let server = TestServer::builder().data_dir(&data).start();
    let app = server.app();
    app.client().idempotent("one").set("token", "value").ok();
    let key = app.test_key;
    server.stop();
    let server = TestServer::builder().data_dir(&data).start();
    let client = server.anonymous().with_key(&key);
    assert_eq!(client.find("token").ok()["payload"], "value");
    let replay = client.idempotent("one").set("token", "value");
    assert_eq!(replay.header("idempotent-replayed"), Some("true"));
}
