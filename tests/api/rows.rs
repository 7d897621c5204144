//! What is in the files, read beside the server.

use coffer_testkit::TestServer;
use rusqlite::{Connection, OpenFlags};
use std::fs;

fn open(server: &TestServer, file: &str) -> Connection {
    let path = server.data_dir().join(file);
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

/// How many rows `table` of the data store has; a condition may follow its name.
pub fn count(server: &TestServer, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    open(server, "coffer.db").query_row(&sql, [], |row| row.get(0)).unwrap()
}

/// The same of the key store.
pub fn count_of_keys(server: &TestServer, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    open(server, "keys.db").query_row(&sql, [], |row| row.get(0)).unwrap()
}

/// Whether any file in the data directory holds these bytes.
pub fn any_file_holds(server: &TestServer, bytes: &[u8]) -> bool {
    let files = fs::read_dir(server.data_dir()).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.is_file()).any(|path| {
        let content = fs::read(path).unwrap();
        content.windows(bytes.len()).any(|window| window == bytes)
    })
}

/// All rows of all tables of the data store.
pub fn dump(server: &TestServer) -> Vec<String> {
    let store = open(server, "coffer.db");
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let mut tables = store.prepare(sql).unwrap();
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let mut rows = Vec::new();
    for table in tables.map(Result::unwrap) {
        let mut statement = store.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let mut all = statement.query([]).unwrap();
        while let Some(row) = all.next().unwrap() {
            let values: Vec<rusqlite::types::Value> =
                (0..columns).map(|at| row.get(at).unwrap()).collect();
            rows.push(format!("{table} {values:?}"));
        }
    }
    rows
}
