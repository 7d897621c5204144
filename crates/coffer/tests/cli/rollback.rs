//! Stores that somebody has put back: what the head file shows, and what rows show.

use crate::program::{Ended, Home, Server, expect, text};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const SERVE: [&str; 5] = ["serve", "--listen", "127.0.0.1:0", "--head-file", "elsewhere/head"];

/// How long the head file may take to be written, on a machine that is busy with other work.
const PATIENCE: Duration = Duration::from_secs(300);

/// An installation whose heads are kept elsewhere.
struct Guarded {
    home: Home,
    key: String,
    admin: String,
}

impl Guarded {
    fn new() -> Self {
        let home = Home::new();
        let made = home.init(&["--app", "Shop", "--key-dir", "keys"]);
        fs::create_dir(home.path("elsewhere")).unwrap();
        Self { key: text(&made, "test_key"), admin: text(&made, "admin_key"), home }
    }

    fn serve(&self, more: &[&str]) -> Server<'_> {
        Server::start(&self.home, &[&SERVE[..], &["--key-dir", "keys"], more].concat())
    }

    /// Sets a secret, and waits until the head file knows.
    fn set(&self, server: &Server<'_>, name: &str) {
        let before = self.head();
        let set = server.coffer(&["secrets", "set", name]).api_key(&self.key);
        expect(&set.stdin("hunter2").run(), 0);
        self.wait_for_another(&before);
    }

    fn head(&self) -> String {
        fs::read_to_string(self.home.path("elsewhere/head")).unwrap_or_default()
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "the server is another process with its own clock"
    )]
    fn wait_for_another(&self, before: &str) {
        let end = Instant::now() + PATIENCE;
        while self.head() == before {
            assert!(Instant::now() < end, "the head file was not written");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// A server that must not start.
    fn refused(&self) -> Ended {
        let refused = self.home.coffer(&[&SERVE[..], &["--key-dir", "keys"]].concat()).run();
        expect(&refused, 1);
        for word in ["kept at", "found: data", "--accept-rollback"] {
            assert!(refused.stderr.contains(word), "{}", refused.stderr);
        }
        refused
    }

    fn copy(&self, from: &str, to: &str) {
        let _ = fs::remove_dir_all(self.home.path(to));
        copy_directory(&self.home.path(from), &self.home.path(to));
    }

    /// Puts the directories back as they were copied, whatever is there now.
    fn put_back(&self, names: &[&str]) {
        for name in names {
            self.copy(&format!("{name}.old"), name);
        }
    }
}

fn copy_directory(from: &Path, to: &Path) {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_directory_that_was_put_back_is_refused_until_somebody_takes_the_blame() {
    let kept = Guarded::new();
    let server = kept.serve(&[]);
    assert!(server.log().contains("there is no head file yet"), "{}", server.log());
    kept.set(&server, "before");
    assert_eq!(server.stop(), Some(0));
    kept.copy("data", "data.old");
    let server = kept.serve(&[]);
    kept.set(&server, "after");
    assert_eq!(server.stop(), Some(0));
    kept.put_back(&["data"]);
    let head = kept.head();
    kept.refused();
    assert_eq!(kept.head(), head, "it still says what was lost");
    let doctor = kept.home.coffer(&["doctor", "--key-dir", "keys"]);
    let doctor = doctor.env("COFFER_HEAD_FILE", "elsewhere/head").run();
    expect(&doctor, 1);
    assert!(doctor.stdout.contains("FAIL  head"), "{}", doctor.stdout);
    let server = kept.serve(&["--accept-rollback"]);
    let get = |name: &str| server.coffer(&["secrets", "get", name]).api_key(&kept.key).run().code;
    assert_eq!((get("before"), get("after")), (Some(0), Some(3)));
    assert_eq!(server.stop(), Some(0));
    let audited = "SELECT count(*) FROM audit_entry WHERE operation = 'store.rollback.accept'";
    assert_eq!(sqlite(&kept.home.path("data/coffer.db"), audited), "1");
    // From here on it is as any other store.
    assert_eq!(kept.serve(&[]).stop(), Some(0));
}

/// Without a head file nothing is refused, but the key store knows how far the audit's log came.
#[test]
fn data_that_was_put_back_beside_newer_keys_is_told_until_somebody_takes_the_blame() {
    let kept = Guarded::new();
    let serve = |more: &[&str]| {
        let words = ["serve", "--listen", "127.0.0.1:0", "--key-dir", "keys"];
        Server::start(&kept.home, &[&words, more].concat())
    };
    let keys = kept.home.path("keys");
    let verify =
        || kept.home.coffer(&["audit", "verify"]).env("COFFER_KEY_DIR", keys.display()).run();
    let set = |server: &Server<'_>, name: &str| {
        let set = server.coffer(&["secrets", "set", name]).api_key(&kept.key);
        expect(&set.stdin("hunter2").run(), 0);
    };
    let server = serve(&[]);
    set(&server, "before");
    assert_eq!(server.stop(), Some(0));
    kept.copy("data", "data.old");
    let server = serve(&[]);
    set(&server, "after");
    assert_eq!(server.stop(), Some(0));
    expect(&verify(), 0);
    kept.put_back(&["data"]);
    let found = verify();
    expect(&found, 1);
    assert!(found.stdout.contains("the key store has a checkpoint of"), "{found:?}");
    let doctor = kept.home.coffer(&["doctor", "--key-dir", "keys"]).run();
    assert!(doctor.stdout.contains("FAIL  audit log"), "{}", doctor.stdout);

    // It is served, and said.
    let mut server = serve(&[]);
    server.wait_for("it was set back");
    assert_eq!(server.stop(), Some(0));
    expect(&verify(), 1);
    assert_eq!(serve(&["--accept-rollback"]).stop(), Some(0));
    expect(&verify(), 0);
    let audited = "SELECT count(*) FROM audit_entry WHERE operation = 'store.rollback.accept'";
    assert_eq!(sqlite(&kept.home.path("data/coffer.db"), audited), "1");
}

#[test]
fn a_snapshot_of_both_stores_that_was_put_back_is_refused() {
    let kept = Guarded::new();
    let server = kept.serve(&[]);
    kept.set(&server, "before");
    // As a machine's disk is copied: in the middle of everything, and the machine goes on.
    server.kill();
    for name in ["data", "keys"] {
        kept.copy(name, &format!("{name}.old"));
    }
    let server = kept.serve(&[]);
    kept.set(&server, "after");
    server.kill();
    kept.put_back(&["data", "keys"]);
    kept.refused();
}

#[test]
fn keys_alone_that_were_put_back_are_refused() {
    let kept = Guarded::new();
    let server = kept.serve(&[]);
    kept.set(&server, "before");
    assert_eq!(server.stop(), Some(0));
    kept.copy("keys", "keys.old");
    // A start is enough for the keys: their head rises with each.
    let before = kept.head();
    let server = kept.serve(&[]);
    kept.wait_for_another(&before);
    assert_eq!(server.stop(), Some(0));
    kept.put_back(&["keys"]);
    kept.refused();
}

/// As when its disk is not mounted: what was put back then would be noticed by nobody.
#[test]
fn a_head_file_that_is_missing_is_asked_for_once_there_was_one() {
    let kept = Guarded::new();
    // A store that was in use before the setting was there is served at once.
    let before =
        Server::start(&kept.home, &["serve", "--listen", "127.0.0.1:0", "--key-dir", "keys"]);
    let set = before.coffer(&["secrets", "set", "first"]).api_key(&kept.key);
    expect(&set.stdin("hunter2").run(), 0);
    assert_eq!(before.stop(), Some(0));
    let doctor = || {
        let doctor = kept.home.coffer(&["doctor", "--key-dir", "keys"]);
        doctor.env("COFFER_HEAD_FILE", "elsewhere/head").run()
    };
    assert!(doctor().stdout.contains("WARN  head"), "{}", doctor().stdout);
    let server = kept.serve(&[]);
    kept.set(&server, "before");
    assert_eq!(server.stop(), Some(0));
    fs::rename(kept.home.path("elsewhere"), kept.home.path("unmounted")).unwrap();
    fs::create_dir(kept.home.path("elsewhere")).unwrap();
    let serve = [&SERVE[..], &["--key-dir", "keys"]].concat();
    for _ in 0..2 {
        let refused = kept.home.coffer(&serve).run();
        expect(&refused, 1);
        for word in ["elsewhere/head is missing", "mount", "--accept-rollback"] {
            assert!(refused.stderr.contains(word), "{}", refused.stderr);
        }
        assert!(!kept.home.path("elsewhere/head").exists(), "none is made in its place");
    }
    let doctored = doctor();
    expect(&doctored, 1);
    assert!(doctored.stdout.contains("FAIL  head"), "{}", doctored.stdout);
    // Mounted again, all is right; gone for good, somebody says so.
    fs::remove_dir(kept.home.path("elsewhere")).unwrap();
    fs::rename(kept.home.path("unmounted"), kept.home.path("elsewhere")).unwrap();
    assert_eq!(kept.serve(&[]).stop(), Some(0));
    fs::remove_file(kept.home.path("elsewhere/head")).unwrap();
    let server = kept.serve(&["--accept-rollback"]);
    assert!(server.log().contains("the head file was missing"), "{}", server.log());
    assert_eq!(server.stop(), Some(0));
    let audited = "SELECT count(*) FROM audit_entry WHERE operation = 'store.rollback.accept' \
                   AND subject LIKE '%without a head file%'";
    assert_eq!(sqlite(&kept.home.path("data/coffer.db"), audited), "1");
    assert_eq!(kept.serve(&[]).stop(), Some(0));
}

#[test]
fn a_head_file_that_is_damaged_or_of_another_store_is_no_head_file() {
    let kept = Guarded::new();
    let server = kept.serve(&[]);
    kept.set(&server, "before");
    assert_eq!(server.stop(), Some(0));
    let head = kept.head();
    fs::write(kept.home.path("elsewhere/head"), head.replace("data", "date")).unwrap();
    let serve = [&SERVE[..], &["--key-dir", "keys"]].concat();
    let refused = kept.home.coffer(&serve).run();
    expect(&refused, 1);
    assert!(refused.stderr.contains("is damaged"), "{}", refused.stderr);
    let other = Guarded::new();
    let server = other.serve(&[]);
    other.set(&server, "before");
    assert_eq!(server.stop(), Some(0));
    fs::write(kept.home.path("elsewhere/head"), other.head()).unwrap();
    let refused = kept.home.coffer(&serve).run();
    expect(&refused, 1);
    assert!(refused.stderr.contains("give each store a head file"), "{}", refused.stderr);
}

#[test]
fn a_row_that_was_put_back_is_found_although_the_head_is_right() {
    let kept = Guarded::new();
    let database = kept.home.path("data/coffer.db");
    sqlite(&database, "CREATE TABLE aside AS SELECT * FROM api_key");
    let server = kept.serve(&[]);
    let keys = server.coffer(&["keys", "list"]).admin_key(&kept.admin).json();
    let keys = keys["data"].as_array().unwrap();
    let test_key = keys.iter().find(|key| key["mode"] == "test");
    let id = text(test_key.unwrap(), "id");
    expect(&server.coffer(&["keys", "revoke", &id]).admin_key(&kept.admin).run(), 0);
    assert_eq!(server.stop(), Some(0));
    sqlite(&database, "DELETE FROM api_key");
    sqlite(&database, "INSERT INTO api_key SELECT * FROM aside");
    sqlite(&database, "DROP TABLE aside");
    let server = kept.serve(&[]);
    let used = server.coffer(&["secrets", "list"]).api_key(&kept.key).run();
    expect(&used, 4);
    assert_eq!(server.stop(), Some(0));
    let doctor = kept.home.coffer(&["doctor", "--key-dir", "keys"]).run();
    expect(&doctor, 1);
    assert!(doctor.stdout.contains("from before their revocation"), "{}", doctor.stdout);
    let verify = ["backup", "create", "--to", "backups/", "--key-dir", "keys"];
    expect(&kept.home.coffer(&verify).run(), 0);
    let verified = kept.home.coffer(&["backup", "verify", "backups"]).json();
    assert_eq!(verified["outdated"], 1, "{verified}");
}

/// Runs a statement on a database that nobody has open; the first value that it gives.
fn sqlite(path: &Path, sql: &str) -> String {
    let script = format!(
        "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); r=c.execute(\"{sql}\").fetchone(); \
         c.commit(); print(r[0] if r else '')"
    );
    let run = std::process::Command::new("python3").args(["-c", &script]).arg(path).output();
    let output = run.unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
