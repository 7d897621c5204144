//! The other engine, where `COFFER_TEST_POSTGRES` names a server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::{Barrier, Semaphore};

use super::*;

/// A new database with the tests' schema; `None` where there is no server.
async fn database() -> Option<(PostgresOptions, Store)> {
    let options = empty_database().await?;
    Store::expand_postgres(options.clone(), SETS, NOW).await.unwrap();
    let store = Store::open_postgres(options.clone(), SETS).await.unwrap();
    Some((options, store))
}

/// A new database without a schema; `None` where there is no server.
async fn empty_database() -> Option<PostgresOptions> {
    empty_database_by("").await
}

/// The same by an address with `query`.
async fn empty_database_by(query: &str) -> Option<PostgresOptions> {
    let server = std::env::var("COFFER_TEST_POSTGRES").ok()?;
    let name = format!("storage_{:016x}", fastrand::u64(..));
    let admin: tokio_postgres::Config = format!("{server}/postgres").parse().unwrap();
    let (client, connection) = admin.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    let url = format!("{server}/{name}{query}");
    Some(PostgresOptions::parse(&url, &Passwords::default()).unwrap())
}

macro_rules! server_or_skip {
    ($made:expr) => {
        match $made.await {
            Some(made) => made,
            None => {
                println!("skipped: COFFER_TEST_POSTGRES names no server");
                return;
            }
        }
    };
}

mod migrations;
mod own_sessions;

#[tokio::test]
async fn values_round_trip() {
    let (_, store) = server_or_skip!(database());
    let values = vec![
        Value::Int(i64::MIN),
        Value::Int(i64::MAX),
        Value::from("naïve \u{1F511}"),
        Value::from(""),
        Value::from(vec![0u8, 255, 10]),
    ];
    let echo = "SELECT ?1, ?2, ?3, ?4, ?5";
    let read = store.query(echo, &values).await.unwrap().remove(0);
    assert_eq!(read.into_values(), values);
    let written = store.write(Run(vec![(echo, values.clone())])).await.unwrap().remove(0);
    assert_eq!(written.into_values(), values);
    let nothing = "INSERT INTO item (id, label, body) VALUES (?, ?, ?) RETURNING label, body";
    let values = vec![Value::Int(7), Value::Null, Value::Null];
    let row = store.write(Run(vec![(nothing, values)])).await.unwrap().remove(0);
    assert_eq!(row.into_values(), vec![Value::Null, Value::Null]);
}

/// A trigger that finds no room for one kind of row, as a full disk does for all.
const NO_ROOM: &str = "\
    CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
    RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; \
    END $$; \
    CREATE TRIGGER no_room BEFORE INSERT ON item FOR EACH ROW WHEN (NEW.label = 'large') \
    EXECUTE FUNCTION no_room()";

#[tokio::test]
async fn a_disk_without_room_is_told_from_other_failures() {
    let (options, store) = server_or_skip!(database());
    let admin: tokio_postgres::Config = options.to_string().parse().unwrap();
    let (admin, connection) = admin.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    admin.batch_execute(NO_ROOM).await.unwrap();
    store.check_space().unwrap();
    store.write(Run(vec![item(1, "small")])).await.unwrap();
    store.check_space().unwrap();
    let error = store.write(Run(vec![item(2, "large")])).await.unwrap_err();
    assert!(matches!(error, StorageError::NoSpace(_)), "{error}");
    assert!(error.to_string().contains("No space left"), "{error}");
    assert!(matches!(store.check_space(), Err(StorageError::NoSpace(_))));
    // What finds room goes on.
    store.write(Run(vec![item(3, "another")])).await.unwrap();
    assert_eq!(count(&store).await, 2);
}

fn item(id: i64, label: &str) -> (&'static str, Vec<Value>) {
    ("INSERT INTO item (id, label) VALUES (?, ?)", vec![Value::Int(id), Value::from(label)])
}

#[tokio::test]
async fn a_unit_that_fails_is_rolled_back_and_its_connection_reused() {
    let (_, store) = server_or_skip!(database());
    let broken = Run(vec![item(1, "a"), ("SELECT nonsense FROM item", vec![])]);
    assert!(matches!(store.write(broken).await, Err(StorageError::Rejected(_))));
    assert_eq!(count(&store).await, 0);
    store.write(Run(vec![item(1, "a")])).await.unwrap();
    let twice = store.write(Run(vec![item(2, "a")])).await;
    assert!(matches!(twice, Err(StorageError::Constraint(_))), "{twice:?}");
    assert_eq!(count(&store).await, 1);
}

/// Defers an insert.
struct Deferred(&'static str);

impl Work for Deferred {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        tx.defer("INSERT INTO item (id, label) VALUES (9, ?)", vec![Value::from(self.0)]);
        Ok(())
    }
}

#[tokio::test]
async fn deferred_statements_are_sent_with_the_commit_and_can_fail_it() {
    let (_, store) = server_or_skip!(database());
    let before = store.stats().round_trips;
    store.write(Deferred("a")).await.unwrap();
    assert_eq!((count(&store).await, store.stats().round_trips - before), (1, 2));
    assert!(matches!(store.write(Deferred("b")).await, Err(StorageError::Constraint(_))));
    assert_eq!(count(&store).await, 1);
}

/// Refuses after a change, as operations do.
struct Refusing;

impl Work for Refusing {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let (sql, params) = item(1, "before");
        tx.execute(sql, &params).await?;
        tx.savepoint().await?;
        let (sql, params) = item(2, "within");
        tx.execute(sql, &params).await?;
        let (sql, params) = item(3, "deferred within");
        tx.defer(sql, params);
        tx.rollback_to_savepoint().await?;
        tx.release_savepoint().await?;
        let (sql, params) = item(4, "after");
        tx.defer(sql, params);
        Ok(())
    }
}

#[tokio::test]
async fn a_rollback_to_the_savepoint_undoes_what_came_after_it() {
    let (_, store) = server_or_skip!(database());
    store.write(Refusing).await.unwrap();
    let rows = store.query("SELECT id FROM item ORDER BY id", &[]).await.unwrap();
    let ids: Vec<_> = rows.iter().map(|row| row.int(0).unwrap()).collect();
    assert_eq!(ids, [1, 4]);
}

/// Two units that lock two rows in opposite orders; on its first run each waits for `both` between
/// them.
struct Crossed {
    first: i64,
    second: i64,
    runs: AtomicU32,
    both: Arc<Barrier>,
}

impl Work for Crossed {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let sql = "UPDATE item SET label = label || 'x' WHERE id = ?";
        tx.execute(sql, &[Value::Int(self.first)]).await?;
        if self.runs.fetch_add(1, Ordering::SeqCst) == 0 {
            self.both.wait().await;
        }
        tx.execute(sql, &[Value::Int(self.second)]).await?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlocked_unit_is_retried() {
    let (_, store) = server_or_skip!(database());
    store.write(Run(vec![item(1, "a"), item(2, "b")])).await.unwrap();
    let both = Arc::new(Barrier::new(2));
    let crossed = |first, second| {
        let (runs, both) = (AtomicU32::new(0), Arc::clone(&both));
        Crossed { first, second, runs, both }
    };
    let (one, other) = tokio::join!(store.write(crossed(1, 2)), store.write(crossed(2, 1)));
    one.unwrap();
    other.unwrap();
    let rows = store.query("SELECT label FROM item ORDER BY id", &[]).await.unwrap();
    let labels: Vec<_> = rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect();
    assert_eq!(labels, ["axx", "bxx"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_leaves_no_open_transaction() {
    let (options, _) = server_or_skip!(database());
    let store = Store::open_postgres(options.with_connections(1), SETS).await;
    let store = store.unwrap();
    store.write(Run(vec![item(1, "a"), item(2, "b")])).await.unwrap();
    let (work, at) = Halting::new("UPDATE item SET label = label || 'x' WHERE id = 2");
    tokio::select! {
        _ = store.write(work) => panic!("it was done before its caller went away"),
        _ = at.reached.acquire() => {}
    }
    at.go_on.add_permits(1);
    // It goes on without its caller, and the only connection is free afterwards.
    store.write(Run(vec![item(3, "c")])).await.unwrap();
    let row = store.query("SELECT label FROM item WHERE id = 2", &[]).await.unwrap().remove(0);
    assert_eq!(row.text(0).unwrap(), "bx");
}

/// Carries out a statement, says that it did, and waits until it is told to go on.
struct Halting {
    sql: &'static str,
    lock: Option<Lock>,
    at: Arc<Halt>,
}

struct Halt {
    reached: Semaphore,
    go_on: Semaphore,
}

impl Halting {
    fn new(sql: &'static str) -> (Self, Arc<Halt>) {
        let at = Arc::new(Halt { reached: Semaphore::new(0), go_on: Semaphore::new(0) });
        (Self { sql, lock: None, at: Arc::clone(&at) }, at)
    }
}

impl Work for Halting {
    type Out = ();

    fn lock(&self) -> Option<Lock> {
        self.lock
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        tx.execute(self.sql, &[]).await?;
        self.at.reached.add_permits(1);
        self.at.go_on.acquire().await.unwrap().forget();
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_too_long_for_a_connection_is_busy() {
    let (options, _) = server_or_skip!(database());
    let store = Store::open_postgres(options.with_connections(1), SETS).await;
    let store = store.unwrap();
    let (work, at) = Halting::new("DELETE FROM item");
    let slow = store.clone();
    let slow = tokio::spawn(async move { slow.write(work).await });
    at.reached.acquire().await.unwrap().forget();
    assert_eq!(store.query("SELECT 1", &[]).await.unwrap_err(), StorageError::Busy);
    at.go_on.add_permits(1);
    slow.await.unwrap().unwrap();
    store.query("SELECT 1", &[]).await.unwrap();
}

async fn until_waiting(store: &Store, number: u64) {
    while store.stats().waiting != number {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_wait_for_a_lock_have_no_connection() {
    let (options, _) = server_or_skip!(database());
    let store = Store::open_postgres(options.with_connections(8), SETS).await.unwrap();
    store.write(Run(vec![item(1, "a"), item(2, "b")])).await.unwrap();
    let changing = "UPDATE item SET label = label || 'x' WHERE id = 1";
    let (mut waiting, mut halts) = (Vec::new(), Vec::new());
    for i in 0..40 {
        let (work, at) = Halting::new(changing);
        let work = Halting { lock: Some(Lock::of("item 1")), ..work };
        // Even if each is another app's, so that its own part does not hold it back.
        let store = store.of_share(Share::of_app(&format!("app_{i}")));
        waiting.push(tokio::spawn(async move { store.write(work).await }));
        halts.push(at);
    }
    until_waiting(&store, 39).await;
    let quiet = store.of_share(Share::of_app("app_quiet"));
    quiet.write(Run(vec![item(3, "c")])).await.unwrap();
    quiet.query("SELECT 1", &[]).await.unwrap();
    halts.iter().for_each(|at| at.go_on.add_permits(1));
    for written in waiting {
        written.await.unwrap().unwrap();
    }
    let row = store.query("SELECT label FROM item WHERE id = 1", &[]).await.unwrap().remove(0);
    assert_eq!(row.text(0).unwrap(), format!("a{}", "x".repeat(40)));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_app_has_its_part_of_the_connections_and_no_more() {
    let (options, _) = server_or_skip!(database());
    let store = Store::open_postgres(options.with_connections(4), SETS).await.unwrap();
    let greedy = store.of_share(Share::of_app("app_greedy"));
    let (mut waiting, mut halts) = (Vec::new(), Vec::new());
    for _ in 0..10 {
        let (work, at) = Halting::new("SELECT 1");
        let store = greedy.clone();
        waiting.push(tokio::spawn(async move { store.write(work).await }));
        halts.push(at);
    }
    until_waiting(&store, 8).await;
    store.of_share(Share::of_app("app_quiet")).write(Run(vec![item(1, "a")])).await.unwrap();
    store.query("SELECT 1", &[]).await.unwrap();
    assert_eq!(store.stats().waiting, 8);
    halts.iter().for_each(|at| at.go_on.add_permits(1));
    for written in waiting {
        written.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_host_that_does_not_respond_leaves_time_for_the_next() {
    let Ok(server) = std::env::var("COFFER_TEST_POSTGRES") else {
        println!("skipped: COFFER_TEST_POSTGRES names no server");
        return;
    };
    // It accepts connections and never responds.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap();
    let (options, _) = database().await.unwrap();
    let (user, host) = server.rsplit_once('@').unwrap();
    let database = options.to_string().rsplit_once('/').unwrap().1.to_owned();
    let query = "target_session_attrs=read-write";
    let url = format!("{user}@{silent},{host}/{database}?{query}");
    let options = PostgresOptions::parse(&url, &Passwords::default()).unwrap();
    let store = Store::open_postgres(options, SETS).await.unwrap();
    store.query("SELECT 1", &[]).await.unwrap();
}

/// A transaction reads a table for as long as a dump takes: a migration waits for it without making
/// others wait behind it.
#[tokio::test]
async fn a_migration_blocks_no_reader_for_long() {
    let (options, store) = server_or_skip!(database());
    let admin: tokio_postgres::Config = options.to_string().parse().unwrap();
    let (client, connection) = admin.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("BEGIN; SELECT count(*) FROM item").await.unwrap();
    let next = next_version();
    let expanded = Store::expand_postgres(options, &next, NOW);
    let reads = async {
        for _ in 0..30 {
            store.query("SELECT count(*) FROM item", &[]).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        client.batch_execute("COMMIT").await.unwrap();
    };
    let (expanded, ()) = tokio::join!(expanded, reads);
    assert_eq!(expanded.unwrap().applied.len(), 1);
}

/// The tests' schema and its next version, which drops a column in its second half.
fn next_version() -> [MigrationSet; 1] {
    let sql =
        "ALTER TABLE item ADD COLUMN note TEXT;\n-- finish\nALTER TABLE item DROP COLUMN body;";
    let next = [SETS[0].migrations[0], Migration { version: 2, name: "notes", sql }];
    [MigrationSet { component: "items", migrations: Box::leak(Box::new(next)), tables: &[] }]
}

#[tokio::test]
async fn two_versions_run_side_by_side_until_the_migration_is_finished() {
    let (options, old) = server_or_skip!(database());
    let next = next_version();
    let refused = Store::open_postgres(options.clone(), &next).await.unwrap_err().to_string();
    assert!(refused.contains("coffer migrate up") && refused.contains("version 2"), "{refused}");
    let report = Store::expand_postgres(options.clone(), &next, NOW).await.unwrap();
    assert_eq!(report.applied.len(), 1);
    let new = Store::open_postgres(options.clone(), &next).await.unwrap();
    // Also a server of the old version that starts only now.
    let late = Store::open_postgres(options.clone(), SETS).await.unwrap();
    for (store, id) in [(&old, 1), (&new, 2), (&late, 3)] {
        store.write(Run(vec![item(id, &format!("item {id}"))])).await.unwrap();
        assert_eq!(count(store).await, id);
    }
    let noted = "UPDATE item SET note = 'new', body = ?";
    new.write(Run(vec![(noted, vec![Value::from(vec![1u8])])])).await.unwrap();
    let report = Store::finish_postgres(options.clone(), &next).await.unwrap();
    assert_eq!(report.applied.len(), 2, "both versions are finished");
    assert!(new.query("SELECT body FROM item", &[]).await.is_err(), "the column is still there");
    new.query("SELECT note FROM item", &[]).await.unwrap();
    let refused = Store::open_postgres(options.clone(), SETS).await.unwrap_err().to_string();
    assert!(refused.contains("Upgrade coffer") && refused.contains("version 2"), "{refused}");
    let again = Store::finish_postgres(options, &next).await.unwrap();
    assert!(again.applied.is_empty());
}

/// Its own settings are sent to every server, and do no harm to one that does not know them.
#[tokio::test]
async fn a_server_without_citus_is_spread_over_no_others() {
    let (options, store) = server_or_skip!(database());
    for dry_run in [true, false] {
        let refused = Store::distribute_postgres(options.clone(), SETS, dry_run).await;
        let Err(StorageError::Schema(why)) = refused else { panic!("{refused:?}") };
        let why = why.to_string();
        assert!(why.contains("without the extension Citus") && why.contains("CREATE EXTENSION"));
    }
    store.write(Run(vec![item(1, "a")])).await.unwrap();
    assert_eq!(count(&store).await, 1);
    assert_eq!(store.parts().await.unwrap().len(), 1);
    assert_eq!(store.nodes().await, Ok(None));
}
