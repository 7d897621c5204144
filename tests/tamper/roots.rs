//! The roots that a key store accepts: what happens to a master key while there are two, and rows
//! about them that somebody has changed.

use coffer_base::{Random, TestRandom, Timestamp};
use coffer_crypto::keyring_file::KeyringFile;
use coffer_crypto::root::passphrase::{Cost, Passphrase};
use coffer_crypto::root::{Kind, Root, RootKey, RootSecret};
use coffer_keyring::{
    Change, KEY_MIGRATIONS, Keyring, KeyringError, KeyringOptions, Masters, NewRoot, Phase,
    Rotation, RotationPlan, RotationProgress, accepted_roots, cancel_root, finish_root,
};
use coffer_storage::{Options, Store};
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use zeroize::Zeroizing;

const STORE: &str = "store_a";
const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

/// A key store with a root key.
struct Fixture {
    home: TempDir,
    runtime: Runtime,
    random: Arc<dyn Random>,
    keys: Store,
    root: Arc<RootKey>,
}

fn passphrase() -> Passphrase {
    let cheap = Cost { memory_kib: 64, passes: 1, lanes: 1 };
    let words = Zeroizing::new("correct horse battery".to_owned());
    Passphrase::new(RootSecret::given(words)).with_cost(cheap)
}

impl Fixture {
    fn new() -> Self {
        let home = TempDir::new().unwrap();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let path = home.path().join("keys.db");
        let (keys, _) =
            Store::open_sqlite(&path, &[KEY_MIGRATIONS], NOW, Options::default()).unwrap();
        let random: Arc<dyn Random> = Arc::new(TestRandom::seeded(7));
        let root = Arc::new(RootKey::generate(STORE, &*random));
        let fixture = Self { home, runtime, random, keys, root };
        fixture.runtime.block_on(Keyring::init(&fixture.options(), &fixture.root, NOW)).unwrap();
        fixture
    }

    fn options(&self) -> KeyringOptions {
        let (keys, random) = (self.keys.clone(), Arc::clone(&self.random));
        KeyringOptions { keys, store_id: STORE.to_owned(), random }
    }

    fn change(&self) -> Change<'_> {
        Change { random: &*self.random, now: NOW }
    }

    fn masters(&self, root: &RootKey) -> Result<Masters, KeyringError> {
        self.runtime.block_on(Masters::open(&self.keys, STORE, root))
    }

    /// Lets a passphrase open the keys too; its root key.
    fn begin_move(&self) -> RootKey {
        let key = RootKey::generate(STORE, &*self.random);
        let kept = passphrase().keep(&key, &*self.random).unwrap();
        let new = NewRoot { key: &key, kind: Kind::Passphrase, place: "a passphrase".into(), kept };
        let masters = self.masters(&self.root).unwrap();
        self.runtime.block_on(masters.accept(&self.keys, &new, self.change())).unwrap();
        key
    }

    fn rotate(&self, root: &Arc<RootKey>) -> Result<(), KeyringError> {
        self.runtime.block_on(async {
            let keyring = Keyring::open(self.options(), root).await?;
            let keyring = keyring.with_root(Arc::new(Arc::clone(root)));
            keyring.make_master(&rotation(), NOW).await
        })
    }

    fn finish(&self, root: &RootKey) -> Result<(), KeyringError> {
        self.runtime.block_on(finish_root(&self.keys, STORE, root, self.change()))
    }

    fn rows(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    fn path(&self) -> PathBuf {
        self.home.path().join("keys.db")
    }
}

fn rotation() -> Rotation {
    Rotation {
        number: 1,
        plan: RotationPlan { master: true, fresh: true, ..RotationPlan::default() },
        cause: "test".to_owned(),
        created: NOW,
        worker: String::new(),
        beat: 0,
        progress: RotationProgress { phase: Phase::Keys, ..RotationProgress::default() },
        finished: None,
    }
}

#[test]
fn no_master_key_is_made_while_two_roots_open_the_store() {
    let fixture = Fixture::new();
    let new = Arc::new(fixture.begin_move());
    for root in [&fixture.root, &new] {
        let refused = fixture.rotate(root);
        assert!(matches!(refused, Err(KeyringError::RootMoving)), "{refused:?}");
    }
    fixture.finish(&new).unwrap();
    fixture.rotate(&new).unwrap();
    fixture.masters(&new).map(drop).unwrap();
    assert!(matches!(fixture.masters(&fixture.root), Err(KeyringError::WrongRoot(_))));
    assert!(matches!(fixture.finish(&new), Err(KeyringError::NothingIncoming)));
}

#[test]
fn a_move_that_lacks_a_master_key_does_not_end() {
    let fixture = Fixture::new();
    let new = fixture.begin_move();
    // As if it had been made by a server that knows nothing of moves.
    let insert = "INSERT INTO master_key (version, created, rotation, wrapped) \
                  SELECT 2, created, rotation, wrapped FROM master_key";
    assert_eq!(fixture.rows().execute(insert, []).unwrap(), 1);
    let behind = fixture.masters(&new).map(drop);
    assert!(matches!(behind, Err(KeyringError::RootBehind { version: 2 })), "{behind:?}");
    assert!(matches!(fixture.finish(&new), Err(KeyringError::RootBehind { version: 2 })));
    fixture.rows().execute("DELETE FROM master_key WHERE version = 2", []).unwrap();
    fixture.runtime.block_on(cancel_root(&fixture.keys, fixture.change())).unwrap();
    assert!(matches!(fixture.masters(&new), Err(KeyringError::WrongRoot(_))));
    fixture.masters(&fixture.root).map(drop).unwrap();
}

#[test]
fn a_changed_row_of_a_root_opens_nothing_else() {
    let fixture = Fixture::new();
    let new = fixture.begin_move();
    let kept = || {
        let roots = fixture.runtime.block_on(accepted_roots(&fixture.keys)).unwrap();
        roots.into_iter().find(|root| root.kind == Kind::Passphrase).unwrap().kept
    };
    assert_eq!(passphrase().open(STORE, &kept()).unwrap().id(), new.id());
    let rows = fixture.rows();
    let original = kept();
    for at in (0..original.len()).step_by(3) {
        let mut changed = original.clone();
        changed[at] ^= 1;
        let put = "UPDATE root SET kept = ? WHERE kind = 'passphrase'";
        assert_eq!(rows.execute(put, [&changed]).unwrap(), 1);
        assert!(passphrase().open(STORE, &kept()).is_err(), "byte {at}");
    }
    // Whichever root is said to be the current one, its key opens only what was wrapped under it.
    let swap =
        "UPDATE root SET state = CASE state WHEN 'current' THEN 'incoming' ELSE 'current' END";
    assert_eq!(rows.execute(swap, []).unwrap(), 2);
    assert!(fixture.masters(&new).is_err());
    assert!(fixture.masters(&fixture.root).is_err());
    assert_eq!(rows.execute(swap, []).unwrap(), 2);
    let foreign = RootKey::generate(STORE, &*fixture.random);
    let relabel = "UPDATE root SET id = ? WHERE state = 'current'";
    assert_eq!(rows.execute(relabel, [foreign.id()]).unwrap(), 1);
    assert!(matches!(fixture.masters(&foreign), Err(KeyringError::WrongRoot(_))));
}

#[test]
fn an_exported_keyring_that_was_changed_opens_nothing() {
    let fixture = Fixture::new();
    let key = RootKey::generate(STORE, &*fixture.random);
    let kept = passphrase().keep(&key, &*fixture.random).unwrap();
    let new = NewRoot { key: &key, kind: Kind::Passphrase, place: String::new(), kept };
    let masters = fixture.masters(&fixture.root).unwrap();
    let exported = masters.export(&fixture.keys, &new, fixture.change());
    let file = fixture.runtime.block_on(exported).unwrap();
    let of = |file: &KeyringFile| {
        fixture.runtime.block_on(Masters::of_file(&fixture.keys, file, &key)).map(drop)
    };
    of(&file).unwrap();
    for at in 0..file.masters[0].1.len() {
        let mut changed = file.clone();
        changed.masters[0].1[at] ^= 1;
        assert!(matches!(of(&changed), Err(KeyringError::WrongRoot(_))), "byte {at}");
    }
    let renumbered = KeyringFile { masters: vec![(2, file.masters[0].1.clone())], ..file.clone() };
    assert!(of(&renumbered).is_err());
    let none = KeyringFile { masters: Vec::new(), ..file.clone() };
    assert!(matches!(of(&none), Err(KeyringError::FileBehind { version: 1 })));
    let other = KeyringFile { store_id: "store_b".to_owned(), ..file };
    assert!(matches!(of(&other), Err(KeyringError::OtherStore { .. })));
}
