//! What became of deliveries: the attempts of an endpoint, and of an event.

use super::{CREATE, WEBHOOK_READ, not_found, since};
use crate::endpoint::Attempt;
use crate::{store, wire};
use coffer_dialect::{ApiError, Object, PageRequest};
use coffer_kernel::{
    Access, Arguments, Ctx, Definition, Example, Failure, Page, PagePosition, ReadOperation, event,
};
use coffer_storage::Store;

/// Who may look.
const READ: Access = Access::Tenant { permission: WEBHOOK_READ };

/// Of what, and which page.
pub(crate) struct Input {
    id: String,
    page: PageRequest,
}

fn parse(arguments: &Arguments<'_>) -> Result<Input, ApiError> {
    let page = PageRequest::parse(&arguments.params.only(&PageRequest::PARAMS)?)?;
    Ok(Input { id: arguments.id().to_owned(), page })
}

impl Input {
    fn position(&self) -> Result<PagePosition, ApiError> {
        let seq = self.page.cursor.as_ref().and_then(|(_, id)| Attempt::seq_of(id));
        PagePosition::of(&self.page, "webhook attempt", seq)
    }

    fn list(&self, ctx: &Ctx, rows: Vec<Attempt>, position: PagePosition, of: &str) -> Object {
        let page = Page::cut(rows, position);
        ctx.audit_amount(page.items.len());
        let objects = page.items.iter().map(wire::attempt).collect();
        wire::attempts(objects, page.has_more, format!("{of}/{}/attempts", self.id))
    }
}

/// `GET /v1/webhook_endpoints/:id/attempts`.
pub(crate) struct OfEndpoint;

impl ReadOperation for OfEndpoint {
    const DEFINITION: Definition =
        Definition::get("webhook_endpoints.attempts", "/v1/webhook_endpoints/:id/attempts", READ)
            .example(Example::EMPTY.on(CREATE));
    type Input = Input;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Input, ApiError> {
        parse(arguments)
    }

    async fn run(&self, input: &Input, ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        let position = input.position()?;
        let endpoint = store::find(store, &ctx.owner(), &input.id).await?;
        let endpoint = endpoint.ok_or_else(|| not_found(&input.id))?;
        let rows = store::attempt::page_of_endpoint(store, &endpoint.id, position).await?;
        Ok(input.list(ctx, rows, position, wire::URL))
    }
}

/// `GET /v1/events/:id/attempts`.
pub(crate) struct OfEvent;

impl ReadOperation for OfEvent {
    const DEFINITION: Definition =
        Definition::get("events.attempts", "/v1/events/:id/attempts", READ)
            .example(Example::EMPTY.on("events.list"));
    type Input = Input;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Input, ApiError> {
        parse(arguments)
    }

    async fn run(&self, input: &Input, ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        let position = input.position()?;
        let owner = ctx.owner();
        if event::find(store, &owner, &input.id, since(ctx.now())).await?.is_none() {
            return Err(ApiError::not_found("event", &input.id, "id").into());
        }
        let rows = store::attempt::page_of_event(store, &owner, &input.id, position).await?;
        Ok(input.list(ctx, rows, position, "/v1/events"))
    }
}
