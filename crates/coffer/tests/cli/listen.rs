//! Listeners other than plain HTTP on loopback: TLS, and a socket in the file system.

use crate::program::{Home, Server, expect, text};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// The key of a certificate, which the repository keeps readable, as its own file must not be.
pub fn tls_key(home: &Home) -> String {
    home.private_file("key.pem", &std::fs::read(tls("key.pem")).unwrap())
}

/// A certificate for 127.0.0.1 that signs itself, made for these tests and trusted by nobody else.
pub fn tls(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name);
    path.display().to_string()
}

#[test]
fn tls_is_served_to_those_who_trust_the_certificate() {
    let home = Home::new();
    let key = text(&home.init(&["--app", "Shop"]), "test_key");
    let (cert, private) = (tls("cert.pem"), tls_key(&home));
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
    let (cert, private) = (tls("cert.pem"), tls_key(&home));
    let own_cert = home.private_file("cert.pem", &std::fs::read(&cert).unwrap());
    let empty = home.private_file("empty.pem", b"");
    for (chain, key, named) in [
        (&private, &private, &private),
        (&cert, &own_cert, &own_cert),
        (&empty, &private, &empty),
        (&cert, &empty, &empty),
    ] {
        let words = ["serve", "--listen", "127.0.0.1:0", "--tls-cert", chain, "--tls-key", key];
        let ended = home.coffer(&words).run();
        assert_ne!(ended.code, Some(0));
        assert!(ended.stderr.contains(named.as_str()), "{}", ended.stderr);
    }
}

#[test]
fn a_tls_key_under_a_passphrase_is_named_as_such() {
    let home = Home::new();
    home.init(&[]);
    for (form, heading) in [
        ("ENCRYPTED PRIVATE KEY", ""),
        ("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n"),
    ] {
        let file = format!("-----BEGIN {form}-----\n{heading}MAA=\n-----END {form}-----\n");
        let key = home.private_file("sealed.pem", file.as_bytes());
        let cert = tls("cert.pem");
        let words = ["serve", "--listen", "127.0.0.1:0", "--tls-cert", &cert, "--tls-key", &key];
        let ended = home.coffer(&words).run();
        assert_ne!(ended.code, Some(0));
        assert!(ended.stderr.contains("is encrypted"), "{}", ended.stderr);
        assert!(ended.stderr.contains(key.as_str()), "{}", ended.stderr);
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
    let admin = text(&home.init(&[]), "admin_key");
    let socket = home.path("coffer.sock");
    let listen = format!("unix:{}", socket.display());
    let server = Server::start(&home, &["serve", "--listen", &listen]);
    assert!(ask(&socket).starts_with("HTTP/1.1 200"), "{}", ask(&socket));
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    // The command line speaks it too.
    let key = text(
        &home
            .coffer(&["keys", "create", "--admin"])
            .admin_key(&admin)
            .env("COFFER_URL", &listen)
            .json(),
        "key",
    );
    assert!(key.starts_with("ak_coffer_"));
    // Dropped, it is killed, and leaves its socket behind.
    drop(server);
    assert!(socket.exists());
    let server = Server::start(&home, &["serve", "--listen", &listen]);
    assert!(ask(&socket).starts_with("HTTP/1.1 200"));
    assert_eq!(server.stop(), Some(0));
    assert!(!socket.exists(), "an orderly end takes the socket away");
}

#[test]
fn a_socket_of_another_is_left_alone() {
    let home = Home::new();
    let key = text(&home.init(&["--app", "Shop"]), "test_key");
    let socket = home.path("coffer.sock");
    let listen = format!("unix:{}", socket.display());
    let mut server = Server::start(&home, &["serve", "--listen", &listen]);
    // A request under way, for which the server waits when it stops.
    let mut under_way = UnixStream::connect(&socket).unwrap();
    let head =
        "POST /v1/apps/secrets HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 6";
    write!(under_way, "{head}\r\nAuthorization: Bearer {key}\r\n\r\nname=").unwrap();
    // It is read once a later one is answered.
    assert!(ask(&socket).starts_with("HTTP/1.1 200"));
    server.terminate();
    server.wait_for("stopping");
    while UnixStream::connect(&socket).is_ok() {
        std::thread::yield_now();
    }
    // The next server is there already.
    let _ = std::fs::remove_file(&socket);
    let next = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    under_way.write_all(b"a").unwrap();
    assert_eq!(server.wait(), Some(0));
    assert!(socket.exists(), "it took the socket of another away");

    // One that lives, and lets in only its owner.
    for (path, mode) in [("", 0o755), ("coffer.sock", 0o600)] {
        std::fs::set_permissions(home.path(path), PermissionsExt::from_mode(mode)).unwrap();
    }
    let nobodys = home.path("nobody's");
    std::fs::create_dir(&nobodys).unwrap();
    std::fs::set_permissions(&nobodys, PermissionsExt::from_mode(0o777)).unwrap();
    std::fs::rename(&socket, nobodys.join("s")).unwrap();
    let root = nobodys.join("root.key").display().to_string();
    let place = nobodys.join("data").display().to_string();
    let store = ["--data-dir", &place, "--root-key", &root];
    expect(&home.coffer(&[&["init"], &store[..]].concat()).by_nobody().run(), 0);
    let listen = format!("unix:{}", nobodys.join("s").display());
    let words = [&["serve", "--listen", &listen], &store[..]].concat();
    let refused = home.coffer(&words).by_nobody().run();
    expect(&refused, 1);
    assert!(refused.stderr.contains("a server listens there"), "{}", refused.stderr);
    assert!(nobodys.join("s").exists());
    drop(next);
}

#[test]
fn an_unknown_authority_is_explained_without_a_loop() {
    let home = Home::new();
    let key = text(&home.init(&["--app", "Shop"]), "test_key");
    let (cert, private) = (tls("cert.pem"), tls_key(&home));
    let words = ["serve", "--listen", "127.0.0.1:0", "--tls-cert", &cert, "--tls-key", &private];
    let server = Server::start(&home, &words);
    let https = format!("https://{}", server.address());
    let list = || home.coffer(&["secrets", "list"]).api_key(&key).env("COFFER_URL", &https);
    let without = list().run();
    expect(&without, 5);
    assert!(without.stderr.contains("with --ca-cert"), "{}", without.stderr);
    let other = openssl(&home, "other", "critical,CA:TRUE");
    let with = list().env("COFFER_CA_CERT", &other.0).run();
    expect(&with, 5);
    assert!(with.stderr.contains("the file of --ca-cert has not"), "{}", with.stderr);
}

#[test]
fn an_authority_that_serves_itself_is_told_what_to_change() {
    let home = Home::new();
    let key = text(&home.init(&["--app", "Shop"]), "test_key");
    let (cert, private) = openssl(&home, "own", "critical,CA:TRUE");
    let words = ["serve", "--listen", "127.0.0.1:0", "--tls-cert", &cert, "--tls-key", &private];
    let server = Server::start(&home, &words);
    let https = format!("https://{}", server.address());
    let list = home.coffer(&["secrets", "list"]).api_key(&key).env("COFFER_URL", &https);
    let refused = list.env("COFFER_CA_CERT", &cert).run();
    expect(&refused, 5);
    assert!(refused.stderr.contains("CA:FALSE"), "{}", refused.stderr);
}

/// A certificate for 127.0.0.1 that signs itself, and its key.
pub fn openssl(home: &Home, name: &str, constraints: &str) -> (String, String) {
    let path = |ending: &str| home.path(&format!("{name}.{ending}")).display().to_string();
    let (cert, key) = (path("cert"), path("key"));
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-subj", "/CN=127.0.0.1", "-days", "2", "-keyout", &key, "-out", &cert])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", &format!("basicConstraints={constraints}")])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    (cert, key)
}

/// The answer to one request on a TCP connection.
fn ask_tcp(address: &str, head: &str) -> String {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let request = format!("{head}\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The lines of the log that tell of requests.
fn request_lines(log: &str) -> Vec<serde_json::Value> {
    let lines = log.lines().filter_map(|line| serde_json::from_str(line).ok());
    lines.filter(|line: &serde_json::Value| line.get("request_id").is_some()).collect()
}

#[test]
fn each_request_has_a_line_in_the_log_if_that_is_wanted() {
    for (wanted, expected) in [
        (&[][..], &["refused"][..]),
        (&["--log-requests", "all"], &["answered", "refused"]),
        (&["--log-requests", "off"], &[]),
    ] {
        let home = Home::new();
        let key = text(&home.init(&["--app", "Shop"]), "test_key");
        let words =
            [&["serve", "--listen", "127.0.0.1:0", "--log-format", "json"], wanted].concat();
        let words = [&words[..], &["--trusted-proxy", "127.0.0.0/8"]].concat();
        let server = Server::start(&home, &words);
        let head =
            "GET /v1/apps/secrets?scope[type]=account HTTP/1.1\r\nX-Forwarded-For: 192.0.2.7";
        let good = ask_tcp(&server.address(), &format!("{head}\r\nAuthorization: Bearer {key}"));
        assert!(good.starts_with("HTTP/1.1 200"), "{good}");
        let bad = ask_tcp(&server.address(), &format!("{head}\r\nAuthorization: Bearer sk_test_x"));
        assert!(bad.starts_with("HTTP/1.1 401"), "{bad}");
        let log = server.log();
        let lines = request_lines(&log);
        let messages: Vec<_> = lines.iter().map(|line| line["message"].as_str().unwrap()).collect();
        assert_eq!(messages, expected, "{log}");
        for line in lines {
            assert_eq!((&line["peer"], &line["level"]), (&"192.0.2.7".into(), &"INFO".into()));
            assert_eq!(line["path"], "/v1/apps/secrets");
            let status = if line["message"] == "answered" { 200 } else { 401 };
            assert_eq!(line["status"], status, "{line}");
        }
        assert!(!log.contains("scope") && !log.contains(&key), "{log}");
        assert_eq!(server.stop(), Some(0));
    }
}

/// Beyond what the system gives a process, connections make room for each other.
#[test]
fn more_silent_connections_than_descriptors_keep_nobody_out() {
    let home = Home::new();
    let key = text(&home.init(&["--app", "Shop"]), "test_key");
    let words = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    let server = Server::start(&home, &words);
    let process = Some(rustix::process::Pid::from_raw(server.process().cast_signed()).unwrap());
    let open = std::fs::read_dir(format!("/proc/{}/fd", server.process())).unwrap().count();
    // A server that has just started opens a few files more, so there is room for those as well.
    let most = Some(u64::try_from(open).unwrap() + 60);
    let few = rustix::process::Rlimit { current: most, maximum: most };
    rustix::process::prlimit(process, rustix::process::Resource::Nofile, few).unwrap();
    let find = "GET /v1/apps/secrets/find?name=token&scope[type]=account HTTP/1.1";
    let find = format!("{find}\r\nAuthorization: Bearer {key}");
    let mut silent = Vec::new();
    for _ in 0..2 {
        silent.extend((0..60).map(|_| std::net::TcpStream::connect(server.address()).unwrap()));
        let answer = ask_tcp(&server.address(), "GET /livez HTTP/1.1");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let answer = ask_tcp(&server.address(), &find);
        assert!(answer.contains("No such secret: 'token'"), "{answer}");
    }
    assert_eq!(server.stop(), Some(0));
}
