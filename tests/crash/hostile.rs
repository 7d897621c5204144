//! Strangers who send anything at all, a disk that is slow, and more connections than anybody
//! needs: honest callers are served meanwhile, and the server's memory stays bounded.

use crate::kill_rounds::Fixture;
use crate::load::{Place, Value, Write, find, send, value_of};
use crate::process::Program;
use coffer_testkit::{Client, Process, coffer_binary};
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// By how much the server's memory may grow, in KiB.
const GROWTH: u64 = 256 * 1024;

/// Silent connections, unless `COFFER_HOSTILE_CONNECTIONS` says otherwise.
const CONNECTIONS: usize = 400;

/// Opens connections, begins a request on each, says so, and holds them until its input ends.
const HOLDER: &str = "import socket, sys
held = []
for _ in range(int(sys.argv[2])):
    try:
        one = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 20)
        one.sendall(b'POST /v1/apps/secrets HTTP/1.1\\r\\nHost: a\\r\\n')
        held.append(one)
    except OSError:
        pass
print(len(held), flush=True)
sys.stdin.read()
";

/// What the server has in memory, in KiB.
fn memory(server: &Process) -> u64 {
    let status = std::fs::read_to_string(server.proc().join("status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn bounded(what: &str, before: u64, server: &Process) {
    let after = memory(server);
    println!("{what}: {before} KiB before, {after} KiB after");
    assert!(after < before + GROWTH, "{what}: {after} KiB");
}

/// Sets a secret and reads it, as often.
fn be_honest(client: &Client, account: &str, times: usize) {
    for at in 0..times {
        let name = format!("honest {}", at % 5);
        let place = Place { account: account.to_owned(), user: None, name };
        let value = Some(Value::lasting(format!("value {at}")));
        let write = Write { place, value, key: format!("{account} {at}") };
        send(client, &write).unwrap().ok();
        let seen = value_of(&find(client, &write.place).unwrap()).unwrap();
        assert_eq!(seen, write.value);
    }
}

fn socket(server: &Process) -> SocketAddr {
    server.url().trim_start_matches("http://").parse().unwrap()
}

/// Sends bytes, and reads whatever comes until the end.
fn throw(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    let Ok(mut stream) = TcpStream::connect(address) else { return answer };
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// What strangers send, and what somebody sends whose key is good: of that the body is read, as
/// long as it may be.
fn junk(key: &str) -> [Vec<u8>; 5] {
    let get = b"GET /v1/apps/secrets HTTP/1.1\r\nHost: a\r\n\r\n";
    let garbage: Vec<u8> =
        (0..4096u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let pipelined = [get.repeat(500), garbage.clone()].concat();
    // The beginning of a TLS handshake, of a length that never comes.
    let tls = [&[0x16, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc, 3, 3][..], &garbage].concat();
    let tiny = b"a=1&".repeat(1_000_000);
    let head = |more: &str| {
        let head = "POST /v1/apps/secrets HTTP/1.1\r\nHost: a\r\n\
                    Content-Type: application/x-www-form-urlencoded\r\n";
        format!("{head}{more}\r\n").into_bytes()
    };
    let length = format!("Content-Length: {}\r\n", tiny.len());
    let good = format!("Authorization: Bearer {key}\r\n");
    let mut chunked = head(&format!("Transfer-Encoding: chunked\r\n{good}"));
    for chunk in tiny.chunks(64) {
        chunked.extend(format!("{:x}\r\n", chunk.len()).bytes());
        chunked.extend(chunk.iter().chain(b"\r\n"));
    }
    chunked.extend(b"0\r\n\r\n");
    let by_stranger = [head(&length), tiny.clone()].concat();
    let by_key = [head(&format!("{length}{good}")), tiny].concat();
    [pipelined, tls, by_stranger, by_key, chunked]
}

/// A million parameters of a good key are refused for what they are, in whole and in chunks.
#[test]
fn hostile_parameters_are_refused_before_they_are_many() {
    let fixture = Fixture::new(1);
    let server = Program::Test("none").start(fixture.directory()).unwrap();
    let [.., by_key, chunked] = junk(&fixture.key);
    for request in [by_key, chunked] {
        let before = memory(&server);
        let mut writer = TcpStream::connect(socket(&server)).unwrap();
        let mut reader = BufReader::new(writer.try_clone().unwrap());
        std::thread::scope(|scope| {
            // The server stops reading early, so that writing may fail.
            scope.spawn(move || drop(writer.write_all(&request)));
            let mut status = String::new();
            reader.read_line(&mut status).unwrap();
            assert!(status.starts_with("HTTP/1.1 4"), "{status}");
            assert!(!status.starts_with("HTTP/1.1 401"), "the key is good: {status}");
        });
        bounded("a million parameters", before, &server);
    }
    server.stop();
}

#[test]
fn hostile_bytes_keep_no_honest_caller_out() {
    let fixture = Fixture::new(1);
    let account = fixture.next_account();
    let server = Program::Test("none").start(fixture.directory()).unwrap();
    let client = server.anonymous().with_key(&fixture.key);
    be_honest(&client, &account, 1);
    let (before, address) = (memory(&server), socket(&server));
    let (over, thrown) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for junk in junk(&fixture.key) {
            let (over, thrown) = (&over, &thrown);
            scope.spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    throw(address, &junk);
                    thrown.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        be_honest(&client, &account, 40);
        over.store(true, Ordering::SeqCst);
    });
    bounded(&format!("{} pieces of junk", thrown.into_inner()), before, &server);
    server.stop();
}

#[test]
fn hostile_slowness_of_a_disk_delays_no_read() {
    let fixture = Fixture::new(2);
    let (writer, reader) = (fixture.next_account(), fixture.next_account());
    let server = Program::Test("slow-flush").start(fixture.directory()).unwrap();
    let client = server.anonymous().with_key(&fixture.key);
    let place = Place { account: reader, user: None, name: "read".to_owned() };
    let value = Some(Value::lasting("value"));
    let write = Write { place: place.clone(), value, key: "the key".to_owned() };
    send(&client, &write).unwrap().ok();
    // On a busy machine a read may take as long as a flush here.
    let read_meanwhile = (0..20).any(|round| {
        let (over, reads) = (AtomicBool::new(false), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let place = Place { account: writer.clone(), ..place.clone() };
                let key = format!("round {round}");
                let write = Write { place, value: write.value.clone(), key };
                send(&client, &write).unwrap().ok();
                over.store(true, Ordering::SeqCst);
            });
            while !over.load(Ordering::SeqCst) {
                find(&client, &place).unwrap().ok();
                reads.fetch_add(1, Ordering::SeqCst);
            }
        });
        reads.into_inner() > 1
    });
    assert!(read_meanwhile, "no read was answered while a write was flushed");
}

/// The program, allowed so many descriptors.
fn allowed(program: &Path, home: &Path) -> Program {
    let path = home.join("coffer.sh");
    let text = format!("#!/bin/sh\nulimit -n 20000\nexec {} \"$@\"\n", program.display());
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    Program::Coffer(path)
}

#[test]
fn hostile_numbers_of_connections_keep_no_honest_caller_out() {
    let Some(program) = coffer_binary() else {
        println!("skipped: there is no `coffer` beside this test; COFFER_BIN can name one");
        return;
    };
    let asked = std::env::var("COFFER_HOSTILE_CONNECTIONS").ok();
    let connections = asked.map_or(CONNECTIONS, |asked| asked.parse().unwrap());
    let (fixture, home) = (Fixture::new(1), tempfile::TempDir::new().unwrap());
    let account = fixture.next_account();
    let server = allowed(&program, home.path()).start(fixture.directory()).unwrap();
    let client = server.anonymous().with_key(&fixture.key);
    be_honest(&client, &account, 1);
    let (before, port) = (memory(&server), socket(&server).port().to_string());
    let mut holder = Command::new("sh");
    holder.args(["-c", "ulimit -n 20000; exec python3 -c \"$0\" \"$@\"", HOLDER, &port]);
    let holder = holder.arg(connections.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut holder = holder.spawn().unwrap();
    let mut held = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut held).unwrap();
    be_honest(&client, &account, 20);
    bounded(&format!("{} connections", held.trim()), before, &server);
    assert!(held.trim().parse::<usize>().unwrap() * 10 >= connections * 9, "{held}");
    drop(holder.stdin.take());
    holder.wait().unwrap();
    server.stop();
}
