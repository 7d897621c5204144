//! Values of secrets, on their way to the server.

use crate::program::{Home, Server, expect, text};

#[test]
fn a_value_that_is_too_long_is_called_so() {
    let home = Home::new();
    let key = text(&home.init(&["--app", "Shop"]), "test_key");
    let listen = format!("unix:{}", home.path("coffer.sock").display());
    let server = Server::start(&home, &["serve", "--listen", &listen]);
    for letter in ["x", "\u{e9}", "%"] {
        for (letters, code, says) in
            [(5000, 0, ""), (5001, 1, "5000"), (30_000, 1, "5000"), (100_000, 2, "longer than any")]
        {
            let set =
                home.coffer(&["secrets", "set", "a"]).api_key(&key).env("COFFER_URL", &listen);
            let set = set.stdin(&letter.repeat(letters)).run();
            expect(&set, code);
            assert!(set.stderr.contains(says), "{letters}: {}", set.stderr);
        }
    }
    assert_eq!(server.stop(), Some(0));
}
