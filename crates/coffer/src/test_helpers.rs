//! Developer mode's clock: `/v1/test_helpers/clock` shows the time, `…/advance` moves it forward
//! and runs what falls due meanwhile, as if the time had passed.

use crate::limits;
use coffer_base::{Clock, ShiftedClock, Timestamp, limit};
use coffer_dialect::{ApiError, Object};
use coffer_kernel::{
    Access, Applied, Arguments, Committed, Ctx, Definition, Example, Failure, JobContext,
    ReadOperation, Routes, Scheduler, WriteOperation, move_clock,
};
use coffer_storage::{StorageError, Store, Tx};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Adds both operations: in developer mode, and there only.
pub fn register(
    routes: &mut Routes,
    clock: Arc<ShiftedClock>,
    scheduler: Arc<Scheduler>,
    context: JobContext,
) {
    let advancing = Mutex::new(());
    routes.read(Retrieve).write(Advance { clock, scheduler, context, advancing });
}

/// What both answer.
fn render(now: Timestamp) -> Object {
    Object::singleton("test_helpers.clock").set("livemode", false).set("now", now)
}

/// `GET /v1/test_helpers/clock`.
struct Retrieve;

impl ReadOperation for Retrieve {
    const DEFINITION: Definition =
        Definition::get("test_helpers.clock.retrieve", "/v1/test_helpers/clock", Access::App);
    type Input = ();

    fn parse(&self, arguments: &Arguments<'_>) -> Result<(), ApiError> {
        arguments.params.only(&[]).map(drop)
    }

    async fn run(&self, _input: &(), ctx: &Ctx, _store: &Store) -> Result<Object, Failure> {
        Ok(render(ctx.now()))
    }
}

/// `POST /v1/test_helpers/clock/advance`.
struct Advance {
    clock: Arc<ShiftedClock>,
    scheduler: Arc<Scheduler>,
    context: JobContext,
    /// One advance at a time.
    advancing: Mutex<()>,
}

/// How far the clock is to go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Goal {
    Seconds(i64),
    Time(Timestamp),
}

/// Where the clock goes.
struct Moved {
    /// How far it is ahead then.
    offset: i64,
    /// What it shows then.
    now: Timestamp,
}

impl WriteOperation for Advance {
    const DEFINITION: Definition = Definition::post(
        "test_helpers.clock.advance",
        "/v1/test_helpers/clock/advance",
        Access::App,
    )
    .example(Example::of(&[("seconds", "1")]));
    type Input = Goal;
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

    fn check(&self, goal: &Goal, _ctx: &Ctx) -> Result<(), ApiError> {
        let now = self.clock.now().unix();
        match *goal {
            Goal::Seconds(seconds) if now.saturating_add(seconds) > limit::CLOCK_CEILING => {
                let message = "The clock would go beyond the year 9999.";
                Err(ApiError::invalid_param("seconds", message))
            }
            Goal::Seconds(_) => Ok(()),
            Goal::Time(to) => check_ahead(to.unix().saturating_sub(now), now),
        }
    }

    async fn apply(
        &self,
        goal: &Goal,
        _ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Moved>, Failure> {
        // Others may move the clock at any moment, so nothing is counted from the time at which
        // the request arrived.
        let offset = match *goal {
            Goal::Seconds(seconds) => move_clock(tx, seconds, 0).await?,
            Goal::Time(to) => move_clock(tx, 0, self.clock.offset_of(to)).await?,
        };
        let out = Moved { offset, now: self.clock.at_offset(offset) };
        Ok(Applied { out, subject: "clock".to_owned(), fingerprint: None })
    }

    fn render(&self, moved: &Moved, _ctx: &Ctx) -> Object {
        render(moved.now)
    }

    async fn committed(&self, moved: &Moved, _ctx: &Ctx) -> Result<Committed, ApiError> {
        let advanced = self.advance_to(moved.offset).await;
        // Also if a task failed on the way: the store has the offset already, and the scheduler
        // catches up by itself.
        self.clock.shift_to(moved.offset);
        advanced
            .map(|_| Committed::Done)
            .map_err(|error| ApiError::unknown_outcome(error.to_string()))
    }
}

impl Advance {
    /// Lets time pass until the clock is `offset` seconds ahead. It stops at each midnight, so that
    /// the scheduled tasks run at that time.
    async fn advance_to(&self, offset: i64) -> Result<(), StorageError> {
        let _only = self.advancing.lock().await;
        loop {
            let midnight = self.clock.now().midnight_after();
            if midnight >= self.clock.at_offset(offset) {
                break;
            }
            self.clock.advance_to(midnight);
            self.scheduler.run_due(&self.context, midnight).await?;
        }
        self.clock.shift_to(offset);
        self.scheduler.run_due(&self.context, self.clock.now()).await.map(drop)
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
