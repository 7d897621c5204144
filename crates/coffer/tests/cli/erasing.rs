//! What cannot be undone is asked for, at a terminal or by a flag.

use crate::program::{Home, Server, expect, text};

#[test]
fn without_a_terminal_what_erases_needs_a_yes() {
    let home = Home::new();
    let made = home.init(&["--app", "Shop"]);
    let (admin, app, account) =
        (text(&made, "admin_key"), text(&made, "app"), text(&made, "account"));
    let server = Server::start(&home, &["serve", "--listen", "127.0.0.1:0"]);
    let run = |words: &[&str]| server.coffer(words).admin_key(&admin);
    let other = text(&run(&["accounts", "create"]).json(), "id");
    let install = ["installs", "create", "--app", &app, "--account", &other];
    let install = text(&run(&install).json(), "id");
    for (erase, show) in [
        (&["installs", "delete", &install, "--purge"][..], ["installs", "show", &install]),
        (&["apps", "delete", &app], ["apps", "show", &app]),
        (&["accounts", "delete", &account], ["accounts", "show", &account]),
    ] {
        let refused = run(erase).run();
        expect(&refused, 2);
        assert!(refused.stdout.is_empty() && refused.stderr.contains("--yes"), "{refused:?}");
        assert!(refused.stderr.contains("nothing was erased"), "{refused:?}");
        // An answer that comes by a pipe is nobody's.
        expect(&run(erase).stdin(&format!("{}\n", erase[2])).run(), 2);
        expect(&run(&show).run(), 0);
        expect(&run(&[erase, &["--yes"]].concat()).run(), 0);
    }
    // An uninstall keeps the secrets, so it can be undone.
    let app = text(&run(&["apps", "create", "--account", &other]).json(), "id");
    let install = ["installs", "create", "--app", &app, "--account", &other];
    let install = text(&run(&install).json(), "id");
    expect(&run(&["installs", "delete", &install]).run(), 0);
}
