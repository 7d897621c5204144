//! What a result looks like on a terminal.

use super::program::Home;
use std::io::Read;
use std::net::TcpListener;
use std::process::Stdio;

/// A pager that marks what it was given.
const PAGER: &str = "sed 's/^/paged: /'";

#[test]
fn what_is_longer_than_the_terminal_goes_through_the_pager() {
    let home = Home::new();
    let shown = |lines: u16, pager: &str, format: &[&str]| {
        let words = [&["config", "print"], format].concat();
        let ended = home.coffer(&words).env("PAGER", pager).on_terminal(lines).run();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stdout
    };
    let paged = shown(20, PAGER, &[]);
    assert!(paged.lines().count() > 20 && paged.lines().all(|line| line.starts_with("paged: ")));
    for (what, text) in [
        ("a terminal that is long enough", shown(2000, PAGER, &[])),
        ("none is wanted", shown(20, "", &[])),
        ("cat is none", shown(20, "cat", &[])),
        ("it is for a program", shown(20, PAGER, &["--format", "json"])),
        ("there is no such pager", shown(20, "no-such-pager 2>/dev/null", &[])),
    ] {
        assert!(text.lines().count() > 20 && !text.contains("paged: "), "{what}: {text}");
    }
}

#[test]
fn what_is_no_terminal_is_never_paged() {
    let home = Home::new();
    let ended = home.coffer(&["config", "print"]).env("PAGER", PAGER).env("PATH", "/bin").run();
    assert!(ended.stdout.lines().count() > 20 && !ended.stdout.contains("paged: "), "{ended:?}");
}

#[test]
fn whoever_leaves_the_pager_early_has_the_result() {
    let home = Home::new();
    let early = home.coffer(&["config", "print"]).env("PAGER", "head -n 1").on_terminal(20).run();
    assert_eq!((early.code, early.stdout.lines().count()), (Some(0), 1), "{early:?}");
}

#[test]
fn whoever_waits_for_long_sees_a_sign_of_life() {
    let home = Home::new();
    // It takes connections and answers nobody.
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let call = home.coffer(&["status"]).env("COFFER_URL", format!("http://127.0.0.1:{port}"));
    let mut call = call.admin_key("ak_none").env("TERM", "xterm").on_terminal(24);
    let mut child = call.spawn(Stdio::null());
    let mut shown = child.stdout.take().unwrap();
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains('…') {
        let mut some = [0; 1024];
        let length = shown.read(&mut some).unwrap();
        assert!(length > 0, "it ended without a sign: {}", String::from_utf8_lossy(&said));
        said.extend_from_slice(&some[..length]);
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
