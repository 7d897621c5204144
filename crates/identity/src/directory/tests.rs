//! Keys that are refused without the store, and those from before the checksum.

use super::Directory;
use crate::api_key::{Holder, NewKey, Terms, prefixes};
use crate::row_mac::RowMac;
use crate::store;
use coffer_base::{Redacted, TestClock, TestRandom, Timestamp};
use coffer_crypto::{new_token, root::RootKey};
use coffer_kernel::{AdminRole, Authenticate, Credentials};
use coffer_keyring::{DATA_MIGRATIONS, KEY_MIGRATIONS, Keyring, KeyringOptions};
use coffer_storage::{MigrationSet, Options, StorageError, Store, Tx, Work};
use std::sync::Arc;

const NOW: Timestamp = Timestamp::from_unix(1);

fn open(home: &tempfile::TempDir, name: &str, sets: &[MigrationSet]) -> Store {
    Store::open_sqlite(&home.path().join(name), sets, NOW, Options::default()).unwrap().0
}

/// A directory over a store with the tables of `sets`, and what makes the MACs of its rows.
async fn directory(home: &tempfile::TempDir, sets: &[MigrationSet]) -> (Directory, RowMac) {
    let (data, keys) = (open(home, "data", sets), open(home, "keys", &[KEY_MIGRATIONS]));
    let random = Arc::new(TestRandom::seeded(7));
    let root = RootKey::generate("store_a", &*random);
    let options =
        || KeyringOptions { keys: keys.clone(), store_id: "a".to_owned(), random: random.clone() };
    Keyring::init(&options(), &root, NOW).await.unwrap();
    let keyring = Keyring::open(options(), &root).await.unwrap();
    let mac = RowMac::new(keyring.create_row_key(NOW).await.unwrap());
    let clock = Arc::new(TestClock::at(NOW));
    (Directory::new(data, Arc::new(keyring), mac.clone(), clock), mac)
}

async fn status(directory: &Directory, token: &str) -> u16 {
    let token = Redacted::new(token.to_owned());
    let credentials = Credentials { token: &token, account: None, now: NOW };
    directory.authenticate(&credentials).await.map_or_else(|error| error.status(), |_| 200)
}

/// The store has no table of keys, so whoever asks it is told.
#[tokio::test]
async fn what_cannot_be_a_key_is_refused_without_the_store() {
    let home = tempfile::TempDir::new().unwrap();
    let (directory, _) = directory(&home, &[]).await;
    for prefix in prefixes() {
        let token = new_token(prefix, &TestRandom::seeded(1));
        let token = token.expose();
        assert_eq!(status(&directory, token).await, 500, "{prefix}");
        let other = if token.ends_with('a') { 'b' } else { 'a' };
        let wrong = [token.get(..token.len() - 1).unwrap(), &other.to_string()].concat();
        let rubbish = [wrong, format!("{token}a"), prefix.to_owned(), token.to_ascii_lowercase()];
        for rubbish in rubbish {
            assert_eq!(status(&directory, &rubbish).await, 401, "{rubbish}");
        }
    }
    for rubbish in ["sk_test_x", "sk_live_0123456789abcdefghijklmn", "nonsense"] {
        assert_eq!(status(&directory, rubbish).await, 401, "{rubbish}");
    }
}

struct Insert(NewKey, RowMac);

impl Work for Insert {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        self.0.insert(tx, &self.1).await.map(drop)
    }
}

#[tokio::test]
async fn a_key_from_before_the_checksum_goes_on_working() {
    let home = tempfile::TempDir::new().unwrap();
    let sets = [DATA_MIGRATIONS, coffer_kernel::MIGRATIONS, store::MIGRATIONS];
    let (directory, mac) = directory(&home, &sets).await;
    let old = "ak_coffer_0123456789ABCDEFGHIJKLMNOPQRSTUV";
    let token = Redacted::new(old.to_owned());
    let (random, holder) = (TestRandom::seeded(1), Holder::Admin(AdminRole::Operator));
    let key = NewKey::from_token(token, holder, Terms::default(), &random, NOW);
    directory.store().write(Insert(key, mac)).await.unwrap();
    assert_eq!(status(&directory, old).await, 200);
    assert_eq!(status(&directory, &old.replace('V', "W")).await, 401);
}
