//! Reading events back: `events.list` and `events.retrieve`.

use crate::collection::Collection;
use crate::context::Ctx;
use crate::definition::Definition;
use crate::event::{self, EventFilter, StoredEvent};
use crate::page::PagePosition;
use crate::principal::READS_EVENTS;
use coffer_base::{Timestamp, limit};
use coffer_dialect::{ApiError, Fields, Object};
use coffer_storage::{StorageError, Store};

/// The permission that restricted keys need.
const EVENT_READ: &str = READS_EVENTS;

/// What can be expanded: hashes, which changes nothing. Events were rendered when they happened.
const EXPANDABLE: &[&str] = &["data", "request"];

/// `GET /v1/events` and `GET /v1/events/:id`.
#[derive(Clone, Copy)]
pub(crate) struct Events;

impl Collection for Events {
    const KIND: &'static str = "event";
    const LIST: Definition =
        Definition::list("events.list", "/v1/events", EVENT_READ, EXPANDABLE).of_stripe();
    const RETRIEVE: Definition =
        Definition::retrieve("events.retrieve", "/v1/events/:id", EVENT_READ, EXPANDABLE)
            .of_stripe();
    const FILTERS: &'static [&'static str] = &[
        "type",
        "types",
        "delivery_success",
        "created",
        "created[gt]",
        "created[gte]",
        "created[lt]",
        "created[lte]",
    ];
    type Filter = EventFilter;
    type Item = StoredEvent;

    fn filter(&self, fields: &Fields<'_>) -> Result<EventFilter, ApiError> {
        EventFilter::parse(fields)
    }

    async fn find(
        &self,
        store: &Store,
        ctx: &Ctx,
        id: &str,
    ) -> Result<Option<StoredEvent>, StorageError> {
        event::find(store, &ctx.owner(), id, since(ctx)).await
    }

    fn seq(event: &StoredEvent) -> i64 {
        event.seq
    }

    async fn page(
        &self,
        store: &Store,
        ctx: &Ctx,
        position: PagePosition,
        filter: &EventFilter,
    ) -> Result<Vec<StoredEvent>, StorageError> {
        event::page(store, &ctx.owner(), position, filter, since(ctx)).await
    }

    async fn render(
        &self,
        _store: &Store,
        ctx: &Ctx,
        events: Vec<StoredEvent>,
    ) -> Result<Vec<Object>, StorageError> {
        Ok(events.into_iter().map(|event| event.render(&ctx.owner())).collect())
    }
}

/// The oldest event that is still shown, whether or not older ones are pruned yet.
fn since(ctx: &Ctx) -> Timestamp {
    ctx.now().plus(-limit::EVENT_SECONDS)
}
