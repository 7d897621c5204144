//! Backups and restores that are killed, damaged, or made while much happens.

use crate::backups::{SERVE, Shop, names, sqlite};
use crate::program::{Server, expect, text};
use coffer_backup::{Header, Reader, Writer};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[test]
fn what_a_killed_backup_left_is_taken_over_and_nothing_else_is() {
    let shop = Shop::new();
    shop.write(&["one"]);
    let [data, _] = shop.back_up(&shop.path("before/"));
    let begin = fs::read(&data).unwrap()[..3000].to_vec();
    let create = || shop.run(&["backup", "create", "--to", "x.backup"]);
    let refused_as = |why: &str| {
        let refused = create();
        expect(&refused, 1);
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
        assert!(!shop.home.path("x.backup").exists());
    };
    // As a killed one leaves it: the beginning of a stream, which nobody has locked.
    let part = shop.home.path("x.backup.part");
    fs::write(&part, &begin).unwrap();
    let writer = File::open(&part).unwrap();
    writer.lock().unwrap();
    refused_as("is being written by another backup");
    assert_eq!(fs::read(&part).unwrap(), begin);
    drop(writer);
    fs::write(&part, "precious").unwrap();
    refused_as("is in the way");
    assert_eq!(fs::read_to_string(&part).unwrap(), "precious");
    fs::rename(&part, shop.home.path("precious")).unwrap();
    symlink(shop.home.path("precious"), &part).unwrap();
    refused_as("a link is in the way");
    assert_eq!(fs::read_to_string(shop.home.path("precious")).unwrap(), "precious");
    fs::remove_file(&part).unwrap();
    fs::write(&part, &begin).unwrap();
    fs::set_permissions(&part, fs::Permissions::from_mode(0o644)).unwrap();
    expect(&create(), 0);
    assert!(!part.exists());
    let mode = fs::metadata(shop.home.path("x.backup")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    expect(&shop.run(&["backup", "verify", "x.backup"]), 0);
}

#[test]
fn leftovers_are_gone_before_the_next_backup_begins() {
    let shop = Shop::new();
    shop.write(&["one"]);
    shop.back_up(&shop.path("backups/"));
    let at = |name: &str| shop.home.path("backups").join(name);
    let (dead, alive) =
        (at("coffer-1-dead.data.backup.part"), at("coffer-1-live.data.backup.part"));
    fs::write(&dead, "killed").unwrap();
    fs::write(&alive, "written").unwrap();
    let writer = File::open(&alive).unwrap();
    writer.lock().unwrap();
    // This one fails, as one does that has no room beside them.
    let keys = shop.home.path("data/keys.db");
    fs::rename(&keys, shop.home.path("keys.away")).unwrap();
    expect(&shop.run(&["backup", "create", "--to", "backups/"]), 1);
    assert!(!dead.exists() && alive.exists(), "{:?}", names(&shop.home.path("backups")));
    fs::rename(shop.home.path("keys.away"), &keys).unwrap();
    shop.back_up(&shop.path("backups/"));
    assert!(alive.exists(), "another backup writes it");
    drop(writer);
    shop.back_up(&shop.path("backups/"));
    assert!(names(&shop.home.path("backups")).iter().all(|name| name.ends_with(".backup")));
}

/// The test of each single step is beside the code; this one is of the whole program.
#[test]
fn a_restore_that_was_killed_is_finished_by_the_next_server() {
    let shop = Shop::new();
    shop.write(&["one"]);
    let [data, keys] = shop.back_up(&shop.path("backups/"));
    shop.write(&["two"]);
    expect(&shop.run(&["backup", "restore", "--move-aside", &data, &keys]), 0);
    // As it was when the keys had been renamed, and the restored ones had no name yet.
    let home = shop.home.path("data");
    let kept = names(&home).into_iter().find(|name| name.starts_with("keys.db.before-")).unwrap();
    let suffix = kept.trim_start_matches("keys.db");
    fs::rename(home.join("keys.db"), home.join("keys.db.restoring")).unwrap();
    let note = format!("{{\"kept_as\":\"{suffix}\",\"parts\":[\"data\",\"keys\"],\"restore\":1}}");
    fs::write(home.join("coffer.restore"), note).unwrap();
    for words in [&["doctor"][..], &["init"], &["backup", "create", "--to", "x/"]] {
        let refused = shop.run(words);
        expect(&refused, 1);
        let said = format!("{}{}", refused.stdout, refused.stderr);
        assert!(said.contains("was interrupted"), "{words:?}: {said}");
    }
    let server = Server::start(&shop.home, &SERVE);
    assert!(server.log().contains("a restore was interrupted, and is finished now"));
    assert_eq!((shop.get(&server, "one"), shop.get(&server, "two")), (Some(0), Some(3)));
    assert_eq!(server.stop(), Some(0));
    let left = names(&home);
    assert!(left.contains(&kept) && !left.contains(&"coffer.restore".to_owned()), "{left:?}");
    expect(&shop.run(&["doctor"]), 0);
    // Or by the next restore, which then does its own.
    fs::rename(home.join("keys.db"), home.join("keys.db.restoring")).unwrap();
    let note = "{\"kept_as\":\".before-x\",\"parts\":[\"data\",\"keys\"],\"restore\":1}";
    fs::write(home.join("coffer.restore"), note).unwrap();
    let again = shop.run(&["backup", "restore", "--move-aside", &data, &keys]);
    expect(&again, 0);
    assert!(again.stdout.contains("finishing a restore"), "{}", again.stdout);
}

/// A request to a server, whose body is a form.
fn post(server: &Server<'_>, key: &str, path: &str, form: &str) {
    let mut stream = std::net::TcpStream::connect(server.address()).unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer \
         {key}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        form.len()
    );
    write!(stream, "{head}{form}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// What verifying a backup says is wrong with it.
fn problems(shop: &Shop, from: &[&str]) -> Vec<String> {
    let call = shop.run(&[&["backup", "verify", "--format", "json"], from].concat());
    let found: Value = serde_json::from_str(&call.stdout).unwrap();
    let problems = found["problems"].as_array().unwrap();
    let problems: Vec<String> =
        problems.iter().map(|problem| problem.as_str().unwrap().to_owned()).collect();
    expect(&call, if problems.is_empty() { 0 } else { 1 });
    assert_eq!(found["ok"], problems.is_empty());
    problems
}

#[test]
fn what_is_wrong_in_a_store_is_found_in_its_backup() {
    let shop = Shop::new();
    let server = Server::start(&shop.home, &SERVE);
    shop.set(&server, &["one", "two"]);
    let key = text(&shop.made, "test_key");
    post(&server, &key, "/v1/ledger/charges", "id=ch_1&amount=1000&currency=usd");
    assert_eq!(server.stop(), Some(0));
    let database = shop.home.path("data/coffer.db");
    let whole = fs::read(&database).unwrap();
    let verify = |place: &str| {
        let [data, keys] = shop.back_up(&shop.path(place));
        problems(&shop, &[&data, &keys])
    };
    assert_eq!(verify("whole/"), [""; 0]);
    for (place, statements, part) in [
        (
            "record/",
            &["UPDATE secret SET sealed = substr(sealed, 1, length(sealed) - 1) \
               WHERE name = 'two'"][..],
            "a record does not open",
        ),
        (
            "book/",
            &["UPDATE ledger_balance SET payments_pending = payments_pending + 1"],
            "a balance is the sum of its postings",
        ),
        (
            "head/",
            &["DROP TRIGGER audit_head_goes_forward", "UPDATE audit_head SET note = 'another'"],
            "the audit's log",
        ),
        (
            "entry/",
            &[
                "DROP TRIGGER audit_entry_is_never_changed",
                "UPDATE audit_entry SET subject = 'another' WHERE id = 2",
            ],
            "the audit's log",
        ),
    ] {
        for statement in statements {
            sqlite(&database, statement);
        }
        let found = verify(place);
        assert!(found.iter().any(|problem| problem.contains(part)), "{place}: {found:?}");
        fs::write(&database, &whole).unwrap();
    }
    assert_eq!(verify("again/"), [""; 0]);
}

/// The same stream, as if another number of rows had been announced.
fn announce(from: &Path, to: &Path, change: impl Fn(&mut Header)) {
    let mut reader = Reader::open(File::open(from).unwrap()).unwrap();
    let mut header = reader.header().clone();
    change(&mut header);
    let mut database = Vec::new();
    while let Some(chunk) = reader.next_chunk().unwrap() {
        database.extend_from_slice(chunk);
    }
    let mut writer = Writer::begin(File::create(to).unwrap(), &header).unwrap();
    writer.copy(&mut database.as_slice(), |_| Ok(())).unwrap();
    writer.finish().unwrap();
}

#[test]
fn a_backup_with_other_rows_than_it_announces_is_not_whole() {
    let shop = Shop::new();
    shop.write(&["one", "two"]);
    let [data, keys] = shop.back_up(&shop.path("backups/"));
    let other = shop.path("other.backup");
    for (from, with, table, contents) in
        [(&data, &keys, "secret", "data"), (&keys, &data, "tenant_key", "keys")]
    {
        announce(Path::new(from), Path::new(&other), |_| ());
        assert_eq!(problems(&shop, &[&other, with]), [""; 0]);
        announce(Path::new(from), Path::new(&other), |header| {
            *header.rows.get_mut(table).unwrap() += 1;
        });
        let found = problems(&shop, &[&other, with]);
        assert_eq!(found, [format!("the {contents} has other rows than it says: {table}")]);
        announce(Path::new(from), Path::new(&other), |header| {
            header.rows.remove(table).unwrap();
        });
        let found = problems(&shop, &[&other, with]);
        assert!(found[0].contains("one that was not announced"), "{found:?}");
    }
}

#[test]
fn backups_under_load_and_during_a_rotation_are_whole() {
    const SECRETS: usize = 100;
    let shop = Shop::new();
    // So slow that it is under way whenever somebody looks.
    let call = shop.home.coffer(&SERVE).env("COFFER_ROTATION_RATE", 1);
    let server = Server::start_call(&shop.home, call, false);
    let key = text(&shop.made, "test_key");
    let set = |name: usize| {
        let scope = format!("scope[type]=user&scope[user]=usr_{name}");
        let form = format!("name=token&payload=hunter2&{scope}");
        post(&server, &key, "/v1/apps/secrets", &form);
    };
    (0..SECRETS).for_each(set);
    let admin = text(&shop.made, "admin_key");
    let operator = |words: &[&str]| server.coffer(words).admin_key(&admin);
    expect(&operator(&["keyring", "rotate", "all"]).run(), 0);
    let (is_over, written) = (AtomicBool::new(false), AtomicUsize::new(0));
    let made: Vec<[String; 2]> = std::thread::scope(|scope| {
        for thread in 0..2 {
            let (is_over, written, set) = (&is_over, &written, &set);
            scope.spawn(move || {
                for number in (thread..).step_by(2) {
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    set(number % (2 * SECRETS));
                    written.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let made = (0..3).map(|number| {
            let before = written.load(Ordering::Relaxed);
            let made = shop.back_up(&shop.path(&format!("backups-{number}/")));
            // Each has some of what was written while it was made, or just before.
            while written.load(Ordering::Relaxed) == before {
                std::thread::yield_now();
            }
            made
        });
        let made = made.collect();
        is_over.store(true, Ordering::Relaxed);
        made
    });
    let rotation = operator(&["keyring", "status"]).json();
    assert!(rotation["rotation"]["finished"].is_null(), "{rotation}");
    for [data, keys] in &made {
        let verified = shop.home.coffer(&["backup", "verify", data, keys]).json();
        assert_eq!(verified["ok"], true, "{verified}");
        let opened = verified["opened"]["secrets"].as_u64().unwrap();
        assert!(opened >= SECRETS as u64, "{verified}");
    }
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_drill_restores_from_an_export_of_the_keyring() {
    let shop = Shop::new();
    shop.write(&["one"]);
    let words = shop.home.private_file("words", b"correct horse battery staple\n");
    let wrong = shop.home.private_file("wrong", b"correct horse battery stable\n");
    let export = shop.run(&["keyring", "export", "--passphrase", &words]);
    expect(&export, 0);
    let file = shop.home.private_file("keyring.txt", export.stdout.as_bytes());
    shop.back_up(&shop.path("backups/"));
    fs::remove_file(text(&shop.made, "root_key")).unwrap();
    let drill = |more: &[&str]| shop.run(&[&["drill", "--from", "backups"], more].concat());
    let without = drill(&[]);
    expect(&without, 1);
    assert!(without.stderr.contains("root key"), "{}", without.stderr);
    let with_wrong_words = drill(&["--keyring", &file, "--passphrase", &wrong]);
    expect(&with_wrong_words, 1);
    assert!(with_wrong_words.stderr.contains("passphrase"), "{}", with_wrong_words.stderr);
    let drilled = drill(&["--keyring", &file, "--passphrase", &words]);
    expect(&drilled, 0);
    assert!(drilled.stdout.contains("opened: 1 secrets"), "{}", drilled.stdout);
    // It was a drill: what it restored is gone, and the store has no other root than before.
    assert!(names(&shop.home.path("backups")).iter().all(|name| name.ends_with(".backup")));
    let doctor = shop.run(&["doctor"]);
    assert!(doctor.stdout.contains("the root key is missing"), "{}", doctor.stdout);
    // An export of another store opens nothing.
    let other = Shop::new();
    let foreign = other.run(&["keyring", "export", "--passphrase", &words]).stdout;
    let foreign = shop.home.private_file("foreign.txt", foreign.as_bytes());
    let refused = drill(&["--keyring", &foreign, "--passphrase", &words]);
    expect(&refused, 1);
    assert!(refused.stderr.contains("belongs to store"), "{}", refused.stderr);
}
