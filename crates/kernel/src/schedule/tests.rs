//! The scheduler over a real store, with tasks that write down when they were called.

use super::{Scheduled, Scheduler, still_due, take_turn};
use crate::context::BoxFuture;
use crate::store::MIGRATIONS;
use coffer_base::{Random, TestRandom, Timestamp, clock::DAY_SECONDS};
use coffer_storage::{Options, StorageError, Store, Tx, Work};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// A midnight.
const MIDNIGHT: i64 = 20_000 * DAY_SECONDS;

fn at(unix: i64) -> Timestamp {
    Timestamp::from_unix(unix)
}

struct Scene {
    store: Store,
    _kept: tempfile::TempDir,
    log: Arc<Mutex<Vec<(&'static str, i64)>>>,
}

impl Scene {
    fn new() -> Self {
        let kept = tempfile::TempDir::new().unwrap();
        let path = kept.path().join("coffer.db");
        let opened = Store::open_sqlite(&path, &[MIGRATIONS], at(0), Options::default());
        Self { store: opened.unwrap().0, _kept: kept, log: Arc::default() }
    }

    fn task(&self, name: &'static str, more: u64) -> Arc<Noting> {
        let (left, fails) = (AtomicU64::new(more), AtomicU64::new(0));
        Arc::new(Noting { name, log: Arc::clone(&self.log), left, more, fails, between: false })
    }

    fn scheduler(&self, tasks: &[Arc<Noting>]) -> Scheduler {
        let tasks = tasks.iter().map(|task| Arc::clone(task) as Arc<dyn Scheduled>).collect();
        Scheduler::new(tasks, Arc::new(TestRandom::seeded(1)))
    }

    /// What was called since the last look: which task, and for when.
    fn calls(&self) -> Vec<(&'static str, i64)> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }
}

/// Writes down its calls; at each time it has `more` further steps.
struct Noting {
    name: &'static str,
    log: Arc<Mutex<Vec<(&'static str, i64)>>>,
    left: AtomicU64,
    more: u64,
    /// How many calls are still to fail.
    fails: AtomicU64,
    between: bool,
}

impl Scheduled for Noting {
    fn name(&self) -> &'static str {
        self.name
    }

    fn between_midnights(&self) -> bool {
        self.between
    }

    fn step<'a>(
        &'a self,
        _store: &'a Store,
        due: Timestamp,
        _now: Timestamp,
        _random: &'a Arc<dyn Random>,
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
    let scene = Scene::new();
    let scheduler = scene.scheduler(&[scene.task("first", 0), scene.task("second", 1)]);
    // A store that never ran one begins with the last midnight.
    scheduler.run_due(&scene.store, at(MIDNIGHT + 5)).await.unwrap();
    let one = |midnight| [("first", midnight), ("second", midnight), ("second", midnight)];
    assert_eq!(scene.calls(), one(MIDNIGHT));
    scheduler.run_due(&scene.store, at(MIDNIGHT + 100)).await.unwrap();
    assert_eq!(scene.calls(), []);
    let later = MIDNIGHT + 3 * DAY_SECONDS;
    scheduler.run_due(&scene.store, at(later)).await.unwrap();
    let days = (1..=3).flat_map(|day| one(MIDNIGHT + day * DAY_SECONDS));
    assert_eq!(scene.calls(), days.collect::<Vec<_>>());
    let progress = scheduler.progress(&scene.store, at(later + DAY_SECONDS + 7)).await.unwrap();
    assert!(progress.iter().all(|one| (one.done_until, one.lag) == (Some(at(later)), 7)));
}

#[tokio::test]
async fn a_clock_that_goes_back_does_nothing_again() {
    let scene = Scene::new();
    let scheduler = scene.scheduler(&[scene.task("only", 0)]);
    scheduler.run_due(&scene.store, at(MIDNIGHT + DAY_SECONDS)).await.unwrap();
    scene.calls();
    for now in [MIDNIGHT, MIDNIGHT - 9 * DAY_SECONDS, MIDNIGHT + DAY_SECONDS + 5] {
        scheduler.run_due(&scene.store, at(now)).await.unwrap();
        assert_eq!(scene.calls(), [], "at {now}");
    }
    // Nor does a scheduler that knows nothing of it.
    let other = scene.scheduler(&[scene.task("only", 0)]);
    other.run_due(&scene.store, at(MIDNIGHT)).await.unwrap();
    assert_eq!(scene.calls(), []);
}

#[tokio::test]
async fn what_failed_is_done_the_next_time_and_before_what_comes_after_it() {
    let scene = Scene::new();
    let (first, second) = (scene.task("first", 0), scene.task("second", 0));
    let scheduler = scene.scheduler(&[Arc::clone(&first), Arc::clone(&second)]);
    scheduler.run_due(&scene.store, at(MIDNIGHT)).await.unwrap();
    scene.calls();
    second.fails.store(1, Ordering::SeqCst);
    let now = at(MIDNIGHT + 2 * DAY_SECONDS);
    assert_eq!(scheduler.run_due(&scene.store, now).await, Err(StorageError::Busy));
    let day = MIDNIGHT + DAY_SECONDS;
    assert_eq!(scene.calls(), [("first", day)]);
    scheduler.run_due(&scene.store, now).await.unwrap();
    let next = day + DAY_SECONDS;
    let expected = [("first", day), ("second", day), ("first", next), ("second", next)];
    assert_eq!(scene.calls(), expected);
}

#[tokio::test]
async fn a_new_task_starts_at_once_and_the_others_do_not_start_again() {
    let scene = Scene::new();
    let old = scene.task("old", 0);
    let alone = scene.scheduler(&[Arc::clone(&old)]);
    alone.run_due(&scene.store, at(MIDNIGHT)).await.unwrap();
    scene.calls();
    let both = scene.scheduler(&[old, scene.task("new", 0)]);
    both.run_due(&scene.store, at(MIDNIGHT + 60)).await.unwrap();
    assert_eq!(scene.calls(), [("new", MIDNIGHT)]);
}

#[tokio::test]
async fn what_has_work_between_midnights_is_called_with_the_present() {
    let scene = Scene::new();
    let mut task = scene.task("between", 0);
    Arc::get_mut(&mut task).unwrap().between = true;
    let scheduler = scene.scheduler(&[task, scene.task("midnights", 0)]);
    scheduler.run_due(&scene.store, at(MIDNIGHT + 5)).await.unwrap();
    let expected = [("between", MIDNIGHT), ("midnights", MIDNIGHT), ("between", MIDNIGHT + 5)];
    assert_eq!(scene.calls(), expected);
}

#[tokio::test]
async fn years_of_midnights_are_walked_in_seconds() {
    let scene = Scene::new();
    let scheduler = scene.scheduler(&[scene.task("only", 0)]);
    scheduler.run_due(&scene.store, at(MIDNIGHT)).await.unwrap();
    scene.calls();
    let later = at(MIDNIGHT + 400 * DAY_SECONDS);
    scheduler.run_due(&scene.store, later).await.unwrap();
    assert_eq!(scene.calls().len(), 400);
}

/// A task whose rows are taken one by one, as a family does it.
struct Counting {
    left: Arc<AtomicI64>,
    done: Arc<AtomicU64>,
}

struct TakeOne {
    due: Timestamp,
    left: Arc<AtomicI64>,
    done: Arc<AtomicU64>,
}

impl Work for TakeOne {
    type Out = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, StorageError> {
        if !still_due(tx, "counting", self.due).await? {
            return Ok(false);
        }
        // Whoever has the turn sees what the one before left.
        let left = self.left.load(Ordering::SeqCst);
        if left == 0 {
            return Ok(false);
        }
        self.left.store(left - 1, Ordering::SeqCst);
        self.done.fetch_add(1, Ordering::SeqCst);
        Ok(true)
    }
}

impl Scheduled for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }

    fn step<'a>(
        &'a self,
        store: &'a Store,
        due: Timestamp,
        _now: Timestamp,
        _random: &'a Arc<dyn Random>,
    ) -> BoxFuture<'a, Result<bool, StorageError>> {
        let (left, done) = (Arc::clone(&self.left), Arc::clone(&self.done));
        Box::pin(async move { store.write(TakeOne { due, left, done }).await })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_schedulers_take_turns_and_do_everything_once() {
    let scene = Scene::new();
    let (left, done) = (Arc::new(AtomicI64::new(500)), Arc::new(AtomicU64::new(0)));
    let runs: Vec<_> = (0..4)
        .map(|_| {
            let task = Counting { left: Arc::clone(&left), done: Arc::clone(&done) };
            let random = Arc::new(TestRandom::seeded(1));
            let scheduler = Scheduler::new(vec![Arc::new(task)], random);
            let store = scene.store.clone();
            tokio::spawn(async move { scheduler.run_due(&store, at(MIDNIGHT)).await })
        })
        .collect();
    for run in runs {
        run.await.unwrap().unwrap();
    }
    assert_eq!((left.load(Ordering::SeqCst), done.load(Ordering::SeqCst)), (0, 500));
}

struct Turns(i64);

impl Work for Turns {
    type Out = (Timestamp, bool);

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(Timestamp, bool), StorageError> {
        let mark = take_turn(tx, "task", at(self.0)).await?;
        Ok((mark, still_due(tx, "task", at(self.0)).await?))
    }
}

#[tokio::test]
async fn a_turn_tells_the_mark_and_never_moves_it() {
    let scene = Scene::new();
    // Without a mark it is as if the day before were done.
    let (mark, due) = scene.store.write(Turns(MIDNIGHT)).await.unwrap();
    assert_eq!((mark, due), (at(MIDNIGHT - DAY_SECONDS), true));
    for (now, due) in [(MIDNIGHT + 5, true), (MIDNIGHT - 2 * DAY_SECONDS, false)] {
        assert_eq!(scene.store.write(Turns(now)).await.unwrap(), (mark, due), "{now}");
    }
}
