//! Listing endpoints, and reading one.

use super::{CREATE, WEBHOOK_READ, not_found, tombstones};
use crate::{store, wire};
use coffer_dialect::{ApiError, Object, PageRequest, list};
use coffer_kernel::{
    Arguments, Ctx, Definition, Example, Failure, Page, PagePosition, ReadOperation,
    position_of_tombstone,
};
use coffer_storage::{StorageError, Store};

/// `GET /v1/webhook_endpoints`.
pub(crate) struct List;

impl ReadOperation for List {
    const DEFINITION: Definition =
        Definition::list("webhook_endpoints.list", wire::URL, WEBHOOK_READ, &[]).of_stripe();
    type Input = PageRequest;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<PageRequest, ApiError> {
        PageRequest::parse(&arguments.params.only(&PageRequest::PARAMS)?)
    }

    async fn run(
        &self,
        request: &PageRequest,
        ctx: &Ctx,
        store: &Store,
    ) -> Result<Object, Failure> {
        let seq = match &request.cursor {
            None => None,
            Some((_, id)) => seq_of_cursor(store, ctx, id).await?,
        };
        let position = PagePosition::of(request, wire::KIND, seq)?;
        let page = Page::cut(store::page(store, &ctx.owner(), position).await?, position);
        ctx.audit_amount(page.items.len());
        let objects = page.items.iter().map(|one| wire::endpoint(one, None)).collect();
        Ok(list(objects, page.has_more, wire::URL))
    }
}

/// Where the cursor's endpoint stands, or stood before it was deleted.
async fn seq_of_cursor(store: &Store, ctx: &Ctx, id: &str) -> Result<Option<i64>, StorageError> {
    if let Some(endpoint) = store::find(store, &ctx.owner(), id).await? {
        return Ok(Some(endpoint.seq));
    }
    let (tenant, collection) = tombstones(ctx);
    position_of_tombstone(store, &tenant, &collection, id).await
}

/// `GET /v1/webhook_endpoints/:id`.
pub(crate) struct Retrieve;

impl ReadOperation for Retrieve {
    const DEFINITION: Definition = Definition::retrieve(
        "webhook_endpoints.retrieve",
        "/v1/webhook_endpoints/:id",
        WEBHOOK_READ,
        &[],
    )
    .of_stripe()
    .example(Example::EMPTY.on(CREATE));
    type Input = String;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<String, ApiError> {
        arguments.params.only(&[])?;
        Ok(arguments.id().to_owned())
    }

    async fn run(&self, id: &String, ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        let endpoint = store::find(store, &ctx.owner(), id).await?;
        let endpoint = endpoint.ok_or_else(|| not_found(id))?;
        ctx.audit_subject(id);
        Ok(wire::endpoint(&endpoint, None))
    }
}
