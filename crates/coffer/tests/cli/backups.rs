//! Backups: made beside a server, cut, damaged, verified and restored.

use crate::pages;
use crate::program::{Ended, Home, Server, expect, text};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

/// An installation with an app, and how it is called.
pub struct Shop {
    pub home: Home,
    pub made: Value,
}

impl Shop {
    pub fn new() -> Self {
        let home = Home::new();
        let made = home.init(&["--app", "Shop"]);
        Self { home, made }
    }

    pub fn set(&self, server: &Server<'_>, names: &[&str]) {
        for name in names {
            let set = server.coffer(&["secrets", "set", name]);
            expect(&set.api_key(&text(&self.made, "test_key")).stdin("hunter2").run(), 0);
        }
    }

    /// The exit code of reading a secret.
    pub fn get(&self, server: &Server<'_>, name: &str) -> Option<i32> {
        let get = server.coffer(&["secrets", "get", name]);
        get.api_key(&text(&self.made, "test_key")).run().code
    }

    /// Sets secrets on a server that is stopped afterwards.
    pub fn write(&self, names: &[&str]) {
        let server = Server::start(&self.home, &SERVE);
        self.set(&server, names);
        assert_eq!(server.stop(), Some(0));
    }

    pub fn path(&self, name: &str) -> String {
        self.home.path(name).display().to_string()
    }

    /// Makes a backup below `place`, and gives the files of the data and of the keys.
    pub fn back_up(&self, place: &str) -> [String; 2] {
        let made = self.home.coffer(&["backup", "create", "--to", place]).json();
        let place = |at: usize| text(&made["backups"][at], "place");
        [place(0), place(1)]
    }

    pub fn run(&self, words: &[&str]) -> Ended {
        self.home.coffer(words).run()
    }
}

/// The file names in a directory.
pub fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_backup_is_made_beside_a_server_verified_and_restored() {
    let shop = Shop::new();
    let server = Server::start(&shop.home, &SERVE);
    shop.set(&server, &["one", "two"]);
    let directory = shop.path("backups/");
    let [data, keys] = shop.back_up(&directory);
    for file in [&data, &keys] {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(names(&shop.home.path("backups")).len(), 2, "nothing else is left");
    let verified = shop.home.coffer(&["backup", "verify", &directory]).json();
    assert_eq!(verified["opened"]["secrets"], 2, "{verified}");
    assert_eq!(verified["ok"], true);
    assert!(verified["identities"].as_u64().unwrap() >= 5, "{verified}");
    assert!(verified["audited"].as_u64().unwrap() >= 2, "{verified}");
    shop.set(&server, &["three"]);
    let restore = ["backup", "restore", &data, &keys, "--move-aside"];
    let refused = shop.run(&restore);
    expect(&refused, 1);
    assert!(refused.stderr.contains("in use by another coffer"), "{}", refused.stderr);
    server.kill();
    assert!(shop.home.path("data/coffer.db-wal").exists());
    let refused = shop.run(&restore[..4]);
    expect(&refused, 1);
    assert!(refused.stderr.contains("--move-aside"), "{}", refused.stderr);
    let restored = shop.run(&restore);
    expect(&restored, 0);
    for step in ["writing and flushing the data", "checking the keys", "into its place"] {
        assert!(restored.stdout.contains(step), "{}", restored.stdout);
    }
    let left = names(&shop.home.path("data"));
    assert!(!left.iter().any(|name| name.ends_with("db-wal") || name.ends_with("db-shm")));
    assert!(left.iter().any(|name| name.starts_with("coffer.db.before-")), "{left:?}");
    assert!(left.iter().any(|name| name.ends_with("-wal")), "the old log is kept: {left:?}");
    expect(&shop.run(&["doctor"]), 0);
    let server = Server::start(&shop.home, &SERVE);
    assert_eq!(shop.get(&server, "two"), Some(0));
    assert_eq!(shop.get(&server, "three"), Some(3));
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_backup_goes_through_pipes() {
    let shop = Shop::new();
    shop.write(&["one"]);
    let create = |words: &[&str]| shop.home.coffer(&[&["backup", "create"], words].concat());
    let told = create(&["--to", "-"]).through_shell("> data.stream").run();
    expect(&told, 0);
    assert!(told.stderr.contains("worthless without the keys"), "{}", told.stderr);
    let verify = shop.home.coffer(&["backup", "verify", "-"]);
    let verified = verify.through_shell("< data.stream").run();
    expect(&verified, 0);
    // The installation's own keys opened it.
    assert!(verified.stdout.contains("1 secrets"), "{}", verified.stdout);
    expect(&create(&["--to", "-", "--keys-to", "-"]).run(), 2);
    expect(&create(&["--pipe", "cat > \"piped-$COFFER_BACKUP_NAME\""]).run(), 0);
    let piped = names(&shop.home.path(""));
    let piped: Vec<&str> =
        piped.iter().filter(|name| name.starts_with("piped-")).map(String::as_str).collect();
    assert_eq!(piped.len(), 2, "{piped:?}");
    expect(&shop.run(&[&["backup", "verify"], &piped[..]].concat()), 0);
    let full = create(&["--pipe", "cat > /dev/full"]).run();
    expect(&full, 1);
    assert!(full.stderr.contains("No space left"), "{}", full.stderr);
    assert_eq!(names(&shop.home.path("data")).len(), names_of_a_store(&shop), "no copy is left");
}

/// How many files a stopped server has left in the data directory.
fn names_of_a_store(shop: &Shop) -> usize {
    let stores = names(&shop.home.path("data"));
    stores.iter().filter(|name| !name.contains("copy") && !name.ends_with(".part")).count()
}

#[test]
fn what_was_cut_or_damaged_is_neither_verified_nor_restored() {
    let shop = Shop::new();
    shop.write(&["one"]);
    // It is killed in the middle of a backup, by the command that takes it.
    let killed = "head -c 3000 > killed.backup; kill -9 $PPID";
    let told = shop.run(&["backup", "create", "--pipe", killed]);
    assert_eq!(told.code, None, "{told:?}");
    let [data, keys] = shop.back_up(&shop.path("backups/"));
    let whole = fs::read(&data).unwrap();
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    fs::write(shop.path("changed.backup"), &changed).unwrap();
    fs::write(shop.path("cut.backup"), &whole[..whole.len() - 1]).unwrap();
    fs::write(shop.path("other.backup"), "SQLite format 3").unwrap();
    for (name, why) in [
        ("killed.backup", "cut short"),
        ("changed.backup", "damaged"),
        ("cut.backup", "cut short"),
        ("other.backup", "no backup"),
        ("missing.backup", "No such file"),
    ] {
        for words in
            [&["backup", "verify", name][..], &["backup", "restore", "--data-dir", "new", name]]
        {
            let refused = shop.run(words);
            expect(&refused, 1);
            assert!(refused.stderr.contains(why), "{name}: {}", refused.stderr);
        }
    }
    let left = names(&shop.home.path("new"));
    assert!(left.iter().all(|name| name == "coffer.lock"), "{left:?}");
    for (one, other, why) in [(&data, &data, "both backups"), (&keys, &keys, "both backups")] {
        let refused = shop.run(&["backup", "restore", "--data-dir", "new", one, other]);
        expect(&refused, 1);
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
    }
    let other = Shop::new();
    let [_, keys_of_another] = other.back_up(&other.path("backups/"));
    let refused = shop.run(&["backup", "restore", "--data-dir", "new", &data, &keys_of_another]);
    expect(&refused, 1);
    assert!(refused.stderr.contains("two stores"), "{}", refused.stderr);
    let over = ["backup", "restore", "--move-aside", &keys_of_another];
    let refused = shop.run(&over);
    expect(&refused, 1);
    assert!(refused.stderr.contains("belongs to"), "{}", refused.stderr);
}

#[test]
fn an_older_backup_of_the_data_is_closed_to_an_account_that_was_erased_since() {
    let shop = Shop::new();
    let server = Server::start(&shop.home, &SERVE);
    shop.set(&server, &["one"]);
    let [data, old_keys] = shop.back_up(&shop.path("before/"));
    let app = text(&shop.made, "app");
    let erase = server.coffer(&["apps", "delete", &app, "--yes"]);
    expect(&erase.admin_key(&text(&shop.made, "admin_key")).run(), 0);
    assert_eq!(server.stop(), Some(0));
    let [_, keys] = shop.back_up(&shop.path("after/"));
    let verify = |keys: &str| shop.home.coffer(&["backup", "verify", &data, keys]).json();
    let verified = verify(&keys);
    assert_eq!(verified["opened"]["secrets"], 0, "{verified}");
    assert!(verified["destroyed"].as_u64().unwrap() > 0, "{verified}");
    assert!(verified["outdated"].as_u64().unwrap() > 0, "{verified}");
    // Whoever kept the keys from before can open it: so they are kept for shorter.
    assert_eq!(verify(&old_keys)["opened"]["secrets"], 1);
}

#[test]
fn the_server_backs_up_and_drills_by_schedule() {
    let shop = Shop::new();
    shop.write(&["one"]);
    let plan = [("BACKUP_TO", "backups"), ("BACKUP_EVERY", "24h"), ("DRILL_EVERY", "7d")];
    let with_plan = |words: &[&str]| {
        let call = shop.home.coffer(words);
        plan.iter().fold(call, |call, (name, value)| call.env(&format!("COFFER_{name}"), value))
    };
    let doctor = with_plan(&["doctor"]).run();
    assert!(doctor.stdout.contains("WARN  drill"), "{}", doctor.stdout);
    let mut server = Server::start_call(&shop.home, with_plan(&SERVE), false);
    server.wait_for("1 secrets");
    let status = server.coffer(&["status"]).admin_key(&text(&shop.made, "admin_key")).json();
    for kind in ["backup", "drill"] {
        assert_eq!(status[kind]["ok"], true, "{status}");
    }
    let schedule = with_plan(&["backup", "schedule"]).json();
    assert_eq!(schedule["drill"]["every"], 7 * 86_400, "{schedule}");
    assert_eq!(schedule["backup"]["ok"], true, "{schedule}");
    assert_eq!(server.stop(), Some(0));
    for operation in ["program.backup.create", "program.backup.drill"] {
        assert_eq!(audited(&shop, operation, "done"), "1", "{operation}");
    }
    let left = names(&shop.home.path("backups"));
    assert_eq!(left.len(), 2, "the drill has left nothing: {left:?}");
    let doctor = with_plan(&["doctor"]).run();
    expect(&doctor, 0);
    assert!(doctor.stdout.contains("ok    drill"), "{}", doctor.stdout);
    // A drill that fails is one that everybody sees.
    let data = left.iter().find(|name| name.contains("data")).unwrap();
    fs::remove_file(shop.home.path("backups").join(data)).unwrap();
    expect(&with_plan(&["drill"]).run(), 1);
    let doctor = with_plan(&["doctor"]).run();
    expect(&doctor, 1);
    assert!(doctor.stdout.contains("FAIL  drill"), "{}", doctor.stdout);
    let wrong = shop.home.coffer(&SERVE).env("COFFER_BACKUP_EVERY", "24h").run();
    expect(&wrong, 2);
    assert!(wrong.stderr.contains("backup_to"), "{}", wrong.stderr);
}

/// How many entries of the audit say so, and name a set of backups exactly if it was done.
fn audited(shop: &Shop, operation: &str, outcome: &str) -> String {
    let subject = if outcome == "done" { "IS NOT NULL" } else { "IS NULL" };
    let sql = format!(
        "SELECT count(*) FROM audit_entry WHERE operation = '{operation}' \
         AND outcome = '{outcome}' AND subject {subject}"
    );
    sqlite(&shop.home.path("data/coffer.db"), &sql)
}

/// What commands did is written into the audit by the next server, or the one that runs.
#[test]
#[allow(clippy::disallowed_methods, reason = "the server is another process, with its own clock")]
fn the_audit_has_backups_drills_and_restores() {
    let shop = Shop::new();
    shop.write(&["one"]);
    let [data, keys] = shop.back_up(&shop.path("backups/"));
    expect(&shop.run(&["drill", "--from", "backups"]), 0);
    expect(&shop.run(&["drill", "--from", "nowhere"]), 1);
    expect(&shop.run(&["backup", "create", "--pipe", "exit 3"]), 1);
    // A restore puts back the key store, with what was in it then; it is the last thing here.
    let server = Server::start(&shop.home, &SERVE);
    let all = [
        ("backup.create", "done", "1"),
        ("backup.create", "failed", "1"),
        ("backup.drill", "done", "1"),
        ("backup.drill", "failed", "1"),
    ];
    let wait_for = |all: &[(&str, &str, &str)]| {
        let end = Instant::now() + Duration::from_secs(300);
        for (operation, outcome, count) in all {
            while audited(&shop, operation, outcome) != *count {
                assert!(Instant::now() < end, "{operation} {outcome} never came");
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    };
    wait_for(&all);
    let actor = "SELECT DISTINCT actor_kind FROM audit_entry WHERE operation LIKE 'backup.%'";
    assert_eq!(sqlite(&shop.home.path("data/coffer.db"), actor), "operator");
    assert_eq!(server.stop(), Some(0));
    expect(&shop.run(&["backup", "restore", "--move-aside", &data, &keys]), 0);
    let server = Server::start(&shop.home, &SERVE);
    wait_for(&[("backup.restore", "done", "1")]);
    assert_eq!(server.stop(), Some(0));
    // By schedule, into a place that is not there.
    let call = shop.home.coffer(&SERVE).env("COFFER_BACKUP_TO", "gone/backups");
    let call = call.env("COFFER_BACKUP_EVERY", "24h");
    let mut server = Server::start_call(&shop.home, call, false);
    server.wait_for("is its volume mounted?");
    assert_eq!(audited(&shop, "program.backup.create", "failed"), "1");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn older_backups_are_removed_as_far_as_was_said() {
    let shop = Shop::new();
    let directory = shop.path("backups/");
    shop.back_up(&directory);
    shop.back_up(&directory);
    let create = ["backup", "create", "--to", &directory, "--keep", "2"];
    let made = shop.home.coffer(&create).json();
    let removed = &made["backups"][0]["removed"];
    assert_eq!(removed.as_array().unwrap().len(), 1, "{made}");
    assert_eq!(names(&shop.home.path("backups")).len(), 4);
}

#[test]
fn only_a_root_key_that_exists_is_named() {
    let home = Home::new();
    let root = text(&home.init(&[]), "root_key");
    let create = |name: &str| {
        let told = home.coffer(&["backup", "create", "--to", name]).run();
        expect(&told, 0);
        told.stderr
    };
    assert!(create("1.backup").contains(&root));
    fs::rename(&root, home.path("elsewhere")).unwrap();
    let told = create("2.backup");
    assert!(!told.contains(&root) && told.contains("kept elsewhere"), "{told}");
    let again = home.coffer(&["backup", "create", "--to", "1.backup"]).run();
    expect(&again, 1);
    assert!(again.stderr.contains("never overwrites"), "{}", again.stderr);
}

#[test]
fn a_copy_needs_no_schema_of_this_build() {
    let home = Home::new();
    home.init(&[]);
    for name in ["coffer.db", "keys.db"] {
        // As a store of the version before: its last migrations are not recorded.
        let path = home.path(&format!("data/{name}"));
        sqlite(&path, "DELETE FROM schema_migration WHERE component LIKE 'k%'");
    }
    let told = home.coffer(&["backup", "create", "--to", "old/"]).run();
    expect(&told, 0);
    assert!(told.stderr.contains("could not be recorded"), "{}", told.stderr);
    // And it stays old: only a server brings it up to date.
    expect(&home.coffer(&["doctor"]).run(), 1);
}

/// Runs a statement on a database; the first value that it gives.
pub fn sqlite(path: &Path, sql: &str) -> String {
    let script = format!(
        "import sqlite3,sys; c=sqlite3.connect(sys.argv[1], timeout=60); \
         r=c.execute(\"{sql}\").fetchone(); c.commit(); print(r[0] if r else '')"
    );
    let run = std::process::Command::new("python3").args(["-c", &script]).arg(path).output();
    let output = run.unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_snapshot_that_cannot_be_written_can_be_copied() {
    let shop = Shop::new();
    shop.write(&["one"]);
    let home = &shop.home;
    let chmod = |name: &str, mode| {
        fs::set_permissions(home.path(name), Permissions::from_mode(mode)).unwrap();
    };
    for name in ["data/coffer.db", "data/keys.db", "data/coffer.lock"] {
        chmod(name, 0o444);
    }
    chmod("", 0o755);
    chmod("data", 0o555);
    fs::create_dir(home.path("out")).unwrap();
    let before = names(&home.path("data"));
    chmod("out", 0o777);
    let told = home.coffer(&["backup", "create", "--to", "out"]).by_nobody().run();
    expect(&told, 0);
    expect(&home.coffer(&["ledger", "verify"]).by_nobody().run(), 0);
    assert_eq!(names(&home.path("data")), before, "nothing was written there");
    chmod("data", 0o700);
    let made: Vec<PathBuf> =
        names(&home.path("out")).iter().map(|name| home.path("out").join(name)).collect();
    assert_eq!(made.len(), 2);
    expect(&shop.run(&["backup", "verify", "out"]), 0);
}

#[test]
fn the_page_on_backups_is_right_about_its_commands() {
    let shop = Shop::new();
    let (backups, key_backups) = (shop.path("backups"), shop.path("key-backups"));
    let environment = [("BACKUPS", backups.as_str()), ("KEY_BACKUPS", &key_backups)];
    let run = |script: &str| pages::run(&shop.home, script, &environment);
    let blocks = |kind| pages::blocks("backup.md", kind);
    let server = Server::start(&shop.home, &SERVE);
    shop.set(&server, &["one"]);
    let commands = blocks("run");
    assert_eq!(commands.len(), 3);
    commands.iter().for_each(|script| run(script));
    shop.set(&server, &["two"]);
    assert_eq!(server.stop(), Some(0));
    blocks("run stopped").iter().for_each(|script| run(script));
    for script in blocks("serve") {
        run(&script.replace("coffer serve", "coffer config check"));
    }
    let server = Server::start(&shop.home, &SERVE);
    assert_eq!((shop.get(&server, "one"), shop.get(&server, "two")), (Some(0), Some(3)));
    assert_eq!(server.stop(), Some(0));
}
