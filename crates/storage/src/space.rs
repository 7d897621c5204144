//! Room on the disk under an embedded store.
//!
//! A database without room can do nothing at all: even a row that is deleted, or a key that is
//! revoked, is first written to the log. So writes that add data are refused while there is still
//! room for those that take data away, and a file that is there for nothing else, the ballast, is
//! given up for them when even that room is gone.
//!
//! A thread looks at the disk every [`limit::DISK_LOOK_MILLISECONDS`], by the monotonic clock, so
//! that a write asks an atomic and not the file system.

mod ballast;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::Builder;
use std::time::Duration;

use coffer_base::limit;

use crate::error::{Cause, Result, StorageError};
use crate::fault::Faults;
use ballast::Ballast;

/// The space on the disk that a directory is on. Clones share it.
#[derive(Clone)]
pub struct DiskSpace(Arc<Shared>);

struct Shared {
    directory: PathBuf,
    ballast: Ballast,
    faults: Faults,
    /// Whether writes that add data are refused.
    low: AtomicBool,
    /// The stores on this disk, which can make room themselves.
    stores: Mutex<Vec<Weak<dyn OnDisk>>>,
    /// Locked while somebody looks at the disk. It holds whether a look has failed, so that the log
    /// says so once.
    looking: Mutex<bool>,
    /// Makes the thread look at once; closed with the last clone, which ends the thread.
    wake: SyncSender<()>,
}

/// A store on the disk, as far as its room is concerned.
pub(crate) trait OnDisk: Send + Sync {
    /// Bytes inside the store's file that deleted rows have left, which new ones fill first.
    fn free_bytes(&self) -> u64;

    /// Bytes of the write-ahead log on the disk.
    fn log_bytes(&self) -> u64;

    /// Bytes by which the store's file grows when the log is copied into it: without room for them
    /// the log keeps its own, too.
    fn log_growth(&self) -> u64;

    /// Copies the write-ahead log into the file and gives up its room, soon; `available` bytes are
    /// free for that.
    fn shrink_log(&self, available: u64);
}

/// The disk of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskStats {
    /// Bytes that this process may still write.
    pub available: u64,
    /// Bytes below which writes that add data are refused.
    pub floor: u64,
    /// Bytes of the ballast; 0 once it was given up.
    pub ballast: u64,
    /// Whether writes that add data are refused.
    pub is_low: bool,
}

/// What a look at the disk found.
#[derive(Clone, Copy, Debug)]
struct Headroom {
    /// Bytes that this process may still write.
    available: u64,
    /// Bytes of the whole file system.
    total: u64,
}

impl Headroom {
    /// `bytes`, or a share of a small file system.
    fn share(self, bytes: u64) -> u64 {
        bytes.min(self.total / limit::DISK_SHARE)
    }

    /// The space below which writes that add data are refused.
    fn floor(self) -> u64 {
        self.share(limit::DISK_FLOOR_BYTES)
    }

    /// What is to be free, or in the ballast.
    fn needed(self) -> u64 {
        self.floor().saturating_add(self.ballast())
    }

    /// The ballast's size.
    fn ballast(self) -> u64 {
        self.share(limit::BALLAST_BYTES)
    }
}

impl fmt::Debug for DiskSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskSpace")
            .field("directory", &self.0.directory)
            .field("low", &self.0.low)
            .finish_non_exhaustive()
    }
}

impl DiskSpace {
    /// Watches the disk that `directory` is on, which must exist, and puts the ballast there. If
    /// the disk is full, the ballast that is there is given up at once: stores that are opened now
    /// need room for their logs.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] if the system starts no more threads.
    pub fn watch(directory: &Path, faults: &Faults) -> Result<Self> {
        let (wake, woken) = sync_channel(1);
        let shared = Arc::new(Shared {
            directory: directory.to_owned(),
            ballast: Ballast::in_directory(directory),
            faults: faults.clone(),
            low: AtomicBool::new(false),
            stores: Mutex::default(),
            looking: Mutex::default(),
            wake,
        });
        if let Some(headroom) = shared.measure()
            && headroom.available < headroom.ballast() / 2
        {
            shared.ballast.release();
        }
        shared.look_and_refill();
        let watched = Arc::downgrade(&shared);
        Builder::new()
            .name("coffer-space".to_owned())
            .spawn(move || keep_looking(&watched, &woken))
            .map_err(|error| {
                let text = format!("cannot start a thread: {error}");
                StorageError::Unavailable(Cause::with_source(text, error))
            })?;
        Ok(Self(shared))
    }

    /// Watches over `store` too.
    pub(crate) fn attach(&self, store: Weak<dyn OnDisk>) {
        self.0.stores().push(store);
    }

    /// Whether a write may add data.
    ///
    /// # Errors
    /// [`StorageError::NoSpace`] if the space that is left is kept for writes that take data away.
    pub(crate) fn admit(&self) -> Result<()> {
        if self.0.faults.free_space().is_some() {
            self.0.look_and_refill();
        }
        if self.0.low.load(Ordering::Relaxed) { Err(self.0.refusal()) } else { Ok(()) }
    }

    /// What the disk has; `None` if the system does not say.
    pub(crate) fn stats(&self) -> Option<DiskStats> {
        let headroom = self.0.measure()?;
        Some(DiskStats {
            available: headroom.available,
            floor: headroom.floor(),
            ballast: self.0.ballast.size(),
            is_low: self.0.low.load(Ordering::Relaxed),
        })
    }

    /// Gives the ballast up, and the space of the stores' logs, for a write that takes data away
    /// and found no room. Writes that add data are refused from before that.
    pub(crate) fn make_room(&self) {
        let shared = &self.0;
        shared.low.store(true, Ordering::Relaxed);
        if shared.ballast.release() {
            let directory = shared.directory.display();
            tracing::error!(%directory, "the disk is full: the ballast was given up");
        }
        let available = shared.measure().map_or(0, |headroom| headroom.available);
        shared.for_stores(|store| store.shrink_log(available));
        // If the channel is full, the thread looks soon anyway.
        let _ = shared.wake.try_send(());
    }
}

/// Looks at the disk again and again, until nobody needs it any more. Whoever wakes the thread has
/// just given the ballast up, and needs its room still.
fn keep_looking(watched: &Weak<Shared>, woken: &Receiver<()>) {
    let pause = Duration::from_millis(limit::DISK_LOOK_MILLISECONDS);
    loop {
        let waited = woken.recv_timeout(pause);
        let Some(shared) = watched.upgrade() else { return };
        match waited {
            Ok(()) => {
                shared.look();
            }
            Err(RecvTimeoutError::Timeout) => shared.look_and_refill(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

impl Shared {
    /// Looks at the disk, and decides whether writes may add data. Returns what it found.
    fn look(&self) -> Option<Headroom> {
        let mut failed = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(headroom) = self.measure() else {
            if !std::mem::replace(&mut *failed, true) {
                let directory = self.directory.display();
                tracing::warn!(%directory, "the room on the disk cannot be read");
            }
            return None;
        };
        *failed = false;
        let (kept, needed) = (self.kept(headroom), headroom.needed());
        let growth = self.log_growth(kept.saturating_sub(needed));
        let low = self.is_low(headroom, growth);
        if low || kept < needed.saturating_add(growth) {
            self.for_stores(|store| store.shrink_log(headroom.available));
        }
        self.report(headroom, low);
        Some(headroom)
    }

    /// The same, and puts the ballast back where there is room for it.
    fn look_and_refill(&self) {
        if let Some(headroom) = self.look()
            && headroom.available >= headroom.needed()
        {
            self.ballast.place(headroom.ballast());
        }
    }

    /// Bytes that are free, or would be without the ballast.
    fn kept(&self, headroom: Headroom) -> u64 {
        headroom.available.saturating_add(self.ballast.size())
    }

    /// Bytes by which the stores' files grow when their logs are copied into them; 0 as long as the
    /// logs, which are longer than that, are within what is to `spare`.
    fn log_growth(&self, spare: u64) -> u64 {
        let [mut logs, mut growth] = [0u64; 2];
        self.for_stores(|store| logs = logs.saturating_add(store.log_bytes()));
        if logs > spare {
            self.for_stores(|store| growth = growth.saturating_add(store.log_growth()));
        }
        growth
    }

    /// Whether the space counts as used up. Where the ballast was given up, its room must come back
    /// first, and what the logs will add to the files is used up already. What deleted rows left
    /// inside the stores counts as well, as long as there is room enough for the log of what fills
    /// it.
    fn is_low(&self, headroom: Headroom, growth: u64) -> bool {
        let kept = self.kept(headroom);
        let needed = headroom.needed().max(headroom.ballast().saturating_add(growth));
        if kept >= needed {
            return false;
        }
        let mut inside = 0u64;
        self.for_stores(|store| inside = inside.saturating_add(store.free_bytes()));
        let has_log = kept >= needed.saturating_sub(headroom.floor() / 2);
        !(has_log && inside >= headroom.floor())
    }

    /// Writes a line for the operator when the answer has changed.
    fn report(&self, headroom: Headroom, low: bool) {
        if self.low.swap(low, Ordering::Relaxed) == low {
            return;
        }
        let (directory, available, floor) =
            (self.directory.display(), headroom.available, headroom.floor());
        if low {
            tracing::error!(
                %directory, available, floor,
                "insufficient storage (507): writes that add data are refused until more than the \
                 floor is free; revoking, deleting and erasing go on"
            );
        } else {
            tracing::info!(%directory, available, floor, "there is room on the disk again");
        }
    }

    fn refusal(&self) -> StorageError {
        let text = format!(
            "the disk of {} is nearly full, and what is left is kept for revoking, deleting and \
             erasing; free some space",
            self.directory.display()
        );
        StorageError::NoSpace(text.into())
    }

    /// `None` if the system does not say.
    fn measure(&self) -> Option<Headroom> {
        if let Some(available) = self.faults.free_space() {
            return Some(Headroom { available, total: u64::MAX });
        }
        let found = rustix::fs::statvfs(&self.directory).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Some(Headroom { available: bytes(found.f_bavail), total: bytes(found.f_blocks) })
    }

    fn for_stores(&self, mut each: impl FnMut(&dyn OnDisk)) {
        // Taken out of the lock: a store that is dropped here must not find it locked.
        let stores = self.stores().clone();
        stores.iter().filter_map(Weak::upgrade).for_each(|store| each(&*store));
    }

    fn stores(&self) -> MutexGuard<'_, Vec<Weak<dyn OnDisk>>> {
        self.stores.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
