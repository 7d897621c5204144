//! What does not fit together is refused when the server starts, in words that help.

use coffer::assemble::{self, AssembleOptions, Callers, RootSource};
use coffer_base::SystemClock;
use coffer_crypto::SystemRandom;
use coffer_storage::Faults;
use coffer_testkit::TestServer;
use rusqlite::Connection;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

use crate::tampered_store::flips;

/// A data directory with a secret in it, which nobody serves.
struct Store {
    _home: TempDir,
    directory: PathBuf,
}

impl Store {
    fn new() -> Self {
        let home = TempDir::new().unwrap();
        let directory = home.path().join("data");
        let server = TestServer::builder().data_dir(&directory).start();
        server.app().client().set("token", "value").ok();
        server.stop();
        Self { _home: home, directory }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn keys(&self) -> Connection {
        Connection::open(self.file("keys.db")).unwrap()
    }

    fn id(&self) -> String {
        let sql = "SELECT store_id FROM key_store";
        self.keys().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// Tries to open it as it is.
    fn open(&self) -> Result<(), String> {
        let options = AssembleOptions {
            data_dir: self.directory.clone(),
            key_dir: None,
            root: RootSource::DataDir,
            database: coffer::assemble::Database::Embedded,
            developer: false,
            callers: Callers::default(),
            families: coffer::family_set::FamilySet::default(),
            settings: coffer_kernel::Settings::default(),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            faults: Faults::none(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let opened = assemble::open(options).await.map_err(|error| error.to_string())?;
            opened.stores.close().await;
            Ok(())
        })
    }

    /// Asserts that it does not open, and that the message holds each of `words`.
    #[track_caller]
    fn refuses(&self, words: &[&str]) {
        let message = self.open().expect_err("it opened");
        for word in words {
            assert!(message.contains(word), "no '{word}' in: {message}");
        }
    }

    #[track_caller]
    fn opens(&self) {
        self.open().unwrap();
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn no_changed_byte_of_the_master_key_gives_a_key() {
    let store = Store::new();
    let keys = store.keys();
    let wrapped: Vec<u8> =
        keys.query_row("SELECT wrapped FROM master_key", [], |row| row.get(0)).unwrap();
    let put = |wrapped: &[u8]| {
        assert_eq!(keys.execute("UPDATE master_key SET wrapped = ?", [wrapped]).unwrap(), 1);
    };
    // One way to change each byte is enough here: envelopes are tried in all ways elsewhere.
    for changed in flips(&wrapped).step_by(3) {
        put(&changed);
        store.refuses(&["root key does not open", "master key"]);
    }
    put(&wrapped);
    assert_eq!(keys.execute("UPDATE master_key SET version = 2", []).unwrap(), 1);
    store.refuses(&["root key does not open", "master key"]);
    assert_eq!(keys.execute("UPDATE master_key SET version = 1", []).unwrap(), 1);
    store.opens();
    assert_eq!(keys.execute("DELETE FROM master_key", []).unwrap(), 1);
    store.refuses(&["the key store is empty", "keys.db"]);
}

#[test]
fn a_key_store_of_another_store_is_refused() {
    let (store, other) = (Store::new(), Store::new());
    fs::rename(store.file("keys.db"), store.file("own")).unwrap();
    fs::copy(other.file("keys.db"), store.file("keys.db")).unwrap();
    let other_id = other.id();
    fs::copy(store.file("own"), store.file("keys.db")).unwrap();
    let id = store.id();
    store.opens();
    fs::copy(other.file("keys.db"), store.file("keys.db")).unwrap();
    store.refuses(&["key store belongs to store", &other_id, &id, "keys.db"]);
    // Relabelled, it still does not open.
    let relabel = "UPDATE key_store SET store_id = ?";
    assert_eq!(store.keys().execute(relabel, [&id]).unwrap(), 1);
    store.refuses(&["root key does not open"]);
}

#[test]
fn data_without_its_keys_is_refused_and_no_new_keys_are_made() {
    let store = Store::new();
    fs::rename(store.file("keys.db"), store.file("kept")).unwrap();
    for _ in 0..2 {
        store.refuses(&["keys.db is missing", "backup"]);
        assert!(!store.file("keys.db").exists(), "a key store was made beside the data");
    }
    fs::write(store.file("keys.db"), "").unwrap();
    store.refuses(&["keys.db is missing or empty", "backup"]);
    assert_eq!(fs::read(store.file("keys.db")).unwrap(), b"", "the empty file was filled");
    fs::write(store.file("keys.db"), vec![b'x'; 8192]).unwrap();
    store.refuses(&["keys.db", "not a database"]);
    for name in ["keys.db", "keys.db-wal", "keys.db-shm"] {
        let _ = fs::remove_file(store.file(name));
    }
    fs::rename(store.file("kept"), store.file("keys.db")).unwrap();
    store.opens();
}

#[test]
fn keys_without_data_are_no_store() {
    let store = Store::new();
    fs::remove_file(store.file("coffer.db")).unwrap();
    store.refuses(&["coffer.db is missing", "put your backup", "coffer init"]);
}

#[test]
fn the_root_key_is_asked_for_by_name() {
    let store = Store::new();
    let root = store.file("root.key");
    let text = fs::read_to_string(&root).unwrap();
    let id = store.id();
    let shown = root.display().to_string();

    mode(&root, 0o644);
    store.refuses(&["too open", "644", &format!("chmod 600 {shown}")]);
    mode(&root, 0o600);
    store.opens();

    fs::remove_file(&root).unwrap();
    store.refuses(&["root key is missing", &shown]);
    fs::create_dir(&root).unwrap();
    mode(&root, 0o700);
    store.refuses(&["is a directory", &shown]);
    fs::remove_dir(&root).unwrap();

    let write = |text: &str| {
        fs::write(&root, text).unwrap();
        mode(&root, 0o600);
    };
    for malformed in ["", "coffer-root-1", &text[..text.len() - 3], &format!("{text}more")] {
        write(malformed);
        store.refuses(&["malformed", &shown]);
    }
    let digits = text.trim_end().rsplit(' ').next().unwrap().to_owned();
    let message = store.open().unwrap_err();
    assert!(!message.contains(&digits[..16]), "the message shows the key");

    let other = Store::new();
    write(&fs::read_to_string(other.file("root.key")).unwrap());
    store.refuses(&["another store", &other.id(), &id]);
    let first = if digits.starts_with('0') { "1" } else { "0" };
    write(&format!("coffer-root-1 {id} {first}{}\n", &digits[1..]));
    store.refuses(&["root key does not open", "master key"]);
    write(&text);
    store.opens();
}
