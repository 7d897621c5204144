//! Which requests have a line of their own in the log. Under attack most have none, and are
//! counted.

use super::bucket::{Bucket, Rate, Ticks};
use super::peers::PeerBudgets;
use crate::limits;
use crate::peer::PeerKey;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const OF_ALL: Rate = Rate::new(limits::LOGGED_LINES_PER_SECOND, limits::LOGGED_LINES_AT_ONCE);
const OF_ANSWERS: Rate =
    Rate::new(limits::LOGGED_ANSWERS_PER_SECOND, limits::LOGGED_ANSWERS_AT_ONCE);
const OF_ONE: Rate = Rate::new(limits::LOGGED_REFUSALS_PER_SECOND, limits::LOGGED_REFUSALS_AT_ONCE);

/// What a line tells of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LineKind {
    /// A request that was refused.
    Refusal,
    /// A request that failed.
    Failure,
    /// A request that was carried out.
    Answer,
}

/// Lines of one kind, and how many there were not.
#[derive(Default)]
struct Budget {
    lines: Bucket,
    skipped: AtomicU64,
}

/// The lines that the log has room for.
pub(crate) struct Lines {
    ticks: Ticks,
    refusals: Budget,
    failures: Budget,
    answers: Budget,
    peers: PeerBudgets,
}

impl Lines {
    pub(crate) fn new() -> Self {
        Self {
            ticks: Ticks::new(),
            refusals: Budget::default(),
            failures: Budget::default(),
            answers: Budget::default(),
            peers: PeerBudgets::default(),
        }
    }

    /// Whether something has a line of its own; if not, it is counted. An address that is refused
    /// all the time takes no lines from the others.
    pub(crate) fn admit(&self, kind: LineKind, peer: PeerKey, now: Instant) -> bool {
        let now = self.ticks.at(now);
        let budget = self.budget(kind);
        let of_peer = kind != LineKind::Refusal || self.peers.of(peer).take(OF_ONE, now);
        let rate = if kind == LineKind::Answer { OF_ANSWERS } else { OF_ALL };
        let is_admitted = of_peer && budget.lines.take(rate, now);
        if !is_admitted {
            budget.skipped.fetch_add(1, Ordering::Relaxed);
        }
        is_admitted
    }

    /// How many had no line since this was last asked.
    pub(crate) fn take_skipped(&self, kind: LineKind) -> u64 {
        self.budget(kind).skipped.swap(0, Ordering::Relaxed)
    }

    const fn budget(&self, kind: LineKind) -> &Budget {
        match kind {
            LineKind::Refusal => &self.refusals,
            LineKind::Failure => &self.failures,
            LineKind::Answer => &self.answers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::Peer;
    use std::net::Ipv4Addr;

    fn peer(number: u32) -> PeerKey {
        Peer::Ip(Ipv4Addr::from(number).into()).key()
    }

    #[test]
    fn every_refusal_has_a_line_or_is_counted() {
        for (callers, each) in [(1, 10), (1, 5000), (100, 10), (100, 200), (5000, 1)] {
            let (lines, now) = (Lines::new(), Instant::now());
            let asked = (0..callers).flat_map(|caller| (0..each).map(move |_| caller));
            let admitted = asked.filter(|at| lines.admit(LineKind::Refusal, peer(*at), now));
            let admitted = u64::try_from(admitted.count()).unwrap();
            let expected = u64::from(callers) * u64::from(each.min(50_u32));
            assert_eq!(admitted, expected.min(500), "{callers} × {each}");
            let all = u64::from(callers) * u64::from(each);
            assert_eq!(lines.take_skipped(LineKind::Refusal), all - admitted);
            assert_eq!(lines.take_skipped(LineKind::Refusal), 0);
        }
    }

    #[test]
    fn answers_have_lines_up_to_a_bound_and_the_others_are_counted() {
        let (lines, now) = (Lines::new(), Instant::now());
        let most = u64::from(limits::LOGGED_ANSWERS_AT_ONCE);
        let asked = (0..most + 7).filter(|_| lines.admit(LineKind::Answer, peer(1), now));
        assert_eq!(u64::try_from(asked.count()).unwrap(), most);
        assert_eq!(lines.take_skipped(LineKind::Answer), 7);
        for kind in [LineKind::Refusal, LineKind::Failure] {
            assert!(lines.admit(kind, peer(1), now), "{kind:?} have lines of their own");
            assert_eq!(lines.take_skipped(kind), 0);
        }
    }

    #[test]
    fn one_caller_takes_no_lines_from_another_nor_from_failures() {
        let (lines, now) = (Lines::new(), Instant::now());
        for _ in 0..10_000 {
            lines.admit(LineKind::Refusal, peer(1), now);
        }
        assert!(lines.admit(LineKind::Refusal, peer(2), now));
        assert!(lines.admit(LineKind::Failure, peer(1), now));
    }
}
