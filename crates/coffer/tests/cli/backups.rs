//! Backups of what is old, killed, read-only or named oddly.

use crate::program::{Home, Server, expect, text};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

#[test]
fn a_copy_goes_to_a_file_with_a_name() {
    let home = Home::new();
    home.init(&[]);
    for verb in ["create", "keys"] {
        let refused = home.coffer(&["backup", verb, "-"]).run();
        expect(&refused, 2);
        assert!(refused.stdout.is_empty() && !home.path("-").exists());
        let refused = home.coffer(&["backup", verb, "data"]).run();
        expect(&refused, 1);
        assert!(refused.stderr.contains("is a directory"), "{}", refused.stderr);
    }
}

#[test]
fn a_killed_backup_blocks_none() {
    let home = Home::new();
    home.init(&[]);
    for (verb, name) in [("create", "b.db"), ("keys", "k.db")] {
        let part = home.path(&format!("{name}.part"));
        fs::write(&part, "SQLite format 3\0 and then it was killed").unwrap();
        let file = home.path(name).display().to_string();
        expect(&home.coffer(&["backup", verb, &file]).run(), 0);
        assert!(!part.exists());
        coffer_storage::check_file(Path::new(&file)).unwrap();
    }
}

#[test]
fn only_a_root_key_that_exists_is_named() {
    let home = Home::new();
    let root = text(&home.init(&[]), "root_key");
    let create = |name: &str| {
        let told = home.coffer(&["backup", "create", name]).run();
        expect(&told, 0);
        told.stderr
    };
    assert!(create("1.db").contains(&root));
    fs::rename(&root, home.path("elsewhere")).unwrap();
    let told = create("2.db");
    assert!(!told.contains(&root) && told.contains("kept elsewhere"), "{told}");
}

#[test]
fn a_copy_needs_no_schema_of_this_build() {
    let home = Home::new();
    home.init(&[]);
    for (name, verb) in [("coffer.db", "create"), ("keys.db", "keys")] {
        // As a store of the version before: its last migrations are not recorded.
        let path = home.path(&format!("data/{name}"));
        let forget = "DELETE FROM schema_migration WHERE component LIKE 'k%'";
        sqlite(&path, forget);
        let file = home.path(&format!("copy of {name}")).display().to_string();
        let told = home.coffer(&["backup", verb, &file]).run();
        expect(&told, 0);
        coffer_storage::check_file(Path::new(&file)).unwrap();
        // And it stays old: only a server brings it up to date.
        expect(&home.coffer(&["doctor"]).run(), 1);
    }
}

/// Runs a statement on a database that nobody has open.
fn sqlite(path: &Path, sql: &str) {
    let script = format!(
        "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute(\"{sql}\"); c.commit()"
    );
    let status = std::process::Command::new("python3").args(["-c", &script]).arg(path).status();
    assert!(status.unwrap().success());
}

#[test]
fn a_snapshot_that_cannot_be_written_can_be_copied() {
    let home = Home::new();
    let key = text(&home.init(&["--app", "Shop"]), "test_key");
    let server = Server::start(&home, &["serve", "--listen", "127.0.0.1:0"]);
    expect(&server.coffer(&["secrets", "set", "a"]).api_key(&key).stdin("1").run(), 0);
    assert_eq!(server.stop(), Some(0));
    let chmod = |name: &str, mode| {
        fs::set_permissions(home.path(name), Permissions::from_mode(mode)).unwrap();
    };
    for name in ["data/coffer.db", "data/keys.db", "data/coffer.lock"] {
        chmod(name, 0o444);
    }
    chmod("", 0o755);
    chmod("data", 0o555);
    fs::create_dir(home.path("out")).unwrap();
    let files = || fs::read_dir(home.path("data")).unwrap().count();
    let before = files();
    chmod("out", 0o777);
    for (verb, name) in [("create", "out/b.db"), ("keys", "out/k.db")] {
        let file = home.path(name).display().to_string();
        let told = home.coffer(&["backup", verb, &file]).by_nobody().run();
        expect(&told, 0);
        coffer_storage::check_file(Path::new(&file)).unwrap();
    }
    expect(&home.coffer(&["ledger", "verify"]).by_nobody().run(), 0);
    assert_eq!(files(), before, "nothing was written there");
    chmod("data", 0o700);
}
