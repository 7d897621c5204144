//! The write-ahead log stays bounded.

use std::fs;

use coffer_base::limit;
use rusqlite::Connection;
use tempfile::tempdir;

use super::snapshots::Recorded;
use super::*;

const MIB: usize = 1024 * 1024;

/// A unit of work that rewrites one row with so many bytes, all alike.
fn rewriting(bytes: usize, with: u8) -> Run {
    let sql = "INSERT INTO item (id, body) VALUES (1, ?1) \
               ON CONFLICT (id) DO UPDATE SET body = excluded.body";
    Run(vec![(sql, vec![Value::from(vec![with; bytes])])])
}

/// Rewrites one row with `bytes` other bytes each time.
async fn rewrite(store: &Store, bytes: usize, times: u8) {
    for i in 0..times {
        store.write(rewriting(bytes, i)).await.unwrap();
    }
}

#[tokio::test]
async fn checkpoints_run_beside_the_commits() {
    let directory = tempdir().unwrap();
    let store = open(directory.path());
    rewrite(&store, MIB, 5).await;
    while store.stats().checkpoints == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.stats().checkpoints_failed, 0);
}

#[tokio::test]
async fn what_only_records_is_moved_more_rarely() {
    let directory = tempdir().unwrap();
    let store = open(directory.path());
    let least = limit::WAL_CHECKPOINT_BYTES;
    // The same bytes again would change no page.
    let mut bytes = (0..=u8::MAX).cycle();
    let mut record = || store.write(Recorded(rewriting(MIB, bytes.next().unwrap_or(0))));
    while store.stats().wal_bytes < 2 * least {
        record().await.unwrap();
    }
    // The thread has had no signal.
    assert_eq!(store.stats().checkpoints, 0);
    let recorded = store.stats().wal_bytes;
    // The log may begin anew as soon as all of it was moved.
    let mut longest = recorded;
    while store.stats().checkpoints == 0 {
        record().await.unwrap();
        longest = longest.max(store.stats().wal_bytes);
    }
    assert!(longest > recorded + least, "{longest}");
    rewrite(&store, MIB, 5).await;
    while store.stats().checkpoints == 1 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_stays_bounded_while_reads_and_writes_never_pause() {
    let directory = tempdir().unwrap();
    let store = open(directory.path());
    let reading = tokio::spawn({
        let store = store.clone();
        async move {
            loop {
                count(&store).await;
                tokio::task::yield_now().await;
            }
        }
    });
    rewrite(&store, 4 * MIB, 90).await;
    reading.abort();
    let log = fs::metadata(directory.path().join("coffer.db-wal")).unwrap().len();
    assert!(log < limit::WAL_CEILING_BYTES + 2 * limit::WAL_GRACE_BYTES, "{log}");
}

#[tokio::test]
async fn the_log_outlives_a_long_reader_and_shrinks_after_it() {
    let directory = tempdir().unwrap();
    let store = open(directory.path());
    rewrite(&store, 10, 1).await;
    let reader = Connection::open(directory.path().join("coffer.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM item").unwrap();
    rewrite(&store, 4 * MIB, 70).await;
    let before = store.stats().wal_bytes;
    assert!(before > limit::WAL_CEILING_BYTES, "{before}");
    let refused = store.checkpoint().await.unwrap_err();
    assert!(matches!(refused, StorageError::Unavailable(_)), "{refused}");
    reader.execute_batch("COMMIT").unwrap();
    rewrite(&store, 4 * MIB, 10).await;
    let after = store.stats().wal_bytes;
    assert!(after < before, "{after}");
    store.checkpoint().await.unwrap();
    assert_eq!(store.stats().wal_bytes, 0);
}
