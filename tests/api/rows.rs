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
