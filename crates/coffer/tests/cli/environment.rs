//! Variables: those that others make, those with a home directory in them, and passwords.

use crate::program::{Home, expect};

#[test]
fn service_links_of_kubernetes_are_passed_over() {
    let home = Home::new();
    let links = [
        ("COFFER_PORT", "tcp://10.0.0.1:4747"),
        ("COFFER_PORT_4747_TCP_ADDR", "10.0.0.1"),
        ("COFFER_ADMIN_PORT", "tcp://10.0.0.1:4748"),
        ("COFFER_ADMIN_PORT_4748_TCP", "tcp://10.0.0.1:4748"),
        ("COFFER_METRICS_SERVICE_HOST", "10.0.0.1"),
        ("COFFER_METRICS_SERVICE_PORT_HTTP", "9000"),
    ];
    let call = home.coffer(&["config", "check"]);
    expect(&links.iter().fold(call, |call, (name, value)| call.env(name, value)).run(), 0);
    for (name, value) in [("COFFER_PORT", "4747"), ("COFFER_METRICS", "on")] {
        expect(&home.coffer(&["config", "check"]).env(name, value).run(), 2);
    }
}

#[test]
fn a_home_directory_is_one_in_a_variable_too() {
    let home = Home::new();
    let init = home.coffer(&["init"]).env("HOME", home.path("").display());
    let made = init.env("COFFER_DATA_DIR", "~/data of mine").json();
    assert!(home.path("data of mine/coffer.db").exists(), "{made}");
    assert!(!home.path("~").exists());
    let print = home.coffer(&["config", "print"]).env("HOME", "/home/of mine");
    let print = print.env("COFFER_URL", "unix:~/coffer.sock").run();
    assert!(print.stdout.contains("unix:/home/of mine/coffer.sock"), "{}", print.stdout);
    // A shell leaves this one alone too.
    let words = ["migrate-store", "--from", "sqlite:~/none", "--to", "sqlite:to"];
    let moved = home.coffer(&words).env("HOME", home.path("").display()).run();
    expect(&moved, 1);
    let missing = home.path("none").display().to_string();
    assert!(moved.stderr.contains(&missing) && !home.path("to").exists(), "{}", moved.stderr);
    assert!(!home.path("none").exists() && !home.path("~").exists(), "nothing is made there");
    let print = home.coffer(&["config", "print"]).env("COFFER_DATA_DIR", "~/x").run();
    expect(&print, 2);
    assert!(print.stderr.contains("HOME"), "{}", print.stderr);
    let print = home.coffer(&["config", "print"]).env("COFFER_DATA_DIR", "~other/x").run();
    expect(&print, 2);
}

#[test]
fn a_password_in_an_address_is_shown_in_no_part() {
    let home = Home::new();
    for password in ["hun#ter2", "hun/ter2", "hun?ter2", "hun@ter2"] {
        let url = format!("postgres://coffer:{password}@127.0.0.1:1/coffer");
        for words in
            [&["config", "print"][..], &["serve"], &["doctor"], &["init"], &["migrate", "up"]]
        {
            let call = home.coffer(words).env("COFFER_DATABASE_URL", &url);
            let ended = call.env("COFFER_KEY_DATABASE_URL", "postgres://k@127.0.0.1:1/k").run();
            expect(&ended, 2);
            let said = format!("{}{}", ended.stdout, ended.stderr);
            assert!(!said.contains("hun") && !said.contains("ter2"), "{said}");
            assert!(said.contains("%2F"), "{said}");
        }
    }
    for words in [&["config", "print"][..], &["secrets", "list"]] {
        let call = home.coffer(words).env("COFFER_URL", "https://coffer:hunter2@127.0.0.1:1");
        let ended = call.api_key("sk_test_a").run();
        expect(&ended, 2);
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_database_that_is_not_up_yet_is_waited_for_and_a_signal_ends_the_wait() {
    // Nobody ever answers on this one; the system accepts its connections.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap().port();
    for (port, says) in [(1, "tried again"), (silent, "waited for")] {
        let home = Home::new();
        let url = |name: &str| format!("postgres://coffer@127.0.0.1:{port}/{name}");
        let call = home.coffer(&["serve", "--listen", "127.0.0.1:0", "--log-format", "json"]);
        let call = call.env("COFFER_DATABASE_URL", url("d"));
        let mut call = call.env("COFFER_KEY_DATABASE_URL", url("k"));
        let log = home.path("log");
        let mut child = call.spawn(std::fs::File::create(&log).unwrap().into());
        let said = || std::fs::read_to_string(&log).unwrap();
        while !said().contains(says) {
            assert!(child.try_wait().unwrap().is_none(), "{}", said());
            std::thread::yield_now();
        }
        // Before it tries: what it waits for, and how to end that.
        let said = said();
        let line = said.lines().find(|line| line.contains("waited for")).unwrap();
        for part in [&url("d"), &url("k"), "Ctrl-C"] {
            assert!(line.contains(part), "{line}");
        }
        let process = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn a_line_end_is_no_part_of_a_value() {
    let home = Home::new();
    let print = home.coffer(&["config", "print"]);
    let print = print.env("COFFER_LISTEN", "127.0.0.1:1\r\n").env("COFFER_LOG_LEVEL", "warn\r");
    let settings = print.env("COFFER_ADMIN_LISTEN", "\n").json();
    let value = |name: &str| {
        let settings = settings.as_array().unwrap();
        settings.iter().find(|setting| setting["name"] == name).unwrap()["value"].clone()
    };
    assert_eq!(value("listen"), "127.0.0.1:1");
    assert_eq!(value("log_level"), "warn");
    assert_eq!(value("admin_listen"), serde_json::Value::Null);
    // It is a key, and the server that it would be sent to is not there.
    let list = home.coffer(&["secrets", "list"]).api_key("sk_test_a\n");
    expect(&list.env("COFFER_URL", "http://127.0.0.1:1").run(), 5);
}

#[test]
fn settings_that_do_not_fit_together_are_found_before_the_start() {
    let home = Home::new();
    for settings in [
        [("COFFER_DATABASE_URL", "postgres://u@127.0.0.1:1/d"), ("COFFER_LOG_LEVEL", "info")],
        [("COFFER_LISTEN", "127.0.0.1:1"), ("COFFER_ADMIN_LISTEN", "127.0.0.1:1")],
        [("COFFER_LISTEN", "unix:s"), ("COFFER_ADMIN_LISTEN", "unix:s")],
    ] {
        for verb in [&["config", "check"][..], &["serve"]] {
            let call = home.coffer(verb);
            let call = settings.iter().fold(call, |call, (name, value)| call.env(name, value));
            expect(&call.run(), 2);
        }
    }
    let both = home.coffer(&["config", "check", "--listen", "127.0.0.1:0"]);
    expect(&both.env("COFFER_ADMIN_LISTEN", "127.0.0.1:0").run(), 0);
}
