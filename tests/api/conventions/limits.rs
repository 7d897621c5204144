//! Who asks too much is told so, and nobody else notices.

use crate::check::lawful;
use coffer::serve::{Address, ServeOptions, Server};
use coffer_kernel::TrafficSettings;
use coffer_testkit::{Gate, TestServer};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;

fn limited(server: &TestServer, requests_per_second: Option<u32>) {
    let settings = TrafficSettings { requests_per_second, ..TrafficSettings::default() };
    server.server().installation().kernel.set_traffic(&settings);
}

/// Who asks for more than an app may is refused as Stripe refuses, before anything is stored.
#[test]
fn an_app_that_asks_too_much_is_refused_and_goes_through_later() {
    let server = TestServer::builder().embedded().start();
    let (app, other) = (server.app(), server.app());
    let client = app.client();
    limited(&server, Some(1));
    let (key, refused) = (0..10_000)
        .find_map(|number| {
            let key = format!("key{number}");
            let answer = client.idempotent(&key).set("token", "value");
            (answer.status != 200).then_some((key, answer))
        })
        .unwrap();
    assert_eq!(refused.header("stripe-rate-limited-reason"), Some("global-rate"));
    assert_eq!(refused.header("stripe-should-retry"), Some("true"));
    let error = lawful(&refused).refused(429);
    assert_eq!(error["type"], "invalid_request_error");
    assert_eq!(error["code"], "rate_limit");
    assert!(error.get("param").is_none());
    other.client().find("token").refused(404);
    server.admin().get("/v1/admin/apps", &[]).ok();
    limited(&server, None);
    let done = client.idempotent(&key).set("token", "value");
    done.ok();
    assert_eq!(done.header("idempotent-replayed"), None, "a refusal is never stored");
}

#[test]
fn an_apps_own_limit_counts_also_where_others_have_none() {
    let server = TestServer::builder().embedded().start();
    let (app, other) = (server.app(), server.app());
    let path = format!("/v1/admin/apps/{}", app.id);
    server.admin().post(&path, &[("requests_per_second", "1")]).ok();
    let refused = (0..10_000).map(|_| app.client().list()).find(|answer| answer.status != 200);
    lawful(&refused.unwrap()).refused(429);
    for _ in 0..20 {
        other.client().list().ok();
    }
    server.admin().post(&path, &[("requests_per_second", "")]).ok();
    for _ in 0..20 {
        app.client().list().ok();
    }
}

/// Whoever has as many requests under way as it may is refused with Stripe's other word, and goes
/// through once one of them has ended.
#[test]
fn an_app_or_a_key_with_too_many_requests_at_once_is_refused() {
    let gate = Gate::default();
    let server =
        TestServer::builder().embedded().without_background_jobs().faults(gate.faults()).start();
    let other = server.app().client();
    other.set("token", "value").ok();
    for quota in ["requests_at_once", "requests_at_once_per_key"] {
        let app = server.app();
        let client = app.client();
        client.set("token", "value").ok();
        let path = format!("/v1/admin/apps/{}", app.id);
        server.admin().post(&path, &[(quota, "1")]).ok();
        gate.close();
        thread::scope(|threads| {
            let first = threads.spawn(|| client.set("token", "another"));
            gate.wait_until_held();
            let refused = client.find("token");
            let error = lawful(&refused).refused(429);
            assert_eq!(error["code"], "rate_limit", "{quota}");
            let reason = refused.header("stripe-rate-limited-reason");
            assert_eq!(reason, Some("global-concurrency"), "{quota}");
            assert_eq!(refused.header("stripe-should-retry"), Some("true"), "{quota}");
            other.find("token").ok();
            gate.open();
            first.join().unwrap().ok();
        });
        assert_eq!(client.find("token").ok()["payload"], "another", "{quota}");
    }
}

/// Whoever tries keys is told that they are wrong, and good keys of the same address go through,
/// whether the server has seen them before or not.
#[test]
fn a_good_key_goes_through_beside_others_that_are_tried_from_its_address() {
    let server = TestServer::builder().embedded().start();
    let (known, unknown) = (server.app(), server.app());
    known.client().list().ok();
    limited(&server, Some(1_000_000));
    let one = |number: usize| {
        let key = format!("sk_test_wrong{number}");
        let head = "GET /v1/apps/secrets HTTP/1.1\r\nHost: localhost";
        format!("{head}\r\nAuthorization: Bearer {key}\r\n\r\n")
    };
    let mut raw = server.raw();
    let most = usize::try_from(coffer_kernel::limits::REFUSALS_AT_ONCE).unwrap();
    raw.send((0..=most).map(one).collect::<String>());
    (0..=most).for_each(|_| drop(raw.answer().refused(401)));
    for good in [&known, &unknown, &known, &unknown] {
        good.client().list().ok();
    }
    server.admin().get("/v1/admin/apps", &[]).ok();
}

fn get(address: SocketAddr, path: &str) -> u16 {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.get(9..12).unwrap().parse().unwrap()
}

/// A server with an admin listener and few places for other connections, on a runtime that stands
/// still unless the test drives it.
struct Small {
    runtime: tokio::runtime::Runtime,
    server: Server,
    api: SocketAddr,
    admin: SocketAddr,
    _kept: tempfile::TempDir,
}

impl Small {
    fn start(mut runtime: tokio::runtime::Builder) -> Self {
        let kept = tempfile::tempdir().unwrap();
        let data = kept.path().join("data");
        TestServer::builder().embedded().data_dir(&data).start().stop();
        let runtime = runtime.enable_all().build().unwrap();
        let server = runtime.block_on(async {
            let installation = crate::admin::listeners::open(&data).await;
            let any = Address::parse("127.0.0.1:0").ok();
            let options = ServeOptions {
                listen: any.clone(),
                admin_listen: any,
                connections: Some(20),
                ..ServeOptions::default()
            };
            Server::start(installation, options).await.unwrap()
        });
        let socket = |address: &Option<Address>| match address {
            Some(Address::Tcp(address)) => *address,
            other => panic!("{other:?}"),
        };
        let (api, admin) = (socket(&server.address), socket(&server.admin_address));
        Self { runtime, server, api, admin, _kept: kept }
    }

    fn stop(self) {
        self.runtime.block_on(self.server.stop());
    }
}

/// More silent connections than there are places for keep nobody out, on no listener.
#[test]
fn silent_connections_make_room_for_others() {
    let small = Small::start(tokio::runtime::Builder::new_multi_thread());
    let Small { api, admin, .. } = small;
    let mut silent: Vec<_> = (0..50).map(|_| TcpStream::connect(api).unwrap()).collect();
    for _ in 0..30 {
        assert_eq!(get(api, "/livez"), 200);
        assert_eq!(get(admin, "/readyz"), 200);
        silent.push(TcpStream::connect(api).unwrap());
    }
    silent.extend((0..200).map(|_| TcpStream::connect(admin).unwrap()));
    assert_eq!(get(admin, "/livez"), 200);
    drop(silent);
    small.stop();
}

/// Whatever keeps the threads of the API busy, the admin listener has one of its own, and `/livez`
/// is answered by the one that accepts connections.
#[test]
fn the_admin_listener_and_livez_answer_while_the_api_stands_still() {
    let small = Small::start(tokio::runtime::Builder::new_current_thread());
    for _ in 0..3 {
        assert_eq!(get(small.api, "/livez"), 200);
    }
    for path in ["/livez", "/readyz"] {
        assert_eq!(get(small.admin, path), 200, "{path}");
    }
    assert_eq!(get(small.admin, "/v1/admin/status"), 401);
    small.stop();
}

#[test]
fn the_limits_of_others_are_no_secret_and_no_detail() {
    let server = TestServer::builder().embedded().start();
    let app = server.app();
    let path = format!("/v1/admin/apps/{}", app.id);
    server.admin().post(&path, &[("requests_at_once", "1"), ("requests_per_second", "1")]).ok();
    let refused = (0..10_000).map(|_| app.client().list()).find(|answer| answer.status != 200);
    let body = refused.unwrap().json();
    assert_eq!(body["error"].as_object().unwrap().len(), 3, "{body}");
    assert_eq!(body["error"]["type"], json!("invalid_request_error"));
}
