//! What lies on the disk: modes, locks, copies, traces of deleted rows.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::tempdir;

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn directory_and_files_belong_to_the_owner_alone() {
    let parent = tempdir().unwrap();
    let directory = parent.path().join("data");
    let store = open(&directory);
    let _lock = DirectoryLock::acquire(&directory).unwrap();
    store.write(insert("a")).await.unwrap();
    store.backup(&directory.join("copy.db")).await.unwrap();
    assert_eq!(mode(&directory), 0o700);
    let files: Vec<_> = fs::read_dir(&directory).unwrap().map(|each| each.unwrap()).collect();
    assert_eq!(files.len(), 5, "database, log, index, lock, copy");
    for file in files {
        assert_eq!(mode(&file.path()), 0o600, "{:?}", file.path());
    }
}

#[test]
fn a_second_lock_is_refused_with_directory_and_process() {
    let directory = tempdir().unwrap();
    let lock = DirectoryLock::acquire(directory.path()).unwrap();
    let text = DirectoryLock::acquire(directory.path()).unwrap_err().to_string();
    assert!(text.contains(&directory.path().display().to_string()), "{text}");
    assert!(text.contains(&format!("(process {})", std::process::id())), "{text}");
    drop(lock);
    DirectoryLock::acquire(directory.path()).unwrap();
}

#[tokio::test]
async fn a_backup_restores_what_was_there_and_never_overwrites() {
    let directory = tempdir().unwrap();
    let store = open(directory.path());
    store.write(insert("before")).await.unwrap();
    let restored = directory.path().join("restored");
    fs::create_dir(&restored).unwrap();
    let copy = restored.join("coffer.db");
    let size = store.backup(&copy).await.unwrap();
    assert_eq!(size, fs::metadata(&copy).unwrap().len());
    check_file(&copy).unwrap();
    store.write(insert("after")).await.unwrap();
    let again = store.backup(&copy).await.unwrap_err();
    assert!(matches!(again, StorageError::File(_)), "{again}");
    assert_eq!(fs::read_dir(&restored).unwrap().count(), 1, "no partial file is left");
    assert_eq!(count(&open(&restored)).await, 1);
}

#[tokio::test]
async fn a_failed_backup_leaves_nothing() {
    let directory = tempdir().unwrap();
    let store = open(directory.path());
    let nowhere = directory.path().join("no such directory/copy.db");
    assert!(matches!(store.backup(&nowhere).await, Err(StorageError::File(_))));
    let to = directory.path().join("copy.db");
    let source = directory.path().join("not a database");
    fs::write(&source, vec![b'x'; 8192]).unwrap();
    assert!(copy_file(&source, &to).is_err());
    assert!(!to.exists() && !directory.path().join("copy.db.part").exists());
}

#[tokio::test]
async fn the_check_finds_a_damaged_page() {
    let directory = tempdir().unwrap();
    let store = open(directory.path());
    store.write(insert_body("large", vec![1; 100_000])).await.unwrap();
    let copy = directory.path().join("copy.db");
    store.backup(&copy).await.unwrap();
    let mut bytes = fs::read(&copy).unwrap();
    // The second page is the b-tree of a table: its header becomes nonsense.
    bytes[4096..4196].fill(0xA5);
    fs::write(&copy, bytes).unwrap();
    assert!(matches!(check_file(&copy), Err(StorageError::Corrupt(_))));
}

#[tokio::test]
async fn a_checkpoint_leaves_no_trace_of_a_deleted_row() {
    let directory = tempdir().unwrap();
    let store = open(directory.path());
    let trace = b"a trace of something secret";
    let holds_trace = || {
        ["coffer.db", "coffer.db-wal"].iter().any(|name| {
            let bytes = fs::read(directory.path().join(name)).unwrap();
            bytes.windows(trace.len()).any(|window| window == trace)
        })
    };
    store.write(insert("other")).await.unwrap();
    store.write(insert_body("secret", trace.to_vec())).await.unwrap();
    store.checkpoint().await.unwrap();
    assert!(holds_trace());
    store.write(Run(vec![("DELETE FROM item WHERE label = 'secret'", vec![])])).await.unwrap();
    store.checkpoint().await.unwrap();
    assert!(!holds_trace());
    assert_eq!(fs::metadata(directory.path().join("coffer.db-wal")).unwrap().len(), 0);
}

#[test]
fn what_root_makes_in_a_place_of_another_is_that_ones() {
    use std::os::unix::fs::MetadataExt;
    let directory = tempdir().unwrap();
    let owner = if rustix::process::geteuid().is_root() { 65_534 } else { own_user() };
    rustix::fs::chown(directory.path(), Some(rustix::fs::Uid::from_raw(owner)), None).unwrap();
    drop(DirectoryLock::acquire(directory.path()).unwrap());
    drop(open(directory.path()));
    for file in fs::read_dir(directory.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().uid(), owner, "{file:?}");
    }
}

fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[tokio::test]
async fn closing_leaves_one_file() {
    let directory = tempdir().unwrap();
    let store = open(directory.path());
    store.write(insert("kept")).await.unwrap();
    assert_eq!(count(&store).await, 1);
    store.close().await;
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    assert_eq!(count(&open(directory.path())).await, 1);
}

/// A directory as a killed server leaves it, with a log that was not copied into the database, and
/// a backup from before its last rows.
async fn killed() -> (tempfile::TempDir, std::path::PathBuf) {
    let directory = tempdir().unwrap();
    let running = directory.path().join("running");
    let store = open(&running);
    store.write(insert("before")).await.unwrap();
    store.backup(&directory.path().join("backup.db")).await.unwrap();
    store.checkpoint().await.unwrap();
    store.write(insert("after")).await.unwrap();
    let killed = directory.path().join("killed");
    fs::create_dir(&killed).unwrap();
    for name in ["coffer.db", "coffer.db-wal"] {
        fs::copy(running.join(name), killed.join(name)).unwrap();
    }
    (directory, killed)
}

#[tokio::test]
async fn the_own_log_is_replayed() {
    let (_directory, killed) = killed().await;
    assert_eq!(count(&open(&killed)).await, 2);
}

#[tokio::test]
async fn the_log_of_another_database_is_not_replayed() {
    let (directory, killed) = killed().await;
    let path = killed.join("coffer.db");
    fs::copy(directory.path().join("backup.db"), &path).unwrap();
    let log = fs::read(killed.join("coffer.db-wal")).unwrap();
    let refusals = [
        Store::open_sqlite(&path, SETS, NOW, Options::default()).err().unwrap(),
        Store::open_sqlite_read_only(&path, SETS).err().unwrap(),
        copy_file(&path, &killed.join("copy.db")).unwrap_err(),
        check_file(&path).unwrap_err(),
    ];
    for refusal in refusals {
        let text = refusal.to_string();
        assert!(text.contains("coffer.db-wal") && text.contains("remove"), "{text}");
    }
    assert_eq!(fs::read(killed.join("coffer.db-wal")).unwrap(), log, "nothing was touched");
    fs::remove_file(killed.join("coffer.db-wal")).unwrap();
    assert_eq!(count(&open(&killed)).await, 1, "the restored rows");
}

#[tokio::test]
async fn what_a_killed_backup_left_is_taken_over_and_nothing_else() {
    let directory = tempdir().unwrap();
    let store = open(directory.path());
    store.write(insert("kept")).await.unwrap();
    let (to, part) = (directory.path().join("copy.db"), directory.path().join("copy.db.part"));
    for left in [&b""[..], b"SQLite format 3\0and some pages", &[0; 4096]] {
        fs::write(&part, left).unwrap();
        fs::write(directory.path().join("copy.db.part-journal"), "nonsense").unwrap();
        store.backup(&to).await.unwrap();
        check_file(&to).unwrap();
        assert!(!part.exists() && !directory.path().join("copy.db.part-journal").exists());
        fs::remove_file(&to).unwrap();
    }
    fs::write(&part, "a letter to a friend").unwrap();
    let refused = store.backup(&to).await.unwrap_err().to_string();
    assert!(refused.contains("copy.db.part"), "{refused}");
    assert_eq!(fs::read_to_string(&part).unwrap(), "a letter to a friend");
    fs::remove_file(&part).unwrap();
    let target = directory.path().join("target");
    fs::write(&target, "").unwrap();
    std::os::unix::fs::symlink(&target, &part).unwrap();
    assert!(store.backup(&to).await.is_err(), "a link is not followed");
    fs::remove_file(&part).unwrap();
    let other = fs::File::create(&part).unwrap();
    other.try_lock().unwrap();
    let refused = store.backup(&to).await.unwrap_err().to_string();
    assert!(refused.contains("another backup"), "{refused}");
    drop(other);
    store.backup(&to).await.unwrap();
}

#[tokio::test]
async fn a_damaged_database_is_noticed_after_a_crash() {
    let (_directory, killed) = killed().await;
    let path = killed.join("coffer.db");
    let mut bytes = fs::read(&path).unwrap();
    for page in bytes.chunks_mut(4096).skip(1) {
        page[..100].fill(0xA5);
    }
    fs::write(&path, bytes).unwrap();
    let refused = Store::open_sqlite(&path, SETS, NOW, Options::default());
    assert!(matches!(refused, Err(StorageError::Corrupt(_))), "{refused:?}");
}

#[tokio::test]
async fn a_state_is_held_and_copied_whatever_is_written_meanwhile() {
    let directory = tempdir().unwrap();
    let store = open(directory.path());
    store.write(insert_body("large", vec![1; 40 * 1024 * 1024])).await.unwrap();
    let held = Snapshot::hold(&directory.path().join("coffer.db")).unwrap();
    store.write(insert("after")).await.unwrap();
    let to = directory.path().join("copy.db");
    // What a killed copy has left there is taken over.
    fs::write(&to, "SQLite format 3\0 and then it was killed").unwrap();
    let mut steps = Vec::new();
    let on_step = &mut |done, total| {
        steps.push((done, total));
        Ok(())
    };
    let copy = held.copy(&to, on_step).unwrap();
    assert!(steps.len() > 2, "{steps:?}");
    let (done, total) = steps.last().copied().unwrap();
    assert!(done == total && total > 40 * 1024 * 1024, "{steps:?}");
    check_file(copy.path()).unwrap();
    assert_eq!(count_rows(copy.path()).unwrap()["item"], 1);
    assert_eq!(count_rows(&directory.path().join("coffer.db")).unwrap()["item"], 2);
    drop(copy);
    assert!(!to.exists(), "it was for a while only");
    let held = Snapshot::hold(&directory.path().join("coffer.db")).unwrap();
    let stopped = held.copy(&to, &mut |_, _| Err("it was stopped")).unwrap_err();
    assert!(stopped.to_string().contains("it was stopped"), "{stopped}");
    assert!(!to.exists());
}
