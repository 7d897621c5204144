//! Tells whether anything changed in the stores, from beside the server.

use rusqlite::{Connection, OpenFlags, types::Value};
use std::path::Path;

/// A look at both stores.
pub struct Watch {
    data: Connection,
    keys: Connection,
    versions: (i64, i64),
    dump: String,
}

impl Watch {
    pub fn over(directory: &Path) -> Self {
        let open = |name| {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            Connection::open_with_flags(directory.join(name), flags).unwrap()
        };
        let mut watch = Self {
            data: open("coffer.db"),
            keys: open("keys.db"),
            versions: (0, 0),
            dump: String::new(),
        };
        watch.look();
        watch
    }

    /// Whether a row of any table differs from what the last look saw. The engine's own count of
    /// commits saves reading all rows where there was none.
    pub fn look(&mut self) -> bool {
        let version = |connection: &Connection| {
            connection.query_row("PRAGMA data_version", [], |row| row.get(0)).unwrap()
        };
        let versions = (version(&self.data), version(&self.keys));
        if std::mem::replace(&mut self.versions, versions) == versions {
            return false;
        }
        let dump = dump(&self.data) + &dump(&self.keys);
        let changed = dump != self.dump;
        self.dump = dump;
        changed
    }

    /// How many rows a table of the data store has.
    pub fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        self.data.query_row(&sql, [], |row| row.get(0)).unwrap()
    }
}

/// All rows of all tables.
fn dump(connection: &Connection) -> String {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let mut statement = connection.prepare_cached(sql).unwrap();
    let tables: Vec<String> =
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut all = String::new();
    for table in tables {
        let mut statement = connection.prepare_cached(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<Value> = (0..columns).map(|at| row.get(at).unwrap()).collect();
            all.push_str(&format!("{table} {values:?}\n"));
        }
    }
    all
}
