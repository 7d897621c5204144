//! Killing the server, filling its disk: what was acknowledged stays, and nothing is half done.
//!
//! SIGKILL ends the process at an arbitrary instruction; it does not lose what the operating
//! system holds. What is flushed to the disk is tried by `power.rs`, which needs root.

#![allow(clippy::disallowed_methods, reason = "the server is another process, with its own clock")]

mod books;
mod disk;
mod everywhere;
mod hostile;
mod kill;
mod kill_rounds;
mod load;
mod power;
mod process;
mod rng;
mod rotation;
mod webhooks;

use kill_rounds::{Fixture, Plan, run};
use load::{Place, Value, Write, find, send, value_of};
use process::{Program, command, start_with_admin};
use rng::Rng;
use std::path::Path;
use std::process::Stdio;
use tempfile::TempDir;

/// How often the server is killed, unless `COFFER_CRASH_ROUNDS` says otherwise.
const ROUNDS: usize = 50;

#[test]
fn a_crash_loses_nothing_that_was_acknowledged() {
    let asked = std::env::var("COFFER_CRASH_ROUNDS").ok().and_then(|text| text.parse().ok());
    let plan =
        Plan { rounds: asked.unwrap_or(ROUNDS), program: Program::Test("none"), reads: true };
    let report = run(&plan, &mut Rng::new("crash")).unwrap_or_else(|loss| panic!("{loss}"));
    println!("{report:?}");
    println!("durability: kill -9 | {} | {} | 0", plan.rounds, report.changed);
    // Otherwise the load never met the kill, and nothing was tested.
    assert!(report.in_flight >= plan.rounds, "{report:?}");
    assert!(report.first_writes > 0, "{report:?}");
}

#[test]
fn a_crash_of_the_binary_loses_nothing_that_was_acknowledged() {
    let Some(path) = coffer_testkit::coffer_binary() else {
        println!("skipped: there is no `coffer` beside this test; COFFER_BIN can name one");
        return;
    };
    let plan = Plan { rounds: 10, program: Program::Coffer(path), reads: true };
    let report = run(&plan, &mut Rng::new("binary")).unwrap_or_else(|loss| panic!("{loss}"));
    println!("{report:?}");
    assert!(report.in_flight >= plan.rounds, "{report:?}");
}

#[test]
fn a_crash_is_noticed_by_the_check_if_answers_come_before_the_commit() {
    let plan =
        Plan { rounds: 12, program: Program::Test("acknowledge-before-commit"), reads: false };
    let loss = run(&plan, &mut Rng::new("early")).unwrap_err();
    println!("as it should be: {loss}");
}

#[test]
fn a_crash_is_noticed_by_the_check_if_writes_are_dropped() {
    let plan = Plan { rounds: 4, program: Program::Test("drop-writes"), reads: false };
    let loss = run(&plan, &mut Rng::new("dropped")).unwrap_err();
    println!("as it should be: {loss}");
}

#[test]
fn a_crash_between_commit_and_answer_makes_the_retry_a_replay() {
    let (fixture, write) = held_at("hold-after-commit");
    let server = Program::Test("none").start(fixture.directory()).unwrap();
    let client = server.anonymous().with_key(&fixture.key);
    let seen = value_of(&find(&client, &write.place).unwrap()).unwrap();
    assert_eq!(seen, write.value, "it was committed");
    let retry = send(&client, &write).unwrap();
    retry.ok();
    assert_eq!(retry.header("idempotent-replayed"), Some("true"));
    assert_eq!(audit_rows(fixture.directory()), 1);
    let other = Write { value: None, ..write };
    assert_eq!(send(&client, &other).unwrap().refused(400)["type"], "idempotency_error");
}

#[test]
fn a_crash_before_the_commit_makes_the_retry_the_first_execution() {
    let (fixture, write) = held_at("hold-before-commit");
    let server = Program::Test("none").start(fixture.directory()).unwrap();
    let client = server.anonymous().with_key(&fixture.key);
    find(&client, &write.place).unwrap().refused(404);
    let retry = send(&client, &write).unwrap();
    retry.ok();
    assert_eq!(retry.header("idempotent-replayed"), None);
    assert_eq!(audit_rows(fixture.directory()), 1);
}

/// The first write to an account makes its keys, in a store of their own.
#[test]
fn a_crash_in_the_key_store_leaves_a_first_write_to_be_made_again() {
    for fault in ["hold-before-keys", "hold-after-keys"] {
        let (fixture, write) = held_at(fault);
        let server = Program::Test("none").start(fixture.directory()).unwrap();
        let client = server.anonymous().with_key(&fixture.key);
        find(&client, &write.place).unwrap().refused(404);
        let retry = send(&client, &write).unwrap();
        retry.ok();
        assert_eq!(retry.header("idempotent-replayed"), None, "{fault}");
        let seen = value_of(&find(&client, &write.place).unwrap()).unwrap();
        assert_eq!((seen, audit_rows(fixture.directory())), (write.value, 1), "{fault}");
    }
}

/// Sends a write to a server that holds it at a point, and kills the server there.
fn held_at(fault: &'static str) -> (Fixture, Write) {
    let fixture = Fixture::new(1);
    let place = Place { account: fixture.next_account(), user: None, name: "token".to_owned() };
    let value = Some(Value::lasting("the value"));
    let write = Write { place, value, key: "the key".to_owned() };
    kill::at_hold(&fixture, fault, ("apps.secrets.create", 0), |client| send(client, &write));
    (fixture, write)
}

fn audit_rows(directory: &Path) -> i64 {
    let data = rusqlite::Connection::open(directory.join("coffer.db")).unwrap();
    let sql = "SELECT count(*) FROM audit_entry WHERE outcome = 'done' \
               AND operation IN ('apps.secrets.create', 'apps.secrets.delete')";
    data.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Files that founding makes at least.
const FILES: usize = 7;

#[test]
fn a_crash_while_founding_can_be_repeated_and_then_initialized() {
    // The ballast, the installation lock, the root key, and both stores with their logs.
    for files in 0..=FILES {
        let home = TempDir::new().unwrap();
        let directory = home.path().join("data");
        for wanted in [files, FILES] {
            let mut command = command(&directory, "none");
            let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            let there = || std::fs::read_dir(&directory).map_or(0, Iterator::count);
            kill::wait_until(|| there() >= wanted, &format!("{wanted} files were made"));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let (server, key) = start_with_admin(&directory);
        server.anonymous().with_key(&key).post("/v1/admin/accounts", &[]).ok();
    }
}
