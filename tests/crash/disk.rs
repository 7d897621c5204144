//! A full disk: writes are refused for the moment, and all else goes on.

use crate::kill_rounds::Fixture;
use crate::load::{Place, Value, Write, find, send, value_of};
use crate::process::{Program, start_with_admin};
use coffer_storage::Faults;
use coffer_testkit::{Answer, Client, TestServer};
use std::io::{Read, Write as _};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Fills a page and more.
fn payload(at: usize) -> String {
    format!("{at:05}").repeat(1000)
}

fn write(account: &str, caller: usize, at: usize) -> Write {
    let user = Some(format!("user {}", at % 8));
    let place = Place { account: account.to_owned(), user, name: format!("{caller} {at}") };
    Write { place, value: Some(Value::lasting(payload(at))), key: format!("{caller}-{at}") }
}

/// A refusal for the moment: nothing was done, and clients may try again.
#[track_caller]
fn refused_for_now(answer: &Answer) {
    let error = answer.refused(503);
    assert_eq!(error["type"], "api_error");
    assert_eq!(answer.header("stripe-should-retry"), Some("true"), "{answer:?}");
}

/// Sets until the disk is full: what was kept, and what was refused.
fn fill(client: &Client, account: &str, caller: usize) -> (Vec<Write>, Vec<Write>) {
    let (mut kept, mut refused) = (Vec::new(), Vec::new());
    for at in 0..4000 {
        let write = write(account, caller, at);
        let answer = send(client, &write).unwrap();
        if answer.status == 200 {
            kept.push(write);
        } else {
            refused_for_now(&answer);
            refused.push(write);
        }
        if refused.len() == 3 {
            return (kept, refused);
        }
    }
    panic!("the disk was never full");
}

#[track_caller]
fn holds(client: &Client, write: &Write, value: Option<&Value>) {
    let seen = value_of(&find(client, &write.place).unwrap()).unwrap();
    assert!(seen.as_ref() == value, "{:?} holds {seen:?}", write.place);
}

/// On the full disk: reads answer, the process lives, nothing is half-written.
fn check_full(client: &Client, kept: &[Write], refused: &[Write], ready: u16) {
    kept.iter().for_each(|write| holds(client, write, write.value.as_ref()));
    refused.iter().for_each(|write| holds(client, write, None));
    assert_eq!(client.get("/livez", &[]).status, 200);
    // The log may have been emptied into the file by now, so that there is room again.
    let seen = client.get("/readyz", &[]).status;
    // What was read cannot be recorded, which is a reason of its own not to be ready.
    assert!([ready, 200, 503].contains(&seen), "{seen}");
    let old = &kept[0];
    let value = Some(Value::lasting(payload(9999)));
    let again = Write { value, key: format!("again {}", old.key), ..old.clone() };
    let answer = send(client, &again).unwrap();
    // A page that became free may have been enough for it.
    if answer.status != 200 {
        refused_for_now(&answer);
        holds(client, old, old.value.as_ref());
    }
}

/// With room again: what was refused is carried out, for the first time.
fn check_recovered(client: &Client, refused: &[Write]) {
    for write in refused {
        let answer = send(client, write).unwrap();
        answer.ok();
        assert_eq!(answer.header("idempotent-replayed"), None);
        holds(client, write, write.value.as_ref());
    }
}

#[test]
fn a_full_database_refuses_writes_for_now_and_recovers() {
    let ceiling = Arc::new(AtomicU32::new(0));
    let server = TestServer::builder()
        .faults(Faults::none().page_ceiling(Arc::clone(&ceiling)))
        .set(&coffer_secrets::SECRETS_PER_SCOPE, "1000")
        .start();
    let app = server.app();
    let client = app.client();
    send(&client, &write(&app.account, 99, 0)).unwrap().ok();
    let data = rusqlite::Connection::open(server.data_dir().join("coffer.db")).unwrap();
    let pages: u32 = data.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    ceiling.store(pages + 60, Ordering::SeqCst);

    let filled: Vec<_> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..4)
            .map(|caller| {
                let (client, account) = (&client, &app.account);
                scope.spawn(move || fill(client, account, caller))
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    for (kept, refused) in filled.iter().filter(|(kept, _)| !kept.is_empty()) {
        // The database is full, and its disk is not.
        check_full(&client, kept, refused, 200);
    }
    ceiling.store(0, Ordering::SeqCst);
    filled.iter().for_each(|(_, refused)| check_recovered(&client, refused));
    let whole: String = data.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
    assert_eq!(whole, "ok");
    let count = |sql: &str| data.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let secrets = count("SELECT count(*) FROM secret");
    let due: usize =
        1 + filled.iter().map(|(kept, refused)| kept.len() + refused.len()).sum::<usize>();
    assert_eq!(secrets, due as i64);
}

/// Set by `cargo xtask test --all`: then a test that cannot mount has failed.
const REQUIRED: &str = "COFFER_TEST_MOUNTS";

/// A small file system in memory; gone when dropped.
struct Mounted<'p>(&'p Path);

impl<'p> Mounted<'p> {
    fn at(path: &'p Path, size: &str) -> Option<Self> {
        let options = format!("size={size},mode=700");
        let made =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(path).output();
        if made.is_ok_and(|made| made.status.success()) {
            return Some(Self(path));
        }
        let why = "a small file system can be mounted by root only";
        assert!(std::env::var_os(REQUIRED).is_none(), "{why}");
        println!("skipped: {why}");
        None
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
fn a_crash_on_a_disk_that_is_really_full_loses_nothing() {
    let home = tempfile::TempDir::new().unwrap();
    let Some(_mounted) = Mounted::at(home.path(), "6m") else { return };
    let fixture = Fixture::at(home.path().join("data"), 1);
    let account = fixture.next_account();
    let mut server = Program::Test("none").start(fixture.directory()).unwrap();
    let client = server.anonymous().with_key(&fixture.key);
    send(&client, &write(&account, 99, 0)).unwrap().ok();
    let filler = home.path().join("filler");
    std::fs::write(&filler, vec![1; 2 * 1024 * 1024]).unwrap();
    let (kept, refused) = fill(&client, &account, 0);
    assert!(!kept.is_empty());
    check_full(&client, &kept, &refused, 503);
    server.kill();

    std::fs::remove_file(&filler).unwrap();
    let server = Program::Test("none").start(fixture.directory()).unwrap();
    let client = server.anonymous().with_key(&fixture.key);
    kept[1..].iter().for_each(|write| holds(&client, write, write.value.as_ref()));
    check_recovered(&client, &refused);
    server.stop();
}

/// Fills what is left of the disk, to the last byte.
fn fill_up(path: &Path) {
    let mut filler = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
    while filler.write_all(&[1; 4096]).is_ok() || filler.write_all(&[1]).is_ok() {}
}

/// One app fills the disk, and something else fills what was kept free.
#[test]
fn on_a_disk_that_is_really_full_rights_and_data_are_taken_away() {
    let home = tempfile::TempDir::new().unwrap();
    let Some(_mounted) = Mounted::at(home.path(), "12m") else { return };
    let (mut server, key) = start_with_admin(&home.path().join("data"));
    let admin = server.anonymous().with_key(&key);
    let account = || admin.post("/v1/admin/accounts", &[]).text("id");
    let developer = account();
    let params = [("account", developer.as_str()), ("secrets_per_scope", "1000")];
    let app = admin.post("/v1/admin/apps", &params).text("id");
    let make_key = || admin.post("/v1/admin/api_keys", &[("app", &app), ("mode", "test")]);
    let (stolen, good) = (make_key(), make_key());
    let others: Vec<String> = (0..2).map(|_| account()).collect();
    let installs: Vec<String> = others
        .iter()
        .map(|other| admin.post("/v1/admin/installs", &[("app", &app), ("account", other)]))
        .map(|install| format!("/v1/admin/installs/{}", install.text("id")))
        .collect();
    let client = server.anonymous().with_key(&good.text("key"));
    let (kept, refused) = fill(&client, &developer, 0);
    fill_up(&home.path().join("filler"));

    check_full(&client, &kept, &refused, 503);
    let thief = server.anonymous().with_key(&stolen.text("key"));
    thief.list().ok();
    admin.post(&format!("/v1/admin/api_keys/{}/revoke", stolen.text("id")), &[]).ok();
    thief.list().refused(401);
    let removed = Write { value: None, key: "removed".to_owned(), ..kept[0].clone() };
    send(&client, &removed).unwrap().ok();
    holds(&client, &kept[0], None);
    admin.delete(&installs[0], &[]).ok();
    assert!(admin.delete(&installs[1], &[("purge", "true")]).status < 300);
    assert!(admin.delete(&format!("/v1/admin/accounts/{}", others[0]), &[]).status < 300);
    server.kill();

    // It starts on the full disk too.
    let server = Program::Test("none").start(&home.path().join("data")).unwrap();
    let client = server.anonymous().with_key(&good.text("key"));
    let admin = server.anonymous().with_key(&key);
    kept[1..].iter().for_each(|write| holds(&client, write, write.value.as_ref()));
    server.anonymous().with_key(&stolen.text("key")).list().refused(401);
    std::fs::remove_file(home.path().join("filler")).unwrap();
    while client.get("/readyz", &[]).status != 200 {
        std::thread::yield_now();
    }
    admin.post("/v1/admin/accounts", &[]).ok();
    server.stop();
}

/// What a log that cannot be written does to the requests that write it.
#[test]
fn a_log_on_a_full_disk_fails_no_request() {
    let home = tempfile::TempDir::new().unwrap();
    let directory = home.path().join("data");
    let (server, key) = start_with_admin(&directory);
    server.stop();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let socket = home.path().join("socket");
    let Some(path) = coffer_testkit::coffer_binary() else {
        println!("skipped: there is no `coffer` beside this test; COFFER_BIN can name one");
        return;
    };
    let mut coffer = Command::new(path)
        .env_clear()
        .args(["serve", "--listen", &format!("unix:{}", socket.display()), "--data-dir"])
        .arg(&directory)
        .arg("--root-key")
        .arg(directory.join("root.key"))
        .stderr(full)
        .spawn()
        .unwrap();
    let answer = loop {
        assert_eq!(coffer.try_wait().unwrap(), None, "it ended");
        if let Ok(mut stream) = std::os::unix::net::UnixStream::connect(&socket) {
            let head = "POST /v1/admin/accounts HTTP/1.1\r\nHost: localhost\r\n";
            let rest = "Content-Length: 0\r\nConnection: close\r\n\r\n";
            let key = format!("Authorization: Bearer {key}\r\n");
            stream.write_all(format!("{head}{key}{rest}").as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            break answer;
        }
        std::thread::yield_now();
    };
    coffer.kill().unwrap();
    coffer.wait().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// A backup onto a disk without room says so, and leaves nothing that could be taken for one.
#[test]
fn a_backup_onto_a_disk_that_is_really_full_says_so() {
    let home = tempfile::TempDir::new().unwrap();
    let full = home.path().join("full");
    std::fs::create_dir(&full).unwrap();
    let Some(_mounted) = Mounted::at(&full, "100k") else { return };
    let Some(program) = std::env::var_os("COFFER_BIN") else {
        println!("skipped: COFFER_BIN does not name the server's binary");
        return;
    };
    let coffer = |words: &[&str]| {
        let mut command = Command::new(&program);
        command.args(words).current_dir(home.path()).env_clear();
        command.env("XDG_CONFIG_HOME", home.path()).env("COFFER_DATA_DIR", "data");
        command.output().unwrap()
    };
    assert!(coffer(&["init"]).status.success());
    let said = coffer(&["backup", "create", "--to", "full"]);
    let why = String::from_utf8(said.stderr).unwrap();
    assert!(!said.status.success() && (why.contains("space") || why.contains("full")), "{why}");
    assert_eq!(std::fs::read_dir(&full).unwrap().count(), 0, "{why}");
    assert!(coffer(&["backup", "create", "--to", "beside/"]).status.success());
    assert!(coffer(&["backup", "verify", "beside"]).status.success());
}
