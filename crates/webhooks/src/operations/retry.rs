//! Sending an event again, by hand: one attempt, now.

use super::test::once;
use super::{WEBHOOK_WRITE, since};
use crate::sequence::Sequence;
use crate::{reasons, store, wire};
use coffer_base::limit;
use coffer_dialect::{ApiError, Object};
use coffer_kernel::{Applied, Arguments, Ctx, Definition, Example, Failure, WriteOperation, event};
use coffer_storage::Tx;
use std::sync::Arc;

/// `POST /v1/events/:id/retry`, as `stripe events resend` calls it.
pub(crate) struct Retry(pub(crate) Arc<Sequence>);

/// Which event, to which endpoint.
pub(crate) struct Input {
    event: String,
    endpoint: String,
    account: Option<String>,
}

impl WriteOperation for Retry {
    const DEFINITION: Definition =
        Definition::write("events.retry", "/v1/events/:id/retry", WEBHOOK_WRITE, &[]).example(
            Example::of(&[("webhook_endpoint", "{webhook_endpoints.create}")]).on("events.list"),
        );
    type Input = Input;
    type Out = Object;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Input, ApiError> {
        let fields = arguments.params.only(&["webhook_endpoint", "account", "for_stripecli"])?;
        if fields.optional_bool("for_stripecli")? == Some(true) {
            return Err(ApiError::invalid_param(
                "for_stripecli",
                "No listener is connected: send webhook_endpoint, or have `coffer listen` follow \
                 events.",
            )
            .because(&reasons::NO_LISTENER));
        }
        Ok(Input {
            event: arguments.id().to_owned(),
            endpoint: fields.required_plain("webhook_endpoint", limit::ID_CHARACTERS)?,
            account: fields.optional_plain("account", limit::ID_CHARACTERS)?,
        })
    }

    async fn apply(
        &self,
        input: &Input,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Object>, Failure> {
        let owner = ctx.owner();
        if input.account.as_ref().is_some_and(|named| named != owner.account.as_str()) {
            let message = "The account is not whom the request is about: see Stripe-Account.";
            return Err(ApiError::invalid_param("account", message)
                .because(&reasons::OTHER_ACCOUNT)
                .into());
        }
        let found = event::find_in(tx, &owner, &input.event, since(ctx.now())).await?;
        let event = found.ok_or_else(|| ApiError::not_found("event", &input.event, "id"))?;
        let param = "webhook_endpoint";
        let endpoint = store::find_of_platform(tx, &owner, &input.endpoint).await?;
        let own = endpoint.filter(|one| one.connect || one.owner == owner);
        let endpoint = own.ok_or_else(|| ApiError::no_such(wire::KIND, &input.endpoint, param))?;
        if !endpoint.enabled || !endpoint.gets(&owner, &event.kind) {
            let message = format!(
                "The endpoint is disabled, or does not get events of the type '{}'.",
                event.kind
            );
            return Err(ApiError::invalid_param(param, message)
                .because(&reasons::NOT_ENABLED)
                .into());
        }
        let last = store::attempt::last(tx, &endpoint.id, &input.event).await?;
        let seq = self.0.next_behind(last, ctx.now());
        let attempt = once(&endpoint, seq, &input.event, &event.kind, &owner, ctx.now());
        store::attempt::insert(tx, &attempt);
        let subject = input.event.clone();
        Ok(Applied { out: event.render(&owner), subject, fingerprint: None })
    }

    fn render(&self, event: &Object, _ctx: &Ctx) -> Object {
        event.clone()
    }
}
