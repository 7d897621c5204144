use std::sync::atomic::AtomicU64;

use super::*;
use crate::tests::{Run, count, insert};
use crate::{Options, Store};

/// A disk whose free bytes the test says.
struct Disk {
    directory: tempfile::TempDir,
    free: Arc<AtomicU64>,
    space: DiskSpace,
}

const PLENTY: u64 = 1 << 40;

impl Disk {
    fn with(free: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let free = Arc::new(AtomicU64::new(free));
        let faults = Faults::none().free_space_of(Arc::clone(&free));
        let space = DiskSpace::watch(directory.path(), &faults).unwrap();
        Self { directory, free, space }
    }

    fn has(&self, free: u64) {
        self.free.store(free, Ordering::SeqCst);
    }

    fn ballast(&self) -> u64 {
        self.space.admit().ok();
        Ballast::in_directory(self.directory.path()).size()
    }

    fn store(&self) -> Store {
        let options = Options { space: Some(self.space.clone()), ..Options::default() };
        let path = self.directory.path().join("coffer.db");
        Store::open_sqlite(&path, crate::tests::SETS, crate::tests::NOW, options).unwrap().0
    }
}

#[test]
fn the_ballast_holds_blocks_and_is_not_sparse() {
    use std::os::unix::fs::MetadataExt;
    let disk = Disk::with(PLENTY);
    let file = std::fs::metadata(disk.directory.path().join("coffer.ballast")).unwrap();
    assert_eq!(file.len(), limit::BALLAST_BYTES);
    assert!(file.blocks() * 512 >= limit::BALLAST_BYTES, "{} blocks", file.blocks());
    assert_eq!(file.mode() & 0o777, 0o600);
}

#[test]
fn what_adds_is_refused_below_the_floor_and_admitted_again_above_it() {
    let disk = Disk::with(PLENTY);
    for (free, admitted) in [
        (limit::DISK_FLOOR_BYTES, true),
        (limit::DISK_FLOOR_BYTES - 1, false),
        (0, false),
        (limit::DISK_FLOOR_BYTES, true),
    ] {
        disk.has(free);
        assert_eq!(disk.space.admit().is_ok(), admitted, "{free} bytes free");
    }
}

#[test]
fn the_room_of_a_ballast_that_was_given_up_admits_nothing() {
    let disk = Disk::with(PLENTY);
    disk.has(0);
    disk.space.make_room();
    assert_eq!(disk.ballast(), 0);
    disk.has(limit::BALLAST_BYTES + limit::DISK_FLOOR_BYTES - 1);
    assert!(matches!(disk.space.admit(), Err(StorageError::NoSpace(_))));
    assert_eq!(disk.ballast(), 0);
    disk.has(limit::BALLAST_BYTES + limit::DISK_FLOOR_BYTES);
    assert!(disk.space.admit().is_ok());
    assert_eq!(disk.ballast(), limit::BALLAST_BYTES);
}

#[test]
fn a_start_on_a_full_disk_gives_the_ballast_up() {
    let disk = Disk::with(PLENTY);
    let Disk { directory, free, space } = disk;
    drop(space);
    free.store(0, Ordering::SeqCst);
    let faults = Faults::none().free_space_of(free);
    let space = DiskSpace::watch(directory.path(), &faults).unwrap();
    assert_eq!(Ballast::in_directory(directory.path()).size(), 0);
    assert!(space.admit().is_err());
}

struct Shrinking(Run);

impl crate::Work for Shrinking {
    type Out = ();

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut crate::Tx<'_>) -> Result<()> {
        self.0.run(tx).await.map(drop)
    }
}

#[tokio::test]
async fn a_store_refuses_what_adds_and_carries_out_what_takes_away() {
    let disk = Disk::with(PLENTY);
    let store = disk.store();
    store.write(insert("1")).await.unwrap();
    disk.has(0);
    assert!(matches!(store.write(insert("2")).await, Err(StorageError::NoSpace(_))));
    assert!(matches!(store.check_space(), Err(StorageError::NoSpace(_))));
    let delete = Run(vec![("DELETE FROM item", Vec::new())]);
    store.write(Shrinking(delete)).await.unwrap();
    assert_eq!(count(&store).await, 0);
    disk.has(PLENTY);
    store.write(insert("3")).await.unwrap();
    store.check_space().unwrap();
}

/// Rows that were deleted leave room inside the file, which no look at the disk shows.
#[tokio::test]
async fn what_deleted_rows_left_is_filled_again() {
    let disk = Disk::with(PLENTY);
    let store = disk.store();
    let many = usize::try_from(limit::DISK_FLOOR_BYTES).unwrap();
    let big = crate::Value::from(vec![1; many + 1024 * 1024]);
    let sql = "INSERT INTO item (id, body) VALUES (1, ?1)";
    store.write(Run(vec![(sql, vec![big])])).await.unwrap();
    disk.has(limit::DISK_FLOOR_BYTES * 3 / 4);
    assert!(store.write(insert("2")).await.is_err());
    store.write(Shrinking(Run(vec![("DELETE FROM item", Vec::new())]))).await.unwrap();
    store.write(insert("3")).await.unwrap();
    disk.has(limit::DISK_FLOOR_BYTES / 4);
    assert!(store.write(insert("4")).await.is_err(), "there is no room for the log");
}

/// What the log adds to the file is used up already: it must be copied there before it gives up its
/// own room.
#[tokio::test]
async fn the_room_that_the_log_needs_in_the_file_is_kept_for_it() {
    let disk = Disk::with(PLENTY);
    let store = disk.store();
    store.write(insert("1")).await.unwrap();
    // Somebody else reads, so that nothing of what follows is copied.
    let reader = rusqlite::Connection::open(disk.directory.path().join("coffer.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM item;").unwrap();
    let many = usize::try_from(limit::DISK_FLOOR_BYTES).unwrap() + 8 * 1024 * 1024;
    let sql = "INSERT INTO item (id, body) VALUES ('2', ?1)";
    store.write(Run(vec![(sql, vec![crate::Value::from(vec![1; many])])])).await.unwrap();
    let kept = limit::DISK_FLOOR_BYTES + 4 * 1024 * 1024;
    disk.has(kept);
    assert!(matches!(store.write(insert("3")).await, Err(StorageError::NoSpace(_))));
    reader.execute_batch("COMMIT").unwrap();
    // The log has the size that it had, and is tried again since there is more room.
    disk.has(kept + 1);
    while store.write(insert("4")).await.is_err() {
        std::thread::yield_now();
    }
}
