//! `coffer login`, and the profiles that it keeps.

use crate::program::{Home, Server, expect, text};
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_profile_is_kept_and_used() {
    let home = Home::new();
    let made = home.init(&["--app", "Shop"]);
    let server = Server::start(&home, &["serve", "--listen", "127.0.0.1:0"]);
    let url = format!("http://{}", server.address());
    let login = |words: &[&str], key: &str| {
        home.coffer(&[&["login", "--url", &url], words].concat()).stdin(key).run()
    };
    let key = text(&made, "test_key");
    expect(&login(&[], &format!("{key}\n")), 0);
    expect(&login(&[], &text(&made, "admin_key")), 0);
    expect(&login(&["--profile", "live"], &text(&made, "live_key")), 0);
    let file = home.path("config/coffer/profiles.toml");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    // Neither address nor key is given any more.
    expect(&home.coffer(&["secrets", "set", "token"]).stdin("one").run(), 0);
    assert_eq!(home.coffer(&["secrets", "get", "token", "--reveal"]).run().stdout, "one");
    assert_eq!(home.coffer(&["status"]).json()["mode"], "production");
    let live = home.coffer(&["secrets", "list", "--profile", "live"]).json();
    assert_eq!(live["data"], serde_json::json!([]));
    let by_variable = home.coffer(&["secrets", "list"]).env("COFFER_PROFILE", "live").json();
    assert_eq!(by_variable["data"], serde_json::json!([]));
    let ran = home.coffer(&["run", "--", "sh", "-c", "printf %s \"$TOKEN\""]).run();
    assert_eq!(ran.stdout, "one");
    let listed = home.coffer(&["profiles"]).run();
    assert!(listed.stdout.contains("live") && !listed.stdout.contains(&key), "{}", listed.stdout);
    // The live profile has no admin key.
    expect(&home.coffer(&["status", "--profile", "live"]).run(), 4);
    let missing = home.coffer(&["secrets", "list", "--profile", "nothing"]).run();
    expect(&missing, 2);
    assert!(missing.stderr.contains("default, live"), "{}", missing.stderr);
    expect(&home.coffer(&["logout", "--profile", "live"]).run(), 0);
    expect(&home.coffer(&["logout", "--profile", "live"]).run(), 2);
    expect(&home.coffer(&["secrets", "list"]).run(), 0);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = home.coffer(&["secrets", "list"]).run();
    expect(&open, 2);
    assert!(open.stderr.contains("profiles.toml"), "{}", open.stderr);
}

/// A key goes to the server that it was kept with, whatever else is set.
#[test]
fn a_key_goes_to_its_server_alone() {
    let home = Home::new();
    let server = Server::start(&home, &["dev", "--listen", "127.0.0.1:0"]);
    let url = format!("http://{}", server.address());
    let login = home.coffer(&["login", "--url", &url]).stdin("sk_test_kept");
    expect(&login.run(), 0);
    let elsewhere = "http://127.0.0.1:1";
    // The address says another server, for which there is no key.
    let other = home.coffer(&["secrets", "list"]).env("COFFER_URL", elsewhere).run();
    expect(&other, 4);
    let named = ["secrets", "list", "--profile", "default", "--url", elsewhere];
    expect(&home.coffer(&named).run(), 2);
    // A key of the environment is for the address of the environment, or the usual one.
    let theirs = home.coffer(&["secrets", "list"]).env("COFFER_URL", &url);
    expect(&theirs.api_key("sk_test_other").run(), 0);
    // Logging in at another server keeps no key of the first.
    let unreachable = home.coffer(&["login", "--url", elsewhere]).stdin("sk_test_kept").run();
    expect(&unreachable, 5);
    expect(&home.coffer(&["secrets", "list"]).run(), 0);
    expect(&home.coffer(&["login", "--url", &url]).stdin("hunter2").run(), 2);
    expect(&home.coffer(&["login", "--url", &url]).stdin("sk_live_unknown").run(), 4);
    expect(
        &home
            .coffer(&["login", "--profile", "a b"])
            .env("COFFER_URL", &url)
            .stdin("sk_test_x")
            .run(),
        2,
    );
}

#[test]
fn a_profile_may_be_of_a_socket() {
    let home = Home::new();
    let made = home.init(&["--app", "Shop"]);
    let socket = format!("unix:{}", home.path("api").display());
    let server = Server::start(&home, &["serve", "--listen", &socket]);
    let login = home.coffer(&["login", "--url", &socket]).stdin(&text(&made, "test_key"));
    expect(&login.run(), 0);
    expect(&home.coffer(&["secrets", "set", "token"]).stdin("one").run(), 0);
    assert_eq!(home.coffer(&["secrets", "get", "token", "--reveal"]).run().stdout, "one");
    assert_eq!(server.stop(), Some(0));
}
