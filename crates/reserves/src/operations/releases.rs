//! Releases: listing and retrieving them, and what creating and changing one share.

mod create;
mod update;

pub(crate) use create::Create;
pub(crate) use update::Update;

use super::holds::{self, details_of, plans_of};
use super::{RESERVE_RELEASE_READ, distinct};
use crate::model::hold::Hold;
use crate::model::plan::Plan;
use crate::model::release::{Release, ReleaseDetail};
use crate::operations::examples;
use crate::store::release::Filter;
use crate::store::{hold as hold_store, release as store};
use crate::wire::{self, Expanded, View};
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{Collection, Ctx, Definition, PagePosition};
use coffer_ledger::{LedgerTx, sql};
use coffer_storage::{StorageError, Store};
use std::collections::BTreeMap;

/// What errors call a release.
const KIND: &str = "reserve_release";

/// What can be expanded. A release of many holds shows none, and expands none.
const EXPANDABLE: &[&str] = &["reserve_hold", "reserve_plan"];

/// `GET /v1/reserve/releases` and `GET /v1/reserve/releases/:id`.
#[derive(Clone, Copy)]
pub(crate) struct Releases;

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
    /// `reserve_hold` also finds the releases of many holds, which show none.
    const FILTERS: &'static [&'static str] = &["currency", "reserve_hold", "reserve_plan"];
    type Filter = Filter;
    type Item = Release;

    fn filter(&self, fields: &Fields<'_>) -> Result<Filter, ApiError> {
        let id = |name| fields.id_filter(name);
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
        sql::read(store, &ctx.owner(), id).await
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
        sql::page(store, &ctx.owner(), position, filter).await
    }

    async fn render(
        &self,
        store: &Store,
        ctx: &Ctx,
        releases: Vec<Release>,
    ) -> Result<Vec<Object>, StorageError> {
        let linked = Linked::read(store, ctx, &releases).await?;
        let view = View::of(ctx);
        Ok(releases.iter().map(|release| linked.render(release, &view)).collect())
    }
}

/// What releases of a page expand, read with one statement for each kind; empty where the request
/// does not ask for it.
struct Linked {
    /// By id.
    holds: BTreeMap<String, Hold>,
    /// The releases of `holds`, which an expanded hold shows, by the numbers of the holds.
    details: BTreeMap<i64, Vec<ReleaseDetail>>,
    /// By id.
    plans: BTreeMap<String, Plan>,
}

impl Linked {
    async fn read(store: &Store, ctx: &Ctx, releases: &[Release]) -> Result<Self, StorageError> {
        let owner = ctx.owner();
        let mut linked =
            Self { holds: BTreeMap::new(), details: BTreeMap::new(), plans: BTreeMap::new() };
        if ctx.expands("reserve_hold")
            && let Some(ids) = distinct(releases.iter().filter_map(|each| each.hold.as_deref()))
        {
            let holds = hold_store::of_page(store, &owner, ids).await?;
            linked.details = details_of(store, &owner, &holds).await?;
            linked.holds = holds.into_iter().map(|hold| (hold.id.clone(), hold)).collect();
        }
        if ctx.expands("reserve_plan") {
            let ids = releases.iter().filter_map(|each| each.plan.as_deref());
            linked.plans = plans_of(store, &owner, ids).await?;
        }
        Ok(linked)
    }

    fn render(&self, release: &Release, view: &View) -> Object {
        let hold = release.hold.as_ref().and_then(|id| self.holds.get(id));
        let plan = release.plan.as_ref().and_then(|id| self.plans.get(id));
        let expanded = Expanded {
            reserve_hold: hold.map(|hold| self.render_hold(hold, view)),
            reserve_plan: plan.map(|plan| wire::plan(plan, view)),
            source_charge: None,
        };
        wire::release(release, expanded, view)
    }

    /// An expanded hold, in which nothing is expanded in turn.
    fn render_hold(&self, hold: &Hold, view: &View) -> Object {
        let details = self.details.get(&hold.seq).map_or(&[][..], Vec::as_slice);
        wire::hold(hold, details, Expanded::default(), view)
    }
}

/// What a request that changes a release expands in its response, as its transaction sees it: the
/// hold after the release.
async fn expand(
    ledger: &mut LedgerTx<'_, '_>,
    ctx: &Ctx,
    release: &Release,
) -> Result<Expanded, StorageError> {
    let mut expanded = Expanded::default();
    if let (true, Some(id)) = (ctx.expands("reserve_hold"), &release.hold)
        && let Some(hold) = sql::find::<Hold>(ledger.tx, ledger.owner, id).await?
    {
        let details = store::details(ledger.tx, ledger.owner, hold.seq).await?;
        let object = wire::hold(&hold, &details, Expanded::default(), &View::of(ctx));
        expanded.reserve_hold = Some(object);
    }
    if let (true, Some(id)) = (ctx.expands("reserve_plan"), &release.plan) {
        let plan = sql::find::<Plan>(ledger.tx, ledger.owner, id).await?;
        expanded.reserve_plan = plan.map(|plan| wire::plan(&plan, &View::of(ctx)));
    }
    Ok(expanded)
}

/// A release, and what the response shows with it.
pub(crate) struct ExpandedRelease {
    release: Release,
    expanded: Expanded,
}

impl ExpandedRelease {
    fn render(&self, ctx: &Ctx) -> Object {
        wire::release(&self.release, self.expanded.clone(), &View::of(ctx))
    }
}

/// The error for a parameter that names no hold.
fn no_such_hold(id: &str) -> ApiError {
    ApiError::no_such(holds::KIND, id, "reserve_hold")
}
