//! Developer mode's clock: `/v1/test_helpers/clock` tells the time, `…/advance` moves it forward
//! and does what falls due meanwhile, as if the time had passed (reserves, extensions).

use crate::limits;
use coffer_base::{Clock, ShiftedClock, Timestamp, limit};
use coffer_dialect::{ApiError, Object};
use coffer_kernel::{
    Access, Applied, Arguments, Ctx, Definition, Failure, Method, Reach, ReadOperation, Routes,
    Scheduler, WriteOperation, move_clock,
};
use coffer_storage::{StorageError, Store, Tx};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Adds both operations: in developer mode, and there only.
pub fn register(
    routes: &mut Routes,
    clock: Arc<ShiftedClock>,
    scheduler: Arc<Scheduler>,
    store: Store,
) {
    let walk = Mutex::new(());
    routes.read(Tell).write(Advance { clock, scheduler, store, walk });
}

/// What both answer.
fn render(now: Timestamp) -> Object {
    Object::singleton("test_helpers.clock").set("livemode", false).set("now", now)
}

/// `GET /v1/test_helpers/clock`.
struct Tell;

impl ReadOperation for Tell {
    const DEFINITION: Definition = Definition {
        name: "test_helpers.clock.retrieve",
        method: Method::Get,
        path: "/v1/test_helpers/clock",
        access: Access::App,
        expandable: &[],
        list: false,
    };
    type Input = ();

    fn parse(&self, arguments: &Arguments<'_>) -> Result<(), ApiError> {
        arguments.params.only(&[]).map(drop)
    }

    fn reach(_input: &()) -> Reach {
        Reach::Backend
    }

    async fn run(&self, _input: &(), ctx: &Ctx, _store: &Store) -> Result<Object, ApiError> {
        Ok(render(ctx.now()))
    }
}

/// `POST /v1/test_helpers/clock/advance`.
struct Advance {
    clock: Arc<ShiftedClock>,
    scheduler: Arc<Scheduler>,
    store: Store,
    /// One walk through time at a time.
    walk: Mutex<()>,
}

/// How far the clock is to go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Goal {
    Seconds(i64),
    Time(Timestamp),
}

/// How far the clock goes. Others may move it at any moment, so nothing here is counted from the
/// time at which the request was taken up.
struct Step {
    seconds: i64,
    /// How far it is ahead afterwards at least.
    at_least: i64,
}

/// Where the clock goes.
struct Moved {
    /// How far it is ahead then.
    offset: i64,
    /// What it shows then.
    now: Timestamp,
}

impl WriteOperation for Advance {
    const DEFINITION: Definition = Definition {
        name: "test_helpers.clock.advance",
        method: Method::Post,
        path: "/v1/test_helpers/clock/advance",
        access: Access::App,
        expandable: &[],
        list: false,
    };
    type Input = Goal;
    type Prepared = Step;
    type Out = Moved;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Goal, ApiError> {
        let fields = arguments.params.only(&["seconds", "to"])?;
        let range = 1..=limits::CLOCK_ADVANCE_SECONDS;
        let seconds = fields.optional_integer_within("seconds", range)?;
        let to = fields.optional_integer_within("to", 0..=limit::CLOCK_CEILING)?;
        match (seconds, to) {
            (Some(seconds), None) => Ok(Goal::Seconds(seconds)),
            (None, Some(to)) => Ok(Goal::Time(Timestamp::from_unix(to))),
            (None, None) => Err(ApiError::parameter_missing("seconds")),
            (Some(_), Some(_)) => Err(ApiError::invalid_param(
                "to",
                "'seconds' and 'to' are mutually exclusive: send one of them.",
            )),
        }
    }

    fn reach(_input: &Goal) -> Reach {
        Reach::Backend
    }

    async fn prepare(&self, goal: &Goal, _ctx: &Ctx) -> Result<Step, ApiError> {
        let now = self.clock.now().unix();
        match *goal {
            Goal::Seconds(seconds) if now.saturating_add(seconds) > limit::CLOCK_CEILING => {
                let message = "The clock would go beyond the year 9999.";
                Err(ApiError::invalid_param("seconds", message))
            }
            Goal::Seconds(seconds) => Ok(Step { seconds, at_least: 0 }),
            Goal::Time(to) => {
                check_ahead(to.unix().saturating_sub(now), now)?;
                Ok(Step { seconds: 0, at_least: self.clock.offset_of(to) })
            }
        }
    }

    async fn apply(
        &self,
        step: &Step,
        _ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Moved>, Failure> {
        let offset = move_clock(tx, step.seconds, step.at_least).await?;
        let out = Moved { offset, now: self.clock.at_offset(offset) };
        Ok(Applied { out, subject: "clock".to_owned(), fingerprint: None })
    }

    fn render(&self, moved: &Moved, _ctx: &Ctx) -> Object {
        render(moved.now)
    }

    async fn committed(&self, moved: &Moved, _ctx: &Ctx) -> Result<(), ApiError> {
        let walked = self.walk_to(moved.offset).await;
        // Even if not all was done on the way: the store says that the clock stands there, and the
        // scheduler goes on by itself.
        self.clock.shift_to(moved.offset);
        walked.map_err(|error| ApiError::unknown_outcome(error.to_string()))
    }
}

impl Advance {
    /// Lets time pass until the clock is `offset` seconds ahead. It stops at each midnight, so
    /// that what happens there happens at that time.
    async fn walk_to(&self, offset: i64) -> Result<(), StorageError> {
        let _turn = self.walk.lock().await;
        loop {
            let midnight = self.clock.now().midnight_after();
            if midnight >= self.clock.at_offset(offset) {
                break;
            }
            self.clock.advance_to(midnight);
            self.scheduler.run_due(&self.store, midnight).await?;
        }
        self.clock.shift_to(offset);
        self.scheduler.run_due(&self.store, self.clock.now()).await.map(drop)
    }
}

fn check_ahead(ahead: i64, now: i64) -> Result<(), ApiError> {
    let message = if ahead <= 0 {
        format!("The clock only moves forward, and it is {now} now, in Unix seconds.")
    } else if ahead > limits::CLOCK_ADVANCE_SECONDS {
        format!(
            "The clock moves by at most {} seconds at a time, five years; it is {now} now.",
            limits::CLOCK_ADVANCE_SECONDS
        )
    } else {
        return Ok(());
    };
    Err(ApiError::invalid_param("to", message))
}
