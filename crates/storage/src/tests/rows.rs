//! Values in, rows out, and reads.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use tempfile::tempdir;

use super::*;

#[tokio::test]
async fn values_round_trip() {
    let directory = tempdir().unwrap();
    let store = open(directory.path());
    let values = vec![
        Value::Null,
        Value::Int(i64::MIN),
        Value::Int(i64::MAX),
        Value::from("naïve \u{1F511}"),
        Value::from(""),
        Value::from(vec![0u8, 255, 10]),
        Value::from(Vec::<u8>::new()),
    ];
    let echo = "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7";
    let read = store.query(echo, &values).await.unwrap().remove(0);
    assert_eq!(read.into_values(), values);
    let written = store.write(Run(vec![(echo, values.clone())])).await.unwrap().remove(0);
    assert_eq!(written.into_values(), values);
}

#[tokio::test]
async fn a_column_of_another_type_is_an_error() {
    let directory = tempdir().unwrap();
    let store = open(directory.path());
    let sql = "SELECT 1, 'a', x'00', NULL, 1.5";
    assert!(matches!(store.query(sql, &[]).await, Err(StorageError::Corrupt(_))));
    let sql = "SELECT CAST(x'ff' AS TEXT)";
    assert!(matches!(store.query(sql, &[]).await, Err(StorageError::Corrupt(_))));
    let sql = "SELECT 1, 'a', x'00', NULL";
    let mut row = store.query(sql, &[]).await.unwrap().remove(0);
    assert_eq!((row.int(0), row.text(1), row.blob(2)), (Ok(1), Ok("a"), Ok([0].as_slice())));
    assert_eq!(row.optional_int(3), Ok(None));
    assert_eq!(row.optional_text(3), Ok(None));
    assert_eq!(row.optional_text(1), Ok(Some("a")));
    for wrong in [row.int(1), row.int(3), row.int(4), row.blob(1).map(|_| 0)] {
        assert!(matches!(wrong, Err(StorageError::Internal(_))));
    }
    assert_eq!(row.take_text(1), Ok("a".to_owned()));
    assert_eq!(row.take_blob(2), Ok(vec![0]));
    assert!(row.take_text(1).is_err());
}

#[tokio::test]
async fn errors_and_debug_output_show_no_value() {
    let directory = tempdir().unwrap();
    let store = open(directory.path());
    store.write(insert("hunter2")).await.unwrap();
    let error = store.write(insert("hunter2")).await.unwrap_err();
    assert!(error.to_string().contains("item.label"), "{error}");
    let wrong =
        Run(vec![("INSERT INTO item (label, id) VALUES ('x', ?1)", vec![Value::from("hunter2")])]);
    let mistyped = store.write(wrong).await.unwrap_err();
    let row = store.query("SELECT label FROM item", &[]).await.unwrap();
    for shown in [format!("{error} {error:?}"), format!("{mistyped:?}"), format!("{row:?}")] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[tokio::test]
async fn the_number_of_parameters_must_fit() {
    let directory = tempdir().unwrap();
    let store = open(directory.path());
    for params in [vec![], vec![Value::Int(1), Value::Int(2)]] {
        let result = store.query("SELECT ?1", &params).await;
        assert!(matches!(result, Err(StorageError::Internal(_))));
    }
}

#[tokio::test]
async fn a_read_changes_nothing() {
    let directory = tempdir().unwrap();
    let store = open(directory.path());
    let result = store.query("INSERT INTO item (label) VALUES ('x')", &[]).await;
    assert!(matches!(result, Err(StorageError::Internal(_))), "{result:?}");
    let result = store.query("DELETE FROM item RETURNING id", &[]).await;
    assert!(matches!(result, Err(StorageError::Internal(_))), "{result:?}");
}

#[test]
fn a_read_is_ready_at_the_first_poll() {
    let directory = tempdir().unwrap();
    let store = open(directory.path());
    let read = pin!(store.query("SELECT 1", &[]));
    assert!(read.poll(&mut Context::from_waker(Waker::noop())).is_ready());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_see_the_last_commit_while_a_write_is_open() {
    let directory = tempdir().unwrap();
    let gate = Arc::new(Gate::default());
    let store = open_with(directory.path(), gate.faults());
    store.write(insert("one")).await.unwrap();
    gate.shut();
    let write = tokio::spawn({
        let store = store.clone();
        async move { store.write(insert("two")).await }
    });
    let waiting = Arc::clone(&gate);
    tokio::task::spawn_blocking(move || waiting.wait_until_blocked()).await.unwrap();
    assert_eq!(count(&store).await, 1);
    gate.open();
    write.await.unwrap().unwrap();
    assert_eq!(count(&store).await, 2);
}

struct Batch;

impl Work for Batch {
    type Out = Vec<Vec<Row>>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<Vec<Row>>> {
        tx.defer("INSERT INTO item (label) VALUES ('deferred')", values![]);
        let label = values!["batched"];
        let insert = "INSERT INTO item (label) VALUES (?1) RETURNING id";
        let rows = tx
            .batch(&[
                Statement { sql: insert, params: &label },
                Statement { sql: "SELECT label FROM item ORDER BY id", params: &[] },
            ])
            .await?;
        assert_eq!(tx.execute("UPDATE item SET body = x'01'", &[]).await?, 2);
        Ok(rows)
    }
}

#[tokio::test]
async fn several_statements_return_their_rows_after_the_deferred_ones_ran() {
    let directory = tempdir().unwrap();
    let rows = open(directory.path()).write(Batch).await.unwrap();
    assert_eq!(rows[0][0].int(0), Ok(2));
    assert_eq!(rows[1][0].text(0), Ok("deferred"));
    assert_eq!(rows[1][1].text(0), Ok("batched"));
}
