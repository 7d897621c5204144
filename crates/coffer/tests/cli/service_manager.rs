//! What a service manager does for a server, done by hand: sockets that are bound before it starts,
//! a watchdog, and reloads that it is told of.

use crate::program::{Home, Server, expect, handed, text};
use rustix::process::Signal;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::sync::mpsc::{Receiver, channel};

/// The API's socket and the admin API's.
struct Sockets {
    api: TcpListener,
    admin: UnixListener,
}

impl Sockets {
    fn bind(home: &Home) -> Self {
        Self {
            api: TcpListener::bind("127.0.0.1:0").unwrap(),
            admin: UnixListener::bind(home.path("admin")).unwrap(),
        }
    }

    /// Copies for a process.
    fn copies(&self) -> [OwnedFd; 2] {
        [self.api.try_clone().unwrap().into(), self.admin.try_clone().unwrap().into()]
    }

    fn address(&self) -> String {
        self.api.local_addr().unwrap().to_string()
    }
}

/// Sends a request without waiting for its answer.
fn send<T: Write>(mut stream: T, path: &str) -> T {
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

fn answer(mut stream: impl Read) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn handed_sockets_are_served_and_outlive_the_server() {
    let home = Home::new();
    let key = text(&home.init(&[]), "admin_key");
    let sockets = Sockets::bind(&home);
    let serve = || {
        // An address that another program has: it is not bound, since its socket is there.
        let call = home.coffer(&["serve", "--listen", &sockets.address()]);
        call.env("LISTEN_FDS", 2).env("LISTEN_FDNAMES", "api:admin")
    };
    for _ in 0..2 {
        // Whoever comes while no server runs waits for the next one.
        let early = send(TcpStream::connect(sockets.address()).unwrap(), "/readyz");
        let server = Server::start_handed(&home, serve(), sockets.copies());
        assert!(answer(early).starts_with("HTTP/1.1 200"));
        assert_eq!(server.address(), sockets.address());
        let admin = format!("unix:{}", home.path("admin").display());
        let status = home.coffer(&["status"]).env("COFFER_URL", &admin).admin_key(&key).run();
        expect(&status, 0);
        assert_eq!(server.stop(), Some(0));
        UnixStream::connect(home.path("admin")).unwrap();
    }
}

#[test]
fn sockets_that_nobody_can_place_are_refused() {
    let home = Home::new();
    home.init(&[]);
    let sockets = Sockets::bind(&home);
    for (count, names, why) in [
        ("2", "api:other", "the socket other of the service manager cannot be used"),
        ("2", "api:api", "another socket has this name"),
        ("2", "api", "named 1"),
        ("3", "api:admin:metrics", "the socket metrics of the service manager cannot be used"),
    ] {
        let call = home.coffer(&["serve"]).env("LISTEN_FDS", count).env("LISTEN_FDNAMES", names);
        let output = handed(call, sockets.copies()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{names}: {said}");
        assert!(said.contains(why), "{names}: {said}");
    }
}

/// Variables are inherited, sockets are not: those of another process are left alone.
#[test]
fn the_sockets_of_another_process_are_not_taken() {
    let home = Home::new();
    home.init(&[]);
    let call = home.coffer(&["serve", "--listen", "127.0.0.1:0"]);
    let call = call.env("LISTEN_PID", 1).env("LISTEN_FDS", 2);
    let server = Server::start_call(&home, call, false);
    assert_eq!(server.stop(), Some(0));
}

/// What a server tells, until it stops.
fn told(home: &Home) -> Receiver<String> {
    let socket = UnixDatagram::bind(home.path("notify")).unwrap();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut said = [0; 128];
        while let Ok(length) = socket.recv(&mut said) {
            let said = String::from_utf8(said[..length].to_vec()).unwrap();
            let is_last = said == "STOPPING=1" || sender.send(said).is_err();
            if is_last {
                return;
            }
        }
    });
    receiver
}

#[test]
fn the_watchdog_hears_of_a_server_that_makes_progress_and_of_its_reloads() {
    let home = Home::new();
    home.init(&[]);
    let told = told(&home);
    let call = home.coffer(&["serve", "--listen", "127.0.0.1:0"]).env("WATCHDOG_USEC", 30_000);
    let call = call.env("NOTIFY_SOCKET", home.path("notify").display());
    let server = Server::start_call(&home, call, false);
    let next = || told.recv().unwrap();
    let not_alive = || std::iter::repeat_with(next).find(|said| said != "WATCHDOG=1").unwrap();
    assert_eq!(next(), "READY=1");
    for _ in 0..3 {
        assert_eq!(next(), "WATCHDOG=1");
    }
    server.signal(Signal::HUP);
    let reloading = not_alive();
    let since = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=");
    assert!(since.is_some_and(|time| time.parse::<u64>().is_ok()), "{reloading}");
    assert_eq!(not_alive(), "READY=1");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_watchdog_for_another_process_hears_nothing() {
    let home = Home::new();
    home.init(&[]);
    let told = told(&home);
    let call = home.coffer(&["serve", "--listen", "127.0.0.1:0"]);
    let call = call.env("WATCHDOG_USEC", 1000).env("WATCHDOG_PID", 1);
    let call = call.env("NOTIFY_SOCKET", home.path("notify").display());
    let server = Server::start_call(&home, call, false);
    assert_eq!(server.stop(), Some(0));
    let said: Vec<String> = told.iter().collect();
    assert_eq!(said, ["READY=1"]);
}
