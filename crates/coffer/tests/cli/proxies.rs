//! Keys and values go to the server that was named, and to nobody in between.

use crate::listen::openssl;
use crate::program::{Home, Server, expect, text};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A listener that keeps what it is sent, and answers every request with `answer`.
pub struct Recorder {
    pub address: String,
    seen: Arc<Mutex<String>>,
}

impl Recorder {
    pub fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                record(stream.unwrap(), &kept, answer);
            }
        });
        Self { address, seen }
    }

    pub fn seen(&self) -> String {
        self.seen.lock().unwrap().clone()
    }
}

fn record(mut stream: TcpStream, kept: &Mutex<String>, answer: &str) {
    // The whole request is read, or its answer could be lost with the connection.
    let mut request = String::new();
    let mut bytes = [0; 4096];
    while !is_whole(&request) {
        match stream.read(&mut bytes) {
            Ok(count) if count > 0 => request += &String::from_utf8_lossy(&bytes[..count]),
            _ => break,
        }
    }
    kept.lock().unwrap().push_str(&request);
    let _ = stream.write_all(answer.as_bytes());
}

fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let head = head.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.trim().parse().unwrap())
}

pub const PROXIES: [&str; 6] =
    ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];

pub const EMPTY: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\
                     Connection: close\r\n\r\n{}";

#[test]
fn a_proxy_sees_nothing_of_requests_on_this_machine() {
    let proxy = Recorder::start(EMPTY);
    let url = format!("http://{}", proxy.address);
    let home = Home::new();
    let init = PROXIES
        .iter()
        .fold(home.coffer(&["init", "--app", "Shop"]), |call, name| call.env(name, &url));
    let made = init.json();
    let (admin, key) = (text(&made, "admin_key"), text(&made, "test_key"));
    let server = Server::start(&home, &["serve", "--listen", "127.0.0.1:0"]);
    let port = server.address().rsplit_once(':').unwrap().1.to_owned();
    for host in ["127.0.0.1", "localhost"] {
        let base = format!("http://{host}:{port}");
        for words in [
            &["secrets", "set", "a"][..],
            &["secrets", "get", "a", "--reveal"],
            &["secrets", "list"],
            &["accounts", "list"],
            &["accounts", "create"],
            &["keys", "list"],
            &["status"],
            &["secrets", "delete", "a"],
        ] {
            let call = home.coffer(words).api_key(&key).admin_key(&admin).env("COFFER_URL", &base);
            let call = PROXIES.iter().fold(call, |call, name| call.env(name, &url));
            expect(&call.stdin("hunter2").run(), 0);
        }
    }
    assert_eq!(proxy.seen(), "", "the proxy was asked");
}

#[test]
fn only_tls_to_another_machine_goes_through_a_tunnel() {
    let proxy = Recorder::start("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    let url = format!("http://{}", proxy.address);
    let home = Home::new();
    let list = |base: &str| {
        let call = home.coffer(&["secrets", "list"]).api_key("sk_test_hunter2");
        call.env("COFFER_URL", base).env("HTTPS_PROXY", &url).env("HTTP_PROXY", &url)
    };
    // A name that is no machine's (RFC 2606), so that nothing is sent anywhere else.
    expect(&list("https://coffer.invalid:4747").env("NO_PROXY", "coffer.invalid").run(), 5);
    assert_eq!(proxy.seen(), "", "NO_PROXY is honoured");
    let plain = list("http://coffer.invalid:4747").env("COFFER_INSECURE_HTTP", "true");
    expect(&plain.run(), 5);
    assert_eq!(proxy.seen(), "", "plain HTTP went through a proxy");
    expect(&list("https://coffer.invalid:4747").run(), 5);
    let away = list("https://coffer.invalid").env("HTTPS_PROXY", "http://u:hunter2@127.0.0.1:1");
    let away = away.run();
    expect(&away, 5);
    assert!(away.stderr.contains("the proxy 127.0.0.1:1"), "{}", away.stderr);
    assert!(!away.stderr.contains("hunter2"), "{}", away.stderr);
    let seen = proxy.seen();
    assert!(seen.starts_with("CONNECT coffer.invalid:4747"), "{seen}");
    assert!(!seen.contains("hunter2"), "{seen}");
}

#[test]
fn an_answer_that_was_not_asked_for_is_an_error() {
    let html = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\nConnection: close\r\n\r\n<html></html>";
    let other = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\nConnection: close\r\n\r\n\
                 {\"object\":\"balance\"}";
    let moved = "HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n";
    let home = Home::new();
    for answer in [EMPTY, html, other, moved] {
        let server = Recorder::start(answer);
        let base = format!("http://{}", server.address);
        for words in [
            &["secrets", "set", "a"][..],
            &["secrets", "get", "a", "--reveal"],
            &["secrets", "delete", "a"],
            &["secrets", "list"],
            &["accounts", "create"],
            &["accounts", "delete", "acct_1", "--yes"],
            &["apps", "show", "app_1"],
            &["installs", "list"],
            &["keys", "create", "--admin"],
            &["keys", "revoke", "key_1"],
            &["status"],
        ] {
            let call = home.coffer(words).api_key("sk_test_a").admin_key("ak_a");
            let ended = call.env("COFFER_URL", &base).stdin("1").run();
            expect(&ended, 1);
            assert!(
                ended.stdout.is_empty() && ended.stderr.contains("is this a coffer"),
                "{ended:?}"
            );
        }
    }
}

#[test]
fn tls_on_this_machine_needs_no_proxy_either() {
    let proxy = Recorder::start(EMPTY);
    let home = Home::new();
    let key = text(&home.init(&["--app", "Shop"]), "test_key");
    let (cert, private) = openssl(&home, "own", "critical,CA:FALSE");
    let words = ["serve", "--listen", "127.0.0.1:0", "--tls-cert", &cert, "--tls-key", &private];
    let server = Server::start(&home, &words);
    let list = home.coffer(&["secrets", "list"]).api_key(&key).env("COFFER_CA_CERT", &cert);
    let list = list.env("COFFER_URL", format!("https://{}", server.address()));
    expect(&list.env("HTTPS_PROXY", format!("http://{}", proxy.address)).run(), 0);
    assert_eq!(proxy.seen(), "");
}
