//! Releases: listing and retrieving them, and what creating and changing one share.

mod create;
mod update;

pub(crate) use create::Create;
pub(crate) use update::Update;

use super::RESERVE_RELEASE_READ;
use super::holds;
use crate::expand::{IN_RELEASE, ReleaseLinks};
use crate::model::release::Release;
use crate::operations::examples;
use crate::store::release::Filter;
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{Collection, Ctx, Definition, PagePosition};
use coffer_ledger::sql;
use coffer_storage::{StorageError, Store};

/// What errors call a release.
const KIND: &str = "reserve_release";

/// `GET /v1/reserve/releases` and `GET /v1/reserve/releases/:id`.
#[derive(Clone, Copy)]
pub(crate) struct Releases;

impl Collection for Releases {
    const KIND: &'static str = KIND;
    const LIST: Definition = Definition::list(
        "reserve.releases.list",
        "/v1/reserve/releases",
        RESERVE_RELEASE_READ,
        IN_RELEASE,
    )
    .of_stripe();
    const RETRIEVE: Definition = Definition::retrieve(
        "reserve.releases.retrieve",
        "/v1/reserve/releases/:id",
        RESERVE_RELEASE_READ,
        IN_RELEASE,
    )
    .of_stripe()
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
        coffer_ledger::page(store, &ctx.owner(), position, filter).await
    }

    async fn render(
        &self,
        mut store: &Store,
        ctx: &Ctx,
        releases: Vec<Release>,
    ) -> Result<Vec<Object>, StorageError> {
        let links = ReleaseLinks::read(&mut store, ctx, "", &releases).await?;
        Ok(releases.iter().map(|release| links.render(release)).collect())
    }
}

/// The error for a parameter that names no hold.
fn no_such_hold(id: &str) -> ApiError {
    ApiError::no_such(holds::KIND, id, "reserve_hold")
}
