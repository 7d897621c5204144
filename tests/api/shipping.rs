//! The audit is shipped to receivers that fail: every entry arrives, in the order of the log.

use crate::lines;
use coffer_audit::checkpoint::VerifierKey;
use coffer_audit::{Expected, SIGNING_PURPOSE};
use coffer_testkit::{Received, TestServer};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

/// A receiver over TCP that does with each connection what `serve` does, and passes on what `serve`
/// has taken.
fn listen(
    serve: impl Fn(usize, TcpStream, &Sender<String>) + Send + 'static,
) -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (taken, received) = channel();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            serve(number, stream.unwrap(), &taken);
        }
    });
    (port, received)
}

/// Reads one HTTP request, and answers it.
fn answer_http(mut stream: TcpStream, status: &str) -> Received {
    let received = Received::read(&stream).unwrap().unwrap();
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
    stream.write_all(answer.as_bytes()).unwrap();
    received
}

/// The numbers of entries in lines of JSON.
fn numbers(lines: &str) -> Vec<u64> {
    let parse = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].as_u64().unwrap();
    lines.lines().map(parse).collect()
}

/// Makes entries, ships, and asserts that the receiver has all entries of the log, from the first
/// on and without a gap; in their order, but that a batch may come again.
fn all_arrive(server: &TestServer, numbers: &[u64]) {
    let distinct: BTreeSet<u64> = numbers.iter().copied().collect();
    let count = u64::try_from(distinct.len()).unwrap();
    assert_eq!(distinct, (1..=count).collect(), "without a gap");
    assert_eq!(size(server), count, "all of them");
}

/// How many entries are in the log, by the receiver's lag.
fn size(server: &TestServer) -> u64 {
    let ship = status(server);
    ship["shipped"].as_u64().unwrap() + ship["lag"].as_u64().unwrap()
}

fn status(server: &TestServer) -> Value {
    server.admin().get("/v1/admin/status", &[]).ok()["audit_ship"][0].clone()
}

/// Runs the jobs until the receiver has all.
fn ship(server: &TestServer) {
    for _ in 0..50 {
        server.run_jobs();
        // Pauses between attempts are in the time that passes.
        server.clock.pass(Duration::from_secs(60));
        if status(server)["lag"] == 0 && status(server)["error"].is_null() {
            return;
        }
    }
    panic!("{}", status(server));
}

/// Changes only: their entries are there with their responses.
fn act(server: &TestServer) {
    for _ in 0..3 {
        server.account();
    }
}

#[test]
fn a_receiver_over_http_that_fails_gets_all_in_the_end_also_after_a_restart() {
    let (port, received) = listen(|number, stream, taken| match number {
        0 => drop(answer_http(stream, "500 Internal Server Error")),
        // It dies, with the batch in its hands.
        1 => drop(stream),
        _ => {
            let Received { head, body } = answer_http(stream, "204 No Content");
            assert!(head.contains("Bearer audit-token"), "{head}");
            taken.send(body).unwrap();
        }
    });
    let home = tempfile::TempDir::new().unwrap();
    let start = || {
        let receiver = format!("http://127.0.0.1:{port}/in");
        let builder = TestServer::builder().data_dir(home.path()).without_background_jobs();
        builder.embedded().ship_audit_to(&receiver).start()
    };
    let server = start();
    act(&server);
    server.run_jobs();
    let failed = status(&server);
    assert!(failed["error"].as_str().unwrap().contains("500"), "{failed}");
    assert!(failed["lag"].as_i64().unwrap() >= 3, "{failed}");
    ship(&server);
    act(&server);
    server.stop();
    let server = start();
    act(&server);
    ship(&server);
    let mut arrived = Vec::new();
    received.try_iter().for_each(|body| arrived.extend(numbers(&body)));
    assert!(arrived.is_sorted_by(|a, b| a < b), "none is sent twice that was acknowledged");
    all_arrive(&server, &arrived);
}

/// Whoever knows the URL of such a receiver may send to it, and its path or query may be why.
#[test]
fn a_receivers_token_shows_in_no_label_no_status_and_no_line_of_the_log() {
    lines::keep();
    let refuses = |_, stream, _: &Sender<String>| {
        drop(answer_http(stream, "500 Internal Server Error"));
    };
    let (port, _received) = listen(refuses);
    let host = format!("http://127.0.0.1:{port}");
    let mut builder = TestServer::builder().embedded().without_background_jobs();
    for token in ["token_of_one", "token_of_another"] {
        builder = builder.ship_audit_to(&format!("{host}/in/{token}?key={token}"));
    }
    let server = builder.start();
    act(&server);
    server.run_jobs();
    server.run_job("metrics");
    let status = server.admin().get("/v1/admin/status", &[]).ok()["audit_ship"].clone();
    let another = format!("{host} (2)");
    for (at, receiver) in [&host, &another].into_iter().enumerate() {
        assert_eq!(status[at]["receiver"], **receiver);
        let failing = format!("coffer_audit_shipment_failing{{receiver=\"{receiver}\"}}");
        assert_eq!(server.scrape().value(&failing), 1.0);
    }
    assert_eq!(lines::with(&host).len(), 2, "each has a line");
    let log = lines::with("token_of_");
    assert_eq!(log, [""; 0]);
    for text in [status.to_string(), server.scrape().text().to_owned()] {
        assert!(!text.contains("token_of_"), "{text}");
    }
}

/// A syslog server that is killed has taken what it has read, and the rest comes again.
#[test]
fn a_syslog_server_that_dies_gets_all_in_the_end() {
    let (port, received) = listen(|number, mut stream, taken| {
        if number == 0 {
            // It dies before it has read all: what is left unread makes its end a reset.
            stream.read_exact(&mut [0; 10]).unwrap();
            return;
        }
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        taken.send(text).unwrap();
    });
    let receiver = format!("syslog+tcp://127.0.0.1:{port}");
    let server = TestServer::builder().without_background_jobs().ship_audit_to(&receiver).start();
    act(&server);
    server.run_jobs();
    assert!(status(&server)["error"].is_string());
    ship(&server);
    let mut lines = String::new();
    for mut text in received.try_iter() {
        while !text.is_empty() {
            let (length, rest) = text.split_once(' ').unwrap();
            let (message, rest) = rest.split_at(length.parse().unwrap());
            lines.push_str(&json_of(message));
            text = rest.to_owned();
        }
    }
    all_arrive(&server, &numbers(&lines));
}

/// The JSON of a message, with the end of a line.
fn json_of(message: &str) -> String {
    let (head, json) = message.split_at(message.find('{').unwrap());
    let fields: Vec<_> = head.split(' ').collect();
    assert!(fields[0].starts_with("<1") && fields[0].ends_with(">1"), "{message}");
    assert_eq!(&fields[1][10..11], "T", "{message}");
    assert_eq!((fields[3], fields[4], fields[6]), ("coffer", "-", "-"), "{message}");
    format!("{json}\n")
}

#[test]
fn datagrams_are_sent_to_a_port_and_to_a_socket() {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let home = tempfile::TempDir::new().unwrap();
    let path = home.path().join("log");
    let unix = UnixDatagram::bind(&path).unwrap();
    let server = TestServer::builder()
        .embedded()
        .without_background_jobs()
        .ship_audit_to(&format!("syslog+udp://{}", udp.local_addr().unwrap()))
        .ship_audit_to(&format!("syslog+unix:{}", path.display()))
        .start();
    // A socket of this machine holds a few datagrams that nobody has read.
    ship(&server);
    assert_eq!(first_datagram(|buffer| udp.recv(buffer)), [1]);
    assert_eq!(first_datagram(|buffer| unix.recv(buffer)), [1]);
}

/// The number of the entry in the first datagram that was received.
fn first_datagram(receive: impl Fn(&mut [u8]) -> std::io::Result<usize>) -> Vec<u64> {
    let mut buffer = vec![0; 65_536];
    let length = receive(&mut buffer).unwrap();
    numbers(&json_of(std::str::from_utf8(&buffer[..length]).unwrap()))
}

#[test]
fn a_file_grows_and_may_be_rotated() {
    let home = tempfile::TempDir::new().unwrap();
    let (path, old) = (home.path().join("audit.jsonl"), home.path().join("audit.jsonl.1"));
    let receiver = format!("file:{}", path.display());
    let server = TestServer::builder().without_background_jobs().ship_audit_to(&receiver).start();
    act(&server);
    ship(&server);
    std::fs::rename(&path, &old).unwrap();
    act(&server);
    ship(&server);
    let read = |path| std::fs::read_to_string(path).unwrap();
    all_arrive(&server, &numbers(&(read(&old) + &read(&path))));
}

#[test]
fn a_connection_that_is_refused_leaves_the_cursor_where_it_is() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let receiver = format!("syslog+tcp://127.0.0.1:{port}");
    let server = TestServer::builder().without_background_jobs().ship_audit_to(&receiver).start();
    act(&server);
    server.run_jobs();
    let failed = status(&server);
    assert_eq!(failed["shipped"], 0, "{failed}");
    assert!(failed["error"].is_string() && failed["lag_seconds"].is_i64(), "{failed}");
}

/// Pruning deletes nothing that a receiver is still to get, unless that is what is wanted.
#[test]
fn what_a_receiver_does_not_have_yet_is_not_pruned() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let receiver = format!("syslog+tcp://127.0.0.1:{port}");
    let server = TestServer::builder().without_background_jobs().ship_audit_to(&receiver).start();
    act(&server);
    server.run_jobs();
    assert_eq!(status(&server)["shipped"], 0);
    let prune = |params: &[(&str, &str)]| server.admin().post("/v1/admin/audit/prune", params);
    let refused = prune(&[("before", "2")]).refused(400);
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains(&receiver) && message.contains("up to the entry 0"), "{message}");
    server.run_jobs();
    assert_eq!(server.count("audit_entry WHERE id <= 2"), 2, "it is refused as a whole");
    assert_eq!(prune(&[("before", "2"), ("unshipped", "true")]).status, 202);
    server.run_jobs();
    assert_eq!(server.count("audit_entry WHERE id <= 2"), 0);
}

/// Checkpoints go to a server, too: the newest one comes once it answers again.
#[test]
fn checkpoints_are_anchored_at_a_server() {
    let (port, received) = listen(|number, stream, taken| {
        let status = if number == 0 { "503 Service Unavailable" } else { "201 Created" };
        let Received { head, body } = answer_http(stream, status);
        assert!(head.starts_with("POST /in?key=1 HTTP/1.1\r\n"), "{head}");
        assert!(head.to_lowercase().contains("content-type: text/plain; charset=utf-8"), "{head}");
        taken.send(body).unwrap();
    });
    let server = TestServer::builder().without_background_jobs().start();
    let audit = &server.server().installation().audit;
    audit.anchor_at(format!("http://127.0.0.1:{port}/in?key=1").parse().unwrap());
    for _ in 0..3 {
        act(&server);
        server.run_jobs();
        server.clock.pass(Duration::from_secs(60));
    }
    // What was answered has been passed on, or is about to be.
    let notes: Vec<String> = received.iter().take(3).collect();
    let figures = audit.anchored().unwrap();
    assert_eq!((figures.failed, figures.succeeded), (1, 2));
    let sizes = notes.iter().map(|note| note.lines().nth(1).unwrap().parse::<u64>().unwrap());
    let sizes: Vec<u64> = sizes.collect();
    assert!(sizes.is_sorted_by(|a, b| a < b) && figures.entries == sizes[2], "{sizes:?}");
    // Each of them is one that the log proves to continue.
    let installation = server.server().installation();
    let signing = server.block_on(installation.context.keyring.signing_key(SIGNING_PURPOSE));
    let key = VerifierKey::of(&installation.store_id, &signing.unwrap()).unwrap();
    let anchors = notes.into_iter().map(|note| ("server".to_owned(), note)).collect();
    let expected = Expected::new(key, anchors);
    let verified = coffer_audit::verify(&installation.stores.data, &expected, |_, _| ());
    let report = server.block_on(verified).unwrap();
    assert_eq!((report.problems, report.anchors), (vec![], 3));
}
