//! The scheduler over a real store, with tasks that write down when they were called.

use super::{ScheduledTask, Scheduler, is_past_watermark, lock_watermark};
use crate::jobs::JobContext;
use crate::principal::BoxFuture;
use crate::store::{MIGRATIONS, rewind_watermarks};
use coffer_base::{Timestamp, clock::DAY_SECONDS};
use coffer_storage::{
    Faults, Migration, MigrationSet, Options, StorageError, Store, Tx, Value, Work,
};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// A midnight.
const MIDNIGHT: i64 = 20_000 * DAY_SECONDS;

fn at(unix: i64) -> Timestamp {
    Timestamp::from_unix(unix)
}

struct Fixture {
    store: Store,
    context: JobContext,
    _kept: tempfile::TempDir,
    log: Arc<Mutex<Vec<(&'static str, i64)>>>,
}

impl Fixture {
    async fn new() -> Self {
        Self::with(Faults::none()).await
    }

    async fn with(faults: Faults) -> Self {
        let kept = tempfile::TempDir::new().unwrap();
        let path = kept.path().join("coffer.db");
        let options = Options { faults, ..Options::default() };
        let opened = Store::open_sqlite(&path, &[MIGRATIONS, UNITS], at(0), options);
        let store = opened.unwrap().0;
        let keys = kept.path().join("keys.db");
        let context = crate::testing::job_context(&store, &keys, at(0)).await.unwrap();
        Self { store, context, _kept: kept, log: Arc::default() }
    }

    fn task(&self, name: &'static str, more: u64) -> Arc<Noting> {
        let (left, fails) = (AtomicU64::new(more), AtomicU64::new(0));
        Arc::new(Noting { name, log: Arc::clone(&self.log), left, more, fails, between: false })
    }

    fn scheduler(&self, tasks: &[Arc<Noting>]) -> Scheduler {
        let tasks = tasks.iter().map(|task| Arc::clone(task) as Arc<dyn ScheduledTask>).collect();
        Scheduler::new(tasks)
    }

    /// What was called since the last look: which task, and for when.
    fn calls(&self) -> Vec<(&'static str, i64)> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }
}

/// Records its calls; at each time it has `more` further steps.
struct Noting {
    name: &'static str,
    log: Arc<Mutex<Vec<(&'static str, i64)>>>,
    left: AtomicU64,
    more: u64,
    /// How many calls are still to fail.
    fails: AtomicU64,
    between: bool,
}

impl ScheduledTask for Noting {
    fn name(&self) -> &'static str {
        self.name
    }

    fn between_midnights(&self) -> bool {
        self.between
    }

    fn step<'a>(
        &'a self,
        _context: &'a JobContext,
        due: Timestamp,
        _now: Timestamp,
    ) -> BoxFuture<'a, Result<bool, StorageError>> {
        Box::pin(async move {
            if self.fails.load(Ordering::SeqCst) > 0 {
                self.fails.fetch_sub(1, Ordering::SeqCst);
                return Err(StorageError::Busy);
            }
            self.log.lock().unwrap().push((self.name, due.unix()));
            let left = self.left.load(Ordering::SeqCst);
            self.left.store(if left == 0 { self.more } else { left - 1 }, Ordering::SeqCst);
            Ok(left > 0)
        })
    }
}

#[tokio::test]
async fn midnights_are_walked_in_order_and_at_each_all_tasks_in_theirs() {
    let fixture = Fixture::new().await;
    let scheduler = fixture.scheduler(&[fixture.task("first", 0), fixture.task("second", 1)]);
    // A store that never ran one begins with the last midnight.
    scheduler.run_due(&fixture.context, at(MIDNIGHT + 5)).await.unwrap();
    let one = |midnight| [("first", midnight), ("second", midnight), ("second", midnight)];
    assert_eq!(fixture.calls(), one(MIDNIGHT));
    // Whatever came into the store since then and was due at that midnight.
    scheduler.run_due(&fixture.context, at(MIDNIGHT + 100)).await.unwrap();
    assert_eq!(fixture.calls(), one(MIDNIGHT));
    let later = MIDNIGHT + 3 * DAY_SECONDS;
    scheduler.run_due(&fixture.context, at(later)).await.unwrap();
    let days = (1..=3).flat_map(|day| one(MIDNIGHT + day * DAY_SECONDS));
    assert_eq!(fixture.calls(), days.collect::<Vec<_>>());
    let progress = scheduler.progress(&fixture.store, at(later + DAY_SECONDS + 7)).await.unwrap();
    assert!(progress.iter().all(|one| (one.done_until, one.lag) == (Some(at(later)), 7)));
}

#[tokio::test]
async fn a_clock_that_goes_back_does_nothing_again() {
    let fixture = Fixture::new().await;
    let scheduler = fixture.scheduler(&[fixture.task("only", 0)]);
    scheduler.run_due(&fixture.context, at(MIDNIGHT + DAY_SECONDS)).await.unwrap();
    fixture.calls();
    for now in [MIDNIGHT, MIDNIGHT - 9 * DAY_SECONDS] {
        scheduler.run_due(&fixture.context, at(now)).await.unwrap();
        assert_eq!(fixture.calls(), [], "at {now}");
    }
    scheduler.run_due(&fixture.context, at(MIDNIGHT + DAY_SECONDS + 5)).await.unwrap();
    assert_eq!(fixture.calls(), [("only", MIDNIGHT + DAY_SECONDS)]);
    // Nor does a scheduler that knows nothing of it.
    let other = fixture.scheduler(&[fixture.task("only", 0)]);
    other.run_due(&fixture.context, at(MIDNIGHT)).await.unwrap();
    assert_eq!(fixture.calls(), []);
}

#[tokio::test]
async fn what_failed_is_done_the_next_time_and_before_what_comes_after_it() {
    let fixture = Fixture::new().await;
    let (first, second) = (fixture.task("first", 0), fixture.task("second", 0));
    let scheduler = fixture.scheduler(&[Arc::clone(&first), Arc::clone(&second)]);
    scheduler.run_due(&fixture.context, at(MIDNIGHT)).await.unwrap();
    fixture.calls();
    second.fails.store(1, Ordering::SeqCst);
    let now = at(MIDNIGHT + 2 * DAY_SECONDS);
    assert_eq!(scheduler.run_due(&fixture.context, now).await, Err(StorageError::Busy));
    let day = MIDNIGHT + DAY_SECONDS;
    assert_eq!(fixture.calls(), [("first", day)]);
    scheduler.run_due(&fixture.context, now).await.unwrap();
    let next = day + DAY_SECONDS;
    let expected = [("first", day), ("second", day), ("first", next), ("second", next)];
    assert_eq!(fixture.calls(), expected);
}

#[tokio::test]
async fn a_new_task_starts_at_once_and_the_others_do_not_start_again() {
    let fixture = Fixture::new().await;
    let old = fixture.task("old", 0);
    let alone = fixture.scheduler(&[Arc::clone(&old)]);
    alone.run_due(&fixture.context, at(MIDNIGHT)).await.unwrap();
    fixture.calls();
    let both = fixture.scheduler(&[old, fixture.task("new", 0)]);
    both.run_due(&fixture.context, at(MIDNIGHT + 60)).await.unwrap();
    assert_eq!(fixture.calls(), [("new", MIDNIGHT), ("old", MIDNIGHT)]);
}

#[tokio::test]
async fn what_has_work_between_midnights_is_called_with_the_present() {
    let fixture = Fixture::new().await;
    let mut task = fixture.task("between", 0);
    Arc::get_mut(&mut task).unwrap().between = true;
    let scheduler = fixture.scheduler(&[task, fixture.task("midnights", 0)]);
    scheduler.run_due(&fixture.context, at(MIDNIGHT + 5)).await.unwrap();
    let expected = [("between", MIDNIGHT), ("midnights", MIDNIGHT), ("between", MIDNIGHT + 5)];
    assert_eq!(fixture.calls(), expected);
}

#[tokio::test]
async fn years_of_midnights_are_caught_up_with() {
    let fixture = Fixture::new().await;
    let scheduler = fixture.scheduler(&[fixture.task("only", 0)]);
    scheduler.run_due(&fixture.context, at(MIDNIGHT)).await.unwrap();
    fixture.calls();
    let later = at(MIDNIGHT + 400 * DAY_SECONDS);
    scheduler.run_due(&fixture.context, later).await.unwrap();
    assert_eq!(fixture.calls().len(), 400);
}

/// A family's table: things that fall due, and how often each was done.
const UNITS: MigrationSet = MigrationSet {
    component: "units",
    migrations: &[Migration {
        version: 1,
        name: "unit",
        sql: "CREATE TABLE unit (id INTEGER PRIMARY KEY, due INTEGER NOT NULL, \
              open INTEGER NOT NULL DEFAULT 1, done INTEGER NOT NULL DEFAULT 0)",
    }],
    tables: &[],
};

/// As many units, a third of a day apart, from `MIDNIGHT` on.
struct Fill(i64);

impl Work for Fill {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        for id in 0..self.0 {
            let due = Value::Int(MIDNIGHT + id * DAY_SECONDS / 3);
            tx.execute("INSERT INTO unit (id, due) VALUES (?, ?)", &[Value::Int(id), due]).await?;
        }
        Ok(())
    }
}

/// Does one unit that is due, as a family does it.
struct DoOne(Timestamp);

impl Work for DoOne {
    type Out = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StorageError> {
        if !is_past_watermark(tx, "units", self.0).await? {
            return Ok(false);
        }
        let select = "SELECT id FROM unit WHERE open = 1 AND due <= ? ORDER BY id LIMIT 1";
        let rows = tx.query(select, &[Value::Int(self.0.unix())]).await?;
        let Some(row) = rows.first() else { return Ok(false) };
        let id = Value::Int(row.int(0)?);
        tx.execute("UPDATE unit SET open = 0, done = done + 1 WHERE id = ?", &[id]).await?;
        Ok(true)
    }
}

struct Units;

impl ScheduledTask for Units {
    fn name(&self) -> &'static str {
        "units"
    }

    fn step<'a>(
        &'a self,
        context: &'a JobContext,
        due: Timestamp,
        _now: Timestamp,
    ) -> BoxFuture<'a, Result<bool, StorageError>> {
        Box::pin(context.store.write(DoOne(due)))
    }
}

fn units() -> Scheduler {
    Scheduler::new(vec![Arc::new(Units)])
}

/// How many units there are, how many were done, and how often the one done most often.
async fn tally(store: &Store) -> [i64; 3] {
    let sql = "SELECT count(*), sum(done), max(done) FROM unit";
    let rows = store.query(sql, &[]).await.unwrap();
    [0, 1, 2].map(|column| rows[0].int(column).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn several_schedulers_at_once_do_everything_once() {
    let fixture = Fixture::new().await;
    fixture.store.write(Fill(120)).await.unwrap();
    units().run_due(&fixture.context, at(MIDNIGHT)).await.unwrap();
    assert_eq!(tally(&fixture.store).await, [120, 1, 1]);
    // Clocks of several servers differ; each catches up to what its own says.
    let runs: Vec<_> = (37..=40)
        .map(|day| {
            let context = fixture.context.clone();
            let now = at(MIDNIGHT + day * DAY_SECONDS);
            tokio::spawn(async move { units().run_due(&context, now).await })
        })
        .collect();
    for run in runs {
        run.await.unwrap().unwrap();
    }
    assert_eq!(tally(&fixture.store).await, [120, 120, 1]);
}

#[tokio::test]
async fn what_was_cut_goes_on_where_it_stopped() {
    let armed = Arc::new(AtomicBool::new(false));
    let fixture = Fixture::with(Faults::none().fail_commit(Arc::clone(&armed))).await;
    let store = &fixture.store;
    store.write(Fill(30)).await.unwrap();
    units().run_due(&fixture.context, at(MIDNIGHT)).await.unwrap();
    let now = at(MIDNIGHT + 10 * DAY_SECONDS);
    // Three units and a watermark a day: wherever it is cut, no unit is lost or done again.
    for _ in 0..3 {
        for _ in 0..2 {
            assert!(store.write(DoOne(now)).await.unwrap());
        }
        armed.store(true, Ordering::SeqCst);
        assert!(units().run_due(&fixture.context, now).await.is_err());
        armed.store(false, Ordering::SeqCst);
        let [_, done, most] = tally(store).await;
        assert!((3..30).contains(&done) && most == 1, "{done} {most}");
    }
    units().run_due(&fixture.context, now).await.unwrap();
    assert_eq!(tally(store).await, [30, 30, 1]);
}

#[tokio::test]
async fn what_was_told_after_its_midnight_is_found_at_the_next_look() {
    let fixture = Fixture::new().await;
    let now = at(MIDNIGHT + 3 * DAY_SECONDS + 5);
    units().run_due(&fixture.context, now).await.unwrap();
    fixture.store.write(Fill(1)).await.unwrap();
    units().run_due(&fixture.context, now.plus(5)).await.unwrap();
    assert_eq!(tally(&fixture.store).await, [1, 1, 1]);
}

struct Rewind(i64);

impl Work for Rewind {
    type Out = u64;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StorageError> {
        rewind_watermarks(tx, at(self.0)).await
    }
}

#[tokio::test]
async fn watermarks_that_are_set_back_let_nothing_be_done_twice() {
    let fixture = Fixture::new().await;
    fixture.store.write(Fill(30)).await.unwrap();
    units().run_due(&fixture.context, at(MIDNIGHT)).await.unwrap();
    // A clock that is five days ahead, and then right.
    units().run_due(&fixture.context, at(MIDNIGHT + 5 * DAY_SECONDS)).await.unwrap();
    let [_, early, _] = tally(&fixture.store).await;
    assert_eq!(early, 16);
    for to in [MIDNIGHT, MIDNIGHT - 9 * DAY_SECONDS, MIDNIGHT + 99 * DAY_SECONDS] {
        fixture.store.write(Rewind(to)).await.unwrap();
        units().run_due(&fixture.context, at(MIDNIGHT + 6 * DAY_SECONDS)).await.unwrap();
        assert_eq!(tally(&fixture.store).await, [30, 19, 1], "{to}");
    }
}

#[tokio::test]
async fn who_lags_behind_does_nothing_that_is_passed() {
    let fixture = Fixture::new().await;
    units().run_due(&fixture.context, at(MIDNIGHT + 3 * DAY_SECONDS)).await.unwrap();
    fixture.store.write(Fill(1)).await.unwrap();
    assert!(!fixture.store.write(DoOne(at(MIDNIGHT))).await.unwrap());
    assert_eq!(tally(&fixture.store).await, [1, 0, 0]);
    // The next midnight finds it.
    units().run_due(&fixture.context, at(MIDNIGHT + 4 * DAY_SECONDS)).await.unwrap();
    assert_eq!(tally(&fixture.store).await, [1, 1, 1]);
}

struct LockWatermark(i64);

impl Work for LockWatermark {
    type Out = (Timestamp, bool);

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(Timestamp, bool), StorageError> {
        let watermark = lock_watermark(tx, "task", at(self.0)).await?;
        Ok((watermark, is_past_watermark(tx, "task", at(self.0)).await?))
    }
}

#[tokio::test]
async fn locking_a_watermark_reads_it_and_never_moves_it() {
    let fixture = Fixture::new().await;
    // Without one it is as if the day before were done.
    let (watermark, due) = fixture.store.write(LockWatermark(MIDNIGHT)).await.unwrap();
    assert_eq!((watermark, due), (at(MIDNIGHT - DAY_SECONDS), true));
    for (now, due) in [(MIDNIGHT + 5, true), (MIDNIGHT - 2 * DAY_SECONDS, false)] {
        assert_eq!(
            fixture.store.write(LockWatermark(now)).await.unwrap(),
            (watermark, due),
            "{now}"
        );
    }
}
