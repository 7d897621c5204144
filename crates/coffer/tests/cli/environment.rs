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
}

#[test]
fn a_database_that_is_not_up_yet_is_waited_for_and_a_signal_ends_the_wait() {
    let home = Home::new();
    let url = |name: &str| format!("postgres://coffer@127.0.0.1:1/{name}");
    let call = home.coffer(&["serve", "--listen", "127.0.0.1:0", "--log-format", "json"]);
    let call = call.env("COFFER_DATABASE_URL", url("d")).env("COFFER_KEY_DATABASE_URL", url("k"));
    let log = home.path("log");
    let mut call = call;
    let mut child = call.spawn(std::fs::File::create(&log).unwrap().into());
    while !std::fs::read_to_string(&log).unwrap().contains("tried again") {
        let said = std::fs::read_to_string(&log).unwrap();
        assert!(child.try_wait().unwrap().is_none(), "{said}");
        std::thread::yield_now();
    }
    let process = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
