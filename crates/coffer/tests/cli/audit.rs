//! `coffer audit`, and the script of the documentation that checks what it proves.

use crate::program::{Call, Ended, Home, Server, expect, text};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long an entry may take to be shown, on a machine that is busy with other work.
const PATIENCE: Duration = Duration::from_secs(300);

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/audit_verify.py");

/// Runs the script; whether it succeeded, and what it said.
fn script(words: &[&str]) -> (bool, String) {
    let output = Command::new("python3").arg(SCRIPT).args(words).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// An installation and one of its keys.
struct Audited {
    home: Home,
    key: String,
    admin: String,
}

impl Audited {
    fn new() -> Self {
        let home = Home::new();
        let made = home.init(&["--app", "Shop"]);
        Self { key: text(&made, "test_key"), admin: text(&made, "admin_key"), home }
    }

    /// Sets some secrets on a server that anchors its checkpoints in a file, and stops it.
    fn work(&self, names: &[&str]) {
        let anchor = format!("file:{}", self.path("anchor").display());
        let words = ["serve", "--listen", "127.0.0.1:0", "--audit-anchor", &anchor];
        let mut server = Server::start(&self.home, &words);
        for name in names {
            let set = server.coffer(&["secrets", "set", name]).api_key(&self.key);
            expect(&set.stdin("hunter2").run(), 0);
        }
        server.wait_for("a checkpoint of the audit was anchored");
        assert_eq!(server.stop(), Some(0));
    }

    fn audit(&self, words: &[&str]) -> Ended {
        self.home.coffer(&[&["audit"], words].concat()).run()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path(name)
    }

    /// What a verb prints, in a file.
    fn print_to_file(&self, name: &str, words: &[&str]) -> String {
        let ended = self.audit(words);
        expect(&ended, 0);
        self.write(name, &ended.stdout)
    }

    fn write(&self, name: &str, content: &str) -> String {
        fs::write(self.path(name), content).unwrap();
        self.path(name).display().to_string()
    }
}

#[test]
fn proofs_are_checked_by_the_script_of_the_documentation() {
    let audited = Audited::new();
    audited.work(&["a", "b"]);
    let old = audited.print_to_file("old", &["checkpoint"]);
    audited.work(&["c", "d", "e"]);
    let key = audited.audit(&["key"]).stdout.trim().to_owned();

    let inclusion = audited.print_to_file("inclusion", &["prove", "2"]);
    let (holds, said) = script(&[&key, &inclusion]);
    assert!(holds && said.starts_with("ok: the entry 2 is in the log of "), "{said}");
    let consistency = audited.print_to_file("consistency", &["prove", "--consistency", &old]);
    let (holds, said) = script(&[&key, &consistency, &old]);
    assert!(holds && said.starts_with("ok: the log of "), "{said}");

    let proof = fs::read_to_string(&inclusion).unwrap();
    for (from, to) in [("\"done\"", "\"dome\""), ("\"id\": 2", "\"id\": 3"), ("coffer/", "coffee/")]
    {
        assert!(proof.contains(from), "{from}: {proof}");
        let wrong = audited.write("wrong", &proof.replace(from, to));
        let (holds, said) = script(&[&key, &wrong]);
        assert!(!holds && said.starts_with("FAIL"), "{from}: {said}");
    }
    // Another root under the same signature, and another log's key.
    let note = fs::read_to_string(&old).unwrap();
    let root = note.lines().nth(2).unwrap();
    let wrong = audited.write("wrong", &note.replace(root, &root.to_lowercase()));
    assert!(!script(&[&key, &consistency, &wrong]).0);
    let other = Audited::new();
    other.work(&["a"]);
    let other = other.audit(&["key"]).stdout.trim().to_owned();
    assert!(!script(&[&other, &inclusion]).0);
    expect(&audited.audit(&["prove", "999999"]), 3);
    expect(&audited.audit(&["prove", "x"]), 2);
}

#[test]
fn the_log_is_verified_beside_its_anchor_and_after_an_export() {
    let audited = Audited::new();
    audited.work(&["a", "b"]);
    let anchor = audited.path("anchor").display().to_string();
    let verified = audited.audit(&["verify", "--anchored", &anchor]);
    expect(&verified, 0);
    assert!(verified.stdout.contains("ok    every entry is as it was signed"), "{verified:?}");
    assert!(verified.stdout.contains("anchored checkpoints are of this log"), "{verified:?}");
    assert!(verified.stdout.contains(", 0 not in it yet"), "{verified:?}");

    let key = audited.audit(&["key"]).stdout.trim().to_owned();
    let export = audited.print_to_file("export", &["export", "--format", "jsonl"]);
    let offline = |file: &str| audited.audit(&["verify", "--offline", file, "--key", &key]);
    expect(&offline(&export), 0);
    let lines = fs::read_to_string(&export).unwrap();
    let wrong = audited.write("wrong", &lines.replacen("\"done\"", "\"dome\"", 1));
    expect(&offline(&wrong), 1);
    expect(&offline(&audited.write("wrong", "no export")), 1);
    let csv = audited.audit(&["export", "--format", "csv"]);
    assert!(csv.stdout.starts_with("id,format,at,server,request,"), "{csv:?}");
    assert_eq!(csv.stdout.lines().count(), lines.lines().count());
    expect(&audited.audit(&["key", "--format", "csv"]), 2);

    tamper(&audited.path("data/coffer.db"));
    let found = audited.audit(&["verify"]);
    expect(&found, 1);
    assert!(found.stdout.contains("FAIL  the entry 2 was altered"), "{found:?}");
}

/// Changes an entry as somebody does who can write the file.
fn tamper(data: &Path) {
    let script = "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); \
                  c.execute('DROP TRIGGER audit_entry_is_never_changed'); \
                  c.execute(\"UPDATE audit_entry SET actor = 'nobody' WHERE id = 2\"); c.commit()";
    let status = Command::new("python3").args(["-c", script]).arg(data).status();
    assert!(status.unwrap().success());
}

/// The lines of a `tail --follow`, as they come.
fn follow(mut call: Call) -> (std::process::Child, Receiver<String>) {
    let mut child = call.spawn(Stdio::null());
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (say, said) = channel();
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| say.send(line)));
    (child, said)
}

#[test]
fn the_log_is_followed_searched_and_its_end_is_shown() {
    let audited = Audited::new();
    let server = Server::start(&audited.home, &["serve", "--listen", "127.0.0.1:0"]);
    let set = |name: &str| {
        let set = server.coffer(&["secrets", "set", name]).api_key(&audited.key);
        expect(&set.stdin("hunter2").run(), 0);
    };
    set("first");
    let admin = audited.admin.as_str();
    let words = ["audit", "tail", "--follow", "--operation", "apps.secrets.create", "-n", "10"];
    let (mut child, lines) = follow(server.coffer(&words).admin_key(admin));
    let next = || lines.recv_timeout(PATIENCE).unwrap();
    // What was there, and then each that comes: once, and no other.
    for name in ["second", "third", "fourth"] {
        let line = next();
        assert!(line.contains("  apps.secrets.create  ") && line.contains("  done  "), "{line}");
        set(name);
    }
    next();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(lines.iter().count(), 0, "each comes once");

    let read = |words: &[&str]| {
        server.coffer(&[&["audit"], words].concat()).admin_key(admin).json()["data"].clone()
    };
    let newest = read(&["tail", "-n", "2", "--operation", "apps.secrets.create"]);
    let newest = newest.as_array().unwrap();
    assert_eq!(newest.len(), 2);
    assert!(newest[0]["number"].as_i64() < newest[1]["number"].as_i64(), "{newest:?}");
    let found = read(&["search", "--operation", "apps.secrets.create"]);
    let found = found.as_array().unwrap();
    assert_eq!(found.len(), 4);
    assert_eq!((&found[0], &found[1]), (&newest[1], &newest[0]), "the newest first");
    assert!(found.iter().all(|entry| entry["operation"] == "apps.secrets.create"));
    let request = found[2]["request"].as_str().unwrap();
    let one = read(&["search", "--request", request]);
    assert_eq!(one.as_array().unwrap()[..], found[2..3]);
    assert_eq!(read(&["search", "--outcome", "refused"]), serde_json::json!([]));
    assert_eq!(server.stop(), Some(0));
}

/// Whoever is killed may have shipped what it has not noted: that comes again, and nothing is left
/// out.
#[test]
fn what_is_shipped_survives_kills() {
    let audited = Audited::new();
    let receiver = format!("file:{}", audited.path("shipped").display());
    let words = ["serve", "--listen", "127.0.0.1:0", "--audit-ship", &receiver];
    let set = |server: &Server<'_>, name: &str| {
        let set = server.coffer(&["secrets", "set", name]).api_key(&audited.key);
        expect(&set.stdin("hunter2").run(), 0);
    };
    // Before anything is shipped, in the middle of it, and after it.
    for round in 0..3 {
        let server = Server::start(&audited.home, &words);
        let before = shipped(&audited.path("shipped"));
        set(&server, &format!("one {round}"));
        set(&server, &format!("two {round}"));
        if round > 0 {
            wait_until(|| shipped(&audited.path("shipped")).len() > before.len());
        }
        server.kill();
    }
    let server = Server::start(&audited.home, &words);
    set(&server, "last");
    let all = || {
        let shipped = shipped(&audited.path("shipped"));
        shipped.values().filter(|operation| *operation == "apps.secrets.create").count() == 7
    };
    wait_until(all);
    assert_eq!(server.stop(), Some(0));
    let numbers = shipped(&audited.path("shipped")).into_keys();
    assert!(numbers.zip(1..).all(|(is, must)| is == must), "without a gap, from the first on");
    expect(&audited.audit(&["verify"]), 0);
}

/// The operations of entries in a file, by their numbers. Half a line, which a kill may leave, is
/// none of them.
fn shipped(path: &Path) -> BTreeMap<u64, String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let entry = |line: &str| {
        let entry: Value = serde_json::from_str(line).ok()?;
        Some((entry["id"].as_u64()?, entry["operation"].as_str()?.to_owned()))
    };
    whole.lines().filter_map(entry).collect()
}

#[allow(clippy::disallowed_methods, reason = "the server is another process with its own clock")]
fn wait_until(holds: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "it does not come to that");
        std::thread::sleep(Duration::from_millis(10));
    }
}
