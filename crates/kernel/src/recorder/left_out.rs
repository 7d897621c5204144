//! What has no entry of its own, and the entries that say how much that was.

use crate::limits;
use coffer_audit::{Entry, Outcome};
use coffer_base::{Tenant, Timestamp};
use std::time::{Duration, Instant};

/// Why something has no entry of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Omission {
    /// It was refused without a key that is in force, as very many others were.
    RefusedUnknown,
    /// It was refused to a caller who is known, as very many others were.
    RefusedKnown,
    /// As many waited to be written as can.
    NoRoom,
    /// It could not be written, and so it was not answered.
    Unanswered,
}

impl Omission {
    const ALL: [Self; 4] =
        [Self::RefusedUnknown, Self::RefusedKnown, Self::NoRoom, Self::Unanswered];

    /// Of what the entry counts how many there were.
    const fn detail(self) -> &'static str {
        match self {
            Self::RefusedUnknown => "requests refused without a key that is in force",
            Self::RefusedKnown => "requests refused to callers who are known",
            Self::NoRoom => "requests whose entries had no room while entries could not be written",
            Self::Unanswered => "requests that were not answered, since they could not be recorded",
        }
    }
}

/// How much was left out since that was last recorded.
#[derive(Default)]
pub(crate) struct LeftOut {
    counts: [u64; Omission::ALL.len()],
    /// Since when; `None` if nothing was.
    since: Option<Instant>,
}

impl LeftOut {
    pub(crate) fn count(&mut self, omission: Omission, more: u64) {
        for (one, count) in Omission::ALL.iter().zip(&mut self.counts) {
            if *one == omission {
                *count = count.saturating_add(more);
            }
        }
        self.since.get_or_insert_with(Instant::now);
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.since.is_none()
    }

    /// The entries that say how much was left out, if there is something to say and it is time.
    pub(crate) fn take(&mut self, now: Instant, finally: bool, at: Timestamp) -> Vec<Entry> {
        let every = Duration::from_secs(limits::AUDIT_SUMMARY_SECONDS);
        let Some(since) = self.since else { return Vec::new() };
        if !finally && now.saturating_duration_since(since) < every {
            return Vec::new();
        }
        let left = std::mem::take(self);
        let counted = Omission::ALL.into_iter().zip(left.counts).filter(|(_, count)| *count > 0);
        counted.map(|(omission, count)| entry(omission, count, at)).collect()
    }
}

fn entry(omission: Omission, count: u64, at: Timestamp) -> Entry {
    Entry {
        amount: Some(i64::try_from(count).unwrap_or(i64::MAX)),
        detail: Some(omission.detail().to_owned()),
        outcome: Outcome::Done,
        ..Entry::of_program("program.audit.left_out", Tenant::system(), at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_out_is_said_once_and_by_kind() {
        let (mut left_out, at) = (LeftOut::default(), Timestamp::from_unix(1));
        let now = Instant::now();
        assert!(left_out.is_empty() && left_out.take(now, true, at).is_empty());
        for (omission, count) in [(Omission::NoRoom, 3), (Omission::RefusedUnknown, 2)] {
            left_out.count(omission, count);
        }
        assert!(left_out.take(now, false, at).is_empty(), "too early");
        let later = now + Duration::from_secs(limits::AUDIT_SUMMARY_SECONDS + 1);
        let said = left_out.take(later, false, at);
        let amounts: Vec<_> = said.iter().map(|entry| entry.amount).collect();
        assert_eq!(amounts, [Some(2), Some(3)]);
        assert!(left_out.is_empty() && left_out.take(later, true, at).is_empty());
    }
}
