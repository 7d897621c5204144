//! Events over a real store: appended with their change or not at all, found again, and pruned.

use super::filter::{Delivery, EventFilter};
use super::store::{StoredEvent, find, page};
use super::{AppendedEvent, Cause, EventListener, NewEvent, append, settle_delivery};
use crate::clock_guard::DueTimes;
use crate::page::PagePosition;
use crate::principal::BoxFuture;
use crate::prune::prune_aged;
use crate::store::MIGRATIONS;
use coffer_base::{AccountId, Mode, Owner, TestRandom, Timestamp, limit};
use coffer_dialect::{CreatedRange, Object};
use coffer_storage::{Options, StorageError, Store, Tx, Work};
use std::sync::Arc;

mod lists;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
const ALWAYS: CreatedRange =
    CreatedRange { from: Timestamp::from_unix(0), to: Timestamp::from_unix(i64::MAX) };

fn store() -> (Store, tempfile::TempDir) {
    let kept = tempfile::TempDir::new().unwrap();
    let path = kept.path().join("coffer.db");
    let opened =
        Store::open_sqlite(&path, &[coffer_audit::MIGRATIONS, MIGRATIONS], NOW, Options::default());
    (opened.unwrap().0, kept)
}

fn owner(account: &str) -> Owner {
    let account_id = |text| AccountId::parse(text).unwrap();
    Owner { mode: Mode::Test, platform: account_id("acct_p"), account: account_id(account) }
}

/// Appends an event of one object, some seconds after [`NOW`]; then fails, if it shall.
struct Append {
    owner: Owner,
    kind: &'static str,
    object: &'static str,
    after: i64,
    fails: bool,
    listeners: Vec<Arc<dyn EventListener>>,
}

impl Work for Append {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        // Ids differ by what they are made of: the object's name.
        let seed = self.object.bytes().fold(7u64, |seed, byte| seed * 31 + u64::from(byte));
        let random = TestRandom::seeded(seed);
        let now = NOW.plus(self.after);
        let listeners = &self.listeners;
        let cause = Cause { request: None, idempotency_key: None, now, random: &random, listeners };
        let object = Object::new(self.object, "thing");
        let previous = self.kind.ends_with("updated").then(|| Object::bare().set("size", 1));
        append(tx, &self.owner, &cause, NewEvent { kind: self.kind, object, previous }).await?;
        if self.fails { Err(StorageError::Busy) } else { Ok(()) }
    }
}

fn event(account: &str, kind: &'static str, object: &'static str, after: i64) -> Append {
    Append { owner: owner(account), kind, object, after, fails: false, listeners: Vec::new() }
}

/// Three events of one account, ten seconds apart, and between them one of another's.
async fn three_events() -> (Store, tempfile::TempDir) {
    let (store, kept) = store();
    store.write(event("acct_1", "a.thing.created", "t1", 0)).await.unwrap();
    store.write(event("acct_2", "a.thing.created", "other", 5)).await.unwrap();
    store.write(event("acct_1", "a.thing.updated", "t2", 10)).await.unwrap();
    store.write(event("acct_1", "a_thing.created", "t3", 20)).await.unwrap();
    (store, kept)
}

const FIRST: PagePosition = PagePosition { newer: false, seq: i64::MAX, fetch: 100 };

fn all() -> EventFilter {
    EventFilter { pattern: None, types: vec![], created: ALWAYS, delivery: Delivery::Any }
}

async fn listed(store: &Store, position: PagePosition, filter: &EventFilter) -> Vec<StoredEvent> {
    page(store, &owner("acct_1"), position, filter, NOW.plus(-100)).await.unwrap()
}

/// The names of the events' objects.
fn objects(events: &[StoredEvent]) -> Vec<&str> {
    let name = |event: &StoredEvent| {
        let names = ["t1", "t2", "t3", "other"];
        names.into_iter().find(|name| event.data.contains(&format!("\"{name}\""))).unwrap()
    };
    events.iter().map(name).collect()
}

#[tokio::test]
async fn an_owner_reads_its_own_newest_first_and_in_both_directions() {
    let (store, _kept) = three_events().await;
    let events = listed(&store, FIRST, &all()).await;
    assert_eq!(objects(&events), ["t3", "t2", "t1"]);
    // Each owner counts for itself.
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [3, 2, 1]);
    let older = PagePosition { seq: 3, fetch: 1, ..FIRST };
    assert_eq!(objects(&listed(&store, older, &all()).await), ["t2"]);
    let newer = PagePosition { newer: true, seq: 1, fetch: 1 };
    assert_eq!(objects(&listed(&store, newer, &all()).await), ["t2"]);
    for wrong in [
        Owner { mode: Mode::Live, ..owner("acct_1") },
        Owner { platform: AccountId::parse("acct_q").unwrap(), ..owner("acct_1") },
        owner("acct_p"),
    ] {
        assert!(page(&store, &wrong, FIRST, &all(), NOW).await.unwrap().is_empty());
        assert!(find(&store, &wrong, &events[0].id, NOW).await.unwrap().is_none());
    }
    let found = find(&store, &owner("acct_1"), &events[0].id, NOW).await.unwrap().unwrap();
    assert_eq!((found.seq, found.kind.as_str()), (3, "a_thing.created"));
    assert_eq!((found.request, found.idempotency_key), (None, None));
}

#[tokio::test]
async fn an_update_has_the_values_that_it_replaced() {
    let (store, _kept) = three_events().await;
    let events = listed(&store, FIRST, &all()).await;
    let previous: Vec<_> =
        events.iter().map(|event| event.data.contains("previous_attributes")).collect();
    assert_eq!(previous, [false, true, false]);
}

#[tokio::test]
async fn lists_are_narrowed_by_type_and_time() {
    let (store, _kept) = three_events().await;
    let pattern = |text: &str| EventFilter { pattern: Some(text.into()), ..all() };
    let types = |kinds: &[&str]| EventFilter {
        types: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        ..all()
    };
    let between = |from, to| EventFilter {
        created: CreatedRange { from: NOW.plus(from), to: NOW.plus(to) },
        ..all()
    };
    for (filter, expected) in [
        (pattern("a.*"), &["t2", "t1"][..]),
        (pattern("*.created"), &["t3", "t1"]),
        (pattern("a.thing.created"), &["t1"]),
        // An underscore stands for itself, not for the dot in `a.thing`.
        (pattern("a_thing.*"), &["t3"]),
        (pattern("a.thing"), &[]),
        (types(&["a_thing.created", "a.thing.updated"]), &["t3", "t2"]),
        (types(&["nothing.created"]), &[]),
        (between(0, 10), &["t2", "t1"]),
        (between(11, 19), &[]),
        (between(20, 20), &["t3"]),
    ] {
        assert_eq!(objects(&listed(&store, FIRST, &filter).await), expected);
    }
}

#[tokio::test]
async fn what_is_rolled_back_has_no_event_and_leaves_no_gap() {
    let (store, _kept) = store();
    store.write(event("acct_1", "a.thing.created", "t1", 0)).await.unwrap();
    let undone = Append { fails: true, ..event("acct_1", "a.thing.created", "t2", 1) };
    assert_eq!(store.write(undone).await, Err(StorageError::Busy));
    store.write(event("acct_1", "a.thing.created", "t3", 2)).await.unwrap();
    let events = listed(&store, FIRST, &all()).await;
    assert_eq!(objects(&events), ["t3", "t1"]);
    assert_eq!((events[0].seq, events[1].seq), (2, 1));
}

#[tokio::test]
async fn what_is_too_old_is_not_shown_and_then_pruned() {
    let (store, _kept) = three_events().await;
    let owner = owner("acct_1");
    let events = listed(&store, FIRST, &all()).await;
    // The second of t2 itself is the last in which it is shown.
    let since = NOW.plus(10);
    assert_eq!(objects(&page(&store, &owner, FIRST, &all(), since).await.unwrap()), ["t3", "t2"]);
    assert!(find(&store, &owner, &events[2].id, since).await.unwrap().is_none());
    assert!(find(&store, &owner, &events[1].id, since).await.unwrap().is_some());
    let later = since.plus(limit::EVENT_SECONDS);
    assert_eq!(
        prune_aged(&store, DueTimes { now: later, proven: later }).await.unwrap(),
        2,
        "t1 and the other account's"
    );
    assert_eq!(objects(&listed(&store, FIRST, &all()).await), ["t3", "t2"]);
    // Numbers go on after all are gone: a cursor never meets another event.
    let end = NOW.plus(21 + limit::EVENT_SECONDS);
    assert_eq!(prune_aged(&store, DueTimes { now: end, proven: end }).await.unwrap(), 2);
    store.write(event("acct_1", "a.thing.created", "t1", 30)).await.unwrap();
    assert_eq!(listed(&store, FIRST, &all()).await[0].seq, 4);
}

/// Wants two deliveries of everything that was created, and fails at what is forbidden.
struct Deliveries;

impl EventListener for Deliveries {
    fn appended<'a>(
        &'a self,
        _tx: &'a mut Tx<'_>,
        _owner: &'a Owner,
        event: &'a AppendedEvent<'a>,
    ) -> BoxFuture<'a, Result<i64, StorageError>> {
        Box::pin(async move {
            match event.kind {
                "a.thing.forbidden" => Err(StorageError::Busy),
                kind => Ok(if kind.ends_with("created") { 2 } else { 0 }),
            }
        })
    }
}

struct Settle(String);

impl Work for Settle {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        settle_delivery(tx, &owner("acct_1"), &self.0);
        Ok(())
    }
}

#[tokio::test]
async fn deliveries_are_pending_until_each_is_settled() {
    let (store, _kept) = store();
    let listened = |kind, object| {
        let listeners: Vec<Arc<dyn EventListener>> = vec![Arc::new(Deliveries)];
        Append { listeners, ..event("acct_1", kind, object, 0) }
    };
    store.write(listened("a.thing.created", "t1")).await.unwrap();
    store.write(listened("a.thing.updated", "t2")).await.unwrap();
    // An event that a listener has not seen must not exist.
    assert_eq!(store.write(listened("a.thing.forbidden", "t3")).await, Err(StorageError::Busy));
    let by = |delivery| EventFilter { delivery, ..all() };
    for (left, unsettled, succeeded) in
        [(2, vec!["t1"], vec!["t2"]), (1, vec!["t1"], vec!["t2"]), (0, vec![], vec!["t2", "t1"])]
    {
        let events = listed(&store, FIRST, &all()).await;
        assert_eq!(objects(&events), ["t2", "t1"]);
        assert_eq!((events[0].pending, events[1].pending), (0, left));
        assert_eq!(objects(&listed(&store, FIRST, &by(Delivery::Unsettled)).await), unsettled);
        assert_eq!(objects(&listed(&store, FIRST, &by(Delivery::Succeeded)).await), succeeded);
        store.write(Settle(events[1].id.clone())).await.unwrap();
    }
    assert_eq!(listed(&store, FIRST, &all()).await[1].pending, 0, "never below zero");
}
