//! Somebody puts something else where the server has its files: nothing is followed, emptied or
//! opened.

use coffer_base::Timestamp;
use coffer_storage::{DirectoryLock, Options, Store};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use tempfile::TempDir;

/// The files of an installation that a hand may swap.
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
