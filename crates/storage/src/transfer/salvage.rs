//! What can still be read of a damaged database, into a new one.
//!
//! Each table is read from its beginning until a page cannot be read, and then from its end back to
//! there: one damaged page costs the rows on it. The damaged file is never written to.

use std::path::Path;

use coffer_base::Timestamp;
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, OpenFlags, Row, Statement};

use super::table::{Table, tables_of};
use crate::error::Result;
use crate::migration::MigrationSet;
use crate::options::Options;
use crate::store::Store;

/// What was saved of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The table.
    pub table: String,
    /// Rows that were saved.
    pub rows: u64,
    /// Whether these are all, as far as anybody can tell.
    pub is_whole: bool,
}

/// Saves what can be read of the database at `from`, whose schema is `sets`, into a new database
/// at `to`. All of it is of one state, also while a server writes to `from`.
///
/// # Errors
/// [`crate::StorageError::Corrupt`] if not even the list of tables at `from` can be read;
/// [`crate::StorageError::File`] or [`crate::StorageError::Unavailable`] if `to` cannot be written.
pub fn salvage(
    from: &Path,
    to: &Path,
    sets: &[MigrationSet],
    now: Timestamp,
) -> Result<Vec<Saved>> {
    let access = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(from, access)?;
    source.execute_batch("PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF; BEGIN;")?;
    source.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    // It makes the tables, and is closed before anybody else writes to them.
    drop(Store::open_sqlite(to, sets, now, Options::default())?);
    let mut target = Connection::open(to)?;
    target.execute_batch("PRAGMA synchronous = FULL;")?;
    tables_of(sets)?.iter().map(|table| save(&source, &mut target, table)).collect()
}

fn save(source: &Connection, target: &mut Connection, table: &Table) -> Result<Saved> {
    let Table { name, columns, .. } = table;
    let tx = target.transaction()?;
    let mut saved = Saved { table: name.clone(), rows: 0, is_whole: false };
    {
        let places = vec!["?"; columns.len()].join(", ");
        let columns = columns.join(", ");
        let sql = format!("INSERT OR IGNORE INTO {name} ({columns}) VALUES ({places})");
        let mut insert = tx.prepare(&sql)?;
        saved.is_whole = copy(source, &mut insert, table, "ASC", &mut saved.rows);
        if !saved.is_whole {
            copy(source, &mut insert, table, "DESC", &mut saved.rows);
        }
    }
    tx.commit()?;
    Ok(saved)
}

/// Copies rows in this order until one cannot be read; whether all could, and were taken.
fn copy(
    source: &Connection,
    insert: &mut Statement<'_>,
    table: &Table,
    order: &str,
    rows: &mut u64,
) -> bool {
    let Ok(mut select) = source.prepare(&select(source, table, order)) else { return false };
    let Ok(mut found) = select.query([]) else { return false };
    let mut all = true;
    loop {
        match found.next() {
            Ok(None) => return all,
            Ok(Some(row)) => match take(row, insert, table.columns.len()) {
                Ok(added) => *rows = rows.saturating_add(added),
                // A damaged row may break a rule of the table that no row broke before.
                Err(_) => all = false,
            },
            Err(_) => return false,
        }
    }
}

fn select(source: &Connection, Table { name, columns, key, .. }: &Table, order: &str) -> String {
    // In the order in which the rows lie in the file: an index may be what is damaged.
    let has_rowid = source.prepare(&format!("SELECT rowid FROM {name}")).is_ok();
    let key = if has_rowid { vec!["rowid".to_owned()] } else { key.clone() };
    let order: Vec<String> = key.iter().map(|column| format!("{column} {order}")).collect();
    format!("SELECT {} FROM {name} ORDER BY {}", columns.join(", "), order.join(", "))
}

/// Adds a row as it is, byte by byte; how many it made.
fn take(row: &Row<'_>, insert: &mut Statement<'_>, columns: usize) -> rusqlite::Result<u64> {
    for column in 0..columns {
        let value = ToSqlOutput::Borrowed(row.get_ref(column)?);
        insert.raw_bind_parameter(column.saturating_add(1), value)?;
    }
    Ok(u64::try_from(insert.raw_execute()?).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::Migration;
    use std::fs;

    const SETS: [MigrationSet; 1] = [MigrationSet {
        component: "test",
        migrations: &[Migration {
            version: 1,
            name: "tables",
            sql: "CREATE TABLE one (a BIGINT NOT NULL PRIMARY KEY, b TEXT NOT NULL);\n\
                  CREATE TABLE two (a TEXT NOT NULL PRIMARY KEY, b TEXT NOT NULL) WITHOUT ROWID;",
        }],
        tables: &[],
    }];

    const ROWS: u32 = 100;

    #[test]
    fn a_damaged_page_costs_the_rows_on_it_alone() {
        let home = tempfile::TempDir::new().unwrap();
        let (from, to) = (home.path().join("from.db"), home.path().join("to.db"));
        let now = Timestamp::from_unix(1);
        drop(Store::open_sqlite(&from, &SETS, now, Options::default()).unwrap());
        let source = Connection::open(&from).unwrap();
        for number in 0..ROWS {
            let text = format!("{number:04} {}", "x".repeat(700));
            source.execute("INSERT INTO one VALUES (?, ?)", (number, &text)).unwrap();
            source.execute("INSERT INTO two VALUES (?, ?)", (&text[..4], &text)).unwrap();
        }
        source.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        let middle = |table: &str| -> usize {
            let sql = "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' \
                       ORDER BY path LIMIT 1 OFFSET 7";
            source.query_row(sql, [table], |row| row.get::<_, u32>(0)).unwrap() as usize
        };
        let pages = ["one", "two"].map(middle);
        drop(source);
        let mut bytes = fs::read(&from).unwrap();
        for page in pages {
            bytes[(page - 1) * 4096..][..200].fill(0xA5);
        }
        fs::write(&from, &bytes).unwrap();
        let saved = salvage(&from, &to, &SETS, now).unwrap();
        assert_eq!(fs::read(&from).unwrap(), bytes, "the damaged file was written to");
        for table in &saved {
            let lost = u64::from(ROWS) - table.rows;
            assert!(!table.is_whole && (1..12).contains(&lost), "{table:?}");
        }
        crate::check_file(&to).unwrap();
    }
}
