//! What every change must do when the server dies under it: all that the server has, one by one.

use crate::books::verify;
use crate::kill;
use crate::kill_rounds::Fixture;
use crate::process::Program;
use coffer::family_set::FamilySet;
use coffer_base::{Clock, SystemClock};
use coffer_kernel::Settings;
use coffer_testkit::catalogue::{Catalogue, Request};
use coffer_tests::notes;
use std::path::Path;

#[test]
fn whatever_a_crash_cuts_between_commit_and_answer_is_not_done_again() {
    for_each_cut("hold-after-commit", |change, was_kept| {
        assert_eq!(was_kept, Some("true"), "{change:?} was made a second time");
    });
}

#[test]
fn whatever_a_crash_cuts_before_the_commit_is_done_when_it_is_asked_for_again() {
    for_each_cut("hold-before-commit", |change, was_kept| {
        assert_eq!(was_kept, None, "{change:?} was answered and never made");
    });
}

/// Cuts every change at a point, and asks for it again; `check` is told whether the answer was a
/// kept one.
fn for_each_cut(fault: &'static str, check: impl Fn(&Request, Option<&str>)) {
    let fixture = Fixture::with_notes();
    let families = FamilySet::default().with(notes::FAMILY);
    let server = Program::Test("none").start(fixture.directory()).unwrap();
    let client = server.anonymous().with_key(&fixture.key);
    let client = client.of_app(&fixture.app, &fixture.account);
    let parts = families.parts(&Settings::default());
    let changes = Catalogue::new(parts.routes.all(), SystemClock.now()).changes(&client);
    server.stop();
    for change in changes {
        let before = audited(fixture.directory(), change.operation);
        kill::at_hold(&fixture, fault, (change.operation, before), |client| {
            change.attempt(&client.idempotent(change.operation))
        });
        let server = Program::Test("none").start(fixture.directory()).unwrap();
        let client = server.anonymous().with_key(&fixture.key).idempotent(change.operation);
        let again = change.send(&client);
        again.ok();
        check(&change, again.header("idempotent-replayed"));
        assert_eq!(audited(fixture.directory(), change.operation), before + 1, "{change:?}");
        server.stop();
    }
    verify(fixture.directory(), &families);
}

fn audited(directory: &Path, operation: &str) -> i64 {
    let data = rusqlite::Connection::open(directory.join("coffer.db")).unwrap();
    let sql = "SELECT count(*) FROM audit_entry WHERE outcome = 'done' AND operation = ?";
    data.query_row(sql, [operation], |row| row.get(0)).unwrap()
}
