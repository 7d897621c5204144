//! Where the tables of all components are on a store that is spread over many servers.

use coffer::family_set::FamilySet;
use coffer_storage::{MigrationSet, Placement};
use coffer_tests::notes;
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) fn sets() -> Vec<MigrationSet> {
    FamilySet::default().with(notes::FAMILY).migrations()
}

/// All tables as a shared store has them, in SQLite.
fn schema() -> Connection {
    let schema = Connection::open_in_memory().unwrap();
    let shared = |line: &&str| !line.trim_end().ends_with("-- embedded");
    for migration in sets().iter().flat_map(|set| set.migrations) {
        let lines = migration.sql.lines().filter(shared);
        let lines = lines.map(|line| line.trim().strip_prefix("-- shared: ").unwrap_or(line));
        // A number that a shared store takes from a sequence is no key there.
        let text = lines.collect::<Vec<_>>().join("\n");
        let text = text.replace("INTEGER PRIMARY KEY AUTOINCREMENT", "INTEGER");
        schema.execute_batch(&text).unwrap();
    }
    schema
}

fn texts(schema: &Connection, sql: &str, of: &str) -> Vec<String> {
    let mut statement = schema.prepare(sql).unwrap();
    let rows = statement.query_map([of], |row| row.get(0)).unwrap();
    rows.collect::<rusqlite::Result<_>>().unwrap()
}

fn spread() -> Vec<&'static str> {
    let placed = sets().into_iter().flat_map(|set| set.tables);
    let spread = placed.filter(|(_, placement)| *placement == Placement::Spread);
    spread.map(|(table, _)| *table).collect()
}

#[test]
fn every_table_has_one_place() {
    let sql = "SELECT name FROM sqlite_schema WHERE type = ? ORDER BY name";
    let mut placed: Vec<String> =
        sets().iter().flat_map(|set| set.tables).map(|(table, _)| (*table).to_owned()).collect();
    placed.sort();
    assert_eq!(placed, texts(&schema(), sql, "table"));
}

/// A server that has a part of a table cannot know what others have in theirs.
#[test]
fn every_unique_key_of_a_table_that_is_spread_has_the_account() {
    let schema = schema();
    for table in spread() {
        let key = "SELECT name FROM pragma_table_info(?) WHERE pk > 0";
        let mut keys = vec![("primary key".to_owned(), texts(&schema, key, table))];
        let unique = "SELECT name FROM pragma_index_list(?) WHERE \"unique\"";
        for index in texts(&schema, unique, table) {
            let columns = texts(&schema, "SELECT name FROM pragma_index_info(?)", &index);
            keys.push((index, columns));
        }
        for (name, columns) in keys.iter().filter(|(_, columns)| !columns.is_empty()) {
            assert!(columns.contains(&"account".to_owned()), "{table}, {name}: {columns:?}");
        }
        let account = "SELECT name FROM pragma_table_info(?) WHERE name = 'account'";
        assert_eq!(texts(&schema, account, table).len(), 1, "{table}");
    }
}

/// The rows of a shard come as text, and by the name of a column it is known which of it are bytes.
#[test]
fn a_columns_name_says_whether_it_holds_bytes() {
    let schema = schema();
    let mut known: BTreeMap<String, BTreeSet<bool>> = BTreeMap::new();
    for table in spread() {
        let columns = "SELECT (type = 'BLOB') || ' ' || name FROM pragma_table_info(?)";
        for column in texts(&schema, columns, table) {
            let (is_bytes, name) = column.split_once(' ').unwrap();
            known.entry(name.to_owned()).or_default().insert(is_bytes == "1");
        }
    }
    // A text is taken for one if it does not begin as bytes do, and these never do.
    let texts = ["scope"];
    let is_unclear = |(name, kinds): &(&String, &BTreeSet<bool>)| {
        kinds.len() > 1 && !texts.contains(&name.as_str())
    };
    let both: Vec<_> = known.iter().filter(is_unclear).collect();
    assert!(both.is_empty(), "{both:?}");
}
