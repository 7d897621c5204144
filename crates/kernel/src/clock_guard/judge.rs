//! The rules by which the clock is believed or doubted; no store and no clock is asked here.

use super::DueTimes;
use crate::store::ClockRecord;
use coffer_base::{Reading, Timestamp, limit};
use std::fmt;
use std::time::Duration;

/// What one look has seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observation {
    /// The clock.
    pub(super) reading: Reading,
    /// By how many seconds the clock is ahead of the database's; `None` if there is no such clock.
    pub(super) database: Option<i64>,
    /// What the store knows of the time; `None` if it was never told.
    pub(super) record: Option<ClockRecord>,
}

/// By how many seconds a clock is ahead of another one, which showed `other` at some moment while
/// the clock went from `before` to `after`; 0 if they can have been the same.
pub(super) fn apart(other: Timestamp, before: Timestamp, after: Timestamp) -> i64 {
    let (from, to) = (before.min(after).unix(), before.max(after).unix());
    let other = other.unix();
    if other < from {
        return from.saturating_sub(other);
    }
    to.saturating_sub(other).min(0)
}

/// Why the clock may be wrong. Seconds are of the clock against what it should show: positive if
/// it is ahead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Doubt {
    /// The database's clock shows another time.
    Database(i64),
    /// It shows an earlier time than one at which it was right; negative.
    Behind(i64),
    /// It has gone ahead by more than the time that passed since it was right.
    Ahead(i64),
    /// At the start it showed a time so long after the store was last in use that nobody can tell
    /// an outage from a wrong clock.
    LongAfter(i64),
    /// It was right, or may have been, and did not go on evenly.
    Uneven(i64),
}

impl Doubt {
    /// The word for it on the wire and in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Database(_) => "database_disagrees",
            Self::Behind(_) => "behind",
            Self::Ahead(_) => "ahead",
            Self::LongAfter(_) => "long_after",
            Self::Uneven(_) => "uneven",
        }
    }

    /// Seconds that the clock is ahead of what it should show; negative if it is behind.
    pub const fn seconds(self) -> i64 {
        match self {
            Self::Database(by)
            | Self::Behind(by)
            | Self::Ahead(by)
            | Self::LongAfter(by)
            | Self::Uneven(by) => by,
        }
    }

    /// Whether it is the same kind of doubt.
    pub(super) fn is_like(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }

    /// What an operator can do about it.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Database(_) => {
                "Set the clocks of this machine and of the database right, and keep them so with \
                 NTP."
            }
            _ => {
                "Set the machine's clock right, and keep it so with NTP; if what it shows now is \
                 right, say so with `coffer clock accept`."
            }
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.seconds().saturating_abs();
        match self {
            Self::Database(by) if *by < 0 => {
                write!(f, "the clock is {seconds} s behind the database's")
            }
            Self::Database(_) => write!(f, "the clock is {seconds} s ahead of the database's"),
            Self::Behind(_) => {
                write!(f, "the clock is {seconds} s behind a time at which it was right")
            }
            Self::Ahead(_) => {
                write!(f, "the clock has jumped: it is {seconds} s ahead of the time that passed")
            }
            Self::LongAfter(_) => {
                write!(f, "the clock shows a time {seconds} s after the store was last in use")
            }
            Self::Uneven(_) => {
                write!(f, "the clock was set, or goes wrong: it was {seconds} s off")
            }
        }
    }
}

/// What a look has led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Right(DueTimes),
    Settling,
    Doubtful(Doubt),
}

/// What one server remembers of its looks.
#[derive(Debug)]
pub(super) struct Judge {
    /// Whether what the clock shows at the start is believed, however long the store was unused.
    believes_start: bool,
    /// From where on the clock has gone on evenly.
    anchor: Reading,
    /// Since when it has, in monotonic time.
    even_since: Duration,
    /// Whether it counts as right without being watched: an operator has agreed.
    agreed: bool,
    /// What the store knew when this server first asked, and at which monotonic time it started.
    first: Option<ClockRecord>,
    started: Duration,
    /// The anchor while the clock was last right, as long as this server runs.
    right: Option<Reading>,
    /// The latest time at which it was right, as long as this server runs.
    latest: Option<Timestamp>,
    proven: Option<Timestamp>,
    /// Up to which monotonic time `proven` has been carried forward.
    proven_at: Duration,
    doubt: Option<Doubt>,
    turned: bool,
}

impl Judge {
    pub(super) fn new(reading: Reading) -> Self {
        Self {
            believes_start: false,
            anchor: reading,
            even_since: reading.monotonic,
            agreed: false,
            first: None,
            started: reading.monotonic,
            right: None,
            latest: None,
            proven: None,
            proven_at: reading.monotonic,
            doubt: None,
            turned: false,
        }
    }

    pub(super) fn believing_its_start(self) -> Self {
        Self { believes_start: true, ..self }
    }

    pub(super) fn look(&mut self, seen: &Observation) -> Verdict {
        let reading = seen.reading;
        self.first = self.first.or(seen.record);
        let uneven = self.follow(reading);
        let problem = self.problem(seen);
        let before = self.doubt;
        self.doubt = problem.or(self.doubt).or(uneven);
        self.turned |= self.doubt.is_some() != before.is_some();
        if problem.is_none() && self.is_settled(seen) {
            self.turned |= before.is_some();
            self.doubt = None;
            return Verdict::Right(self.believe(reading, seen.record));
        }
        self.carry_proven(reading, 1);
        self.doubt.map_or(Verdict::Settling, Verdict::Doubtful)
    }

    /// Follows the clock as long as it goes on evenly, and watches it anew once it does not; says
    /// by how much then.
    fn follow(&mut self, reading: Reading) -> Option<Doubt> {
        let off = ahead(reading, self.anchor);
        if off.saturating_abs() > limit::CLOCK_TOLERANCE_SECONDS {
            let back = self.right.filter(|right| is_even(reading, *right));
            self.anchor = back.unwrap_or(reading);
            self.even_since = reading.monotonic;
            self.agreed = false;
            return Some(Doubt::Uneven(off));
        }
        let passed = reading.monotonic.saturating_sub(self.anchor.monotonic);
        if passed.as_secs() >= limit::CLOCK_DRIFT_EVERY_SECONDS {
            let most = i64::try_from(passed.as_secs() / limit::CLOCK_DRIFT_PARTS).unwrap_or(0);
            let wall = self.anchor.expected_at(reading.monotonic).plus(off.clamp(-most, most));
            self.anchor = Reading { wall, ..reading };
        }
        None
    }

    fn problem(&self, seen: &Observation) -> Option<Doubt> {
        database_doubt(seen)
            .or_else(|| self.behind(seen))
            .or_else(|| self.ahead(seen.reading))
            .or_else(|| self.long_after(seen))
    }

    /// A database's clock that agrees says that the earlier time was the wrong one.
    fn behind(&self, seen: &Observation) -> Option<Doubt> {
        if seen.database.is_some() {
            return None;
        }
        let latest = seen.record.map(|record| record.seen).max(self.latest)?;
        let off = seen.reading.wall.unix().saturating_sub(latest.unix());
        (off < -limit::CLOCK_TOLERANCE_SECONDS).then_some(Doubt::Behind(off))
    }

    fn ahead(&self, reading: Reading) -> Option<Doubt> {
        let off = ahead(reading, self.right?);
        (off > limit::CLOCK_TOLERANCE_SECONDS).then_some(Doubt::Ahead(off))
    }

    /// Once this server has seen the clock right, it need not guess from the store. A database's
    /// clock that agrees knows how long the outage was, unless the clocks were doubted before it:
    /// the two may be of one machine.
    fn long_after(&self, seen: &Observation) -> Option<Doubt> {
        if self.right.is_some() || self.believes_start {
            return None;
        }
        let most = match (self.first?.doubted, seen.database) {
            (true, _) => limit::CLOCK_GAP_DOUBTED_SECONDS,
            (false, None) => limit::CLOCK_GAP_SECONDS,
            (false, Some(_)) => return None,
        };
        let floor = self.floor(seen.reading).max(seen.record.map(|record| record.seen))?;
        let off = seen.reading.wall.unix().saturating_sub(floor.unix());
        (off > most).then_some(Doubt::LongAfter(off))
    }

    /// The earliest time that it can be, by what the store knew and how long this server runs.
    fn floor(&self, reading: Reading) -> Option<Timestamp> {
        let at_start = Reading { wall: self.first?.seen, monotonic: self.started };
        Some(at_start.expected_at(reading.monotonic))
    }

    /// Whether the clock was watched for long enough. In a store that nobody has used yet there is
    /// nothing that could be destroyed.
    fn is_settled(&self, seen: &Observation) -> bool {
        let watched = seen.reading.monotonic.saturating_sub(self.even_since);
        let unused = seen.record.is_none() || self.believes_start;
        // Nothing is watched for anew while nothing was odd.
        let calm = self.doubt.is_none() && (self.right.is_some() || unused);
        self.agreed || calm || watched.as_secs() >= limit::CLOCK_SETTLE_SECONDS
    }

    fn believe(&mut self, reading: Reading, record: Option<ClockRecord>) -> DueTimes {
        self.right = Some(self.reference(reading));
        self.latest = self.latest.max(Some(reading.wall));
        if self.proven.is_none() {
            self.proven = Some(record.map_or(reading.wall, |record| record.proven));
        }
        self.carry_proven(reading, limit::CLOCK_CATCH_UP);
        let proven = self.proven.map_or(reading.wall, |proven| proven.min(reading.wall));
        self.proven = Some(proven);
        DueTimes { now: reading.wall, proven }
    }

    /// What the clock is compared with from now on. Of two times of day the later one stays for a
    /// while, so that a clock that was set back by mistake can be put right again.
    fn reference(&self, reading: Reading) -> Reading {
        let watched = reading.monotonic.saturating_sub(self.even_since);
        let is_later = |right: &Reading| ahead(self.anchor, *right) < 0;
        let kept = self.right.filter(is_later).filter(|right| !is_even(self.anchor, *right));
        kept.filter(|_| watched.as_secs() < limit::CLOCK_BELIEVED_SECONDS).unwrap_or(self.anchor)
    }

    /// Carries the proven time forward, by `times` the whole seconds that have passed.
    fn carry_proven(&mut self, reading: Reading, times: i64) {
        let Some(proven) = self.proven else { return };
        let passed = reading.monotonic.saturating_sub(self.proven_at).as_secs();
        self.proven_at = self.proven_at.saturating_add(Duration::from_secs(passed));
        let passed = i64::try_from(passed).unwrap_or(i64::MAX);
        self.proven = Some(proven.plus(passed.saturating_mul(times)));
    }

    pub(super) fn accept(&mut self, reading: Reading) {
        *self = Self {
            agreed: true,
            believes_start: self.believes_start,
            right: Some(reading),
            proven: Some(reading.wall),
            ..Self::new(reading)
        };
    }

    /// Whether a doubt began or ended since this was last asked.
    pub(super) const fn take_turned(&mut self) -> bool {
        std::mem::replace(&mut self.turned, false)
    }

    /// What the store is to know. While the clock is ahead, the time that it should show, so that
    /// a restart with the same clock is not taken for the end of an outage.
    pub(super) fn record(&self, reading: Reading) -> Option<ClockRecord> {
        match self.doubt {
            None => Some(ClockRecord::right(self.latest?, self.proven?)),
            Some(Doubt::Ahead(_)) => {
                let seen = self.right?.expected_at(reading.monotonic);
                Some(ClockRecord { seen, proven: self.proven?, doubted: true })
            }
            Some(Doubt::LongAfter(_)) => {
                Some(ClockRecord { seen: self.floor(reading)?, ..self.first? })
            }
            Some(_) => None,
        }
    }
}

/// That the database's clock shows another time.
pub(super) fn database_doubt(seen: &Observation) -> Option<Doubt> {
    let off = seen.database?;
    (off.saturating_abs() > limit::CLOCK_TOLERANCE_SECONDS).then_some(Doubt::Database(off))
}

/// By how many seconds a clock is ahead of what `from` makes one expect.
fn ahead(reading: Reading, from: Reading) -> i64 {
    let expected = from.expected_at(reading.monotonic);
    reading.wall.unix().saturating_sub(expected.unix())
}

fn is_even(reading: Reading, from: Reading) -> bool {
    ahead(reading, from).saturating_abs() <= limit::CLOCK_TOLERANCE_SECONDS
}
