//! Faults that tests inject, to prove that the checks detect them.
//!
//! They are always compiled, so that what is tested is what is shipped, and off unless a value
//! that asks for them is passed in.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// What goes wrong; nothing by default.
#[derive(Clone, Default)]
pub struct Faults {
    acknowledge_early: bool,
    drop_every: Option<NonZeroU64>,
    units: Arc<AtomicU64>,
    fail_commit: Option<Arc<AtomicBool>>,
    page_ceiling: Option<Arc<AtomicU32>>,
    free_space: Option<Arc<AtomicU64>>,
    before_commit: Option<Arc<dyn Fn() + Send + Sync>>,
    after_commit: Option<Arc<dyn Fn() + Send + Sync>>,
    in_list: Option<Arc<dyn Fn() + Send + Sync>>,
    before_batch: Option<Arc<dyn Fn() + Send + Sync>>,
    fates: Option<Arc<dyn Fn() -> Fate + Send + Sync>>,
    stale_reads: bool,
    no_flush: bool,
    keys: Option<Arc<Faults>>,
}

/// What becomes of a commit of the embedded database.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It is done, and said so.
    Done,
    /// It is not done, as on a full disk.
    Full,
    /// It is not done, as when the flush of the log fails; whoever asked cannot know that.
    FlushFailed,
    /// It is done, and the reply of the database is lost.
    ReplyLost,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults")
            .field("acknowledge_early", &self.acknowledge_early)
            .field("drop_every", &self.drop_every)
            .finish_non_exhaustive()
    }
}

impl Faults {
    /// No fault at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// Writes are acknowledged about 20 ms before they are committed: a crash in between loses
    /// them.
    #[must_use]
    pub fn acknowledge_before_commit(mut self) -> Self {
        self.acknowledge_early = true;
        self
    }

    /// Every `nth` unit of work is rolled back but acknowledged.
    #[must_use]
    pub fn drop_writes(mut self, nth: NonZeroU64) -> Self {
        self.drop_every = Some(nth);
        self
    }

    /// While `armed` is true, each commit fails as on a full disk, whoever asks for it.
    #[must_use]
    pub fn fail_commit(mut self, armed: Arc<AtomicBool>) -> Self {
        self.fail_commit = Some(armed);
        self
    }

    /// The database may have at most so many pages: beyond them, it behaves as on a full disk.
    /// Read before each batch of writes, so a test can lift it again; 0 means no ceiling.
    #[must_use]
    pub fn page_ceiling(mut self, pages: Arc<AtomicU32>) -> Self {
        self.page_ceiling = Some(pages);
        self
    }

    /// What the disk's free bytes are taken for, instead of asking the file system; read before
    /// each write.
    #[must_use]
    pub fn free_space_of(mut self, bytes: Arc<AtomicU64>) -> Self {
        self.free_space = Some(bytes);
        self
    }

    /// Called by the writer before each commit, which waits until it returns.
    #[must_use]
    pub fn before_commit(mut self, hook: Arc<dyn Fn() + Send + Sync>) -> Self {
        self.before_commit = Some(hook);
        self
    }

    /// Called by the writer after each commit and before any caller gets a reply; it waits until
    /// the hook returns.
    #[must_use]
    pub fn after_commit(mut self, hook: Arc<dyn Fn() + Send + Sync>) -> Self {
        self.after_commit = Some(hook);
        self
    }

    /// Called for each read that takes its turn, on the thread that runs it, which waits until it
    /// returns.
    #[must_use]
    pub fn in_list(mut self, hook: Arc<dyn Fn() + Send + Sync>) -> Self {
        self.in_list = Some(hook);
        self
    }

    /// Called by the writer before it looks for work, which waits until it returns. Embedded only.
    #[must_use]
    pub fn before_batch(mut self, hook: Arc<dyn Fn() + Send + Sync>) -> Self {
        self.before_batch = Some(hook);
        self
    }

    /// Asked by the writer what becomes of each commit. Embedded only.
    #[must_use]
    pub fn fates(mut self, fates: Arc<dyn Fn() -> Fate + Send + Sync>) -> Self {
        self.fates = Some(fates);
        self
    }

    /// Reads may look at the state from before the last commit, for ever. Embedded only.
    #[must_use]
    pub fn stale_reads(mut self) -> Self {
        self.stale_reads = true;
        self
    }

    /// Nothing is ever flushed to the disk: a power failure loses what was acknowledged, which a
    /// store that is gone at the end of the process may do outside tests, too. Embedded only.
    #[must_use]
    pub fn no_flush(mut self) -> Self {
        self.no_flush = true;
        self
    }

    /// Faults of the key store beside the data store; none otherwise.
    #[must_use]
    pub fn with_keys(mut self, keys: Self) -> Self {
        self.keys = Some(Arc::new(keys));
        self
    }

    /// The faults of the key store.
    pub fn of_keys(&self) -> Self {
        self.keys.as_ref().map_or_else(Self::none, |keys| Self::clone(keys))
    }

    /// Whether a remote database has no fault to inject at a commit.
    pub(crate) const fn is_none(&self) -> bool {
        self.drop_every.is_none()
            && self.fail_commit.is_none()
            && self.before_commit.is_none()
            && self.after_commit.is_none()
    }

    pub(crate) const fn acknowledges_early(&self) -> bool {
        self.acknowledge_early
    }

    #[allow(clippy::disallowed_methods, reason = "the fault is to be late by the wall clock")]
    pub(crate) fn ack_delay(&self) {
        std::thread::sleep(Duration::from_millis(20));
    }

    /// Whether the unit that just ran is to be lost.
    pub(crate) fn drops_this_write(&self) -> bool {
        self.drop_every.is_some_and(|nth| {
            let unit = self.units.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            unit.is_multiple_of(nth.get())
        })
    }

    pub(crate) const fn reads_stale(&self) -> bool {
        self.stale_reads
    }

    pub(crate) const fn flushes(&self) -> bool {
        !self.no_flush
    }

    pub(crate) fn reach_batch(&self) {
        if let Some(hook) = &self.before_batch {
            hook();
        }
    }

    /// What becomes of the commit that is asked for now.
    pub(crate) fn fate(&self) -> Fate {
        if self.fails_this_commit() {
            return Fate::Full;
        }
        self.fates.as_ref().map_or(Fate::Done, |fates| fates())
    }

    pub(crate) fn fails_this_commit(&self) -> bool {
        self.fail_commit.as_ref().is_some_and(|armed| armed.load(Ordering::SeqCst))
    }

    pub(crate) fn pages(&self) -> Option<u32> {
        self.page_ceiling.as_ref().map(|pages| match pages.load(Ordering::SeqCst) {
            0 => u32::MAX - 1,
            pages => pages,
        })
    }

    pub(crate) fn free_space(&self) -> Option<u64> {
        self.free_space.as_ref().map(|bytes| bytes.load(Ordering::SeqCst))
    }

    pub(crate) fn pass_commit(&self) {
        if let Some(hook) = &self.after_commit {
            hook();
        }
    }

    pub(crate) fn pass_list(&self) {
        if let Some(hook) = &self.in_list {
            hook();
        }
    }

    pub(crate) fn reach_commit(&self) {
        if let Some(hook) = &self.before_commit {
            hook();
        }
    }
}
