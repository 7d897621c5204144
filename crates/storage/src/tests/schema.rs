//! Migrations: what is applied, what is refused.

use std::path::PathBuf;

use tempfile::{TempDir, tempdir};

use super::*;

const FIRST: Migration = Migration {
    version: 1,
    name: "items",
    sql: "CREATE TABLE item (id INTEGER PRIMARY KEY, label TEXT UNIQUE, body BLOB) STRICT",
};
const SECOND: Migration =
    Migration { version: 2, name: "colour", sql: "ALTER TABLE item ADD COLUMN colour TEXT" };
const BROKEN: Migration = Migration {
    version: 2,
    name: "broken",
    sql: "CREATE TABLE half (id INTEGER); INSERT INTO nowhere VALUES (1)",
};
const COMMITS: Migration =
    Migration { version: 2, name: "commits", sql: "CREATE TABLE half (id INTEGER); COMMIT" };
const CHANGED: Migration = Migration { sql: "CREATE TABLE item (id INTEGER)", ..FIRST };

const NEWER: &[MigrationSet] =
    &[MigrationSet { component: "items", migrations: &[FIRST, SECOND], tables: &[] }];
const OTHER: &[MigrationSet] = &[
    MigrationSet { component: "items", migrations: &[FIRST], tables: &[] },
    MigrationSet {
        component: "others",
        migrations: &[Migration { version: 1, name: "o", sql: "CREATE TABLE o (id INTEGER)" }],
        tables: &[],
    },
];

fn migrate(directory: &TempDir, sets: &[MigrationSet]) -> Result<(Store, MigrationReport)> {
    Store::open_sqlite(&path(directory), sets, NOW, Options::default())
}

fn path(directory: &TempDir) -> PathBuf {
    directory.path().join("coffer.db")
}

fn refusal(directory: &TempDir, sets: &[MigrationSet]) -> String {
    match migrate(directory, sets) {
        Err(StorageError::Schema(cause)) => cause.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_new_store_needs_no_copy_and_a_second_start_changes_nothing() {
    let directory = tempdir().unwrap();
    let (store, report) = migrate(&directory, NEWER).unwrap();
    assert_eq!(report.copy, None);
    let names: Vec<_> = report.applied.iter().map(|each| (each.version, each.name)).collect();
    assert_eq!(names, [(1, "items"), (2, "colour")]);
    let sql = "SELECT component, applied_at FROM schema_migration WHERE version = 2";
    let row = store.query(sql, &[]).await.unwrap().remove(0);
    assert_eq!((row.text(0), row.int(1)), (Ok("items"), Ok(NOW.unix())));
    drop(store);
    assert_eq!(migrate(&directory, NEWER).unwrap().1, MigrationReport::default());
}

#[tokio::test]
async fn a_store_is_copied_before_a_migration_and_the_copy_can_replace_it() {
    let directory = tempdir().unwrap();
    migrate(&directory, SETS).unwrap().0.write(insert("old")).await.unwrap();
    let (store, report) = migrate(&directory, NEWER).unwrap();
    let copy = report.copy.unwrap();
    assert!(copy.ends_with("coffer.db.before-items-2"));
    store.write(insert("new")).await.unwrap();
    drop(store);
    let text = refusal(&directory, SETS);
    for part in ["version 2", "up to 1", "Upgrade coffer", &format!("cp {}", copy.display())] {
        assert!(text.contains(part), "{part} in {text}");
    }
    std::fs::copy(&copy, path(&directory)).unwrap();
    let (store, report) = migrate(&directory, SETS).unwrap();
    assert_eq!(report, MigrationReport::default());
    assert_eq!(count(&store).await, 1);
    drop(store);
    // The copy's name is taken now, which must not stop the next upgrade.
    assert_eq!(migrate(&directory, NEWER).unwrap().1.copy, Some(copy));
}

#[test]
fn no_copy_is_made_where_it_is_switched_off() {
    let directory = tempdir().unwrap();
    drop(migrate(&directory, SETS).unwrap());
    let options = Options { copy_before_migration: false, ..Options::default() };
    let (_, report) = Store::open_sqlite(&path(&directory), NEWER, NOW, options).unwrap();
    assert_eq!((report.applied.len(), report.copy), (1, None));
}

#[test]
fn a_migration_that_was_changed_is_refused_by_name() {
    let directory = tempdir().unwrap();
    drop(migrate(&directory, SETS).unwrap());
    let changed = [MigrationSet { component: "items", migrations: &[CHANGED], tables: &[] }];
    let text = refusal(&directory, &changed);
    assert!(text.contains("migration 1 (\"items\") of \"items\" differs"), "{text}");
    migrate(&directory, SETS).unwrap();
}

#[test]
fn a_component_that_this_build_does_not_know_is_refused() {
    let directory = tempdir().unwrap();
    drop(migrate(&directory, OTHER).unwrap());
    let text = refusal(&directory, SETS);
    assert!(text.contains("\"others\" has version 1"), "{text}");
}

#[test]
fn a_migration_that_fails_leaves_nothing() {
    for (migrations, part) in [
        (&[FIRST, BROKEN], "migration 2 (\"broken\")"),
        (&[FIRST, COMMITS], "migration 2 (\"commits\")"),
    ] {
        let directory = tempdir().unwrap();
        drop(migrate(&directory, SETS).unwrap());
        let sets = [MigrationSet { component: "items", migrations, tables: &[] }];
        for _ in 0..2 {
            let text = refusal(&directory, &sets);
            assert!(text.contains(part), "{text}");
        }
        let store = migrate(&directory, SETS).unwrap().0;
        let poll = store.query("SELECT * FROM half", &[]);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert!(matches!(runtime.block_on(poll), Err(StorageError::Rejected(_))));
    }
}

#[test]
fn versions_must_be_numbered_without_gaps() {
    let directory = tempdir().unwrap();
    let sets = [MigrationSet { component: "items", migrations: &[SECOND], tables: &[] }];
    let refused = migrate(&directory, &sets).unwrap_err();
    assert!(matches!(&refused, StorageError::Internal(_)), "{refused}");
    assert!(refused.to_string().contains("numbered"), "{refused}");
}

#[test]
fn a_foreign_database_is_left_alone() {
    let directory = tempdir().unwrap();
    let foreign = rusqlite::Connection::open(path(&directory)).unwrap();
    foreign.execute_batch("CREATE TABLE theirs (id INTEGER)").unwrap();
    drop(foreign);
    assert!(refusal(&directory, SETS).contains("not one of coffer's"));
    std::fs::write(path(&directory), "this is no database at all, but it is long enough").unwrap();
    assert!(migrate(&directory, SETS).is_err());
}

#[tokio::test]
async fn a_read_only_store_reads_beside_a_server_and_writes_nothing() {
    let directory = tempdir().unwrap();
    let server = migrate(&directory, SETS).unwrap().0;
    let reader = Store::open_sqlite_read_only(&path(&directory), SETS).unwrap();
    server.write(insert("seen")).await.unwrap();
    assert_eq!(count(&reader).await, 1);
    assert_eq!(reader.write(insert("x")).await, Err(StorageError::Closed));
    let older = Store::open_sqlite_read_only(&path(&directory), NEWER);
    assert!(matches!(older, Err(StorageError::Schema(_))));
    drop((server, reader));
    let alone = Store::open_sqlite_read_only(&path(&directory), SETS).unwrap();
    assert_eq!(count(&alone).await, 1);
    let missing = Store::open_sqlite_read_only(&directory.path().join("none.db"), SETS);
    assert!(matches!(missing, Err(StorageError::Unavailable(_))));
}
