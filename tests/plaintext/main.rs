//! No payload, no token and no key in the clear: not in the files, not in the logs, not in what
//! errors say, not in what the command line prints.
//!
//! Names of secrets and ids of users are stored as they are, and not looked for.

mod haystack;
mod marker;
mod run;

use coffer::assemble::{DATA_FILE, KEYS_FILE};
use coffer_base::Timestamp;
use coffer_storage::{Migration, MigrationSet, Options, Store};
use coffer_testkit::{Process, coffer_binary};
use haystack::Haystack;
use marker::Marker;
use run::Run;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A founded data directory, the first admin key, and its root key as secrets to look for.
struct Fixture {
    home: TempDir,
    directory: PathBuf,
    admin_key: String,
    root: Vec<Marker>,
}

fn crash_server(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coffer-crash-server"));
    command.arg(directory).arg("none").env("COFFER_LOG_LEVEL", "trace");
    command
}

fn coffer(path: &Path, fixture: &Fixture) -> Command {
    let mut command = Command::new(path);
    command.env_clear().env("COFFER_LOG_FORMAT", "json").env("COFFER_LOG_LEVEL", "trace");
    command.current_dir(fixture.home.path());
    command
}

impl Fixture {
    fn new() -> Self {
        let home = TempDir::new().unwrap();
        let directory = home.path().join("data");
        let mut command = crash_server(&directory);
        command.arg("admin").stdout(Stdio::piped());
        let mut server = Process::start(command, &home.path().join("founding.log")).unwrap();
        let mut key = String::new();
        BufReader::new(server.stdout().unwrap()).read_line(&mut key).unwrap();
        server.stop();
        let text = std::fs::read_to_string(directory.join("root.key")).unwrap();
        let root = Marker::root(text.trim_end().rsplit(' ').next().unwrap());
        Self { home, directory, admin_key: key.trim().to_owned(), root }
    }

    /// What to look for, after a run.
    fn secrets(&self, run: &Run) -> Vec<Marker> {
        let mut secrets = self.root.clone();
        secrets.extend(run.secrets.iter().cloned());
        secrets
    }

    /// The data, the logs, and whatever else lies there; all but the root key's own file.
    fn files(&self) -> Vec<PathBuf> {
        let mut files = haystack::files_below(self.home.path());
        files.retain(|file| *file != self.directory.join("root.key"));
        files
    }

    #[track_caller]
    fn search(&self, secrets: &[Marker]) {
        let haystack = Haystack::new(secrets);
        let files = self.files();
        for name in [DATA_FILE, KEYS_FILE, "serve.log"] {
            assert!(files.iter().any(|file| file.ends_with(name)), "{name} was not searched");
        }
        let found: Vec<_> = files.iter().flat_map(|file| haystack.look_in_file(file)).collect();
        assert!(found.is_empty(), "{found:#?}");
    }

    /// A plain backup of both stores, and the copy that is made before a migration.
    fn copy_stores(&self) {
        for name in [DATA_FILE, KEYS_FILE] {
            let to = self.directory.join(format!("{name}.backup"));
            coffer_storage::copy_file(&self.directory.join(name), &to).unwrap();
        }
        let mut sets = coffer::family_set::FamilySet::default().migrations();
        sets.push(MigrationSet {
            component: "test",
            migrations: &[Migration {
                version: 1,
                name: "more",
                sql: "CREATE TABLE more (id INTEGER PRIMARY KEY);",
            }],
            tables: &[],
        });
        let path = self.directory.join(DATA_FILE);
        let now = Timestamp::from_unix(1);
        let (store, report) = Store::open_sqlite(&path, &sets, now, Options::default()).unwrap();
        assert!(report.copy.is_some_and(|copy| copy.exists()));
        drop(store);
    }
}

/// The argument list and the environment, which others on the machine may see.
fn check_process(server: &Process, secrets: &[Marker]) {
    let haystack = Haystack::new(secrets);
    for name in ["cmdline", "environ"] {
        let shown = std::fs::read(server.proc().join(name)).unwrap();
        assert_eq!(haystack.look_in(name, &shown), Vec::<String>::new());
    }
}

#[test]
fn nothing_is_stored_or_logged_in_the_clear() {
    let fixture = Fixture::new();
    let log = fixture.home.path().join("serve.log");
    let mut server = Process::start(crash_server(&fixture.directory), &log).unwrap();
    let mut run = Run::new(server.anonymous(), &fixture.admin_key);
    run.everything();
    std::fs::write(fixture.directory.join("panic"), "").unwrap();
    run.panicking();
    std::fs::remove_file(fixture.directory.join("panic")).unwrap();
    let logged = std::fs::read_to_string(&log).unwrap();
    assert!(logged.contains("somebody asked for a panic"), "{logged}");
    assert!(logged.contains("DEBUG") && logged.contains("\"refused\""), "the log is not detailed");
    check_process(&server, &fixture.secrets(&run));
    server.kill();
    // As it lies there after a crash, the write-ahead log included.
    assert!(fixture.directory.join("coffer.db-wal").exists());
    fixture.search(&fixture.secrets(&run));

    let again =
        Process::start(crash_server(&fixture.directory), &fixture.home.path().join("again.log"));
    again.unwrap().stop();
    fixture.copy_stores();
    fixture.search(&fixture.secrets(&run));
}

#[test]
fn the_binary_keeps_logs_and_prints_nothing_in_the_clear() {
    let Some(path) = coffer_binary() else {
        println!("skipped: there is no `coffer` beside this test; COFFER_BIN can name one");
        return;
    };
    let fixture = Fixture::new();
    // As far as the system lets it, the server inherits that core files are written.
    let mut command = coffer(Path::new("/bin/sh"), &fixture);
    command.args(["-c", "ulimit -c $(ulimit -Hc); exec \"$0\" \"$@\""]).arg(&path);
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&fixture.directory);
    command.arg("--root-key").arg(fixture.directory.join("root.key"));
    let server = Process::start(command, &fixture.home.path().join("serve.log")).unwrap();
    let mut run = Run::new(server.anonymous(), &fixture.admin_key);
    run.everything();
    check_process(&server, &fixture.secrets(&run));
    // A core file would hold the keys.
    let limits = std::fs::read_to_string(server.proc().join("limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let words: Vec<_> = core.split_whitespace().skip(4).take(2).collect();
    assert_eq!(words, ["0", "0"], "{core}");

    let printed = command_line(&path, &fixture, &mut run, &server);
    let haystack = Haystack::new(&fixture.secrets(&run));
    for (verb, output) in printed {
        assert_eq!(haystack.look_in(&verb, &output), Vec::<String>::new());
    }
    server.stop();
    let doctor = coffer(&path, &fixture)
        .args(["doctor", "--data-dir"])
        .arg(&fixture.directory)
        .arg("--root-key")
        .arg(fixture.directory.join("root.key"))
        .output()
        .unwrap();
    let said = [doctor.stdout, doctor.stderr].concat();
    assert_eq!(haystack.look_in("doctor", &said), Vec::<String>::new());
    // The file that the value came from is the caller's own.
    std::fs::remove_file(fixture.home.path().join("value")).unwrap();
    fixture.search(&fixture.secrets(&run));
}

/// What the command line prints while the server runs, verb by verb.
fn command_line(
    path: &Path,
    fixture: &Fixture,
    run: &mut Run,
    server: &Process,
) -> Vec<(String, Vec<u8>)> {
    let value = fixture.home.path().join("value");
    std::fs::write(&value, run.new_payload("from a file")).unwrap();
    let value = value.to_str().unwrap();
    let verbs: [(i32, &[&str]); 14] = [
        (0, &["secrets", "set", "cli", "--from-file", value]),
        (0, &["secrets", "set", "cli", "--from-file", value, "--format", "json"]),
        (0, &["secrets", "get", "cli"]),
        (0, &["secrets", "get", "cli", "--format", "json"]),
        (0, &["secrets", "list"]),
        (0, &["secrets", "list", "--format", "json"]),
        (3, &["secrets", "get", "missing"]),
        (0, &["config", "print"]),
        (0, &["config", "print", "--format", "json"]),
        (0, &["config", "check"]),
        (0, &["keys", "list"]),
        (0, &["keys", "list", "--format", "json"]),
        (0, &["status"]),
        (2, &["secrets", "set", "cli", value]),
    ];
    let say = |verb: &[&str]| {
        let mut command = coffer(path, fixture);
        command.env("COFFER_URL", server.url()).env("COFFER_API_KEY", run.app_key());
        command.env("COFFER_ADMIN_KEY", &fixture.admin_key);
        command.args(verb).stdin(Stdio::null()).output().unwrap()
    };
    let mut printed = Vec::new();
    for (code, verb) in verbs {
        let output = say(verb);
        assert_eq!(output.status.code(), Some(code), "{verb:?}: {output:?}");
        printed.push((verb.join(" "), [output.stdout, output.stderr].concat()));
    }
    // Were this not found, the search above would have been for nothing.
    let revealed = say(&["secrets", "get", "cli", "--reveal"]).stdout;
    assert!(!Haystack::new(&run.secrets).look_in("revealed", &revealed).is_empty());
    say(&["secrets", "delete", "cli"]);
    printed
}

#[test]
fn the_search_finds_every_encoding_of_every_secret() {
    let home = TempDir::new().unwrap();
    let key = "sk_test_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6";
    let root = "00112233445566778899aabbccddeeff0f1e2d3c4b5a69788796a5b4c3d2e1f0";
    let mut secrets = vec![Marker::payload("payload"), Marker::token("key", key)];
    secrets.extend(Marker::root(root));
    let haystack = Haystack::new(&secrets);
    for secret in &secrets {
        for (encoding, text) in secret.encodings() {
            let decoy = home.path().join("decoy");
            let noise = |from: u32| -> Vec<u8> { (from..from + 5000).map(|at| at as u8).collect() };
            std::fs::write(&decoy, [noise(3), text, noise(9)].concat()).unwrap();
            let found = haystack.look_in_file(&decoy);
            let expected = format!("{} as {encoding}", secret.label);
            assert!(found.iter().any(|found| found.contains(&expected)), "{expected}: {found:?}");
        }
    }
    // A part of a payload is as bad, and the stars of a shown key are not.
    let payload = &secrets[0];
    let part = &payload.bytes[..10];
    assert!(!haystack.look_in("part", part).is_empty());
    let shown = coffer_dialect::authorization::redact_key(key);
    assert_eq!(haystack.look_in("shown", shown.as_bytes()), Vec::<String>::new());
}
