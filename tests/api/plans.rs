//! How the embedded engine finds rows: by the index that is there for them.

use super::placement::sets;
use coffer_base::Timestamp;
use coffer_storage::{Options, Store};
use rusqlite::Connection;

fn texts(schema: &Connection, sql: &str, of: &str) -> Vec<String> {
    let mut statement = schema.prepare(sql).unwrap();
    let rows = statement.query_map([of], |row| row.get(0)).unwrap();
    rows.collect::<rusqlite::Result<_>>().unwrap()
}

/// The condition of a partial index.
fn condition(schema: &Connection, index: &str) -> Option<String> {
    let sql = "SELECT sql FROM sqlite_schema WHERE name = ? AND sql IS NOT NULL";
    let created = texts(schema, sql, index).pop()?;
    created.split_once(" WHERE ").map(|(_, condition)| condition.to_owned())
}

fn steps(schema: &Connection, sql: &str, parameters: usize) -> String {
    let mut statement = schema.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let none = rusqlite::params_from_iter(vec![rusqlite::types::Null; parameters]);
    let rows = statement.query_map(none, |row| row.get::<_, String>(3)).unwrap();
    rows.map(Result::unwrap).collect::<Vec<_>>().join("; ")
}

/// Without what the planner is told, it looks through all rows of an owner instead.
#[test]
fn whoever_names_all_columns_of_an_index_finds_rows_by_all_of_them() {
    let kept = tempfile::TempDir::new().unwrap();
    let path = kept.path().join("coffer.db");
    let now = Timestamp::from_unix(1);
    drop(Store::open_sqlite(&path, &sets(), now, Options::default()).unwrap());
    let schema = Connection::open(&path).unwrap();
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE ?";
    let mut looked_at = 0;
    for table in texts(&schema, tables, "sqlite%") {
        for index in texts(&schema, "SELECT name FROM pragma_index_list(?)", &table) {
            let columns = "SELECT name FROM pragma_index_info(?) ORDER BY seqno";
            let columns = texts(&schema, columns, &index);
            let named: Vec<String> = columns.iter().map(|column| format!("{column} = ?")).collect();
            let condition = condition(&schema, &index).map(|it| format!(" AND {it}"));
            let condition = condition.unwrap_or_default();
            let sql = format!("SELECT * FROM {table} WHERE {}{condition}", named.join(" AND "));
            let steps = steps(&schema, &sql, columns.len());
            let last = columns.last().unwrap();
            assert!(steps.contains(&format!("{last}=?")), "{sql}\n{steps}");
            looked_at += 1;
        }
    }
    assert!(looked_at > 100, "{looked_at} indexes");
}
