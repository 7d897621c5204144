//! Signals: what each does to a server.

use crate::listen::openssl;
use crate::program::{Home, Server, expect, text};
use rustix::process::Signal;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

#[test]
fn a_hangup_reloads_and_says_what_changed() {
    let home = Home::new();
    let key = text(&home.init(&["--app", "Shop"]), "test_key");
    let (first, second) = (openssl(&home, "1", "CA:FALSE"), openssl(&home, "2", "CA:FALSE"));
    let (cert, private) = (home.path("cert"), home.path("key"));
    let install = |(from, key): &(String, String)| {
        std::fs::copy(from, &cert).unwrap();
        std::fs::copy(key, &private).unwrap();
    };
    install(&first);
    let config = home.path("coffer.toml");
    let write = |level: &str, listen: &str, rate: u32| {
        let (cert, key) = (cert.display(), private.display());
        let text = format!(
            "log_level = \"{level}\"\nlisten = \"{listen}\"\ntls_cert = \"{cert}\"\n\
             tls_key = \"{key}\"\nrate_limit = {rate}\n"
        );
        std::fs::write(&config, text).unwrap();
    };
    write("info", "127.0.0.1:0", 50);
    let mut server = Server::start(&home, &["serve", "--config", &config.display().to_string()]);
    let https = format!("https://{}", server.address());
    let trusts = |cert: &str| {
        let list = home.coffer(&["secrets", "list"]).api_key(&key).env("COFFER_URL", &https);
        list.env("COFFER_CA_CERT", cert).run().code == Some(0)
    };
    assert!(trusts(&first.0) && !trusts(&second.0));

    server.signal(Signal::HUP);
    server.wait_for("nothing has changed");
    install(&second);
    write("debug", "127.0.0.1:1", 60);
    server.signal(Signal::HUP);
    server.wait_for("takes a restart");
    let log = server.log();
    for said in
        ["\"certificate\"", "another one", "debug, was info", "rate_limit is 60", "\"listen\""]
    {
        assert!(log.contains(said), "{said} in {log}");
    }
    assert!(trusts(&second.0) && !trusts(&first.0));

    std::fs::write(&cert, "nonsense").unwrap();
    server.signal(Signal::HUP);
    server.wait_for("not reloaded");
    assert!(trusts(&second.0), "what was good stays");
    std::fs::write(&config, "nonsense").unwrap();
    server.signal(Signal::HUP);
    server.wait_for("nothing was reloaded");
    assert!(trusts(&second.0));
    assert_eq!(server.stop(), Some(0));
}

/// Statuses of so many requests with a key, over one connection.
fn burst(server: &Server<'_>, key: &str, requests: usize) -> Vec<u16> {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    let request = format!(
        "GET /v1/apps/secrets?scope[type]=account HTTP/1.1\r\nHost: localhost\r\n\
         Authorization: Bearer {key}\r\n\r\n"
    );
    let answer = |_| {
        stream.write_all(request.as_bytes()).unwrap();
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            answers.read_line(&mut line).unwrap();
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(rest) = line.strip_prefix("http/1.1 ") {
                status = rest[..3].parse().unwrap();
            } else if let Some(rest) = line.strip_prefix("content-length: ") {
                length = rest.parse().unwrap();
            } else if line.is_empty() {
                break;
            }
        }
        answers.read_exact(&mut vec![0; length]).unwrap();
        status
    };
    (0..requests).map(answer).collect()
}

/// The limit that the log tells of is the one that requests meet. Without a number a server has
/// one that no honest app meets, and developer mode has none.
#[test]
fn a_limit_is_in_force_after_a_hangup_and_none_is_in_developer_mode() {
    let refused = |statuses: &[u16]| statuses.iter().filter(|status| **status == 429).count();
    let home = Home::new();
    let key = text(&home.init(&["--app", "Shop"]), "test_key");
    let config = home.path("coffer.toml");
    let write = |rate: &str| std::fs::write(&config, format!("{rate}\n")).unwrap();
    write("");
    let words = ["serve", "--listen", "127.0.0.1:0", "--config", &config.display().to_string()];
    let mut server = Server::start(&home, &words);
    // A second's worth may come at once, so as many meet no limit however fast they are.
    assert_eq!(refused(&burst(&server, &key, 1000)), 0, "4000 a second");
    write("rate_limit = 1");
    server.signal(Signal::HUP);
    server.wait_for("rate_limit is 1");
    let statuses = burst(&server, &key, 20);
    assert!(refused(&statuses) > 0, "{statuses:?}");
    write("rate_limit = 0");
    server.signal(Signal::HUP);
    server.wait_for("rate_limit is 0");
    assert_eq!(refused(&burst(&server, &key, 100)), 0);
    assert_eq!(server.stop(), Some(0));

    let other = home.other();
    let server = Server::start(&other, &["dev", "--listen", "127.0.0.1:0"]);
    assert_eq!(burst(&server, "sk_test_any", 100), [200; 100]);
    assert_eq!(server.stop(), Some(0));
    let asked = ["dev", "--listen", "127.0.0.1:0", "--rate-limit", "1"];
    let server = Server::start(&other, &asked);
    let statuses = burst(&server, "sk_test_any", 20);
    assert!(refused(&statuses) > 0, "a client's handling of it can be tried: {statuses:?}");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn signals_that_mean_nothing_end_nothing() {
    let home = Home::new();
    home.init(&[]);
    let other = home.other();
    for (home, verb) in [(&home, "serve"), (&other, "dev")] {
        let mut server = Server::start(home, &[verb, "--listen", "127.0.0.1:0"]);
        for signal in [
            Signal::USR1,
            Signal::USR2,
            Signal::ALARM,
            Signal::XFSZ,
            Signal::VTALARM,
            Signal::PROF,
            Signal::PIPE,
            Signal::IO,
            Signal::POWER,
        ] {
            server.signal(signal);
        }
        // Signals arrive in no order: only an answer after them shows that it lives.
        server.signal(Signal::HUP);
        server.wait_for("nothing has changed");
        expect(&server.coffer(&["accounts", "list"]).admin_key("ak_any").run(), code(verb));
        assert_eq!(server.stop(), Some(0));
    }
}

/// Developer mode takes any admin key, and production refuses this one.
fn code(verb: &str) -> i32 {
    if verb == "dev" { 0 } else { 4 }
}

#[test]
fn a_quit_ends_a_server_in_order() {
    let home = Home::new();
    home.init(&[]);
    let server = Server::start(&home, &["serve", "--listen", "127.0.0.1:0"]);
    server.signal(Signal::QUIT);
    assert_eq!(server.wait(), Some(0));
}

/// A unit of `Type=notify` counts as started once the server listens.
#[test]
fn the_service_manager_is_told_when_the_server_listens_and_when_it_stops() {
    let home = Home::new();
    home.init(&[]);
    let socket = std::os::unix::net::UnixDatagram::bind(home.path("notify")).unwrap();
    let call = home.coffer(&["serve", "--listen", "127.0.0.1:0"]);
    let call = call.env("NOTIFY_SOCKET", home.path("notify").display());
    let server = Server::start_call(&home, call, false);
    let next = || {
        let mut said = [0; 64];
        let length = socket.recv(&mut said).unwrap();
        String::from_utf8(said[..length].to_vec()).unwrap()
    };
    assert_eq!(next(), "READY=1");
    assert_eq!(server.stop(), Some(0));
    assert_eq!(next(), "STOPPING=1");
}
