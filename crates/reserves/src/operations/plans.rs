//! Plans: listing and retrieving them, and what creating and changing one share.

mod create;
mod disable;
mod update;

pub(crate) use create::Create;
pub(crate) use disable::Disable;
pub(crate) use update::Update;

use super::RESERVE_PLAN_READ;
use crate::expand::IN_PLAN;
use crate::limits;
use crate::model::plan::Plan;
use crate::operations::examples;
use crate::reasons;
use crate::version::disabled_states;
use crate::wire::{self, View};
use coffer_base::Timestamp;
use coffer_dialect::{ApiError, ApiVersion, Fields, Object};
use coffer_kernel::{Collection, Ctx, Definition, Failure, PagePosition};
use coffer_ledger::params::optional_time;
use coffer_ledger::{LedgerTx, sql};
use coffer_storage::{StorageError, Store};

/// What errors call a plan.
pub(crate) const KIND: &str = "reserve_plan";

/// The bounds of a plan's share of a charge: it reserves some of it, and at most all of it.
pub(super) const PERCENT: std::ops::RangeInclusive<i64> = 1..=100;

/// `fixed_release[release_after]`, required within its block.
fn release_after(block: &Fields<'_>) -> Result<Timestamp, ApiError> {
    let name = "release_after";
    let sent = optional_time(block, name)?;
    sent.ok_or_else(|| ApiError::parameter_missing(block.path(name)))
}

/// `rolling_release[days_after_charge]`, optional: 3 to 180, as for dates.
fn days_after_charge(block: &Fields<'_>) -> Result<Option<i64>, ApiError> {
    let days = limits::DAYS_FLOOR..=limits::DAYS_CEILING;
    block.optional_integer_within("days_after_charge", days)
}

/// Checks the end of a rolling plan: not past. It has no upper bound, unlike the dates of holds: a
/// plan may run for years.
fn check_expires_on(expires_on: Option<Timestamp>, now: Timestamp) -> Result<(), ApiError> {
    match expires_on {
        Some(at) if at <= now => Err(ApiError::invalid_param(
            "rolling_release[expires_on]",
            format!(
                "'rolling_release[expires_on]' must be in the future: it is {at}, and now is \
                 {now}, both in Unix seconds."
            ),
        )
        .because(&reasons::EXPIRY_PAST)),
        _ => Ok(()),
    }
}

/// The plan that a path names, under the ledger's lock: 404 if there is none.
async fn plan_of_path(ledger: &mut LedgerTx<'_, '_>, id: &str) -> Result<Plan, Failure> {
    let found = sql::find(ledger.tx, ledger.owner, id).await?;
    Ok(found.ok_or_else(|| ApiError::not_found(KIND, id, "id"))?)
}

/// `GET /v1/reserve/plans` and `GET /v1/reserve/plans/:id`.
#[derive(Clone, Copy)]
pub(crate) struct Plans;

/// What a list of plans is narrowed to.
pub(crate) struct Filter {
    /// Whether the destination is `risk_reserved`, into which all plans reserve; with Stripe's
    /// other one a list is empty.
    risk_reserved: bool,
    /// The status as the caller sees it, which depends on the version.
    status: Option<Status>,
}

/// The statuses that a list of plans can be narrowed to.
#[derive(Clone, Copy)]
enum Status {
    Active,
    Disabled,
    /// A plan that is being emptied, in every version.
    Disabling,
    Expired,
}

impl Status {
    /// The states that show this status in `version`: two, since older versions and newer ones
    /// count a draining plan differently.
    fn states(self, version: &ApiVersion) -> [&'static str; 2] {
        match self {
            Self::Active => ["active", "active"],
            Self::Disabled => disabled_states(version),
            Self::Disabling => ["draining", "draining"],
            Self::Expired => ["expired", "expired"],
        }
    }
}

impl Collection for Plans {
    const KIND: &'static str = KIND;
    const LIST: Definition =
        Definition::list("reserve.plans.list", "/v1/reserve/plans", RESERVE_PLAN_READ, IN_PLAN)
            .of_stripe();
    const RETRIEVE: Definition = Definition::retrieve(
        "reserve.plans.retrieve",
        "/v1/reserve/plans/:id",
        RESERVE_PLAN_READ,
        IN_PLAN,
    )
    .of_stripe()
    .example(examples::PLANS_RETRIEVE);
    const FILTERS: &'static [&'static str] = &["destination", "status"];
    type Filter = Filter;
    type Item = Plan;

    fn filter(&self, fields: &Fields<'_>) -> Result<Filter, ApiError> {
        let destinations = [("risk_reserved", true), ("settlement_reserved", false)];
        let statuses = [
            ("active", Status::Active),
            ("disabled", Status::Disabled),
            ("disabling", Status::Disabling),
            ("expired", Status::Expired),
        ];
        Ok(Filter {
            risk_reserved: fields.optional_choice("destination", &destinations)?.unwrap_or(true),
            status: fields.optional_choice("status", &statuses)?,
        })
    }

    async fn find(&self, store: &Store, ctx: &Ctx, id: &str) -> Result<Option<Plan>, StorageError> {
        sql::read(store, &ctx.owner(), id).await
    }

    fn seq(plan: &Plan) -> i64 {
        plan.seq
    }

    /// Nothing is read for a destination into which no plan reserves.
    async fn page(
        &self,
        store: &Store,
        ctx: &Ctx,
        position: PagePosition,
        filter: &Filter,
    ) -> Result<Vec<Plan>, StorageError> {
        if !filter.risk_reserved {
            return Ok(Vec::new());
        }
        let states = filter.status.map(|status| status.states(ctx.version()));
        coffer_ledger::page(store, &ctx.owner(), position, &states).await
    }

    async fn render(
        &self,
        _store: &Store,
        ctx: &Ctx,
        plans: Vec<Plan>,
    ) -> Result<Vec<Object>, StorageError> {
        let view = View::of(ctx);
        Ok(plans.iter().map(|plan| wire::plan(plan, &view)).collect())
    }
}
