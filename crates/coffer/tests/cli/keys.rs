//! Keys and receipts from the command line.

use crate::program::{Home, Server, expect, text};

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

#[test]
fn a_key_is_rolled_and_a_lock_is_undone_on_the_host_alone() {
    let home = Home::new();
    let made = home.init(&["--app", "Shop"]);
    let (admin, app) = (text(&made, "admin_key"), text(&made, "app"));
    let server = Server::start(&home, &SERVE);
    let run = |words: &[&str]| server.coffer(words).admin_key(&admin);
    let create = ["keys", "create", "--app", &app, "--mode", "test", "--network", "127.0.0.1"];
    let key = run(&[&create[..], &["--uses", "9", "--never-expires"]].concat()).json();
    assert_eq!((&key["uses"], &key["networks"][0]), (&9.into(), &"127.0.0.1".into()));
    let roll = ["keys", "roll", &text(&key, "id"), "--expires-in"];
    expect(&run(&[&roll[..], &["8d"]].concat()).run(), 1);
    let rolled = run(&[&roll[..], &["now"]].concat()).json();
    assert_eq!(text(&rolled, "predecessor"), text(&key, "id"));
    let list = ["secrets", "list"];
    expect(&server.coffer(&list).api_key(&text(&key, "key")).run(), 4);
    expect(&server.coffer(&list).api_key(&text(&rolled, "key")).run(), 0);

    let auditor = run(&["keys", "create", "--admin", "--role", "auditor"]).json();
    let auditor = text(&auditor, "key");
    expect(&server.coffer(&["status"]).admin_key(&auditor).run(), 0);
    expect(&server.coffer(&["keys", "lock"]).admin_key(&auditor).run(), 4);
    expect(&server.coffer(&["keys", "create", "--app", &app, "--role", "keys"]).run(), 2);

    assert_eq!(run(&["keys", "lock"]).json()["locked"], true);
    expect(&run(&create).run(), 4);
    let refused = home.coffer(&["keys", "unlock"]).run();
    expect(&refused, 1);
    assert!(refused.stderr.contains("must be stopped"), "{}", refused.stderr);
    assert_eq!(server.stop(), Some(0));
    let server = Server::start(&home, &SERVE);
    expect(&server.coffer(&create).admin_key(&admin).run(), 4);
    assert_eq!(server.stop(), Some(0));
    assert_eq!(home.coffer(&["keys", "unlock"]).json()["locked"], false);
    let server = Server::start(&home, &SERVE);
    expect(&server.coffer(&create).admin_key(&admin).run(), 0);
    assert_eq!(server.stop(), Some(0));
    let locks = Server::start(&home, &[&SERVE[..], &["--lock-keys"]].concat());
    expect(&locks.coffer(&create).admin_key(&admin).run(), 4);
}

#[test]
fn a_purge_prints_its_receipt() {
    let home = Home::new();
    let admin = text(&home.init(&[]), "admin_key");
    let server = Server::start(&home, &SERVE);
    let run = |words: &[&str]| server.coffer(words).admin_key(&admin);
    let account = text(&run(&["accounts", "create"]).json(), "id");
    let user = ["users", "purge", "--account", &account, "--user", "usr_1"];
    let purge = ["accounts", "purge", &account];
    for erase in [&user[..], &purge] {
        let refused = run(erase).run();
        expect(&refused, 2);
        assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    }
    let receipt = run(&[&user[..], &["--yes"]].concat()).json();
    assert_eq!(text(&receipt, "user"), "usr_1");
    let printed = run(&[&purge[..], &["--yes"]].concat()).run();
    expect(&printed, 0);
    assert!(printed.stdout.contains("oldest_key_epoch"), "{}", printed.stdout);
    assert!(printed.stderr.contains("delete those, and keep this receipt"), "{}", printed.stderr);
    let entry = printed.stderr.split_whitespace().find(|word| word.starts_with("aud_")).unwrap();
    let proof = home.coffer(&["audit", "prove", entry.trim_end_matches('`')]).json();
    assert_eq!(proof["object"], "audit_inclusion_proof");
    assert!(proof["entry"].to_string().contains("program.erasures.complete"), "{proof}");
    let list = run(&["erasures", "list"]).json();
    let id = text(&list["data"][0], "id");
    assert_eq!(text(&run(&["erasures", "show", &id]).json(), "status"), "done");
    expect(&run(&[&purge[..], &["--yes"]].concat()).run(), 3);
}
