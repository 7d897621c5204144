//! Holds: listing and retrieving them, and what creating and changing one share.

mod create;
mod update;

pub(crate) use create::Create;
pub(crate) use update::Update;

use super::{RESERVE_HOLD_READ, distinct};
use crate::model::hold::Hold;
use crate::model::plan::Plan;
use crate::model::release::ReleaseDetail;
use crate::operations::examples;
use crate::store::hold::Filter;
use crate::store::{plan as plans, release as releases};
use crate::wire::{self, Expanded, View};
use coffer_base::{Owner, Timestamp};
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{Collection, Ctx, Definition, PagePosition};
use coffer_ledger::params::optional_time;
use coffer_ledger::{Charge, charges_of_page, sql};
use coffer_storage::{StorageError, Store, Value};
use std::collections::BTreeMap;

/// What errors call a hold.
pub(crate) const KIND: &str = "reserve_hold";

/// What can be expanded. `release_details` are always shown, and expanding them changes nothing.
const EXPANDABLE: &[&str] = &["release_details", "reserve_plan", "source_charge"];

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
        Definition::list("reserve.holds.list", "/v1/reserve/holds", RESERVE_HOLD_READ, EXPANDABLE);
    const RETRIEVE: Definition = Definition::retrieve(
        "reserve.holds.retrieve",
        "/v1/reserve/holds/:id",
        RESERVE_HOLD_READ,
        EXPANDABLE,
    )
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
        sql::page(store, &ctx.owner(), position, filter).await
    }

    async fn render(
        &self,
        store: &Store,
        ctx: &Ctx,
        holds: Vec<Hold>,
    ) -> Result<Vec<Object>, StorageError> {
        let linked = Linked::read(store, ctx, &holds).await?;
        let view = View::of(ctx);
        Ok(holds.iter().map(|hold| linked.render(hold, &view)).collect())
    }
}

/// What holds of a page show of other objects, read with one statement for each kind, however many
/// holds there are. Plans and charges are read only if the request expands them.
pub(super) struct Linked {
    /// By the numbers of the holds; a hold without releases has none.
    details: BTreeMap<i64, Vec<ReleaseDetail>>,
    /// By id.
    plans: BTreeMap<String, Plan>,
    /// By the processor's id.
    charges: BTreeMap<String, Charge>,
    livemode: bool,
}

impl Linked {
    /// Reads what `holds` are linked with: at most three statements.
    async fn read(store: &Store, ctx: &Ctx, holds: &[Hold]) -> Result<Self, StorageError> {
        let owner = ctx.owner();
        let mut linked = Self {
            details: details_of(store, &owner, holds).await?,
            plans: BTreeMap::new(),
            charges: BTreeMap::new(),
            livemode: owner.mode.is_live(),
        };
        if ctx.expands("reserve_plan") {
            let ids = holds.iter().filter_map(Hold::plan).map(|plan| plan.id.as_str());
            linked.plans = plans_of(store, &owner, ids).await?;
        }
        if ctx.expands("source_charge")
            && let Some(ids) = distinct(holds.iter().filter_map(Hold::charge))
        {
            let charges = charges_of_page(store, &owner, ids).await?;
            linked.charges = charges.into_iter().map(|each| (each.id.clone(), each)).collect();
        }
        Ok(linked)
    }

    /// One hold of the page. An object that was not read is shown as its id.
    fn render(&self, hold: &Hold, view: &View) -> Object {
        let plan = hold.plan().and_then(|plan| self.plans.get(&plan.id));
        let charge = hold.charge().and_then(|charge| self.charges.get(charge));
        let expanded = Expanded {
            reserve_hold: None,
            reserve_plan: plan.map(|plan| wire::plan(plan, view)),
            source_charge: charge.map(|charge| wire::source_charge(charge, self.livemode)),
        };
        let details = self.details.get(&hold.seq).map_or(&[][..], Vec::as_slice);
        wire::hold(hold, details, expanded, view)
    }
}

/// The releases of holds of a page, by the numbers of the holds. Holds of which nothing was
/// released are not asked for.
pub(super) async fn details_of(
    store: &Store,
    owner: &Owner,
    holds: &[Hold],
) -> Result<BTreeMap<i64, Vec<ReleaseDetail>>, StorageError> {
    let released = holds.iter().filter(|hold| hold.released > 0);
    let numbers: Vec<Value> = released.map(|hold| Value::Int(hold.seq)).collect();
    if numbers.is_empty() {
        return Ok(BTreeMap::new());
    }
    releases::details_of_page(store, owner, numbers).await
}

/// The plans of a page, by id.
pub(super) async fn plans_of<'a>(
    store: &Store,
    owner: &Owner,
    ids: impl Iterator<Item = &'a str>,
) -> Result<BTreeMap<String, Plan>, StorageError> {
    let Some(ids) = distinct(ids) else { return Ok(BTreeMap::new()) };
    let plans = plans::of_page(store, owner, ids).await?;
    Ok(plans.into_iter().map(|plan| (plan.id.clone(), plan)).collect())
}
