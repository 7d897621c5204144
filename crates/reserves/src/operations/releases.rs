//! Releases (reserves §5).

mod create;
mod update;

pub(crate) use create::Create;
pub(crate) use update::Update;

use super::RESERVE_RELEASE_READ;
use super::holds;
use crate::operations::examples;
use crate::release::Release;
use crate::store::{hold as held, plan as plans, release as store};
use crate::turn::Turn;
use crate::wire::{self, Expanded, View};
use coffer_base::{Currency, limit};
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{Collection, Ctx, Definition, PagePosition};
use coffer_storage::{StorageError, Store};

/// What errors call a release.
const KIND: &str = "reserve_release";

/// What can be expanded.
const EXPANDABLE: &[&str] = &["reserve_hold", "reserve_plan"];

/// `GET /v1/reserve/releases` and `GET /v1/reserve/releases/:id`.
#[derive(Clone, Copy)]
pub(crate) struct Releases;

/// What a list of releases is narrowed to, by the ids of other objects.
pub(crate) struct Filter {
    currency: Option<Currency>,
    hold: Option<String>,
    plan: Option<String>,
}

impl Collection for Releases {
    const KIND: &'static str = KIND;
    const LIST: Definition = Definition::list(
        "reserve.releases.list",
        "/v1/reserve/releases",
        RESERVE_RELEASE_READ,
        EXPANDABLE,
    );
    const RETRIEVE: Definition = Definition::retrieve(
        "reserve.releases.retrieve",
        "/v1/reserve/releases/:id",
        RESERVE_RELEASE_READ,
        EXPANDABLE,
    )
    .example(examples::RELEASES_RETRIEVE);
    const FILTERS: &'static [&'static str] = &["currency", "reserve_hold", "reserve_plan"];
    type Filter = Filter;
    type Item = Release;

    fn filter(&self, fields: &Fields<'_>) -> Result<Filter, ApiError> {
        let id = |name| fields.optional_plain(name, limit::PROCESSOR_ID_CHARACTERS);
        Ok(Filter {
            currency: fields.optional_currency("currency")?,
            hold: id("reserve_hold")?,
            plan: id("reserve_plan")?,
        })
    }

    async fn find(
        &self,
        store: &Store,
        ctx: &Ctx,
        id: &str,
    ) -> Result<Option<Release>, StorageError> {
        store::read(store, &ctx.owner(), id).await
    }

    fn seq(release: &Release) -> i64 {
        release.seq
    }

    async fn page(
        &self,
        store: &Store,
        ctx: &Ctx,
        position: PagePosition,
        filter: &Filter,
    ) -> Result<Vec<Release>, StorageError> {
        let owner = ctx.owner();
        let Filter { currency, hold, plan } = filter;
        let mut narrowed = store::Filter { currency: *currency, hold: None, plan: plan.clone() };
        if let Some(id) = hold {
            // What nobody has made narrows the list to nothing.
            let Some(hold) = held::read(store, &owner, id).await? else { return Ok(Vec::new()) };
            narrowed.hold = Some(hold.seq);
        }
        store::page(store, &owner, position, &narrowed).await
    }

    async fn render(
        &self,
        store: &Store,
        ctx: &Ctx,
        releases: Vec<Release>,
    ) -> Result<Vec<Object>, StorageError> {
        let (owner, view) = (ctx.owner(), View::of(ctx));
        let mut objects = Vec::with_capacity(releases.len());
        for release in releases {
            let mut expanded = Expanded::default();
            if let (true, Some(id)) = (ctx.expands("reserve_hold"), &release.hold)
                && let Some(hold) = held::read(store, &owner, id).await?
            {
                let details = store::read_details(store, &owner, hold.seq).await?;
                let object = wire::hold(&hold, &details, Expanded::default(), &view);
                expanded.reserve_hold = Some(object);
            }
            if let (true, Some(id)) = (ctx.expands("reserve_plan"), &release.plan) {
                let plan = plans::read(store, &owner, id).await?;
                expanded.reserve_plan = plan.map(|plan| wire::plan(&plan, &view));
            }
            objects.push(wire::release(&release, expanded, &view));
        }
        Ok(objects)
    }
}

/// What a request that changes a release expands in its answer.
async fn expand(
    turn: &mut Turn<'_, '_>,
    ctx: &Ctx,
    release: &Release,
) -> Result<Expanded, StorageError> {
    let mut expanded = Expanded::default();
    if let (true, Some(id)) = (ctx.expands("reserve_hold"), &release.hold)
        && let Some(hold) = held::find(turn.tx, turn.owner, id).await?
    {
        let details = store::details(turn.tx, turn.owner, hold.seq).await?;
        let object = wire::hold(&hold, &details, Expanded::default(), &View::of(ctx));
        expanded.reserve_hold = Some(object);
    }
    if let (true, Some(id)) = (ctx.expands("reserve_plan"), &release.plan) {
        let plan = plans::find(turn.tx, turn.owner, id).await?;
        expanded.reserve_plan = plan.map(|plan| wire::plan(&plan, &View::of(ctx)));
    }
    Ok(expanded)
}

/// A release as it is shown.
pub(crate) struct Shown {
    release: Release,
    expanded: Expanded,
}

impl Shown {
    fn render(&self, ctx: &Ctx) -> Object {
        wire::release(&self.release, self.expanded.clone(), &View::of(ctx))
    }
}

/// A hold that a parameter names.
fn no_such_hold(id: &str) -> ApiError {
    ApiError::no_such(holds::KIND, id, "reserve_hold")
}
