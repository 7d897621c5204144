//! A test event on demand: it is sent to one endpoint, and stored nowhere but in its attempt.

use super::{CREATE, WEBHOOK_WRITE, of_path};
use crate::endpoint::{Attempt, Endpoint, Status};
use crate::event_type::TEST;
use crate::sequence::Sequence;
use crate::{reasons, store, wire};
use coffer_base::{Owner, Timestamp, id::random_id, limit};
use coffer_dialect::{ApiError, Object};
use coffer_kernel::{Applied, Arguments, Ctx, Definition, Example, Failure, WriteOperation};
use coffer_storage::Tx;
use std::sync::Arc;

/// `POST /v1/webhook_endpoints/:id/test`.
pub(crate) struct Test(pub(crate) Arc<Sequence>);

impl WriteOperation for Test {
    const DEFINITION: Definition = Definition::write(
        "webhook_endpoints.test",
        "/v1/webhook_endpoints/:id/test",
        WEBHOOK_WRITE,
        &[],
    )
    .example(Example::EMPTY.on(CREATE));
    type Input = String;
    type Out = Attempt;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<String, ApiError> {
        arguments.params.only(&[])?;
        Ok(arguments.id().to_owned())
    }

    async fn apply(
        &self,
        id: &String,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Attempt>, Failure> {
        let endpoint = of_path(tx, ctx, id).await?;
        if !endpoint.enabled {
            let message = "The endpoint is disabled. Enable it first.";
            return Err(ApiError::invalid(message).because(&reasons::NOT_ENABLED).into());
        }
        let event = random_id("evt", limit::RANDOM_ID_CHARACTERS, ctx.random());
        let seq = self.0.next(ctx.now());
        let attempt = once(&endpoint, seq, &event, TEST, &ctx.owner(), ctx.now());
        store::attempt::insert(tx, &attempt);
        Ok(Applied { out: attempt, subject: id.clone(), fingerprint: None })
    }

    fn render(&self, attempt: &Attempt, _ctx: &Ctx) -> Object {
        wire::attempt(attempt)
    }
}

/// An attempt that is made at once, and not again.
pub(super) fn once(
    endpoint: &Endpoint,
    seq: i64,
    event: &str,
    kind: &str,
    owner: &Owner,
    now: Timestamp,
) -> Attempt {
    Attempt {
        endpoint: endpoint.id.clone(),
        seq,
        event: event.to_owned(),
        kind: kind.to_owned(),
        owner: owner.clone(),
        number: 1,
        once: true,
        status: Status::Waiting,
        due: Timestamp::from_unix(0),
        happened: now,
        at: now,
        http_status: None,
        error: None,
        milliseconds: None,
        next: None,
    }
}
