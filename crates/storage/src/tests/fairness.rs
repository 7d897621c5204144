//! Whose turn it is: for the writer, for the threads that read lists.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use coffer_base::limit;
use tempfile::tempdir;
use tokio::task::JoinHandle;

use super::*;

type Written = JoinHandle<Result<Vec<Row>>>;

fn write(store: &Store, app: &str, label: String) -> Written {
    let store = store.of_share(Share::of_app(app));
    tokio::spawn(async move { store.write(insert(&label)).await })
}

async fn until_waiting(store: &Store, number: usize) {
    while store.stats().waiting != number as u64 {
        tokio::task::yield_now().await;
    }
}

/// A store whose writer is blocked before the commit of one write.
async fn blocked_writer(directory: &std::path::Path) -> (Arc<Gate>, Store, Written) {
    let gate = Arc::new(Gate::default());
    let store = open_with(directory, gate.faults());
    gate.shut();
    let first = write(&store, "app_first", "first".into());
    let blocked = Arc::clone(&gate);
    tokio::task::spawn_blocking(move || blocked.wait_until_blocked()).await.unwrap();
    (gate, store, first)
}

/// The place of a row among all that were written.
async fn place_of(store: &Store, label: &str) -> i64 {
    let rows = store.query("SELECT id FROM item WHERE label = ?", &[Value::from(label)]).await;
    rows.unwrap()[0].int(0).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_of_another_app_is_the_next_but_one_however_many_wait() {
    let directory = tempdir().unwrap();
    let (gate, store, first) = blocked_writer(directory.path()).await;
    let many: Vec<_> = (0..500).map(|i| write(&store, "app_many", format!("many {i}"))).collect();
    until_waiting(&store, 500).await;
    let quiet = write(&store, "app_quiet", "quiet".into());
    until_waiting(&store, 501).await;
    gate.open();
    for written in many.into_iter().chain([first, quiet]) {
        written.await.unwrap().unwrap();
    }
    assert_eq!(place_of(&store, "quiet").await, 3, "behind the first, and one of the many");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_that_fills_its_line_is_refused_and_no_other() {
    let directory = tempdir().unwrap();
    let (gate, store, first) = blocked_writer(directory.path()).await;
    let full: Vec<_> =
        (0..limit::WRITE_QUEUE).map(|i| write(&store, "app_a", format!("a {i}"))).collect();
    until_waiting(&store, limit::WRITE_QUEUE).await;
    let refused = write(&store, "app_a", "one too many".into()).await.unwrap();
    assert_eq!(refused, Err(StorageError::Busy));
    let other = write(&store, "app_b", "other".into());
    until_waiting(&store, limit::WRITE_QUEUE + 1).await;
    gate.open();
    for written in full.into_iter().chain([first, other]) {
        written.await.unwrap().unwrap();
    }
    assert_eq!(count(&store).await, 2 + limit::WRITE_QUEUE as i64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_many_apps_fill_the_queue_the_longest_line_gives_way() {
    let directory = tempdir().unwrap();
    let (gate, store, first) = blocked_writer(directory.path()).await;
    let mut waiting = Vec::new();
    for app in 0..limit::WRITE_QUEUE_TOTAL / limit::WRITE_QUEUE {
        let label = |i| format!("{app} {i}");
        let app = format!("app_{app}");
        waiting.extend((0..limit::WRITE_QUEUE).map(|i| write(&store, &app, label(i))));
    }
    until_waiting(&store, limit::WRITE_QUEUE_TOTAL).await;
    let quiet = write(&store, "app_quiet", "quiet".into());
    // One of the others is told before anything was written.
    while !waiting.iter().any(JoinHandle::is_finished) {
        tokio::task::yield_now().await;
    }
    gate.open();
    quiet.await.unwrap().unwrap();
    first.await.unwrap().unwrap();
    let mut busy = 0;
    for written in waiting {
        match written.await.unwrap() {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error, StorageError::Busy);
                busy += 1;
            }
        }
    }
    assert_eq!(busy, 1);
    assert_eq!(count(&store).await, 1 + limit::WRITE_QUEUE_TOTAL as i64);
}

/// Adds as many rows as a group may change.
fn large(label: &'static str) -> Run {
    let sql = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT ?1) \
               INSERT INTO item (label) SELECT ?2 || x FROM n";
    let rows = i64::try_from(limit::WRITE_GROUP_ROWS).unwrap();
    Run(vec![(sql, vec![Value::Int(rows), Value::from(label)])])
}

/// A third of what an app may change in a group in which others have a part.
fn medium(label: String) -> Run {
    let sql = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT ?1) \
               INSERT INTO item (label) SELECT ?2 || ' ' || x FROM n";
    let rows = i64::try_from(limit::WRITE_SHARE_ROWS.div_ceil(3)).unwrap();
    Run(vec![(sql, vec![Value::Int(rows), Value::from(label)])])
}

async fn write_medium(store: &Store, app: &str, times: usize) -> Vec<Written> {
    let mut written = Vec::new();
    for at in 0..times {
        let (store, waiting) = (store.of_share(Share::of_app(app)), store.stats().waiting);
        let label = format!("{app} {at}");
        let writing = store.clone();
        written.push(tokio::spawn(async move { writing.write(medium(label)).await }));
        until_waiting(&store, waiting as usize + 1).await;
    }
    written
}

/// How many commits writes took that waited for the first.
async fn commits_of(apps: &[(&str, usize)]) -> u64 {
    let directory = tempdir().unwrap();
    let (gate, store, first) = blocked_writer(directory.path()).await;
    let mut written = vec![first];
    for (app, times) in apps {
        written.extend(write_medium(&store, app, *times).await);
    }
    gate.open();
    for written in written {
        written.await.unwrap().unwrap();
    }
    store.stats().commits - 1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_ends_when_whoever_waits_has_had_a_part_of_it() {
    assert_eq!(commits_of(&[("app_many", 10)]).await, 1, "an app that is alone fills a group");
    // Three of the many and the one of the quiet; then the many are alone.
    assert_eq!(commits_of(&[("app_many", 10), ("app_quiet", 1)]).await, 2);
    // Three of each, three times, and what is left.
    assert_eq!(commits_of(&[("app_many", 10), ("app_other", 10)]).await, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_of_large_writes_is_committed_early() {
    let directory = tempdir().unwrap();
    let (gate, store, first) = blocked_writer(directory.path()).await;
    let mut writes = Vec::new();
    for (at, label) in ["a", "b", "c"].into_iter().enumerate() {
        let writing = store.clone();
        writes.push(tokio::spawn(async move { writing.write(large(label)).await }));
        until_waiting(&store, at + 1).await;
    }
    gate.open();
    for written in writes.into_iter().chain([first]) {
        written.await.unwrap().unwrap();
    }
    assert_eq!((store.stats().units, store.stats().commits), (4, 4));
}

/// A runtime with one thread: whatever blocks it blocks this test for ever.
#[tokio::test]
async fn a_list_that_takes_long_holds_up_neither_look_ups_nor_lists_of_others() {
    let directory = tempdir().unwrap();
    let (gate, is_first) = (Arc::new(Gate::default()), AtomicBool::new(true));
    gate.shut();
    let inside = Arc::clone(&gate);
    let faults = Faults::none().in_list(Arc::new(move || {
        if is_first.swap(false, Ordering::SeqCst) {
            inside.pass();
        }
    }));
    let store = open_with(directory.path(), faults);
    let list = |app: &str| store.of_share(Share::of_app(app)).in_turn();
    let slow = list("app_slow");
    let slow = tokio::spawn(async move { slow.query("SELECT 1", &[]).await });
    let blocked = Arc::clone(&gate);
    tokio::task::spawn_blocking(move || blocked.wait_until_blocked()).await.unwrap();
    store.query("SELECT 2", &[]).await.unwrap();
    list("app_other").query("SELECT 3", &[]).await.unwrap();
    store.of_share(Share::SYSTEM).in_turn().query("SELECT 4", &[]).await.unwrap();
    assert!(!slow.is_finished());
    gate.open();
    slow.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_list_without_end_is_cut_and_the_next_one_is_not() {
    let directory = tempdir().unwrap();
    let store = open(directory.path()).in_turn();
    let endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) \
                   SELECT max(x) FROM n";
    let error = store.query(endless, &[]).await.unwrap_err();
    assert!(matches!(error, StorageError::Unavailable(_)), "{error}");
    let long = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 100000) \
                SELECT max(x) FROM n";
    assert_eq!(store.query(long, &[]).await.unwrap()[0].int(0), Ok(100_000));
}

#[test]
fn an_app_has_one_share_and_none_of_the_server() {
    assert_eq!(Share::of_app("app_1"), Share::of_app("app_1"));
    assert_ne!(Share::of_app("app_1"), Share::of_app("app_2"));
    let own = [Share::SYSTEM, Share::AUTHENTICATION, Share::JOBS];
    assert!(own.iter().all(|share| !share.is_app()) && Share::of_app("").is_app());
}
