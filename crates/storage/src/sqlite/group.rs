//! Who may still join a group of writes that shares one commit.

use super::queue::Queue;
use super::unit::Unit;
use crate::share::Share;
use coffer_base::limit;

/// What a group has changed so far, and on whose account.
#[derive(Debug, Default)]
pub(super) struct Group {
    rows: Vec<(Share, u64)>,
}

impl Group {
    /// Notes that a unit of this share has changed so many rows.
    pub(super) fn add(&mut self, share: Share, rows: u64) {
        match self.rows.iter_mut().find(|(known, _)| *known == share) {
            Some((_, sum)) => *sum = sum.saturating_add(rows),
            None => self.rows.push((share, rows)),
        }
    }

    /// The next unit that joins, if one waits and may.
    ///
    /// Of several shares each has a part of the group, so that the answers to whoever wrote little
    /// do not wait until somebody else's writes have filled it. A share that is alone may fill it.
    pub(super) fn next(&self, queue: &Queue) -> Option<(Share, Unit)> {
        if self.rows.iter().map(|(_, rows)| rows).sum::<u64>() >= limit::WRITE_GROUP_ROWS {
            return None;
        }
        let has_room = |share| self.of(share) < limit::WRITE_SHARE_ROWS;
        let alone = self.rows.len() < 2;
        queue.take_another(has_room).or_else(|| alone.then(|| queue.take_another(|_| true))?)
    }

    fn of(&self, share: Share) -> u64 {
        self.rows.iter().find(|(known, _)| *known == share).map_or(0, |(_, rows)| *rows)
    }
}
