//! A server, and a hand in its files.

use coffer_testkit::{Answer, App, TestServer};
use rusqlite::{Connection, ToSql};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What no answer may ever hold.
pub const PAYLOAD: &str = "the payload that must not leak";

/// A server, and open files beside it.
pub struct TamperedStore {
    pub server: TestServer,
    pub app: App,
    pub data: Connection,
    pub keys: Connection,
    directory: PathBuf,
    home: TempDir,
}

impl TamperedStore {
    pub fn new() -> Self {
        let home = TempDir::new().unwrap();
        let directory = home.path().join("data");
        let server = TestServer::builder().data_dir(&directory).start();
        let app = server.app();
        let (data, keys) = files(&directory);
        Self { server, app, data, keys, directory, home }
    }

    /// The same files under a server that has not read them yet.
    pub fn restarted(self) -> Self {
        let Self { server, app, data, keys, directory, home } = self;
        drop((data, keys));
        server.stop();
        let server = TestServer::builder().data_dir(&directory).start();
        let (data, keys) = files(&directory);
        let app = App { anonymous: server.anonymous(), ..app };
        Self { server, app, data, keys, directory, home }
    }

    /// Changes exactly `rows` rows of the data.
    #[track_caller]
    pub fn change(&self, sql: &str, params: &[&dyn ToSql], rows: usize) {
        assert_eq!(self.data.execute(sql, params).unwrap(), rows, "{sql}");
    }

    /// Changes exactly `rows` rows of the keys.
    #[track_caller]
    pub fn change_keys(&self, sql: &str, params: &[&dyn ToSql], rows: usize) {
        assert_eq!(self.keys.execute(sql, params).unwrap(), rows, "{sql}");
    }

    /// The envelope of the secret `id`.
    pub fn sealed(&self, id: &str) -> Vec<u8> {
        let sql = "SELECT sealed FROM secret WHERE id = ?";
        self.data.query_row(sql, [id], |row| row.get(0)).unwrap()
    }

    /// Puts an envelope into the row of the secret `id`.
    #[track_caller]
    pub fn put(&self, id: &str, sealed: &dyn ToSql) {
        self.change("UPDATE secret SET sealed = ? WHERE id = ?", &[sealed, &id], 1);
    }
}

fn files(directory: &Path) -> (Connection, Connection) {
    let open = |name| Connection::open(directory.join(name)).unwrap();
    (open("coffer.db"), open("keys.db"))
}

/// The id of the object in an answer.
#[track_caller]
pub fn id_of(object: &Value) -> String {
    object["id"].as_str().unwrap().to_owned()
}

/// Every way to change one byte that the tests try, of every byte.
pub fn flips(blob: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..blob.len()).flat_map(move |at| {
        [0x01, 0x80, 0xFF].map(|mask| {
            let mut changed = blob.to_vec();
            changed[at] ^= mask;
            changed
        })
    })
}

/// An answer that tells of a fault that repeating does not mend, and nothing else.
#[track_caller]
pub fn broken(answer: &Answer) {
    let error = answer.refused(500);
    assert_eq!(error["type"], "api_error");
    assert_eq!(answer.header("stripe-should-retry"), Some("false"));
    assert!(!answer.body.contains(PAYLOAD), "{}", answer.body);
    assert!(answer.json().get("payload").is_none());
}
