//! Keys that encrypt, from the command line.

use crate::program::{self, Home, Server, expect};

#[test]
fn keys_are_rotated_and_taken_away_from_the_command_line() {
    let home = Home::new();
    let made = home.init(&["--app", "Shop"]);
    let (admin, key) = (program::text(&made, "admin_key"), program::text(&made, "live_key"));
    let server = Server::start(&home, &["serve", "--listen", "127.0.0.1:0"]);
    let operator = |words: &[&str]| server.coffer(words).admin_key(&admin);
    let secrets = |words: &[&str]| server.coffer(words).api_key(&key);
    expect(&secrets(&["secrets", "set", "token"]).stdin("hunter2").run(), 0);
    let reveal = ["secrets", "get", "token", "--reveal"];

    let waited = operator(&["keyring", "rotate", "all", "--wait"]).run();
    expect(&waited, 0);
    assert!(waited.stdout.contains("records_under_old_keys  0"), "{}", waited.stdout);
    assert!(waited.stderr.contains("100 %  done"), "{}", waited.stderr);
    let status = operator(&["keyring", "status"]).json();
    assert_eq!((&status["master_key"], &status["old_tenant_keys"]), (&2.into(), &0.into()));
    assert_eq!(secrets(&reveal).run().stdout, "hunter2");
    let narrowed = ["keyring", "rotate", "all", "--app", "app_1"];
    expect(&operator(&narrowed).run(), 1);
    expect(&operator(&["keyring", "rotate", "everything"]).run(), 2);

    expect(&operator(&["keyring", "rotate", "tenant", "--keep", "--wait"]).run(), 0);
    expect(&operator(&["keyring", "destroy"]).run(), 2);
    let destroyed = operator(&["keyring", "destroy", "--yes", "--wait"]).json();
    assert_eq!(destroyed["old_keys"], "destroyed");
    assert_eq!(operator(&["keyring", "status"]).json()["old_tenant_keys"], 0);

    assert_eq!(operator(&["seal"]).json()["sealed"], true);
    let refused = secrets(&reveal).run();
    expect(&refused, 5);
    assert!(refused.stderr.contains("coffer unseal"), "{}", refused.stderr);
    assert_eq!(operator(&["unseal"]).json()["sealed"], false);
    assert_eq!(secrets(&reveal).run().stdout, "hunter2");
    assert_eq!(server.stop(), Some(0));
}
