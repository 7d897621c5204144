//! Signals: what each does to a server.

use crate::listen::openssl;
use crate::program::{Home, Server, expect, text};
use rustix::process::Signal;

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
