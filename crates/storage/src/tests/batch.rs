//! Units of work, alone and in batches.

use std::future::pending;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use coffer_base::limit;
use tempfile::tempdir;
use tokio::task::JoinHandle;

use super::*;

/// A unit that writes a row and then does not end well.
#[derive(Clone, Copy)]
enum Bad {
    Refuse,
    Panic,
    Wait,
    Hide,
    DeferDuplicate,
}

impl Work for Bad {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        tx.execute("INSERT INTO item (label) VALUES ('bad')", &[]).await?;
        match self {
            Self::Refuse => return Err(StorageError::Corrupt("refused".into())),
            Self::Panic => panic!("on purpose"),
            Self::Wait => pending::<()>().await,
            // Goes on as if the failure had not happened.
            Self::Hide => {
                let _ = tx.execute("INSERT INTO item (label) VALUES ('bad')", &[]).await;
            }
            Self::DeferDuplicate => tx.defer("INSERT INTO item (label) VALUES ('bad')", values![]),
        }
        Ok(())
    }
}

impl Bad {
    fn is_reported(self, error: &StorageError) -> bool {
        match self {
            Self::Refuse => matches!(error, StorageError::Corrupt(_)),
            Self::Panic => *error == StorageError::Panicked,
            Self::Wait => *error == StorageError::Waited,
            Self::Hide | Self::DeferDuplicate => matches!(error, StorageError::Constraint(_)),
        }
    }
}

fn spawn<W: Work>(store: &Store, work: W) -> JoinHandle<Result<W::Out>> {
    let store = store.clone();
    tokio::spawn(async move { store.write(work).await })
}

async fn until_waiting(store: &Store, number: u64) {
    while store.stats().waiting != number {
        tokio::task::yield_now().await;
    }
}

/// A store whose writer is blocked before a commit, so that what is queued next is one batch.
async fn blocked_writer(
    directory: &std::path::Path,
) -> (Arc<Gate>, Store, JoinHandle<Result<Vec<Row>>>) {
    let gate = Arc::new(Gate::default());
    let store = open_with(directory, gate.faults());
    gate.shut();
    let first = spawn(&store, insert("first"));
    tokio::task::spawn_blocking({
        let gate = Arc::clone(&gate);
        move || gate.wait_until_blocked()
    })
    .await
    .unwrap();
    (gate, store, first)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queued_units_share_one_commit() {
    let directory = tempdir().unwrap();
    let (gate, store, first) = blocked_writer(directory.path()).await;
    let writes: Vec<_> = (0..40).map(|i| spawn(&store, insert(&format!("row {i}")))).collect();
    until_waiting(&store, 40).await;
    gate.open();
    first.await.unwrap().unwrap();
    for write in writes {
        write.await.unwrap().unwrap();
    }
    assert_eq!(count(&store).await, 41);
    assert_eq!((store.stats().units, store.stats().commits), (41, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_has_a_size_limit() {
    let directory = tempdir().unwrap();
    let (gate, store, first) = blocked_writer(directory.path()).await;
    let size = limit::WRITE_GROUP + 1;
    let writes: Vec<_> = (0..size).map(|i| spawn(&store, insert(&format!("row {i}")))).collect();
    until_waiting(&store, size as u64).await;
    gate.open();
    first.await.unwrap().unwrap();
    for write in writes {
        write.await.unwrap().unwrap();
    }
    assert_eq!(store.stats().commits, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_that_fails_is_rolled_back_alone() {
    let directory = tempdir().unwrap();
    let (gate, store, first) = blocked_writer(directory.path()).await;
    let before = spawn(&store, insert("before"));
    until_waiting(&store, 1).await;
    let every = [Bad::Refuse, Bad::Panic, Bad::Wait, Bad::Hide, Bad::DeferDuplicate];
    let bad: Vec<_> = every.map(|bad| (bad, spawn(&store, bad))).into();
    until_waiting(&store, 6).await;
    let after = spawn(&store, insert("after"));
    until_waiting(&store, 7).await;
    gate.open();
    for good in [first, before, after] {
        good.await.unwrap().unwrap();
    }
    for (bad, write) in bad {
        let error = write.await.unwrap().unwrap_err();
        assert!(bad.is_reported(&error), "{error}");
    }
    assert_eq!(count(&store).await, 3);
    assert_eq!(store.stats().commits, 2);
}

#[tokio::test]
async fn a_single_unit_that_fails_leaves_no_rows() {
    let directory = tempdir().unwrap();
    let store = open(directory.path());
    for bad in [Bad::Refuse, Bad::Panic, Bad::Wait, Bad::Hide, Bad::DeferDuplicate] {
        let error = store.write(bad).await.unwrap_err();
        assert!(bad.is_reported(&error), "{error}");
        assert_eq!(count(&store).await, 0);
    }
    store.write(insert("good")).await.unwrap();
    assert_eq!((count(&store).await, store.stats().commits), (1, 1));
}

#[tokio::test]
async fn statements_about_transactions_and_connections_are_refused() {
    let directory = tempdir().unwrap();
    let store = open(directory.path());
    for sql in [
        "BEGIN",
        "  commit",
        "END",
        "ROLLBACK",
        "SAVEPOINT a",
        "RELEASE unit",
        "PRAGMA user_version = 1",
        "ATTACH 'x' AS y",
        "DROP TABLE item",
        "VACUUM",
        "/* */ COMMIT",
        "-- x\nCOMMIT",
        "",
    ] {
        let work = Run(vec![("INSERT INTO item (label) VALUES ('a')", vec![]), (sql, vec![])]);
        let error = store.write(work).await.unwrap_err();
        assert!(matches!(error, StorageError::Internal(_)), "{sql}: {error}");
        let error = store.query(sql, &[]).await.unwrap_err();
        assert!(matches!(error, StorageError::Internal(_)), "{sql}: {error}");
    }
    let two = Run(vec![("DELETE FROM item; COMMIT", vec![])]);
    assert!(matches!(store.write(two).await, Err(StorageError::Rejected(_))));
    assert_eq!(count(&store).await, 0);
}

/// Claims, tries an operation that is refused, and records the refusal.
struct Savepoints;

impl Work for Savepoints {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        tx.defer("INSERT INTO item (label) VALUES ('claim')", values![]);
        tx.savepoint().await?;
        tx.execute("INSERT INTO item (label) VALUES ('refused')", &[]).await?;
        tx.defer("INSERT INTO item (label) VALUES ('refused too')", values![]);
        tx.rollback_to_savepoint().await?;
        tx.release_savepoint().await?;
        tx.savepoint().await?;
        tx.execute("INSERT INTO item (label) VALUES ('kept')", &[]).await?;
        tx.release_savepoint().await?;
        tx.defer("INSERT INTO item (label) VALUES ('audit')", values![]);
        Ok(())
    }
}

#[tokio::test]
async fn a_rollback_to_the_savepoint_undoes_what_came_after_it_and_nothing_else() {
    let directory = tempdir().unwrap();
    let store = open(directory.path());
    store.write(Savepoints).await.unwrap();
    let rows = store.query("SELECT label FROM item ORDER BY label", &[]).await.unwrap();
    let labels: Vec<_> = rows.iter().map(|row| row.text(0).unwrap()).collect();
    assert_eq!(labels, ["audit", "claim", "kept"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_caller_does_not_cut_its_write() {
    let directory = tempdir().unwrap();
    let (gate, store, first) = blocked_writer(directory.path()).await;
    let cut = spawn(&store, insert("cut"));
    until_waiting(&store, 1).await;
    cut.abort();
    assert!(cut.await.unwrap_err().is_cancelled());
    gate.open();
    first.await.unwrap().unwrap();
    store.close().await;
    assert_eq!(count(&open(directory.path())).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_loses_the_batch_and_nothing_more() {
    let directory = tempdir().unwrap();
    let (gate, pages) = (Arc::new(Gate::default()), Arc::new(AtomicU32::new(0)));
    let store = open_with(directory.path(), gate.faults().page_ceiling(Arc::clone(&pages)));
    store.write(insert("kept")).await.unwrap();
    gate.shut();
    let first = spawn(&store, insert("first"));
    until_blocked(&gate).await;
    let small = spawn(&store, insert("small"));
    until_waiting(&store, 1).await;
    let large = spawn(&store, insert_body("large", vec![7; 1_000_000]));
    until_waiting(&store, 2).await;
    let unrelated = spawn(&store, insert("unrelated"));
    until_waiting(&store, 3).await;
    pages.store(20, Ordering::SeqCst);
    gate.open();
    first.await.unwrap().unwrap();
    for lost in [small, large] {
        let error = lost.await.unwrap().unwrap_err();
        assert!(matches!(error, StorageError::NoSpace(_)), "{error}");
    }
    // It had not begun yet.
    unrelated.await.unwrap().unwrap();
    assert_eq!(count(&store).await, 3);
    pages.store(0, Ordering::SeqCst);
    store.write(insert_body("large", vec![7; 1_000_000])).await.unwrap();
    assert_eq!(count(&store).await, 4);
}

async fn until_blocked(gate: &Arc<Gate>) {
    let gate = Arc::clone(gate);
    tokio::task::spawn_blocking(move || gate.wait_until_blocked()).await.unwrap();
}

#[tokio::test]
async fn a_failed_commit_is_reported_and_the_next_one_succeeds() {
    let directory = tempdir().unwrap();
    let armed = Arc::new(AtomicBool::new(true));
    let store = open_with(directory.path(), Faults::none().fail_commit(Arc::clone(&armed)));
    let error = store.write(insert("lost")).await.unwrap_err();
    assert!(matches!(error, StorageError::NoSpace(_)), "{error}");
    armed.store(false, Ordering::SeqCst);
    store.write(insert("kept")).await.unwrap();
    assert_eq!(count(&store).await, 1);
}

#[tokio::test]
async fn dropped_writes_are_acknowledged_and_missing() {
    let directory = tempdir().unwrap();
    let every_third = Faults::none().drop_writes(NonZeroU64::new(3).unwrap());
    let store = open_with(directory.path(), every_third);
    for i in 0..9 {
        store.write(insert(&format!("row {i}"))).await.unwrap();
    }
    assert_eq!(count(&store).await, 6);
}

#[tokio::test]
async fn an_early_acknowledgement_comes_before_the_commit() {
    let directory = tempdir().unwrap();
    let gate = Arc::new(Gate::default());
    let store = open_with(directory.path(), gate.faults().acknowledge_before_commit());
    gate.shut();
    store.write(insert("early")).await.unwrap();
    assert_eq!(count(&store).await, 0);
    gate.open();
    store.close().await;
    assert_eq!(count(&open(directory.path())).await, 1);
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let directory = tempdir().unwrap();
    let store = open(directory.path());
    store.write(insert("kept")).await.unwrap();
    store.close().await;
    store.close().await;
    assert_eq!(store.write(insert("late")).await, Err(StorageError::Closed));
    assert_eq!(store.query("SELECT 1", &[]).await, Err(StorageError::Closed));
    assert_eq!(store.checkpoint().await, Err(StorageError::Closed));
}
