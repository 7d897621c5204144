//! What is given up when too much waits for one endpoint.

use super::*;
use crate::store::MIGRATIONS;
use coffer_base::{AccountId, Mode};
use coffer_storage::Options;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

/// Seconds after which something is due that was never tried: at once.
const UNTRIED: i64 = -NOW.unix();

/// Attempts that wait, by their endpoint, place and the seconds after which they are due.
struct Wait(&'static [(&'static str, i64, i64)]);

impl Work for Wait {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        let account = AccountId::parse("acct_p").unwrap();
        let owner = Owner { mode: Mode::Test, platform: account.clone(), account };
        for (endpoint, seq, after) in self.0 {
            let waiting = Attempt {
                endpoint: (*endpoint).to_owned(),
                seq: *seq,
                event: format!("evt_{seq}"),
                kind: "reserve.plan.created".to_owned(),
                owner: owner.clone(),
                number: 1,
                once: false,
                status: Status::Waiting,
                due: NOW.plus(*after),
                happened: NOW,
                at: NOW,
                http_status: None,
                error: None,
                milliseconds: None,
                next: None,
            };
            insert(tx, &waiting);
        }
        Ok(())
    }
}

/// The places of what still waits for an endpoint.
async fn waiting(store: &Store, endpoint: &str) -> Vec<i64> {
    let due = due(store, endpoint, Due::by(NOW.plus(1000), 1), 100).await.unwrap();
    due.iter().map(|one| one.seq).collect()
}

#[tokio::test]
async fn beyond_the_bound_what_was_written_first_is_given_up_and_no_more_than_that() {
    let kept = tempfile::TempDir::new().unwrap();
    let path = kept.path().join("coffer.db");
    let opened = Store::open_sqlite(&path, &[MIGRATIONS], NOW, Options::default());
    let store = opened.unwrap().0;
    // The first two wait to be made again; the others were never made, and are due at once.
    let some = &[
        ("we_a", 1, 20),
        ("we_a", 2, 10),
        ("we_a", 3, UNTRIED),
        ("we_a", 4, UNTRIED),
        ("we_b", 0, UNTRIED),
    ];
    store.write(Wait(some)).await.unwrap();
    let give_up =
        |kept, most| store.write(GiveUp { endpoint: "we_a".to_owned(), kept, most, now: NOW });
    assert_eq!(give_up(4, 100).await.unwrap(), 0);
    assert_eq!(give_up(2, 1).await.unwrap(), 1, "in batches");
    assert_eq!(waiting(&store, "we_a").await, [3, 4, 2]);
    assert_eq!(give_up(2, 100).await.unwrap(), 1);
    assert_eq!(give_up(2, 100).await.unwrap(), 0);
    assert_eq!(waiting(&store, "we_a").await, [3, 4]);
    assert_eq!(waiting(&store, "we_b").await, [0]);
    let first = PagePosition { newer: false, seq: i64::MAX, fetch: 100 };
    let all = page_of_endpoint(&store, "we_a", first).await.unwrap();
    let given_up: Vec<_> = all.iter().filter(|one| one.status == Status::Failed).collect();
    assert_eq!(given_up.iter().map(|one| one.seq).collect::<Vec<_>>(), [2, 1]);
    assert!(given_up.iter().all(|one| one.error.as_deref() == Some("given_up")));
}

/// The places of what is due for an endpoint.
async fn places(store: &Store, due: Due, most: i64) -> Vec<i64> {
    let found = super::due(store, "we_a", due, most).await.unwrap();
    found.iter().map(|one| one.seq).collect()
}

#[tokio::test]
async fn what_lies_further_ahead_than_any_distance_is_due() {
    let kept = tempfile::TempDir::new().unwrap();
    let path = kept.path().join("coffer.db");
    let opened = Store::open_sqlite(&path, &[MIGRATIONS], NOW, Options::default());
    let store = opened.unwrap().0;
    let some = &[
        ("we_a", 1, UNTRIED),
        ("we_a", 2, -5),
        ("we_a", 3, 100),
        ("we_a", 4, 101),
        ("we_b", 5, 100),
    ];
    store.write(Wait(some)).await.unwrap();
    assert_eq!(places(&store, Due::by(NOW, 100), 9).await, [1, 2, 4]);
    assert_eq!(places(&store, Due::by(NOW, 100), 2).await, [1, 2]);
    assert_eq!(places(&store, Due::by(NOW, 99), 9).await, [1, 2, 3, 4]);
    assert_eq!(places(&store, Due::at_once(), 9).await, [1]);
    let waiting = waiting_endpoints(&store, "", 9).await.unwrap();
    let due = |due: Due| -> Vec<&str> {
        let some = waiting.iter().filter(|one| due.has_some(one.first, one.last));
        some.map(|one| one.id.as_str()).collect()
    };
    assert_eq!(due(Due::by(NOW, 100)), ["we_a"]);
    assert_eq!(due(Due::by(NOW, 99)), ["we_a", "we_b"]);
    assert_eq!(due(Due::by(NOW.plus(100), 100)), ["we_a", "we_b"]);
    assert_eq!(due(Due::at_once()), ["we_a"]);
}
