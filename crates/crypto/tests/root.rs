//! The root key's file: who may read it, that it is never overwritten, and the errors when it
//! cannot be used.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use coffer_base::{Random, TestRandom};
use coffer_crypto::root::{RootError, RootKey, default_path, env, file, first, places};
use coffer_crypto::{AssociatedData, envelope};
use coffer_secretfile::{Cause, SecretFileError};
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const STORE: &str = "store_A1b2";

fn temp_dir() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn root_key(seed: u64) -> RootKey {
    RootKey::generate(STORE, &TestRandom::seeded(seed))
}

/// A line whose 64 digits no message may repeat.
fn line(store_id: &str) -> String {
    format!("coffer-root-1 {store_id} {}\n", "c0ffee11".repeat(8))
}

fn write(path: &Path, content: &str, mode: u32) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Whether two root keys are one: what the first seals, the second opens.
fn same(one: &RootKey, two: &RootKey) -> bool {
    let ad = AssociatedData::new("test");
    let blob = envelope::seal(one.sealing_key(), 1, &ad, b"x", &TestRandom::seeded(9)).unwrap();
    envelope::open(two.sealing_key(), &ad, &blob).is_ok()
}

#[test]
fn a_created_key_loads_and_only_its_owner_can_reach_it() {
    let home = temp_dir();
    let path = home.path().join("deep/er/root.key");
    file::create(&path, &root_key(1)).unwrap();

    assert_eq!(mode_of(&path), 0o600);
    assert_eq!(mode_of(&home.path().join("deep")), 0o700);
    assert_eq!(mode_of(&home.path().join("deep/er")), 0o700);
    let loaded = file::load(&path).unwrap();
    assert_eq!(loaded.store_id(), STORE);
    assert!(same(&loaded, &root_key(1)));
    assert!(!same(&loaded, &root_key(2)));

    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.len(), "coffer-root-1 ".len() + STORE.len() + 1 + 64 + 1);
    assert!(same(&env::parse(text.trim_end()).unwrap(), &loaded));
}

#[test]
fn a_key_that_is_there_is_never_overwritten() {
    let home = temp_dir();
    let path = home.path().join("root.key");
    file::create(&path, &root_key(1)).unwrap();
    let refused = file::create(&path, &root_key(2)).unwrap_err();
    assert!(matches!(refused, RootError::Exists { path: at } if at == path));
    assert!(same(&file::load(&path).unwrap(), &root_key(1)));

    // Nor is a link followed to where it points.
    let link = home.path().join("link");
    std::os::unix::fs::symlink(home.path().join("nowhere"), &link).unwrap();
    let refused = file::create(&link, &root_key(2)).unwrap_err();
    assert!(matches!(refused, RootError::Exists { path: at } if at == link));
    assert!(!home.path().join("nowhere").exists());
}

#[test]
fn the_exact_text_is_read_and_written() {
    /// Counts up from 0xf0, through 0xff, to 0x0f.
    struct Counting;
    impl Random for Counting {
        fn fill(&self, out: &mut [u8]) {
            out.iter_mut().zip(0xf0u8..=0xff).for_each(|(to, from)| *to = from);
            out.iter_mut().skip(16).zip(0u8..).for_each(|(to, from)| *to = from);
        }
    }
    let home = temp_dir();
    let path = home.path().join("root.key");
    file::create(&path, &RootKey::generate(STORE, &Counting)).unwrap();
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "coffer-root-1 store_A1b2 \
         f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f\n"
    );
}

#[test]
fn a_malformed_text_is_refused_and_not_repeated() {
    let good = line(STORE);
    assert!(env::parse(&good).is_ok());
    assert!(env::parse(&good.to_uppercase().replace("COFFER-ROOT", "coffer-root")).is_ok());
    let digits = "c0ffee11".repeat(8);
    for wrong in [
        String::new(),
        "\n".to_owned(),
        digits.clone(),
        format!("{good}{good}"),
        good.replace("coffer-root", "coffer- root"),
        format!("{}x", good.trim_end()),
        good.replace("root-1", "root-2"),
        good.replace("root-1 ", "root-1  "),
        good.replace(STORE, "../../etc"),
        good.replace(STORE, ""),
        good.replace(STORE, &"s".repeat(65)),
        good.replacen("c0", "g0", 1),
        good.replacen("c0", "+0", 1),
        good.replacen("c0", "", 1),
        good.replacen("c0", "c0c0", 1),
        good.replacen("c0", "é", 1),
    ] {
        let error = env::parse(&wrong).unwrap_err();
        assert!(!error.to_string().contains("c0ffee"), "{error}");
        assert!(
            matches!(error, RootError::Malformed { place } if place == "COFFER_ROOT_KEY"),
            "{wrong}"
        );
    }
}

#[test]
fn a_file_that_is_no_text_or_too_long_is_malformed() {
    let home = temp_dir();
    let path = home.path().join("root.key");
    for content in [vec![0xff; 100], line(STORE).repeat(9).into_bytes(), Vec::new()] {
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let error = file::load(&path).unwrap_err();
        let RootError::Malformed { place } = error else { panic!("{error}") };
        assert_eq!(place, path.display().to_string());
    }
}

#[test]
fn what_editors_put_around_the_line_does_no_harm() {
    let bare = line(STORE).trim_end().to_owned();
    for text in [
        format!("{bare}\r\n"),
        format!("\u{feff}{bare}\n"),
        format!("\n{bare}\n\n"),
        format!("  {bare}\t\r\n"),
    ] {
        assert!(same(&env::parse(&text).unwrap(), &env::parse(&bare).unwrap()), "{text:?}");
    }
}

#[test]
fn an_open_file_is_refused() {
    let home = temp_dir();
    let path = home.path().join("root.key");
    for mode in [0o400, 0o600, 0o700] {
        write(&path, &line(STORE), mode);
        assert!(file::load(&path).is_ok(), "{mode:o}");
    }
    for mode in [0o620, 0o604, 0o602, 0o644, 0o444, 0o666, 0o601] {
        write(&path, &line(STORE), mode);
        let error = file::load(&path).unwrap_err();
        let RootError::File(error) = error else { panic!("{error}") };
        assert!(matches!(error.cause, Cause::Open(_)), "{mode:o}: {error}");
        assert_eq!(error.path, path);
    }
}

#[test]
fn a_directory_in_its_place_is_not_to_be_changed() {
    let home = temp_dir();
    let path = home.path().join("root.key");
    fs::create_dir(&path).unwrap();
    let error = file::load(&path).unwrap_err().to_string();
    assert!(error.contains("is a directory") && !error.contains("chmod"), "{error}");
}

#[test]
fn a_place_that_cannot_be_made_is_reported() {
    let home = temp_dir();
    fs::write(home.path().join("file"), "").unwrap();
    let path = home.path().join("file/root.key");
    let error = file::create(&path, &root_key(1)).unwrap_err();
    assert!(matches!(error, RootError::NotWritten { .. }), "{error:?}");
    let odd = RootKey::generate("store/../x", &TestRandom::seeded(1));
    let path = home.path().join("root.key");
    assert!(matches!(file::create(&path, &odd), Err(RootError::StoreId)));
    assert!(!path.exists());
}

/// The key of `store_id`, and the file that it was found in.
fn search(
    explicit: Option<&Path>,
    credentials: Option<&Path>,
    config: &Path,
    store_id: &str,
) -> Result<(RootKey, PathBuf), RootError> {
    let (key, root) = first(&places(explicit, credentials, config), store_id)?;
    Ok((key, root.path(store_id).unwrap()))
}

/// A configuration home, a credentials directory, and a path that can be asked for.
struct Places {
    _home: TempDir,
    config: PathBuf,
    credentials: PathBuf,
    explicit: PathBuf,
}

impl Places {
    fn new() -> Self {
        let home = temp_dir();
        let at = |name: &str| home.path().join(name);
        let places = Self {
            config: at("config"),
            credentials: at("credentials"),
            explicit: at("asked.root"),
            _home: home,
        };
        fs::create_dir_all(places.config.join("keys")).unwrap();
        fs::create_dir(&places.credentials).unwrap();
        places
    }

    fn credential(&self) -> PathBuf {
        self.credentials.join("coffer-root")
    }

    fn default(&self) -> PathBuf {
        self.config.join("keys/store_A1b2.root")
    }

    fn found(&self, explicit: Option<&Path>) -> Result<PathBuf, RootError> {
        search(explicit, Some(&self.credentials), &self.config, STORE).map(|(_, path)| path)
    }

    /// The paths that were tried in vain, if the key is missing.
    fn missed(&self, explicit: Option<&Path>) -> Option<Vec<PathBuf>> {
        match self.found(explicit) {
            Err(RootError::Missing { looked }) => Some(looked),
            _ => None,
        }
    }
}

#[test]
fn the_search_prefers_what_was_asked_for_then_the_credential_then_the_default() {
    let places = Places::new();
    assert_eq!(default_path(&places.config, STORE), places.default());
    assert_eq!(places.missed(None), Some(vec![places.credential(), places.default()]));

    write(&places.default(), &line(STORE), 0o600);
    assert_eq!(places.found(None).unwrap(), places.default());
    let without = search(None, None, &places.config, STORE).unwrap();
    assert_eq!(without.1, places.default());

    write(&places.credential(), &line(STORE), 0o400);
    assert_eq!(places.found(None).unwrap(), places.credential());
    // The same file is a credential when it is asked for by name.
    assert_eq!(places.found(Some(&places.credential())).unwrap(), places.credential());

    // What was asked for is the only place, even if there are others.
    assert_eq!(places.missed(Some(&places.explicit)), Some(vec![places.explicit.clone()]));
    write(&places.explicit, &line(STORE), 0o600);
    assert_eq!(places.found(Some(&places.explicit)).unwrap(), places.explicit);
}

#[test]
fn a_key_that_is_found_but_cannot_be_used_is_not_passed_over() {
    let places = Places::new();
    write(&places.default(), &line(STORE), 0o600);
    write(&places.credential(), &line("store_B"), 0o400);
    let error = places.found(None).unwrap_err();
    let RootError::OtherStore { key, store } = error else { panic!("{error}") };
    assert_eq!((key.as_str(), store.as_str()), ("store_B", STORE));
    write(&places.credential(), &line(STORE), 0o444);
    assert!(matches!(places.found(None), Err(RootError::File(_))));
    write(&places.credential(), "nothing", 0o400);
    assert!(matches!(places.found(None), Err(RootError::Malformed { .. })));
}

#[test]
fn a_store_id_cannot_lead_out_of_the_directory() {
    let places = Places::new();
    let error = search(None, None, &places.config, "../x").unwrap_err();
    assert!(matches!(error, RootError::StoreId), "{error}");
}

#[test]
fn the_messages_differ_and_say_what_to_do() {
    let path = PathBuf::from("/etc/coffer/keys/store_A.root");
    let at = "/etc/coffer/keys/store_A.root";
    let other = RootKey::generate("store_B", &TestRandom::seeded(1)).belongs_to("store_A");
    let failed = |kind: ErrorKind| io::Error::from(kind);
    for (error, parts) in [
        (
            RootError::Missing { looked: vec![PathBuf::from("/run/c/coffer-root"), path.clone()] },
            ["/run/c/coffer-root and at", at, "--root-key"],
        ),
        (
            RootError::File(SecretFileError {
                path: path.clone(),
                cause: Cause::Unreadable(failed(ErrorKind::PermissionDenied)),
            }),
            [at, "permission denied", "let the user"],
        ),
        (RootError::Malformed { place: at.to_owned() }, [at, "malformed", "coffer-root-1 <"]),
        (other.unwrap_err(), ["key of store_B", "this store is store_A", "--root-key"]),
        (RootError::Exists { path: path.clone() }, [at, "not overwritten", "another place"]),
        (
            RootError::NotWritten { path, source: failed(ErrorKind::StorageFull) },
            [at, "no storage space", "another place"],
        ),
    ] {
        let message = error.to_string();
        for part in parts {
            assert!(message.contains(part), "{part:?} is not in {message:?}");
        }
    }
}

#[test]
fn debug_shows_the_store_only() {
    let key = env::parse(&line(STORE)).unwrap();
    assert_eq!(format!("{key:?}"), "RootKey(store_A1b2, [redacted])");
    assert!(key.belongs_to(STORE).is_ok());
}

#[test]
fn a_pipe_in_its_place_is_not_waited_for() {
    let home = temp_dir();
    let path = home.path().join("root.key");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let error = file::load(&path).unwrap_err();
    assert!(matches!(error, RootError::File(_)), "{error}");
}
