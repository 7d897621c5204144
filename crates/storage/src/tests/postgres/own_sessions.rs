//! Sessions with no pooler in between: they keep their timeouts and prepared statements.

use super::*;

/// A new database with the tests' schema, by one connection of one's own.
async fn own() -> Option<Store> {
    let options = empty_database_by("?pooler=none&pool_size=1").await?;
    Store::expand_postgres(options.clone(), SETS, NOW).await.unwrap();
    Some(Store::open_postgres(options, SETS).await.unwrap())
}

const INSERT: &str = "INSERT INTO item (id, label, body) VALUES (?, ?, ?) RETURNING label, body";

#[tokio::test]
async fn a_statement_takes_values_and_nulls_in_any_order() {
    let store = server_or_skip!(own());
    let rows = [
        [Value::from("a"), Value::Null],
        [Value::Null, Value::from(vec![1u8])],
        [Value::Null, Value::Null],
        [Value::from("b"), Value::from(vec![2u8])],
    ];
    for (id, [label, body]) in (0_i64..).zip(rows.iter().cycle().take(12)) {
        let label = match label {
            Value::Text(text) => Value::from(format!("{text}{id}")),
            _ => Value::Null,
        };
        let id = Value::Int(id);
        let params = vec![id, label.clone(), body.clone()];
        let row = store.write(Run(vec![(INSERT, params)])).await.unwrap().remove(0);
        assert_eq!(row.into_values(), [label, body.clone()]);
    }
    assert_eq!(count(&store).await, 12);
}

#[tokio::test]
async fn a_statement_is_prepared_once_and_then_costs_no_round_trip() {
    let store = server_or_skip!(own());
    let before = store.stats().round_trips;
    for (id, round_trips) in [(1, 3), (2, 5), (3, 7)] {
        store.write(Run(vec![item(id, &format!("item {id}"))])).await.unwrap();
        let used = store.stats().round_trips - before;
        assert!(used <= round_trips, "{id}: {used}");
    }
    let before = store.stats().round_trips;
    assert_eq!(count(&store).await, 3);
    assert_eq!(count(&store).await, 3);
    assert_eq!(store.stats().round_trips - before, 3);
}

#[tokio::test]
async fn a_unit_that_fails_leaves_what_is_prepared() {
    let store = server_or_skip!(own());
    for id in 0..3 {
        let label = format!("item {id}");
        let broken = Run(vec![item(id, &label), ("SELECT nonsense FROM item", vec![])]);
        assert!(matches!(store.write(broken).await, Err(StorageError::Rejected(_))));
        let twice = Run(vec![item(id, &label), item(id, "other")]);
        assert!(matches!(store.write(twice).await, Err(StorageError::Constraint(_))));
        store.write(Run(vec![item(id, &label)])).await.unwrap();
    }
    assert_eq!(count(&store).await, 3);
}

#[tokio::test]
async fn a_session_has_its_timeouts_and_none_that_could_cancel_a_commit() {
    let store = server_or_skip!(own());
    let settings = "SELECT current_setting('lock_timeout'), current_setting('statement_timeout'), \
                    current_setting('idle_in_transaction_session_timeout'), \
                    current_setting('transaction_isolation')";
    let row = store.write(Run(vec![(settings, vec![])])).await.unwrap().remove(0);
    let expected = ["4s", "0", "10s", "read committed"].map(Value::from);
    assert_eq!(row.into_values(), expected);
}

#[tokio::test]
async fn what_is_prepared_outlives_a_new_column() {
    let store = server_or_skip!(own());
    store.write(Run(vec![item(1, "a")])).await.unwrap();
    store.change_schema("ALTER TABLE item ADD COLUMN added TEXT").await.unwrap();
    store.write(Run(vec![item(2, "b")])).await.unwrap();
    assert_eq!(count(&store).await, 2);
}

/// Nothing else ends it in such a session, which has no timeout for statements.
#[tokio::test]
async fn a_statement_that_nobody_waits_for_any_more_is_cancelled() {
    let options = server_or_skip!(empty_database_by("?pooler=none"));
    Store::expand_postgres(options.clone(), SETS, NOW).await.unwrap();
    let store = Store::open_postgres(options, SETS).await.unwrap();
    let endless = "SELECT 1 FROM pg_sleep(3600)";
    let ended = store.write(Run(vec![(endless, vec![])])).await;
    assert!(matches!(ended, Err(StorageError::Unavailable(_))), "{ended:?}");
    let running = "SELECT CAST(count(*) AS BIGINT) FROM pg_stat_activity \
                   WHERE datname = current_database() AND state = 'active' \
                   AND query LIKE 'SELECT 1 FROM pg_sleep%'";
    while store.query(running, &[]).await.unwrap()[0].int(0).unwrap() > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
