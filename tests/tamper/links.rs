//! Somebody puts something else where the server has its files: nothing is followed, emptied or
//! opened.

use coffer_base::Timestamp;
use coffer_storage::{DirectoryLock, DiskSpace, Faults, Options, Store};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tempfile::TempDir;

/// The files of an installation that a hand may swap. The ballast, which nothing is read from, has
/// a test of its own.
const FILES: [&str; 8] = [
    "coffer.lock",
    "coffer.db",
    "coffer.db-wal",
    "coffer.db-shm",
    "coffer.db-journal",
    "keys.db",
    "keys.db-wal",
    "keys.db-shm",
];

/// What the server opens, in its order.
fn open(directory: &Path) -> Result<(), String> {
    let told = |error: coffer_storage::StorageError| error.to_string();
    let _lock = DirectoryLock::acquire(directory).map_err(told)?;
    for name in ["keys.db", "coffer.db"] {
        let now = Timestamp::from_unix(1);
        Store::open_sqlite(&directory.join(name), &[], now, Options::default()).map_err(told)?;
    }
    Ok(())
}

/// A directory with a store in it, and a file of somebody's outside.
fn places() -> (TempDir, std::path::PathBuf, std::path::PathBuf) {
    let home = TempDir::new().unwrap();
    let (directory, victim) = (home.path().join("data"), home.path().join("victim"));
    fs::create_dir(&directory).unwrap();
    open(&directory).unwrap();
    fs::write(&victim, "what is not the server's").unwrap();
    fs::set_permissions(&victim, fs::Permissions::from_mode(0o600)).unwrap();
    (home, directory, victim)
}

/// How a hand swaps a file.
type Swap = fn(&Path, &Path);

const SWAPS: [(&str, Swap); 6] = [
    ("symbolic link", |at, victim| symlink(victim, at).unwrap()),
    ("symbolic link", |at, victim| symlink(victim.with_extension("missing"), at).unwrap()),
    ("hard link", |at, victim| fs::hard_link(victim, at).unwrap()),
    ("directory", |at, _| fs::create_dir(at).unwrap()),
    ("pipe", |at, _| {
        assert!(std::process::Command::new("mkfifo").arg(at).status().unwrap().success());
    }),
    ("mode 666", |at, _| {
        fs::write(at, "").unwrap();
        fs::set_permissions(at, fs::Permissions::from_mode(0o666)).unwrap();
    }),
];

#[test]
fn nothing_that_was_put_in_the_place_of_a_file_is_used() {
    for name in FILES {
        for (what, swap) in SWAPS {
            let (home, directory, victim) = places();
            let at = directory.join(name);
            let _ = fs::remove_file(&at);
            swap(&at, &victim);
            let message = open(&directory).expect_err(&format!("{name} as a {what}"));
            assert!(message.contains(what), "{name} as a {what}: {message}");
            assert!(message.contains(&at.display().to_string()), "{message}");
            assert_eq!(fs::read_to_string(&victim).unwrap(), "what is not the server's", "{name}");
            assert!(!home.path().join("victim.missing").exists(), "{name} as a {what}");
        }
    }
}

/// What is put in the ballast's place is replaced, or left alone and missed: it is never filled,
/// and giving the ballast up takes away no file of somebody's.
#[test]
fn what_is_put_in_the_place_of_the_ballast_is_neither_filled_nor_followed() {
    for (what, swap) in SWAPS {
        let (home, directory, victim) = places();
        let at = directory.join("coffer.ballast");
        swap(&at, &victim);
        let watch = |free: u64| {
            let faults = Faults::none().free_space_of(Arc::new(AtomicU64::new(free)));
            DiskSpace::watch(&directory, &faults).unwrap()
        };
        let whole = || {
            assert_eq!(fs::read_to_string(&victim).unwrap(), "what is not the server's", "{what}");
            assert!(!home.path().join("victim.missing").exists(), "{what}");
        };
        let space = watch(1 << 40);
        whole();
        let made = fs::symlink_metadata(&at).unwrap();
        if what != "directory" {
            assert!(made.is_file() && made.nlink() == 1 && made.len() > 0, "{what}: {made:?}");
            assert_eq!(made.mode() & 0o777, 0o600, "{what}");
        }
        drop(space);
        drop(watch(0));
        assert_eq!(at.exists(), what == "directory", "{what}: given up on a full disk");
        whole();
    }
}

#[test]
fn a_directory_in_which_others_can_write_is_no_place() {
    let (_home, directory, _) = places();
    let mode = |mode| fs::set_permissions(&directory, fs::Permissions::from_mode(mode)).unwrap();
    for open_to_others in [0o777, 0o770, 0o702, 0o720, 0o1777] {
        mode(open_to_others);
        let message = open(&directory).unwrap_err();
        assert!(message.contains("chmod go-w"), "{open_to_others:o}: {message}");
    }
    for closed in [0o700, 0o755] {
        mode(closed);
        open(&directory).unwrap();
    }
}

#[test]
fn a_directory_may_have_another_name() {
    let (home, directory, _) = places();
    let name = home.path().join("name");
    symlink(&directory, &name).unwrap();
    open(&name).unwrap();
}
