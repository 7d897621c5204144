//! What `coffer doctor` finds, and what verbs say about a store that they cannot use.

use crate::program::{Ended, Home, Server, expect, text};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The installation with an app, and secrets that a killed server left in its log.
struct Killed {
    home: Home,
    key: String,
}

impl Killed {
    fn new() -> Self {
        let home = Home::new();
        let key = text(&home.init(&["--app", "Shop"]), "test_key");
        let killed = Self { home, key };
        killed.write(&["before"]);
        killed
    }

    /// Sets these secrets on a server that is then killed.
    fn write(&self, names: &[&str]) {
        let server = Server::start(&self.home, &["serve", "--listen", "127.0.0.1:0"]);
        for name in names {
            let set = server.coffer(&["secrets", "set", name]).api_key(&self.key);
            expect(&set.stdin("hunter2").run(), 0);
        }
        server.kill();
    }

    fn file(&self, name: &str) -> String {
        self.home.path(name).display().to_string()
    }

    fn doctor(&self) -> Ended {
        self.home.coffer(&["doctor"]).run()
    }
}

/// Expects a failure of `check`, with a next step, and exit code 1.
#[track_caller]
fn expect_failure(found: &Ended, check: &str, step: &str) {
    expect(found, 1);
    let at = found.stdout.find(&format!("FAIL  {check}"));
    let rest = &found.stdout[at.unwrap_or_else(|| panic!("no failure of {check}: {found:?}"))..];
    assert!(rest.contains(step), "{step} in {}", found.stdout);
}

#[test]
fn a_backup_beside_the_old_log_is_neither_served_nor_good() {
    let killed = Killed::new();
    let copy = killed.file("b.db");
    coffer_storage::copy_file(&killed.home.path("data/coffer.db"), Path::new(&copy)).unwrap();
    killed.write(&["after"]);
    fs::copy(&copy, killed.home.path("data/coffer.db")).unwrap();
    expect_failure(&killed.doctor(), "integrity", "remove");
    let refused = killed.home.coffer(&["serve", "--listen", "127.0.0.1:0"]).run();
    expect(&refused, 1);
    assert!(refused.stderr.contains("coffer.db-wal"), "{}", refused.stderr);
    for words in [&["ledger", "verify"][..], &["backup", "create", "--to", "c.db"]] {
        expect(&killed.home.coffer(words).run(), 1);
    }
    // What the message says.
    for left in ["data/coffer.db-wal", "data/coffer.db-shm"] {
        let _ = fs::remove_file(killed.home.path(left));
    }
    let server = Server::start(&killed.home, &["serve", "--listen", "127.0.0.1:0"]);
    let get = |name: &str| server.coffer(&["secrets", "get", name]).api_key(&killed.key).run();
    expect(&get("before"), 0);
    expect(&get("after"), 3);
}

#[test]
fn a_damaged_database_is_a_failure() {
    for name in ["data/coffer.db", "data/keys.db"] {
        let home = Home::new();
        home.init(&["--app", "Shop"]);
        let path = home.path(name);
        let mut bytes = fs::read(&path).unwrap();
        for page in bytes.chunks_mut(4096).skip(2) {
            page[..200].fill(0xA5);
        }
        fs::write(&path, bytes).unwrap();
        let found = home.coffer(&["doctor"]).run();
        expect_failure(&found, "integrity", "newest backup");
    }
}

#[test]
fn an_empty_file_is_no_store_and_stays_empty() {
    for name in ["data/coffer.db", "data/keys.db"] {
        let home = Home::new();
        home.init(&[]);
        fs::write(home.path(name), "").unwrap();
        let found = home.coffer(&["doctor"]).run();
        expect_failure(&found, "store", "missing or empty");
        assert!(!found.stdout.contains("start the server"), "{}", found.stdout);
        let refused = home.coffer(&["serve", "--listen", "127.0.0.1:0"]).run();
        expect(&refused, 1);
        assert!(refused.stderr.contains("missing or empty"), "{}", refused.stderr);
        assert_eq!(fs::metadata(home.path(name)).unwrap().len(), 0);
    }
}

#[test]
fn a_volume_of_keys_that_is_not_mounted_stays_as_it_is() {
    let home = Home::new();
    let keys = ["--key-dir", "keys"];
    home.init(&keys);
    fs::rename(home.path("keys"), home.path("elsewhere")).unwrap();
    for words in [&["serve", "--listen", "127.0.0.1:0"][..], &["doctor"], &["admin-key", "create"]]
    {
        let refused = home.coffer(&[words, &keys].concat()).run();
        expect(&refused, 1);
        let said = format!("{}{}", refused.stdout, refused.stderr);
        assert!(said.contains("missing") && said.contains("volume"), "{said}");
        assert!(!home.path("keys").exists(), "{words:?} made it");
    }
    fs::rename(home.path("elsewhere"), home.path("keys")).unwrap();
    if rustix::process::geteuid().is_root() {
        let chmod = |name: &str, mode| {
            fs::set_permissions(home.path(name), Permissions::from_mode(mode)).unwrap();
        };
        for (name, mode) in [("", 0o755), ("data", 0o755), ("data/coffer.db", 0o644)] {
            chmod(name, mode);
        }
        let found = home.coffer(&[&["doctor"][..], &keys].concat()).by_nobody().run();
        expect_failure(&found, "store", "ermission denied");
    }
}

#[test]
fn keys_that_are_older_than_the_data_are_a_failure() {
    let home = Home::new();
    let made = home.init(&["--app", "Shop"]);
    let keys = home.path("data/keys.db");
    let old = fs::read(&keys).unwrap();
    let server = Server::start(&home, &["serve", "--listen", "127.0.0.1:0"]);
    let key = text(&made, "test_key");
    expect(&server.coffer(&["secrets", "set", "a"]).api_key(&key).stdin("1").run(), 0);
    assert_eq!(server.stop(), Some(0));
    expect(&home.coffer(&["doctor"]).run(), 0);
    fs::write(&keys, old).unwrap();
    expect_failure(&home.coffer(&["doctor"]).run(), "tenants' keys", "newest copy of the keys");
}

#[test]
fn a_key_that_is_made_right_after_the_backup_is_missed() {
    let home = Home::new();
    let made = home.init(&["--app", "Shop"]);
    let copy = home.path("keys.copy").display().to_string();
    let server = Server::start(&home, &["serve", "--listen", "127.0.0.1:0"]);
    let set = |name: &str, mode: &str| {
        let set = server.coffer(&["secrets", "set", name]).api_key(&text(&made, mode));
        expect(&set.stdin("1").run(), 0);
    };
    set("a", "test_key");
    expect(&home.coffer(&["backup", "create", "--keys-to", &copy]).run(), 0);
    expect(&home.coffer(&["doctor"]).run(), 0);
    // The same second or not: another tenant has another key.
    set("a", "live_key");
    expect_failure(&home.coffer(&["doctor"]).run(), "key backup", "coffer backup create");
}

#[test]
fn what_cannot_be_read_or_written_is_not_missing() {
    let home = Home::new();
    home.init(&[]);
    fs::set_permissions(home.path(""), Permissions::from_mode(0o755)).unwrap();
    let chmod = |name: &str, mode| {
        fs::set_permissions(home.path(name), Permissions::from_mode(mode)).unwrap();
    };
    if !rustix::process::geteuid().is_root() {
        chmod("data", 0o000);
    }
    for words in [
        &["doctor"][..],
        &["serve", "--listen", "127.0.0.1:0"],
        &["ledger", "verify"],
        &["backup", "create", "--to", "/tmp/never"],
        &["backup", "create", "--keys-to", "/tmp/never"],
        &["admin-key", "create"],
        &["dev", "--listen", "127.0.0.1:0"],
    ] {
        let refused = home.coffer(words).by_nobody().run();
        expect(&refused, 1);
        let said = format!("{}{}", refused.stdout, refused.stderr).to_lowercase();
        assert!(said.contains("permission denied"), "{words:?}: {said}");
        assert!(!said.contains("coffer init"), "{words:?}: {said}");
    }
    // Others may read, and not write.
    chmod("data", 0o555);
    for name in ["data/coffer.db", "data/keys.db"] {
        chmod(name, 0o444);
    }
    let found = home.coffer(&["doctor"]).by_nobody().run();
    expect_failure(&found, "writable", "own the files");
    chmod("data", 0o700);
}

#[test]
fn a_place_that_does_not_exist_may_be_a_volume() {
    let home = Home::new();
    for words in
        [&["doctor"][..], &["serve"], &["backup", "create", "--to", "b.db"], &["ledger", "verify"]]
    {
        let missing = home.coffer(words).run();
        expect(&missing, 1);
        let said = format!("{}{}", missing.stdout, missing.stderr);
        assert!(said.contains("volume") && said.contains("coffer init"), "{said}");
    }
}

#[test]
fn too_few_descriptors_are_named_with_the_setting_that_raises_them() {
    let home = Home::new();
    home.init(&[]);
    let few = home.coffer(&["doctor"]).with_descriptors(256).run();
    let line = few.stdout.lines().find(|line| line.contains("open files")).unwrap();
    assert!(line.starts_with("WARN  open files") && line.contains("hard limit 256"), "{few:?}");
    assert!(few.stdout.contains("LimitNOFILE="), "{few:?}");
}
