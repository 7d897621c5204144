//! `coffer health`: what health checks are told, by whichever way they ask.

use crate::listen::openssl;
use crate::program::{Call, Ended, Home, Server, expect, text};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

/// The verb with more patience than a busy machine takes.
fn health(home: &Home, words: &[&str]) -> Call {
    home.coffer(&[&["health", "--timeout", "60"], words].concat())
}

/// A check that fails ends with 1 and says why in its result, since that is what is kept of it.
#[track_caller]
fn expect_trouble(ended: &Ended, why: &str) {
    expect(ended, 1);
    assert!(ended.stdout.contains(why), "{why}: {ended:?}");
}

#[test]
fn a_server_is_ready_until_it_is_sealed_and_alive_until_it_stops() {
    let home = Home::new();
    let admin = text(&home.init(&[]), "admin_key");
    let server = Server::start(&home, &["serve", "--listen", "127.0.0.1:0"]);
    let url = format!("http://{}", server.address());
    let ask = |words: &[&str]| health(&home, &[&["--url", &url], words].concat()).run();
    let well = ask(&[]);
    expect(&well, 0);
    assert_eq!(well.stdout, format!("ready: {url}\n"));
    let document = health(&home, &["--live"]).env("COFFER_URL", &url).json();
    assert_eq!((&document["check"], &document["ok"]), (&"alive".into(), &true.into()));

    expect(&server.coffer(&["seal"]).admin_key(&admin).run(), 0);
    expect_trouble(&ask(&[]), "sealed by an operator");
    expect(&ask(&["--live"]), 0);
    assert_eq!(server.stop(), Some(0));
    expect_trouble(&ask(&["--live"]), "no answer");
}

#[test]
fn without_an_address_the_server_of_the_settings_is_asked() {
    let home = Home::new();
    home.init(&[]);
    let socket = format!("unix:{}", home.path("api").display());
    let server = Server::start(&home, &["serve", "--listen", &socket]);
    let here = || health(&home, &[]).env("COFFER_LISTEN", &socket);
    expect(&here().run(), 0);
    let asked = here().env("COFFER_METRICS_LISTEN", format!("unix:{}", home.path("m").display()));
    expect_trouble(&asked.run(), "no answer");
    expect(&here().env("COFFER_URL", &socket).run(), 0);
    assert_eq!(server.stop(), Some(0));

    let any_port = home.coffer(&["health"]).env("COFFER_LISTEN", "127.0.0.1:0").run();
    expect(&any_port, 2);
    assert!(any_port.stderr.contains("say --url"), "{any_port:?}");
}

#[test]
fn a_certificate_is_checked_unless_the_server_is_this_machines_own() {
    let home = Home::new();
    home.init(&[]);
    let (cert, key) = openssl(&home, "tls", "CA:FALSE");
    let words = ["serve", "--listen", "127.0.0.1:0", "--tls-cert", &cert, "--tls-key", &key];
    let server = Server::start(&home, &words);
    let url = format!("https://{}", server.address());
    expect(&health(&home, &["--url", &url, "--ca-cert", &cert]).run(), 0);
    expect_trouble(&health(&home, &["--url", &url]).run(), "--ca-cert");
    let here = health(&home, &[]).env("COFFER_LISTEN", server.address());
    expect(&here.env("COFFER_TLS_CERT", &cert).env("COFFER_TLS_KEY", &key).run(), 0);
}

/// A process that hangs is one that accepts and says nothing.
#[test]
fn a_server_that_says_nothing_is_not_waited_for_long() {
    let home = Home::new();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let _unix = UnixListener::bind(home.path("silent")).unwrap();
    let urls = [
        format!("http://{}", tcp.local_addr().unwrap()),
        format!("unix:{}", home.path("silent").display()),
    ];
    for url in &urls {
        let asked = home.coffer(&["health", "--url", url, "--timeout", "1"]).run();
        expect_trouble(&asked, "nothing came within 1 s");
    }
    expect(&home.coffer(&["health", "--timeout", "0"]).run(), 2);
}
