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
    // Verbs that erase something else than an object that has a verb to show it.
    for (erase, typed) in [
        (&["accounts", "purge", &other][..], &*other),
        (&["users", "purge", "--account", &other, "--user", "alice"], "alice"),
        (&["keyring", "destroy"], "keyring"),
        (&["audit", "prune", "--before", "1"], "1"),
    ] {
        let refused = run(erase).run();
        expect(&refused, 2);
        assert!(refused.stdout.is_empty() && refused.stderr.contains("--yes"), "{refused:?}");
        assert!(refused.stderr.contains("nothing was erased"), "{refused:?}");
        expect(&run(erase).stdin(&format!("{typed}\n")).run(), 2);
        expect(&run(&["accounts", "show", &other]).run(), 0);
    }
    // An uninstall keeps the secrets, so it can be undone.
    let app = text(&run(&["apps", "create", "--account", &other]).json(), "id");
    let install = ["installs", "create", "--app", &app, "--account", &other];
    let install = text(&run(&install).json(), "id");
    expect(&run(&["installs", "delete", &install]).run(), 0);
}

/// Whoever sees no question cannot have answered it.
#[test]
fn on_a_terminal_it_is_asked_and_only_what_is_shown_can_be_answered() {
    let home = Home::new();
    let made = home.init(&["--app", "Shop"]);
    let admin = text(&made, "admin_key");
    let server = Server::start(&home, &["serve", "--listen", "127.0.0.1:0"]);
    let run = |words: &[&str]| server.coffer(words).admin_key(&admin);
    let id = text(&run(&["accounts", "create"]).json(), "id");
    let erase = ["accounts", "delete", &id];
    let answered = |after: &str, answer: &str| {
        run(&erase).on_terminal_with(50, after).stdin(&format!("{answer}\n")).run()
    };
    let unseen = answered("2>/dev/null", &id);
    expect(&unseen, 2);
    assert!(!unseen.stdout.contains("Type "), "{unseen:?}");
    expect(&run(&["accounts", "show", &id]).run(), 0);
    let other = answered("", "acct_other");
    expect(&other, 1);
    assert!(other.stdout.contains(&format!("Type {id} to go on")), "{other:?}");
    expect(&run(&["accounts", "show", &id]).run(), 0);
    expect(&answered("", &id), 0);
    expect(&run(&["accounts", "show", &id]).run(), 3);
    assert_eq!(server.stop(), Some(0));
}
