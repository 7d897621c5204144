//! `coffer listen`: events go to a program on this machine, signed by a secret that is kept.

use crate::program::{Home, Server, expect};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Stdio;

const KEY: &str = "sk_test_listener";

/// Makes something happen: a plan.
fn happen(server: &Server<'_>) {
    let url = format!("http://{}/v1/reserve/plans", server.address());
    let body = "percent=10&type=rolling_release&rolling_release[days_after_charge]=30";
    let sent = ureq::post(&url)
        .header("Authorization", &format!("Bearer {KEY}"))
        .content_type("application/x-www-form-urlencoded")
        .send(body);
    assert_eq!(sent.unwrap().status(), 200);
}

#[test]
fn events_go_to_a_program_of_this_machine() {
    let home = Home::new();
    let server = Server::start(&home, &["dev", "--listen", "127.0.0.1:0"]);
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = format!("http://localhost:{}/hooks", receiver.local_addr().unwrap().port());
    let secret_file = home.path("secret").display().to_string();
    let printed = server.coffer(&["listen", "--secret-file", &secret_file, "--print-secret"]).run();
    expect(&printed, 0);
    let secret = printed.stdout.trim().to_owned();
    assert!(secret.starts_with("whsec_") && secret.len() == 38, "{secret}");
    happen(&server);
    let words = ["listen", "--forward-to", &to, "--secret-file", &secret_file];
    let mut call = server.coffer(&words).api_key(KEY);
    let mut listener = call.spawn(Stdio::inherit());
    let mut lines = BufReader::new(listener.stdout.take().unwrap()).lines().map(Result::unwrap);
    let first = lines.next().unwrap();
    assert!(first.contains(&secret) && first.contains(&to), "{first}");
    happen(&server);
    let (stream, _) = receiver.accept().unwrap();
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0);
    }
    let field = |name: &str| {
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(name));
        line.unwrap().split_once(": ").unwrap().1.to_owned()
    };
    let mut body = vec![0; field("content-length").parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let signature = field("stripe-signature");
    let time = signature.strip_prefix("t=").unwrap().split(',').next().unwrap();
    let expected =
        coffer_crypto::hmac_sha256_hex(secret.as_bytes(), &[time.as_bytes(), b".", &body]);
    assert_eq!(signature, format!("t={time},v1={expected}"));
    let event: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(event["type"], "reserve.plan.created");
    reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    let line = lines.next().unwrap();
    let id = event["id"].as_str().unwrap();
    assert!(line.starts_with(&format!("reserve.plan.created {id} -> 200")), "{line}");
    listener.kill().unwrap();
    listener.wait().unwrap();
}

/// Makes a plan of an account, or of the platform, and disables it.
fn made_and_disabled(server: &Server<'_>, account: Option<&str>) {
    let post = |path: &str, body: &str| {
        let url = format!("http://{}/v1/reserve/plans{path}", server.address());
        let mut sent = ureq::post(&url).header("Authorization", &format!("Bearer {KEY}"));
        if let Some(account) = account {
            sent = sent.header("Stripe-Account", account);
        }
        let sent = sent.content_type("application/x-www-form-urlencoded").send(body);
        let text = sent.unwrap().body_mut().read_to_string().unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    let rolling = "percent=10&type=rolling_release&rolling_release[days_after_charge]=30";
    let plan = post("", rolling);
    post(&format!("/{}/disable", plan["id"].as_str().unwrap()), "");
}

#[test]
fn only_the_events_and_the_account_that_are_named_are_followed() {
    const ACCOUNT: &str = "acct_listened";
    let home = Home::new();
    let server = Server::start(&home, &["dev", "--listen", "127.0.0.1:0"]);
    // Nobody listens there: what would have been sent is printed all the same.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let to = format!("http://{closed}/");
    let words = ["listen", "--forward-to", &to, "--events", "reserve.plan.disabled"];
    let mut call = server.coffer(&[&words[..], &["--account", ACCOUNT]].concat()).api_key(KEY);
    let mut listener = call.spawn(Stdio::inherit());
    let mut lines = BufReader::new(listener.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.next().unwrap().starts_with("Events are sent to"));
    made_and_disabled(&server, None);
    made_and_disabled(&server, Some(ACCOUNT));
    let line = lines.next().unwrap();
    let id = line.strip_prefix("reserve.plan.disabled ").unwrap().split(' ').next().unwrap();
    let url = format!("http://{}/v1/events/{id}", server.address());
    let found = ureq::get(&url)
        .header("Authorization", &format!("Bearer {KEY}"))
        .header("Stripe-Account", ACCOUNT)
        .call();
    assert_eq!(found.unwrap().status(), 200, "{line}");
    listener.kill().unwrap();
    listener.wait().unwrap();
}

#[test]
fn nothing_is_sent_to_other_machines() {
    let home = Home::new();
    for url in ["http://example.com/", "http://10.0.0.1/", "ftp://localhost/", "localhost:3000"] {
        let ended = home.coffer(&["listen", "--forward-to", url]).api_key(KEY).run();
        expect(&ended, 2);
        assert!(ended.stderr.contains("a URL of this machine"), "{}", ended.stderr);
    }
}
