//! Which way deliveries of webhooks go, and whose certificates are believed.

use crate::listen::{tls, tls_key};
use crate::program::{Home, Server, text};
use crate::proxies::{EMPTY, PROXIES, Recorder};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const KEY: &str = "Bearer sk_test_deliveries";

/// How long an attempt may take to be made, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

fn post(server: &Server<'_>, path: &str, body: &str) -> Value {
    let sent = ureq::post(format!("http://{}{path}", server.address()))
        .header("Authorization", KEY)
        .content_type("application/x-www-form-urlencoded")
        .send(body);
    let body = sent.unwrap().body_mut().read_to_string().unwrap();
    serde_json::from_str(&body).unwrap()
}

/// Makes an endpoint and sends a test event to it; what became of the attempt.
fn attempt(server: &Server<'_>, url: &str) -> Value {
    let body = format!("url={url}&enabled_events[]=*");
    let id = text(&post(server, "/v1/webhook_endpoints", &body), "id");
    post(server, &format!("/v1/webhook_endpoints/{id}/test"), "");
    let list = format!("http://{}/v1/webhook_endpoints/{id}/attempts", server.address());
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        let answer = ureq::get(&list).header("Authorization", KEY).call();
        let body = answer.unwrap().body_mut().read_to_string().unwrap();
        let made = serde_json::from_str::<Value>(&body).unwrap()["data"][0].take();
        if made["status"] != "pending" {
            return json!([made["status"], made["http_status"], made["error"]]);
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    panic!("no attempt was made: {}", server.log());
}

#[test]
fn proxies_of_the_environment_get_no_delivery() {
    let (proxy, receiver) = (Recorder::start(EMPTY), Recorder::start(EMPTY));
    let home = Home::new();
    let url = format!("http://{}", proxy.address);
    let dev = home.coffer(&["dev", "--listen", "127.0.0.1:0"]);
    let dev = PROXIES.iter().fold(dev, |call, name| call.env(name, &url));
    let server = Server::start_call(&home, dev, true);
    let made = attempt(&server, &format!("http://{}/hooks", receiver.address));
    assert_eq!(made, json!(["succeeded", 200, null]));
    assert!(receiver.seen().starts_with("POST /hooks HTTP/1.1\r\n"), "{}", receiver.seen());
    assert_eq!(proxy.seen(), "");
}

/// Names are for the proxy to resolve, also those that nobody here could.
#[test]
fn the_operators_proxy_gets_every_delivery() {
    let proxy = Recorder::start("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
    let home = Home::new();
    let words = ["dev", "--listen", "127.0.0.1:0", "--webhook-proxy", &proxy.address];
    let server = Server::start(&home, &words);
    let made = attempt(&server, "https://hooks.invalid:8443/hooks");
    assert_eq!(made, json!(["failed", null, "connection_failed"]));
    let seen = proxy.seen();
    assert!(seen.starts_with("CONNECT hooks.invalid:8443 HTTP/1.1\r\n"), "{seen}");
    assert!(!seen.contains("evt_"), "{seen}");
}

/// The receiver is another server, which knows no such path: its answer shows that TLS was agreed
/// on.
#[test]
fn certificates_are_verified_by_the_authorities_that_the_operator_names() {
    let (other, home) = (Home::new(), Home::new());
    other.init(&[]);
    let (cert, private) = (tls("cert.pem"), tls_key(&other));
    let words = ["serve", "--listen", "127.0.0.1:0", "--tls-cert", &cert, "--tls-key", &private];
    let receiver = Server::start(&other, &words);
    let url = format!("https://{}/hooks", receiver.address());
    let named = ["dev", "--listen", "127.0.0.1:0", "--webhook-ca-file", &cert];
    let server = Server::start(&home, &named);
    assert_eq!(attempt(&server, &url), json!(["failed", 401, "http_status"]));
    // The certificate is for the address, and not for the name.
    let port = receiver.address().rsplit_once(':').unwrap().1.to_owned();
    let by_name = attempt(&server, &format!("https://localhost:{port}/hooks"));
    assert_eq!(by_name, json!(["failed", null, "connection_failed"]));
    assert_eq!(server.stop(), Some(0));
    let server = Server::start(&home, &["dev", "--listen", "127.0.0.1:0"]);
    assert_eq!(attempt(&server, &url), json!(["failed", null, "connection_failed"]));
}
