//! What was committed since a reader's snapshot began: by this server, which counts it, and by
//! anybody else, which shows in the write-ahead log.
//!
//! A commit appends frames to the log, each with the log's salt, or begins the log anew with
//! another header. So whoever knows where the server's last frame is, and the header of then, sees
//! whether another program has committed since: the header is another, or a frame with the salt
//! follows.
//! The log is a file on which SQLite holds no locks, so that it can be opened and closed beside it.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::own_log::log_of;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// Where the salt is in the log's header, and in a frame's.
const HEADER_SALT: usize = 16;
const FRAME_SALT: usize = 8;
const SALT: usize = 8;

/// The header of a log; `None` of one that is empty.
type Header = Option<[u8; HEADER]>;

/// What this server has committed.
#[derive(Debug)]
pub(super) struct Commits {
    /// Batches that have ended, however: a snapshot from before may be stale now.
    ended: AtomicU64,
    /// Those of them that did more than record what happened, and those before which another
    /// program has committed.
    changed: AtomicU64,
    log: Option<File>,
    /// The log's header after the last commit, and where a next frame would be.
    known: Mutex<Option<(Header, u64)>>,
}

/// How many batches there were.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Counted {
    pub(super) ended: u64,
    pub(super) changed: u64,
}

impl Commits {
    /// None yet, of the database at `path`, which a connection writes to that is open.
    pub(super) fn of(path: &Path) -> Self {
        Self {
            ended: AtomicU64::new(0),
            changed: AtomicU64::new(0),
            log: File::open(log_of(path)).ok(),
            known: Mutex::new(None),
        }
    }

    /// Counts a batch; `is_record` if it only recorded what happened, and nobody else has committed
    /// before it.
    pub(super) fn count(&self, is_record: bool) {
        // In this order: whoever sees that it has ended sees what it has changed.
        if !is_record {
            self.changed.fetch_add(1, Ordering::Release);
        }
        self.ended.fetch_add(1, Ordering::Release);
    }

    /// How many batches have ended by now.
    pub(super) fn counted(&self) -> Counted {
        let ended = self.ended.load(Ordering::Acquire);
        Counted { ended, changed: self.changed.load(Ordering::Acquire) }
    }

    /// Notes where the log ended when the server had committed: it had so many pages of this size,
    /// or was emptied. If it has been begun anew since then, it is not known.
    pub(super) fn note(&self, pages: u64, page_bytes: u64) {
        let frame = page_bytes.saturating_add(FRAME_HEADER as u64);
        let place = |pages: u64| pages.saturating_mul(frame).saturating_add(HEADER as u64);
        let is_last = |header: &Header| match pages.checked_sub(1) {
            Some(last) => self.is_frame(*header, place(last)),
            None => header.is_none(),
        };
        let header = self.header().filter(is_last);
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) =
            header.map(|header| (header, place(pages)));
    }

    /// Whether nobody else has committed since the server has; false if that is unknown.
    pub(super) fn are_own(&self) -> bool {
        let known = *self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some((known, behind)), Some(header)) = (known, self.header()) else { return false };
        header == known && !self.is_frame(header, behind)
    }

    /// The log's header now; `None` if it cannot be read.
    fn header(&self) -> Option<Header> {
        let mut header = [0; HEADER];
        let read = read(self.log.as_ref()?, &mut header, 0)?;
        Some((read == HEADER).then_some(header))
    }

    /// Whether a frame of the log with this header is at `at`; true if that cannot be read.
    fn is_frame(&self, header: Header, at: u64) -> bool {
        let mut frame = [0; FRAME_HEADER];
        let read = self.log.as_ref().and_then(|log| read(log, &mut frame, at));
        let own = header.as_ref().and_then(|header| salt(header, HEADER_SALT));
        match (read, own) {
            (Some(FRAME_HEADER), Some(own)) => salt(&frame, FRAME_SALT) == Some(own),
            // An empty log, or one that ends here.
            (Some(_), _) => false,
            (None, _) => true,
        }
    }
}

fn salt(bytes: &[u8], at: usize) -> Option<&[u8]> {
    bytes.get(at..at.saturating_add(SALT))
}

/// How many bytes there are from `at` on, at most as many as fit; `None` if they cannot be read.
fn read(file: &File, to: &mut [u8], at: u64) -> Option<usize> {
    let mut read = 0;
    while let Some(rest) = to.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, at.saturating_add(u64::try_from(read).ok()?)) {
            Ok(0) => break,
            Ok(more) => read = read.saturating_add(more),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    Some(read)
}
