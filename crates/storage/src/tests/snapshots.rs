//! A read connection reads on from one snapshot, and misses nothing that concerns the read.

use std::time::Duration;

use coffer_base::limit;
use rusqlite::Connection;
use tempfile::tempdir;

use super::*;

/// A unit of work that says that it only records what happened.
pub(super) struct Recorded(pub(super) Run);

impl Work for Recorded {
    type Out = Vec<Row>;

    fn is_record(&self) -> bool {
        true
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<Row>> {
        self.0.run(tx).await
    }
}

/// As [`count`], by whoever reads what is only recorded.
async fn count_records(store: &Store) -> i64 {
    let sql = "SELECT count(*) AS audit_items FROM item";
    store.query(sql, &[]).await.unwrap()[0].int(0).unwrap()
}

/// Longer than a snapshot is used without a look at what others have committed.
async fn wait() {
    tokio::time::sleep(Duration::from_micros(10 * limit::SNAPSHOT_MICROSECONDS)).await;
}

#[tokio::test]
async fn what_only_records_ends_no_snapshot_but_for_who_reads_records() {
    let directory = tempdir().unwrap();
    let store = open(directory.path());
    store.write(insert("changed")).await.unwrap();
    assert_eq!(count(&store).await, 1);
    store.write(Recorded(insert("recorded"))).await.unwrap();
    wait().await;
    // The row would be among the records, which this read says nothing of.
    assert_eq!(count(&store).await, 1);
    assert_eq!((count_records(&store).await, count(&store).await), (2, 2));
    store.write(Recorded(insert("again"))).await.unwrap();
    assert_eq!(count_records(&store).await, 3, "who reads records sees what was acknowledged");
    store.write(insert("changed again")).await.unwrap();
    assert_eq!(count(&store).await, 4, "a change ends it");
}

#[tokio::test]
async fn what_another_program_commits_is_seen_whatever_the_server_records() {
    let directory = tempdir().unwrap();
    let store = open(directory.path());
    store.write(insert("own")).await.unwrap();
    let other = Connection::open(directory.path().join("coffer.db")).unwrap();
    let add = |label: &str| {
        let sql = "INSERT INTO item (label, body) VALUES (?1, x'')";
        assert_eq!(other.execute(sql, [label]).unwrap(), 1);
    };
    assert_eq!(count(&store).await, 1);
    add("foreign");
    wait().await;
    assert_eq!(count(&store).await, 2);
    // Before what is only recorded, which then counts as a change.
    add("before");
    store.write(Recorded(insert("recorded"))).await.unwrap();
    assert_eq!(count(&store).await, 4);
    // Between two records, and at once after one.
    store.write(Recorded(insert("one"))).await.unwrap();
    add("between");
    store.write(Recorded(insert("two"))).await.unwrap();
    add("after");
    wait().await;
    assert_eq!(count(&store).await, 8);
    // In a log that begins anew.
    store.checkpoint().await.unwrap();
    add("in an empty log");
    wait().await;
    assert_eq!(count(&store).await, 9);
    other.execute_batch("PRAGMA wal_checkpoint(PASSIVE);").unwrap();
    store.write(Recorded(insert("three"))).await.unwrap();
    add("behind it");
    wait().await;
    assert_eq!(count(&store).await, 11);
}
