//! `coffer doctor --repair`: what can be read of a damaged store is saved beside it.

use coffer_testkit::{TestServer, coffer_binary};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const SECRETS: usize = 10;

fn doctor(directory: &Path, words: &[&str]) -> Option<Output> {
    let mut command = Command::new(coffer_binary()?);
    command.env_clear().arg("doctor").args(words).arg("--data-dir").arg(directory);
    Some(command.arg("--root-key").arg(directory.join("root.key")).output().unwrap())
}

/// Damages a page of the table's rows; the file as it is then.
fn damage(path: &Path, table: &str) -> Vec<u8> {
    let database = rusqlite::Connection::open(path).unwrap();
    let sql = "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' LIMIT 1 OFFSET 1";
    let page: u32 = database.query_row(sql, [table], |row| row.get(0)).unwrap();
    drop(database);
    let mut bytes = fs::read(path).unwrap();
    bytes[(page as usize - 1) * 4096..][..200].fill(0xA5);
    fs::write(path, &bytes).unwrap();
    bytes
}

#[test]
fn what_can_be_read_of_a_damaged_store_is_saved_beside_it() {
    let home = tempfile::TempDir::new().unwrap();
    let (directory, saved) = (home.path().join("data"), home.path().join("saved"));
    let server = TestServer::builder().embedded().data_dir(&directory).start();
    let app = server.app();
    for number in 0..SECRETS {
        let value = format!("value {number} {}", "x".repeat(2000));
        app.client().set(&format!("name{number}"), &value).ok();
    }
    let key = app.test_key.clone();
    server.stop();
    let damaged = damage(&directory.join("coffer.db"), "secret");
    let Some(found) = doctor(&directory, &[]) else {
        println!("skipped: there is no `coffer` beside this test; COFFER_BIN can name one");
        return;
    };
    let found = String::from_utf8(found.stdout).unwrap();
    assert!(found.contains("FAIL  integrity") && found.contains("--repair"), "{found}");

    let repair = || doctor(&directory, &["--repair", saved.to_str().unwrap()]).unwrap();
    let repaired = repair();
    let said = String::from_utf8(repaired.stdout).unwrap();
    println!("{said}");
    assert_eq!(repaired.status.code(), Some(1), "{said}");
    let is_part = said.lines().any(|line| line.starts_with("PART") && line.ends_with(" secret"));
    assert!(is_part, "{said}");
    assert_eq!(fs::read(directory.join("coffer.db")).unwrap(), damaged, "it was changed in place");
    let again = String::from_utf8(repair().stderr).unwrap();
    assert!(again.contains("new directory"), "{again}");

    fs::copy(directory.join("root.key"), saved.join("root.key")).unwrap();
    let server = TestServer::builder().embedded().data_dir(&saved).start();
    let client = server.anonymous().with_key(&key);
    let mut found = 0;
    for number in 0..SECRETS {
        let answer = client.find(&format!("name{number}"));
        assert!(matches!(answer.status, 200 | 404), "{answer:?}");
        if answer.status == 200 {
            assert!(answer.text("payload").starts_with(&format!("value {number} ")));
            found += 1;
        }
    }
    assert!((1..SECRETS).contains(&found), "{found} of {SECRETS} are left");
}
