//! What developer mode has for test suites, each app for itself: `/v1/test_helpers/clock` shows the
//! app's time, `…/advance` moves it forward and runs what falls due meanwhile, as if the time had
//! passed, and `/v1/test_helpers/reset` empties the app.
//!
//! A clock is that of the account that develops the app, since its apps share ledgers. Every key
//! that is made up is an app of an account of its own.

use crate::limits;
use crate::reasons;
use coffer_base::{AccountId, Clock, ShiftedClock, Timestamp, limit};
use coffer_dialect::{ApiError, Object};
use coffer_identity::ResetApp;
use coffer_kernel::{
    Access, Applied, Arguments, Committed, Ctx, Definition, Example, Failure, JobContext,
    ReadOperation, Routes, Scheduler, WriteOperation, forget_clock, move_clock,
};
use coffer_storage::{StorageError, Store, Tx};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Adds the operations: in developer mode, and there only.
pub fn register(
    routes: &mut Routes,
    clock: Arc<ShiftedClock>,
    scheduler: Arc<Scheduler>,
    context: JobContext,
    app: ResetApp,
) {
    let advancing = Mutex::new(());
    let reset = Reset { app, clock: Arc::clone(&clock) };
    routes.read(Retrieve).write(Advance { clock, scheduler, context, advancing }).write(reset);
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

/// Where a clock goes.
struct Moved {
    /// Whose it is.
    platform: AccountId,
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
            )
            .because(&reasons::CLOCK_GOALS)),
        }
    }

    fn check(&self, goal: &Goal, ctx: &Ctx) -> Result<(), ApiError> {
        let now = self.clock.now_of(&ctx.principal().platform).unix();
        match *goal {
            Goal::Seconds(seconds) if now.saturating_add(seconds) > limit::CLOCK_CEILING => {
                let message = "The clock would go beyond the year 9999.";
                Err(ApiError::invalid_param("seconds", message).because(&reasons::CLOCK_RANGE))
            }
            Goal::Seconds(_) => Ok(()),
            Goal::Time(to) => check_ahead(to.unix().saturating_sub(now), now),
        }
    }

    async fn apply(
        &self,
        goal: &Goal,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Moved>, Failure> {
        // Others may move the clock at any moment, so nothing is counted from the time at which
        // the request arrived.
        let platform = ctx.principal().platform.clone();
        let offset = match *goal {
            Goal::Seconds(seconds) => move_clock(tx, &platform, seconds, 0).await?,
            Goal::Time(to) => move_clock(tx, &platform, 0, self.clock.offset_of(to)).await?,
        };
        let out = Moved { platform, offset, now: self.clock.at_offset(offset) };
        Ok(Applied { out, subject: "clock".to_owned(), fingerprint: None })
    }

    fn render(&self, moved: &Moved, _ctx: &Ctx) -> Object {
        render(moved.now)
    }

    async fn committed(&self, moved: &Moved, _ctx: &Ctx) -> Result<Committed, ApiError> {
        let advanced = self.advance_to(&moved.platform, moved.offset).await;
        // Also if a task failed on the way: the store has the offset already, and the scheduler
        // catches up by itself.
        self.clock.shift_to(&moved.platform, moved.offset);
        advanced
            .map(|_| Committed::Done)
            .map_err(|error| ApiError::unknown_outcome(error.to_string()))
    }
}

impl Advance {
    /// Lets time pass for a platform until its clock is `offset` seconds ahead. It stops at each
    /// midnight, so that the scheduled tasks run at that time.
    async fn advance_to(&self, platform: &AccountId, offset: i64) -> Result<(), StorageError> {
        let _only = self.advancing.lock().await;
        let (clock, scheduler) = (&self.clock, &self.scheduler);
        scheduler.run_due(&self.context, clock.now()).await?;
        loop {
            let midnight = clock.now_of(platform).midnight_after();
            if midnight >= clock.at_offset(offset) {
                break;
            }
            clock.advance_to(platform, midnight);
            scheduler.run_platform(&self.context, platform, midnight).await?;
        }
        clock.shift_to(platform, offset);
        scheduler.run_platform(&self.context, platform, clock.now_of(platform)).await.map(drop)
    }
}

/// `POST /v1/test_helpers/reset`.
struct Reset {
    app: ResetApp,
    clock: Arc<ShiftedClock>,
}

impl WriteOperation for Reset {
    const DEFINITION: Definition =
        Definition::post("test_helpers.reset", "/v1/test_helpers/reset", Access::App).continues();
    type Input = ();
    type Out = coffer_identity::Reset;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<(), ApiError> {
        arguments.params.only(&[]).map(drop)
    }

    async fn apply(
        &self,
        _input: &(),
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Self::Out>, Failure> {
        let out = self.app.apply(ctx, tx).await?;
        if let Some(platform) = &out.gone {
            forget_clock(tx, platform);
        }
        let subject = out.app.as_str().to_owned();
        Ok(Applied { out, subject, fingerprint: None })
    }

    fn render(&self, out: &Self::Out, _ctx: &Ctx) -> Object {
        let object =
            Object::singleton("test_helpers.reset").set("app", out.app.as_str().to_owned());
        object.set("livemode", false)
    }

    async fn committed(&self, out: &Self::Out, _ctx: &Ctx) -> Result<Committed, ApiError> {
        if let Some(platform) = &out.gone {
            self.clock.forget(platform);
        }
        self.app.finish().await.map(|()| Committed::Done)
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
    Err(ApiError::invalid_param("to", message).because(&reasons::CLOCK_RANGE))
}
