//! Changing an endpoint. What waits goes to the new URL.

use super::{CREATE, WEBHOOK_WRITE, description, of_path};
use crate::endpoint::Endpoint;
use crate::event_type::EventTypes;
use crate::url::{self, UrlRules};
use crate::{limits, store, wire};
use coffer_dialect::{ApiError, MetadataChange, Object};
use coffer_kernel::outbound::Destinations;
use coffer_kernel::{Applied, Arguments, Ctx, Definition, Example, Failure, WriteOperation};
use coffer_storage::Tx;
use std::sync::Arc;

/// `POST /v1/webhook_endpoints/:id`.
pub(crate) struct Update {
    pub(crate) rules: UrlRules,
    pub(crate) destinations: Arc<Destinations>,
}

/// What is to change.
pub(crate) struct Input {
    id: String,
    url: Option<String>,
    events: Option<EventTypes>,
    disabled: Option<bool>,
    description: Option<Option<String>>,
    metadata: Option<MetadataChange>,
}

impl WriteOperation for Update {
    const DEFINITION: Definition = Definition::write(
        "webhook_endpoints.update",
        "/v1/webhook_endpoints/:id",
        WEBHOOK_WRITE,
        &[],
    )
    .of_stripe()
    .example(Example::of(&[("metadata[k]", "changed")]).on(CREATE).or("metadata[k]", "otherwise"));
    type Input = Input;
    type Out = Endpoint;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Input, ApiError> {
        let fields = arguments.params.only(&[
            "url",
            "enabled_events",
            "disabled",
            "description",
            "metadata",
        ])?;
        Ok(Input {
            id: arguments.id().to_owned(),
            url: fields.optional_plain("url", limits::URL_CHARACTERS)?,
            events: EventTypes::parse(&fields)?,
            disabled: fields.optional_bool("disabled")?,
            description: description(&fields)?,
            metadata: fields.metadata()?,
        })
    }

    fn check(&self, input: &Input, ctx: &Ctx) -> Result<(), ApiError> {
        let Some(url) = &input.url else { return Ok(()) };
        url::check(url, ctx.tenant().mode, self.rules, &self.destinations)
    }

    async fn apply(
        &self,
        input: &Input,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Endpoint>, Failure> {
        let mut endpoint = of_path(tx, ctx, &input.id).await?;
        if let Some(url) = &input.url {
            endpoint.url.clone_from(url);
        }
        if let Some(events) = &input.events {
            endpoint.events.clone_from(events);
        }
        if let Some(description) = &input.description {
            endpoint.description.clone_from(description);
        }
        if let Some(change) = &input.metadata {
            endpoint.metadata = change.apply(&endpoint.metadata)?;
        }
        let was_enabled = endpoint.enabled;
        endpoint.enabled = input.disabled.map_or(was_enabled, |disabled| !disabled);
        store::update(tx, &endpoint, endpoint.enabled && !was_enabled);
        let subject = endpoint.id.clone();
        Ok(Applied { out: endpoint, subject, fingerprint: None })
    }

    fn render(&self, endpoint: &Endpoint, _ctx: &Ctx) -> Object {
        wire::endpoint(endpoint, None)
    }
}
