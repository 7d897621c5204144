//! What every change must do, whatever it changes: all that the server has, one by one.

use super::{is_first, is_mismatch, is_replay};
use coffer_testkit::catalogue::{Catalogue, Request};
use coffer_testkit::{Client, TestServer, insist};
use coffer_tests::notes;

fn all() -> (TestServer, Client, Vec<Request>) {
    let server = TestServer::builder().family(notes::FAMILY).without_background_jobs().start();
    let client = server.app().client();
    let changes = Catalogue::of(&server).changes(&client);
    (server, client, changes)
}

#[test]
fn a_change_that_is_asked_for_again_is_answered_and_not_made_again() {
    let (server, client, changes) = all();
    for change in changes {
        let keyed = client.idempotent(change.operation);
        let before = (server.dump_data(), server.changes(change.operation));
        let first = change.send(&keyed);
        first.ok();
        is_first(&first);
        let after = server.dump_data();
        assert_ne!(before.0, after, "{change:?} changed nothing");
        assert_eq!(server.changes(change.operation), before.1 + 1, "{change:?}");
        is_replay(&change.send(&keyed), &first);
        assert_eq!(after, server.dump_data(), "{change:?} was made again");
        if let Some(other) = change.send_other(&keyed) {
            is_mismatch(&other);
        }
        assert_eq!(after, server.dump_data(), "{change:?} was made otherwise");
    }
}

#[test]
fn a_change_that_many_ask_for_at_once_is_made_once() {
    let (server, client, changes) = all();
    for change in changes {
        let keyed = client.idempotent(change.operation);
        let before = server.changes(change.operation);
        let answers: Vec<_> = std::thread::scope(|scope| {
            let asked: Vec<_> =
                (0..8).map(|_| scope.spawn(|| insist(|| change.send(&keyed)))).collect();
            asked.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let firsts = answers.iter().filter(|one| one.header("idempotent-replayed").is_none());
        assert_eq!(firsts.count(), 1, "{change:?}: {answers:?}");
        assert!(answers.iter().all(|one| one.status == 200), "{answers:?}");
        assert_eq!(server.changes(change.operation), before + 1, "{change:?}");
    }
}
