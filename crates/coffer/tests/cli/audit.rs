//! `coffer audit`, and the script of the documentation that checks what it proves.

use crate::program::{Ended, Home, Server, expect, text};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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
}

impl Audited {
    fn new() -> Self {
        let home = Home::new();
        let key = text(&home.init(&["--app", "Shop"]), "test_key");
        Self { home, key }
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
