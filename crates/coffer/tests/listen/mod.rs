//! Listeners other than plain HTTP on loopback: TLS, and a socket in the file system.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use crate::program::{Home, Server, expect, text};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// A certificate for 127.0.0.1 that signs itself, made for these tests and trusted by nobody else.
fn tls(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name);
    path.display().to_string()
}

#[test]
fn tls_is_served_to_those_who_trust_the_certificate() {
    let home = Home::new();
    let key = text(&home.init(&["--app", "Shop"]), "test_key");
    let (cert, private) = (tls("cert.pem"), tls("key.pem"));
    let words = ["serve", "--listen", "127.0.0.1:0", "--tls-cert", &cert, "--tls-key", &private];
    let server = Server::start(&home, &words);
    let https = format!("https://{}", server.address());
    let list = || home.coffer(&["secrets", "list"]).api_key(&key).env("COFFER_URL", &https);
    expect(&list().env("COFFER_CA_CERT", &cert).run(), 0);
    expect(&list().run(), 5);
    expect(&server.coffer(&["secrets", "list"]).api_key(&key).run(), 5);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn tls_files_that_are_none_are_named() {
    let home = Home::new();
    home.init(&[]);
    let (cert, private) = (tls("cert.pem"), tls("key.pem"));
    for (chain, key, named) in [(&private, &private, &private), (&cert, &cert, &cert)] {
        let words = ["serve", "--listen", "127.0.0.1:0", "--tls-cert", chain, "--tls-key", key];
        let ended = home.coffer(&words).run();
        assert_ne!(ended.code, Some(0));
        assert!(ended.stderr.contains(named.as_str()), "{}", ended.stderr);
    }
}

/// The answer to one request on the socket.
fn ask(socket: &Path) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    let request = "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_socket_is_served_and_a_dead_one_is_replaced() {
    let home = Home::new();
    home.init(&[]);
    let socket = home.path("coffer.sock");
    let listen = format!("unix:{}", socket.display());
    let server = Server::start(&home, &["serve", "--listen", &listen]);
    assert!(ask(&socket).starts_with("HTTP/1.1 200"), "{}", ask(&socket));
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    // Dropped, it is killed, and leaves its socket behind.
    drop(server);
    assert!(socket.exists());
    let server = Server::start(&home, &["serve", "--listen", &listen]);
    assert!(ask(&socket).starts_with("HTTP/1.1 200"));
    assert_eq!(server.stop(), Some(0));
    assert!(!socket.exists(), "an orderly end takes the socket away");
}
