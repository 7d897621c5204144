//! Holds: listing and retrieving them, and what creating and changing one share.

mod create;
mod update;

pub(crate) use create::Create;
pub(crate) use update::Update;

use super::RESERVE_HOLD_READ;
use crate::expand::{HoldLinks, IN_HOLD};
use crate::model::hold::Hold;
use crate::operations::examples;
use crate::store::hold::Filter;
use coffer_base::Timestamp;
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{Collection, Ctx, Definition, PagePosition};
use coffer_ledger::params::optional_time;
use coffer_ledger::sql;
use coffer_storage::{StorageError, Store};

/// What errors call a hold.
pub(crate) const KIND: &str = "reserve_hold";

/// The date in a hold's schedule, by its path: what errors name as the parameter.
const RELEASE_AFTER: &str = "release_schedule[release_after]";

/// `release_schedule[release_after]`, required within its block.
fn release_after(block: &Fields<'_>) -> Result<Timestamp, ApiError> {
    let name = "release_after";
    let sent = optional_time(block, name)?;
    sent.ok_or_else(|| ApiError::parameter_missing(block.path(name)))
}

/// `GET /v1/reserve/holds` and `GET /v1/reserve/holds/:id`.
#[derive(Clone, Copy)]
pub(crate) struct Holds;

impl Collection for Holds {
    const KIND: &'static str = KIND;
    const LIST: Definition =
        Definition::list("reserve.holds.list", "/v1/reserve/holds", RESERVE_HOLD_READ, IN_HOLD)
            .of_stripe();
    const RETRIEVE: Definition = Definition::retrieve(
        "reserve.holds.retrieve",
        "/v1/reserve/holds/:id",
        RESERVE_HOLD_READ,
        IN_HOLD,
    )
    .of_stripe()
    .example(examples::HOLDS_RETRIEVE);
    /// An id that names nothing makes the list empty and is no error.
    const FILTERS: &'static [&'static str] = &[
        "currency",
        "is_releasable",
        "reason",
        "reserve_plan",
        "reserve_release",
        "source_charge",
    ];
    type Filter = Filter;
    type Item = Hold;

    fn filter(&self, fields: &Fields<'_>) -> Result<Filter, ApiError> {
        let id = |name| fields.id_filter(name);
        let reasons = [("charge", true), ("standalone", false)];
        Ok(Filter {
            currency: fields.optional_currency("currency")?,
            is_releasable: fields.optional_bool("is_releasable")?,
            of_charges: fields.optional_choice("reason", &reasons)?,
            plan: id("reserve_plan")?,
            release: id("reserve_release")?,
            charge: id("source_charge")?,
        })
    }

    async fn find(&self, store: &Store, ctx: &Ctx, id: &str) -> Result<Option<Hold>, StorageError> {
        sql::read(store, &ctx.owner(), id).await
    }

    fn seq(hold: &Hold) -> i64 {
        hold.seq
    }

    async fn page(
        &self,
        store: &Store,
        ctx: &Ctx,
        position: PagePosition,
        filter: &Filter,
    ) -> Result<Vec<Hold>, StorageError> {
        coffer_ledger::page(store, &ctx.owner(), position, filter).await
    }

    async fn render(
        &self,
        mut store: &Store,
        ctx: &Ctx,
        holds: Vec<Hold>,
    ) -> Result<Vec<Object>, StorageError> {
        let links = HoldLinks::read(&mut store, ctx, "", &holds).await?;
        Ok(holds.iter().map(|hold| links.render(hold)).collect())
    }
}
