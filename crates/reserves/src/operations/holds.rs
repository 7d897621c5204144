//! Holds (reserves §3).

mod create;
mod update;

pub(crate) use create::Create;
pub(crate) use update::Update;

use super::{RESERVE_HOLD_READ, optional_time};
use crate::hold::Hold;
use crate::operations::examples;
use crate::store::{charge as charges, hold as store, plan as plans, release as releases};
use crate::wire::{self, Expanded, View};
use coffer_base::{Currency, Timestamp, limit};
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{Collection, Ctx, Definition, PagePosition};
use coffer_storage::{StorageError, Store};

/// What errors call a hold.
pub(crate) const KIND: &str = "reserve_hold";

/// What can be expanded. `release_details` are always shown: asking for them changes nothing.
const EXPANDABLE: &[&str] = &["release_details", "reserve_plan", "source_charge"];

/// The date in a hold's schedule, by its path.
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

/// What a list of holds is narrowed to, by the ids of other objects.
pub(crate) struct Filter {
    currency: Option<Currency>,
    is_releasable: Option<bool>,
    of_charges: Option<bool>,
    plan: Option<String>,
    release: Option<String>,
    charge: Option<String>,
}

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
        let id = |name| fields.optional_plain(name, limit::PROCESSOR_ID_CHARACTERS);
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
        store::read(store, &ctx.owner(), id).await
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
        let owner = ctx.owner();
        // What nobody has made narrows the list to nothing.
        let mut narrowed = store::Filter {
            currency: filter.currency,
            is_releasable: filter.is_releasable,
            of_charges: filter.of_charges,
            charge: filter.charge.clone(),
            plan: None,
            release: None,
        };
        if let Some(id) = &filter.plan {
            let Some(plan) = plans::read(store, &owner, id).await? else { return Ok(Vec::new()) };
            narrowed.plan = Some(plan.seq);
        }
        if let Some(id) = &filter.release {
            let found = releases::read(store, &owner, id).await?;
            let Some(release) = found else { return Ok(Vec::new()) };
            narrowed.release = Some(release.seq);
        }
        store::page(store, &owner, position, &narrowed).await
    }

    async fn render(
        &self,
        store: &Store,
        ctx: &Ctx,
        holds: Vec<Hold>,
    ) -> Result<Vec<Object>, StorageError> {
        let mut objects = Vec::with_capacity(holds.len());
        for hold in holds {
            objects.push(shown(store, ctx, &hold).await?);
        }
        Ok(objects)
    }
}

/// A hold with what the request expands in it.
pub(crate) async fn shown(store: &Store, ctx: &Ctx, hold: &Hold) -> Result<Object, StorageError> {
    let (owner, view) = (ctx.owner(), View::of(ctx));
    let details = match hold.released {
        0 => Vec::new(),
        _ => releases::read_details(store, &owner, hold.seq).await?,
    };
    let mut expanded = Expanded::default();
    if let (true, Some(plan)) = (ctx.expands("reserve_plan"), hold.plan()) {
        let plan = plans::read(store, &owner, &plan.id).await?;
        expanded.reserve_plan = plan.map(|plan| wire::plan(&plan, &view));
    }
    if let (true, Some(charge)) = (ctx.expands("source_charge"), hold.charge()) {
        let charge = charges::read(store, &owner, charge).await?;
        let livemode = owner.mode.is_live();
        expanded.source_charge = charge.map(|charge| charge.render_source(livemode));
    }
    Ok(wire::hold(hold, &details, expanded, &view))
}
