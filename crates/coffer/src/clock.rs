//! What an operator sees of the clock and says of it: `/v1/admin/clock`, and setting the
//! scheduler's watermarks back after a wrong clock had raised them.

use crate::reasons;
use coffer_base::{Clock, Timestamp, limit};
use coffer_dialect::{ApiError, Object};
use coffer_kernel::{
    Access, Agreement, Applied, Arguments, ClockGuard, ClockState, Committed, Ctx, Definition,
    Doubt, Example, Failure, ReadOperation, Routes, SealingOperation, WriteOperation,
    rewind_watermarks, storage_failure,
};
use coffer_storage::{Store, Tx};
use std::sync::Arc;

/// What the operations work with.
#[derive(Clone)]
pub struct ClockSources {
    /// The data store.
    pub store: Store,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// What judges it.
    pub guard: Arc<ClockGuard>,
}

/// Adds the operations.
pub fn register(routes: &mut Routes, sources: &ClockSources) {
    routes
        .read(Retrieve(sources.clone()))
        .seal(Accept(sources.clone()))
        .write(Rewind(Arc::clone(&sources.clock)));
}

fn render(now: Timestamp, state: ClockState) -> Object {
    let doubt = state.doubt();
    let proven = match state {
        ClockState::Right(times) => Some(times.proven),
        ClockState::Settling | ClockState::Doubtful(_) => None,
    };
    Object::bare()
        .set("object", "clock")
        .set("ahead", doubt.map(|doubt| doubt.seconds()))
        .set("doubt", doubt.map(|doubt| doubt.as_str()))
        .set("message", doubt.map(|doubt| format!("{doubt}. {}", doubt.advice())))
        .set("now", now)
        .set("proven", proven)
        .set("state", state.as_str())
}

/// `GET /v1/admin/clock`: what the clock shows, and whether this server believes it.
struct Retrieve(ClockSources);

impl ReadOperation for Retrieve {
    const DEFINITION: Definition =
        Definition::get("admin.clock.retrieve", "/v1/admin/clock", Access::AUDITED);
    type Input = ();

    fn parse(&self, arguments: &Arguments<'_>) -> Result<(), ApiError> {
        arguments.params.only(&[]).map(drop)
    }

    async fn run(&self, _input: &(), ctx: &Ctx, _store: &Store) -> Result<Object, Failure> {
        Ok(render(ctx.now(), self.0.guard.glance(&self.0.store).await?))
    }
}

/// `POST /v1/admin/clock/accept`: an operator says that what the clock shows is right.
struct Accept(ClockSources);

impl SealingOperation for Accept {
    const DEFINITION: Definition =
        Definition::post("admin.clock.accept", "/v1/admin/clock/accept", Access::Admin)
            // Nothing is pruned before it.
            .shrinks()
            .example(Example::EMPTY);
    type Input = ();
    type Sealed = Agreement;
    type Out = Agreement;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<(), ApiError> {
        arguments.params.only(&[]).map(drop)
    }

    /// Looks at the clock before the transaction, which would be open meanwhile.
    async fn seal(&self, _input: &(), _ctx: &Ctx) -> Result<Agreement, ApiError> {
        let agreement = self.0.guard.agreeable(&self.0.store).await;
        let refusal = |doubt: Doubt| {
            ApiError::invalid(format!("{doubt}. {}", doubt.advice()))
                .because(&reasons::CLOCK_NOT_AGREEABLE)
        };
        agreement.map_err(|error| storage_failure(&error))?.map_err(refusal)
    }

    async fn apply(
        &self,
        _input: &(),
        agreement: &Agreement,
        _ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Agreement>, Failure> {
        agreement.record(tx).await?;
        Ok(Applied { out: *agreement, subject: "clock".to_owned(), fingerprint: None })
    }

    fn render(&self, agreement: &Agreement, _ctx: &Ctx) -> Object {
        Object::bare().set("object", "clock").set("now", agreement.now()).set("state", "right")
    }

    async fn committed(&self, agreement: &Agreement, _ctx: &Ctx) -> Result<Committed, ApiError> {
        self.0.guard.accept(*agreement);
        Ok(Committed::Done)
    }
}

/// `POST /v1/admin/schedule/rewind`: sets the watermarks that lie beyond a time back to the last
/// midnight before it, so that what falls due from there on is found.
struct Rewind(Arc<dyn Clock>);

/// What was set back.
struct Rewound {
    to: Timestamp,
    tasks: u64,
}

impl WriteOperation for Rewind {
    const DEFINITION: Definition =
        Definition::post("admin.schedule.rewind", "/v1/admin/schedule/rewind", Access::Admin)
            .example(Example::EMPTY);
    /// The time that is asked for; the present if none is.
    type Input = Option<Timestamp>;
    type Out = Rewound;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Self::Input, ApiError> {
        let fields = arguments.params.only(&["to"])?;
        let to = fields.optional_integer_within("to", 0..=limit::CLOCK_CEILING)?;
        Ok(to.map(Timestamp::from_unix))
    }

    fn check(&self, to: &Self::Input, ctx: &Ctx) -> Result<(), ApiError> {
        if to.is_some_and(|to| to > ctx.now()) {
            let message = "Watermarks are only set back: the time may not lie ahead.";
            return Err(ApiError::invalid_param("to", message).because(&reasons::WATERMARK_AHEAD));
        }
        Ok(())
    }

    async fn apply(
        &self,
        to: &Self::Input,
        _ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Rewound>, Failure> {
        let to = to.unwrap_or_else(|| self.0.now()).last_midnight();
        let tasks = rewind_watermarks(tx, to).await?;
        let out = Rewound { to, tasks };
        Ok(Applied { out, subject: "schedule".to_owned(), fingerprint: None })
    }

    fn render(&self, rewound: &Rewound, _ctx: &Ctx) -> Object {
        Object::bare()
            .set("object", "schedule")
            .set("done_until", rewound.to)
            .set("tasks", i64::try_from(rewound.tasks).unwrap_or(i64::MAX))
    }
}
