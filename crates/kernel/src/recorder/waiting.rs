//! Entries that wait to be written.

use super::left_out::{LeftOut, Omission};
use crate::limits;
use coffer_audit::Entry;
use coffer_base::Timestamp;
use std::time::Instant;
use tokio::sync::oneshot;

/// An entry, and who waits for it to be durable.
pub(super) struct Pending {
    pub(super) entry: Entry,
    pub(super) reply: Option<oneshot::Sender<bool>>,
}

/// What waits, in the order in which it came.
#[derive(Default)]
pub(super) struct Waiting {
    pub(super) entries: Vec<Pending>,
    pub(super) left_out: LeftOut,
    /// Whether a task writes it.
    pub(super) has_writer: bool,
}

impl Waiting {
    pub(super) const fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.left_out.is_empty()
    }

    /// Adds an entry, and says whether there was room.
    pub(super) fn push(&mut self, pending: Pending) -> bool {
        let has_room = self.entries.len() < limits::AUDIT_WAITING;
        if has_room {
            self.entries.push(pending);
        } else {
            let was_answered = pending.reply.is_none();
            let omission = if was_answered { Omission::NoRoom } else { Omission::Unanswered };
            self.left_out.count(omission, 1);
        }
        has_room
    }

    /// Puts entries that could not be written back to where they were; the newest are left out if
    /// there is no room for all.
    pub(super) fn put_back(&mut self, mut again: Vec<Pending>) {
        let kept = limits::AUDIT_WAITING.saturating_sub(again.len());
        let beyond = self.entries.split_off(kept.min(self.entries.len()));
        for Pending { reply, .. } in beyond {
            let omission = if reply.is_none() { Omission::NoRoom } else { Omission::Unanswered };
            self.left_out.count(omission, 1);
        }
        again.append(&mut self.entries);
        self.entries = again;
    }

    /// The next batch; what was left out is counted in it, if it is time or `finally`.
    pub(super) fn take(&mut self, now: Instant, finally: bool, at: Timestamp) -> Vec<Pending> {
        let said = self.left_out.take(now, finally, at);
        let first = self.entries.len().min(limits::AUDIT_BATCH);
        let said = said.into_iter().map(|entry| Pending { entry, reply: None });
        said.chain(self.entries.drain(..first)).collect()
    }
}
