//! Clocks that are set ahead, back, and stopped, before and after restarts; and a property over
//! whatever may be done to a clock.

use super::judge::{Judge, Observation, Verdict, apart};
use super::{ClockGuard, ClockState, Doubt, DueTimes};
use crate::store::{ClockRecord, MIGRATIONS, clock_record};
use coffer_base::{Clock, TestClock, Timestamp, limit};
use coffer_storage::{Options, Store};
use std::sync::Arc;
use std::time::Duration;

/// When all clocks begin.
const START: i64 = 1_800_000_000;
const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 86_400;
const YEAR: i64 = 365 * DAY;

/// A machine whose clock is moved, the store that it shares with its next run, and what is true.
struct Machine {
    clock: TestClock,
    judge: Judge,
    record: Option<ClockRecord>,
    /// How far the clock is ahead of the truth.
    error: i64,
    /// Whether there is a database whose clock is right.
    database: bool,
}

impl Machine {
    fn new() -> Self {
        let clock = TestClock::at(Timestamp::from_unix(START));
        let judge = Judge::new(clock.read());
        let mut machine = Self { clock, judge, record: None, error: 0, database: false };
        assert!(matches!(machine.look(), Verdict::Right(_)), "a new store has nothing to lose");
        machine.run(HOUR);
        machine
    }

    fn look(&mut self) -> Verdict {
        let reading = self.clock.read();
        let database = self.database.then_some(self.error);
        let seen = Observation { reading, database, record: self.record };
        let verdict = self.judge.look(&seen);
        if let Some(record) = self.judge.record(reading) {
            let before = self.record.unwrap_or(record);
            self.record = Some(ClockRecord {
                seen: record.seen.max(before.seen),
                proven: record.proven.max(before.proven),
                doubted: record.doubted,
            });
        }
        verdict
    }

    /// Time passes, with a look every five seconds; the last one counts.
    fn run(&mut self, seconds: i64) -> Verdict {
        let mut verdict = self.look();
        for _ in 0..seconds / 5 {
            self.clock.advance(5);
            verdict = self.look();
        }
        verdict
    }

    fn jump(&mut self, seconds: i64) {
        self.error += seconds;
        self.clock.jump(seconds);
    }

    /// The machine is off for a while, and starts again.
    fn restart(&mut self, off: i64) {
        self.clock.advance(off);
        self.judge = Judge::new(self.clock.read());
    }

    fn truth(&self) -> i64 {
        self.clock.now().unix() - self.error
    }
}

fn is_right(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Right(_))
}

const JUMPS: [i64; 9] = [
    YEAR,
    -YEAR,
    400 * DAY,
    DAY,
    -DAY,
    MINUTE,
    -MINUTE,
    // Before 1970, and beyond what a date can say.
    -2 * START,
    i64::MAX / 4,
];

#[test]
fn a_clock_that_jumps_is_doubted_until_it_has_been_right_for_some_minutes() {
    for by in JUMPS {
        for held in [0, 23, 20 * MINUTE] {
            let mut machine = Machine::new();
            machine.jump(by);
            assert!(matches!(machine.look(), Verdict::Doubtful(_)), "{by} at once");
            let last = machine.run(held);
            assert!(by == -MINUTE || matches!(last, Verdict::Doubtful(_)), "{by} for {held}");
            machine.jump(-by);
            assert!(matches!(machine.look(), Verdict::Doubtful(_)), "{by}, right again");
            let soon = machine.run(i64::try_from(limit::CLOCK_SETTLE_SECONDS).unwrap() - 10);
            assert!(!is_right(soon), "{by}, right for a moment");
            let Verdict::Right(times) = machine.run(5 * MINUTE) else { panic!("{by}: for ever") };
            assert_eq!(times.now.unix(), machine.truth(), "{by}");
            assert!(times.now.unix() - times.proven.unix() < 2, "{by}: {times:?}");
        }
    }
}

#[test]
fn a_clock_that_stays_ahead_is_doubted_until_an_operator_agrees() {
    for by in [MINUTE, DAY, YEAR] {
        let mut machine = Machine::new();
        machine.jump(by);
        assert_eq!(machine.run(3 * HOUR), Verdict::Doubtful(Doubt::Ahead(by)));
        machine.judge.accept(machine.clock.read());
        let Verdict::Right(times) = machine.look() else { panic!("{by} was agreed to") };
        assert_eq!(times.proven.unix(), machine.truth() + by);
        // Whoever agreed by mistake is asked again.
        machine.jump(-by);
        assert!(!is_right(machine.run(40)), "{by}");
    }
}

#[test]
fn a_clock_that_stands_still_or_runs_too_fast_is_doubted() {
    for (every_five, word) in [(0, "stands"), (4, "slow"), (6, "fast"), (300, "races")] {
        let mut machine = Machine::new();
        let mut doubts = 0;
        for _ in 0..720 {
            machine.clock.pass(Duration::from_secs(5));
            machine.clock.jump(every_five);
            doubts += usize::from(!is_right(machine.look()));
        }
        assert!(doubts > 700, "{word}: {doubts}");
    }
}

#[test]
fn bad_quartz_is_no_wrong_clock() {
    for second_each in [10_000, -10_000, 2000] {
        let mut machine = Machine::new();
        for step in 1..40_000i64 {
            machine.clock.advance(5);
            if (step * 5) % second_each == 0 {
                machine.clock.jump(second_each.signum());
            }
            assert!(is_right(machine.look()), "{second_each} after {step}");
        }
    }
}

#[test]
fn an_outage_is_believed_up_to_five_days_and_beyond_that_by_agreement() {
    for off in [1, MINUTE, HOUR, DAY, 4 * DAY] {
        let mut machine = Machine::new();
        machine.restart(off);
        assert_eq!(machine.look(), Verdict::Settling, "{off}");
        let Verdict::Right(times) = machine.run(3 * MINUTE) else { panic!("{off}") };
        assert_eq!(times.now.unix(), machine.truth());
        // What can be destroyed follows slowly, and catches up.
        assert!(off < HOUR || times.proven.unix() < machine.truth() - off + HOUR, "{times:?}");
        let Verdict::Right(times) = machine.run(off / 2) else { panic!("{off}") };
        assert!(times.now.unix() - times.proven.unix() < 2, "{off}: {times:?}");
    }
    let mut machine = Machine::new();
    machine.restart(6 * DAY);
    assert!(matches!(machine.run(HOUR), Verdict::Doubtful(Doubt::LongAfter(_))));
    machine.judge.accept(machine.clock.read());
    assert!(is_right(machine.look()));
}

#[test]
fn a_restart_with_a_clock_that_jumped_is_no_outage() {
    for by in [YEAR, DAY, HOUR] {
        let mut machine = Machine::new();
        machine.jump(by);
        machine.run(30);
        for _ in 0..3 {
            machine.restart(20);
            let verdict = machine.run(HOUR);
            assert!(matches!(verdict, Verdict::Doubtful(Doubt::LongAfter(_))), "{by}: {verdict:?}");
        }
        machine.jump(-by);
        assert!(!is_right(machine.look()));
        assert!(is_right(machine.run(5 * MINUTE)), "{by}: right by itself");
    }
    // Without a running server nobody sees the jump: for what is to be destroyed, the time goes on
    // from where it was.
    let mut machine = Machine::new();
    machine.jump(3 * DAY);
    machine.restart(20);
    let Verdict::Right(times) = machine.run(5 * MINUTE) else { panic!("within an outage") };
    assert!(times.proven.unix() < machine.truth() + HOUR, "{times:?}");
}

#[test]
fn developers_come_back_after_weeks_and_are_still_guarded_against_jumps() {
    let mut machine = Machine::new();
    machine.restart(60 * DAY);
    machine.judge = Judge::new(machine.clock.read()).believing_its_start();
    let Verdict::Right(times) = machine.look() else { panic!("at once") };
    assert!(times.now.unix() - times.proven.unix() > 50 * DAY, "{times:?}");
    machine.jump(400 * DAY);
    assert!(!is_right(machine.run(30)));
    machine.jump(-400 * DAY);
    assert!(is_right(machine.run(5 * MINUTE)));
}

#[test]
fn time_servers_may_correct_the_clock_right_after_a_start() {
    let mut machine = Machine::new();
    // A machine without a battery: its clock goes on where it stood.
    machine.clock.pass(Duration::from_secs(200_000));
    machine.error = -200_000;
    machine.judge = Judge::new(machine.clock.read());
    machine.run(30);
    machine.jump(200_000);
    assert!(!is_right(machine.look()));
    assert!(is_right(machine.run(5 * MINUTE)));
}

#[test]
fn a_database_that_agrees_knows_how_long_the_outage_was() {
    let mut machine = Machine::new();
    machine.database = true;
    machine.restart(90 * DAY);
    assert!(is_right(machine.run(5 * MINUTE)));
    machine.jump(-30);
    assert_eq!(machine.look(), Verdict::Doubtful(Doubt::Database(-30)));
    assert!(!is_right(machine.run(HOUR)));
    machine.jump(30);
    assert!(is_right(machine.run(5 * MINUTE)));
    // A clock that an earlier run believed, and that the database does not.
    machine.database = false;
    machine.restart(DAY);
    machine.jump(3 * DAY);
    assert!(is_right(machine.run(5 * MINUTE)));
    machine.database = true;
    assert!(!is_right(machine.run(5 * MINUTE)));
    machine.jump(-3 * DAY);
    assert!(is_right(machine.run(5 * MINUTE)));
}

#[test]
fn other_clocks_are_compared_with_what_was_seen_meanwhile() {
    let at = Timestamp::from_unix;
    for (other, before, after, ahead) in
        [(5, 3, 7, 0), (5, 5, 5, 0), (5, 8, 9, 3), (9, 5, 6, -3), (9, 6, 5, -3)]
    {
        assert_eq!(apart(at(other), at(before), at(after)), ahead, "{other} {before} {after}");
    }
}

/// Whatever is done to the clock of a server that goes on running, nothing is found due before
/// its time.
#[test]
fn nothing_is_due_early_whatever_is_done_to_a_clock() {
    for seed in 0..300u64 {
        let mut machine = Machine::new();
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut draw = |below: i64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            i64::try_from(state % u64::try_from(below).unwrap()).unwrap()
        };
        for _ in 0..60 {
            match draw(5) {
                0 => {
                    let by = JUMPS[usize::try_from(draw(7)).unwrap()];
                    machine.jump(by);
                }
                1 => {
                    let back = -machine.error;
                    machine.jump(back);
                }
                2 => {
                    let stopped = draw(600);
                    machine.clock.pass(Duration::from_secs(stopped.unsigned_abs()));
                    machine.error -= stopped;
                }
                _ => {
                    let seconds = draw(900);
                    machine.run(seconds);
                }
            }
            if let Verdict::Right(DueTimes { now, proven }) = machine.look() {
                let drift = machine.clock.monotonic().as_secs() / limit::CLOCK_DRIFT_PARTS + 1;
                let most = machine.truth()
                    + limit::CLOCK_TOLERANCE_SECONDS
                    + i64::try_from(drift).unwrap();
                assert!(now.unix() <= most && proven <= now, "seed {seed}: {now} {most}");
            }
        }
    }
}

async fn store(home: &std::path::Path) -> Store {
    let now = Timestamp::from_unix(START);
    let path = home.join("data.db");
    Store::open_sqlite(&path, &[MIGRATIONS], now, Options::default()).unwrap().0
}

#[tokio::test]
async fn the_store_remembers_what_was_right_and_that_it_was_doubted() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path()).await;
    let clock = Arc::new(TestClock::at(Timestamp::from_unix(START)));
    let guard = ClockGuard::new(Arc::<TestClock>::clone(&clock));
    let now = Timestamp::from_unix(START);
    let times = DueTimes { now, proven: now };
    assert_eq!(guard.look(&store).await.unwrap(), ClockState::Right(times));
    let first = ClockRecord { seen: now, proven: now, doubted: false };
    assert_eq!(clock_record(&store).await.unwrap(), Some(first));
    // It is told once a minute, and at once of a doubt.
    clock.advance(30);
    guard.look(&store).await.unwrap();
    assert_eq!(clock_record(&store).await.unwrap(), Some(first));
    clock.jump(YEAR);
    let state = guard.look(&store).await.unwrap();
    assert_eq!((state.doubt(), guard.is_doubtful()), (Some(Doubt::Ahead(YEAR)), true));
    let doubted = clock_record(&store).await.unwrap().unwrap();
    assert_eq!((doubted.seen, doubted.doubted), (now.plus(30), true));
    // Another server on the same store, or this one after a restart, is not fooled either.
    let other = ClockGuard::new(Arc::<TestClock>::clone(&clock));
    clock.advance(300);
    let state = other.look(&store).await.unwrap();
    assert_eq!(state.doubt(), Some(Doubt::LongAfter(YEAR)));
    let agreement = other.agreeable(&store).await.unwrap().unwrap();
    assert_eq!(agreement.now(), clock.now());
    other.accept(agreement);
    assert!(matches!(other.look(&store).await.unwrap(), ClockState::Right(_)));
}
