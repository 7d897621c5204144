//! What SQLite's planner is told about the tables: that they are large, and how far each column of
//! an index narrows them down.
//!
//! Without statistics SQLite takes an owner to have ten rows, and looks through all rows of an
//! account where an index by id would find one. Statistics of what is stored would make plans
//! depend on when they were gathered. So they are the program's own, the same in every store, and
//! follow from the names of columns: as in a store whose largest accounts are large.

use crate::error::Result;
use rusqlite::{Connection, params};

/// Rows of a table, and of an index over all of them.
const ROWS: u64 = 1_000_000;

/// Rows of an index over some of the table's: what waits, what is due.
const ROWS_OF_SOME: u64 = 10_000;

/// The columns of an owner, and into how many parts each divides the rows where it follows another
/// of them or `mode`: many belong to one owner. Elsewhere they find as few as any other.
const OWNER: [(&str, u64); 3] = [("app", 5), ("platform", 5), ("account", 20)];

/// Other columns that have few values.
const FEW: [(&str, u64); 11] = [
    ("mode", 2),
    ("kind", 4),
    ("type", 4),
    ("currency", 4),
    ("source_type", 4),
    ("figure", 4),
    ("status", 4),
    ("state", 4),
    ("reserved", 2),
    ("pending", 2),
    ("server", 4),
];

/// Into how many parts any other column divides the rows: ids, digests, times, numbers.
const MANY: u64 = 1_000;

/// Rows that one key of an index finds which is not unique, at least.
const ROWS_OF_A_KEY: u64 = 2;

/// The table whose statistics say by which rules the others were made.
const MARKED: &str = "schema_migration";

/// Changes whenever the rules above do, so that stores of before get new statistics. What SQLite
/// does not know in this column it passes over; what it knows there is that an index whose first
/// column is not asked for must not be walked once for each value of it.
const RULES: &str = "noskipscan rules=1";

/// Writes the statistics, if the schema has just `changed` or they were made by other rules.
/// Connections that are opened afterwards know them, and this one as well.
///
/// # Errors
/// When they cannot be read or written.
pub(super) fn describe(connection: &mut Connection, changed: bool) -> Result<()> {
    if !changed && (is_described(connection)? || !has(connection, MARKED)?) {
        return Ok(());
    }
    let tx = connection.transaction()?;
    // Makes the table of statistics, which cannot be made otherwise.
    tx.execute_batch(&format!("ANALYZE {MARKED}; DELETE FROM sqlite_stat1;"))?;
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'";
    for table in texts(&tx, names, "")? {
        let indexes = texts(&tx, "SELECT name FROM pragma_index_list(?1)", &table)?;
        if indexes.is_empty() {
            insert(&tx, &table, None, &[ROWS])?;
        }
        for index in indexes {
            let kind = "SELECT \"unique\", partial FROM pragma_index_list(?1) WHERE name = ?2";
            let (is_unique, is_partial) =
                tx.query_row(kind, params![table, index], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let columns = "SELECT name FROM pragma_index_info(?1) ORDER BY seqno";
            let columns = texts(&tx, columns, &index)?;
            let all = if is_partial { ROWS_OF_SOME } else { ROWS };
            insert(&tx, &table, Some(&index), &rows_of(all, &columns, is_unique))?;
        }
    }
    tx.commit()?;
    Ok(connection.execute_batch("ANALYZE sqlite_schema;")?)
}

/// Whether there is a table of this name; a store without migrations has none.
fn has(connection: &Connection, table: &str) -> Result<bool> {
    let sql = "SELECT count(*) > 0 FROM sqlite_schema WHERE name = ?1";
    Ok(connection.query_row(sql, [table], |row| row.get(0))?)
}

fn is_described(connection: &Connection) -> Result<bool> {
    if !has(connection, "sqlite_stat1")? {
        return Ok(false);
    }
    let marked = "SELECT count(*) FROM sqlite_stat1 WHERE tbl = ?1 AND stat LIKE '% ' || ?2";
    let marked: i64 = connection.query_row(marked, params![MARKED, RULES], |row| row.get(0))?;
    Ok(marked > 0)
}

/// The rows of an index, and how many of them have the same first column, the same first two, and
/// so on.
fn rows_of(all: u64, columns: &[String], is_unique: bool) -> Vec<u64> {
    let (mut rows, mut left, mut is_of_owner) = (vec![all], all, false);
    for column in columns {
        let of_owner = OWNER.iter().find(|(name, _)| is_of_owner && name == column);
        let few = FEW.iter().find(|(name, _)| name == column);
        let parts = of_owner.or(few).map_or(MANY, |(_, parts)| *parts);
        is_of_owner = of_owner.is_some() || column == "mode";
        left = left.checked_div(parts).unwrap_or(left).max(1);
        rows.push(left);
    }
    if let Some(last) = rows.last_mut().filter(|_| !columns.is_empty()) {
        *last = if is_unique { 1 } else { left.max(ROWS_OF_A_KEY) };
    }
    rows
}

fn insert(connection: &Connection, table: &str, index: Option<&str>, rows: &[u64]) -> Result<()> {
    let rows: Vec<String> = rows.iter().map(u64::to_string).collect();
    connection.execute(
        "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?1, ?2, ?3 || ' ' || ?4)",
        params![table, index, rows.join(" "), RULES],
    )?;
    Ok(())
}

/// The first column of the rows that are found with one parameter, which may be of no use.
fn texts(connection: &Connection, sql: &str, of: &str) -> Result<Vec<String>> {
    let mut statement = connection.prepare(sql)?;
    let given = statement.parameter_count();
    let rows = statement
        .query_map(rusqlite::params_from_iter([of].iter().take(given)), |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &str) -> Vec<String> {
        names.split(' ').map(str::to_owned).collect()
    }

    fn plan(connection: &Connection, sql: &str) -> String {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(3)).unwrap();
        rows.map(rusqlite::Result::unwrap).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn an_owner_has_many_rows_and_a_key_of_its_own_few() {
        let owner = columns("mode platform account seq");
        assert_eq!(rows_of(ROWS, &owner, true), [1_000_000, 500_000, 100_000, 5_000, 1]);
        let charge = columns("mode platform account charge");
        assert_eq!(rows_of(ROWS, &charge, false), [1_000_000, 500_000, 100_000, 5_000, 5]);
        assert_eq!(rows_of(ROWS, &columns("name_key"), true), [1_000_000, 1]);
        assert_eq!(rows_of(ROWS, &columns("a b c d"), false), [1_000_000, 1_000, 1, 1, 2]);
        let install = columns("app account");
        assert_eq!(rows_of(ROWS, &install, true), [1_000_000, 1_000, 1]);
        assert_eq!(rows_of(ROWS_OF_SOME, &columns("account"), false), [10_000, 10]);
    }

    #[test]
    fn one_row_is_found_by_its_index_and_not_among_all_of_its_owner() {
        let mut connection = Connection::open_in_memory().unwrap();
        let schema = "CREATE TABLE schema_migration (component TEXT PRIMARY KEY) WITHOUT ROWID;
            CREATE TABLE thing (mode INTEGER, platform TEXT, account TEXT, seq INTEGER, id TEXT,
                other TEXT, PRIMARY KEY (mode, platform, account, seq)) WITHOUT ROWID;
            CREATE INDEX thing_by_id ON thing (mode, platform, account, id);
            CREATE INDEX thing_by_other ON thing (mode, platform, account, other)
                WHERE other IS NOT NULL;";
        connection.execute_batch(schema).unwrap();
        let either = "SELECT seq, other FROM thing WHERE mode = 1 AND platform = 'p' \
            AND account = 'a' AND (id = 'x' OR other = 'x')";
        assert!(!plan(&connection, either).contains("thing_by_id"), "statistics are needed");
        describe(&mut connection, true).unwrap();
        let found = plan(&connection, either);
        assert!(found.contains("thing_by_id") && found.contains("thing_by_other"), "{found}");
    }

    #[test]
    fn statistics_are_written_when_the_schema_or_their_rules_changed() {
        let mut connection = Connection::open_in_memory().unwrap();
        let schema = "CREATE TABLE schema_migration (component TEXT PRIMARY KEY) WITHOUT ROWID";
        connection.execute_batch(schema).unwrap();
        describe(&mut connection, false).unwrap();
        let count = |connection: &Connection| {
            let sql = "SELECT count(*) FROM sqlite_stat1";
            connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
        };
        assert_eq!(count(&connection), 1);
        connection.execute_batch("CREATE TABLE more (name TEXT PRIMARY KEY)").unwrap();
        describe(&mut connection, false).unwrap();
        assert_eq!(count(&connection), 1, "nobody said that anything changed");
        describe(&mut connection, true).unwrap();
        assert_eq!(count(&connection), 2);
        let old = "UPDATE sqlite_stat1 SET stat = '10 1 rules=0'";
        connection.execute_batch(old).unwrap();
        describe(&mut connection, false).unwrap();
        let stat = "SELECT stat FROM sqlite_stat1 WHERE tbl = 'more'";
        let stat: String = connection.query_row(stat, [], |row| row.get(0)).unwrap();
        assert_eq!(stat, "1000000 1 noskipscan rules=1");
    }
}
